// SPDX-License-Identifier: Apache-2.0
// gzip: one member of RFC 1952, by ISA-L where it is both faster and smaller than zlib, else by
// zlib.
//
// JSON log lines, batches of 64 KiB, on one machine:
//
// | level | by     | ratio | MB/s | zlib's ratio | zlib's MB/s |
// |-------|--------|-------|------|--------------|-------------|
// |     1 | ISA-L 1|  3.76 |  590 |         3.54 |         154 |
// |     2 | ISA-L 2|  3.76 |  570 |         3.68 |         149 |
// |     3 | ISA-L 3|  3.87 |  275 |         3.81 |         130 |
// |     4 | zlib 4 |       |      |         3.92 |          92 |
// |     6 | zlib 6 |       |      |         4.23 |          65 |
// |     9 | zlib 9 |       |      |         4.38 |          28 |
#include <isa-l/igzip_lib.h>
#include <zlib.h>

#include <array>

#include "base/assert.h"
#include "wire/codec_makers.h"

namespace ringpost::wire {
namespace {

constexpr int window_bits = 15;
constexpr int gzip_wrapper = 16;  // added to zlib's window bits
constexpr int memory_level = 8;   // zlib's default
constexpr int zlib_standard = 6;

/// `isal` is ISA-L's level, 0 where zlib does it.
struct GzipRow {
    int isal;
    std::uint32_t level_buffer_bytes;
    std::size_t slice_bytes;
};

constexpr std::array<GzipRow, 9> rows{{
    {1, ISAL_DEF_LVL1_DEFAULT, 32 << 10},
    {2, ISAL_DEF_LVL2_DEFAULT, 32 << 10},
    {3, ISAL_DEF_LVL3_DEFAULT, 16 << 10},
    {0, 0, 8 << 10},
    {0, 0, 8 << 10},
    {0, 0, 8 << 10},
    {0, 0, 4 << 10},
    {0, 0, 4 << 10},
    {0, 0, 4 << 10},
}};

/// What one call can write. zlib keeps back up to 16 Ki symbols, of at most 6 bytes in the worst
/// code, and a slice may add as many bytes.
constexpr std::size_t zlib_out_bytes = 256 << 10;

class IsalCompressor final : public Compressor {
public:
    IsalCompressor(const GzipRow& row, std::size_t stream_bytes_max)
        : stream_bytes_max_(stream_bytes_max),
          state_(sizeof(isal_zstream), alignof(std::max_align_t)),
          level_buffer_(row.level_buffer_bytes, alignof(std::max_align_t)),
          // It keeps back symbols of 4 bytes, which are at most 6 bytes in the worst code.
          out_(2 * (row.level_buffer_bytes + row.slice_bytes), 1) {
        slice_bytes_ = row.slice_bytes;
        memory_bytes_ = state_.size() + level_buffer_.size() + out_.size();
        if (!has_memory()) return;
        stream_ = new (state_.data()) isal_zstream;
        isal_deflate_init(stream_);
        stream_->level = static_cast<std::uint32_t>(row.isal);
        stream_->level_buf = reinterpret_cast<std::uint8_t*>(level_buffer_.data());
        stream_->level_buf_size = row.level_buffer_bytes;
        stream_->gzip_flag = IGZIP_GZIP;
        stream_->flush = NO_FLUSH;
    }
    bool has_memory() const { return state_ && level_buffer_ && out_; }

    void begin(std::size_t bytes) override {
        left_.begin(bytes, stream_bytes_max_);
        isal_deflate_reset(stream_);
        stream_->gzip_flag = IGZIP_GZIP;  // the header's writing has cleared it
    }
    ByteSpan add(ByteSpan slice, bool last) override {
        left_.take(slice.size(), slice_bytes_, last);
        // ISA-L reads only.
        stream_->next_in =
            const_cast<std::uint8_t*>(reinterpret_cast<const std::uint8_t*>(slice.data()));
        stream_->avail_in = static_cast<std::uint32_t>(slice.size());
        stream_->next_out = reinterpret_cast<std::uint8_t*>(out_.data());
        stream_->avail_out = static_cast<std::uint32_t>(out_.size());
        stream_->end_of_stream = last ? 1 : 0;
        const int result = isal_deflate(stream_);
        RINGPOST_ASSERT(result == COMP_OK);
        RINGPOST_ASSERT(stream_->avail_in == 0);
        RINGPOST_ASSERT(stream_->avail_out != 0);
        RINGPOST_ASSERT(!last || stream_->internal_state.state == ZSTATE_END);
        return ByteSpan(out_.span()).first(out_.size() - stream_->avail_out);
    }

private:
    const std::size_t stream_bytes_max_;
    Block state_;
    Block level_buffer_;
    Block out_;
    isal_zstream* stream_ = nullptr;
    StreamLeft left_;
};

class ZlibCompressor final : public Compressor {
public:
    ZlibCompressor(int level, const GzipRow& row, std::size_t stream_bytes_max)
        : stream_bytes_max_(stream_bytes_max), out_(zlib_out_bytes, 1) {
        slice_bytes_ = row.slice_bytes;
        memory_bytes_ = out_.size();
        stream_.zalloc = [](void* self, unsigned count, unsigned bytes) -> void* {
            const std::size_t wanted = std::size_t{count} * bytes;
            static_cast<ZlibCompressor*>(self)->memory_bytes_ += wanted;
            return allocate(wanted, alignof(std::max_align_t));
        };
        stream_.zfree = [](void*, void* memory) { deallocate(memory); };
        stream_.opaque = this;
        made_ = deflateInit2(&stream_, level, Z_DEFLATED, window_bits + gzip_wrapper, memory_level,
                             Z_DEFAULT_STRATEGY) == Z_OK;
    }
    ~ZlibCompressor() override {
        if (made_) deflateEnd(&stream_);
    }
    bool has_memory() const { return made_ && out_; }

    void begin(std::size_t bytes) override {
        left_.begin(bytes, stream_bytes_max_);
        const int result = deflateReset(&stream_);
        RINGPOST_ASSERT(result == Z_OK);
    }
    ByteSpan add(ByteSpan slice, bool last) override {
        left_.take(slice.size(), slice_bytes_, last);
        stream_.next_in = const_cast<Bytef*>(reinterpret_cast<const Bytef*>(slice.data()));
        stream_.avail_in = static_cast<uInt>(slice.size());
        stream_.next_out = reinterpret_cast<Bytef*>(out_.data());
        stream_.avail_out = static_cast<uInt>(out_.size());
        const int result = deflate(&stream_, last ? Z_FINISH : Z_NO_FLUSH);
        RINGPOST_ASSERT(result == (last ? Z_STREAM_END : Z_OK));
        RINGPOST_ASSERT(stream_.avail_in == 0);
        RINGPOST_ASSERT(stream_.avail_out != 0);
        return ByteSpan(out_.span()).first(out_.size() - stream_.avail_out);
    }

private:
    const std::size_t stream_bytes_max_;
    Block out_;
    z_stream stream_{};
    bool made_ = false;
    StreamLeft left_;
};

template <typename C>
Result<std::unique_ptr<Compressor>> if_made(std::unique_ptr<C> compressor) {
    if (!compressor->has_memory()) return no_memory_for(Codec::gzip);
    return std::unique_ptr<Compressor>(std::move(compressor));
}

}  // namespace

Result<std::unique_ptr<Compressor>> make_gzip(int level, std::size_t stream_bytes_max) {
    const int known = level == levels_of(Codec::gzip).standard ? zlib_standard : level;
    const GzipRow& row = rows[static_cast<std::size_t>(known - 1)];
    if (row.isal != 0) return if_made(std::make_unique<IsalCompressor>(row, stream_bytes_max));
    return if_made(std::make_unique<ZlibCompressor>(known, row, stream_bytes_max));
}

}  // namespace ringpost::wire
