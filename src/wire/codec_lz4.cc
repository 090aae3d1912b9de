// SPDX-License-Identifier: Apache-2.0
// lz4: one LZ4 frame of version 1, as Kafka's Java clients write it: blocks of up to 64 KiB, each
// independent of those before it (Kafka's reader refuses others), no checksums, no sizes. Frame and
// blocks are put together here, so that every block is compressed in memory that is ours.
//
// | at | field                                               | type |
// |----|-----------------------------------------------------|------|
// |  0 | magic 184d2204                                      | LE   |
// |  4 | FLG 60: version 1, independent blocks               |      |
// |  5 | BD 40: blocks of at most 64 KiB                     |      |
// |  6 | HC 82: second byte of xxHash32 of the two above     |      |
// |  7 | for each block: its size, bit 31 set if it is stored| LE   |
// |    | the block                                           |      |
// |    | a size of 0 ends the frame                          |      |
#include <lz4.h>
#include <lz4hc.h>

#include <algorithm>
#include <cstring>

#include "base/assert.h"
#include "wire/codec_makers.h"

namespace ringpost::wire {
namespace {

constexpr std::uint8_t frame_header[] = {0x04, 0x22, 0x4d, 0x18, 0x60, 0x40, 0x82};
constexpr std::size_t size_bytes = 4;
constexpr std::uint32_t stored_bit = 1U << 31;

/// A slice is a block. JSON log lines: 64 KiB take 100 us by the fast compressor (ratio 2.57; 2.49
/// in blocks of 32 KiB). HC takes 260 us for 32 KiB at level 3 and 500 us at 9; blocks of 16 KiB
/// would be halfway to what the fast one gives for a fifth of the time (level 9: 3.20 in blocks of
/// 64 KiB, 2.99 of 32, 2.77 of 16).
constexpr std::size_t fast_slice_bytes = 64 << 10;
constexpr std::size_t hc_slice_bytes = 32 << 10;

/// The library's levels 10 to 12 allocate within each call, and take two to three times as long to
/// save another 0.2 %.
constexpr int hc_level_max = 9;

std::byte* store_le(std::byte* at, std::uint32_t n) {
    store_be(at, __builtin_bswap32(n));
    return at + size_bytes;
}

class Lz4Compressor final : public Compressor {
public:
    Lz4Compressor(bool fast, int level, std::size_t slice_bytes, std::size_t stream_bytes_max)
        : fast_(fast),
          level_(level),
          stream_bytes_max_(stream_bytes_max),
          state_(static_cast<std::size_t>(fast ? LZ4_sizeofState() : LZ4_sizeofStateHC()),
                 alignof(std::max_align_t)),
          out_(sizeof frame_header + size_bytes + slice_bytes + size_bytes, 1) {
        slice_bytes_ = slice_bytes;
        memory_bytes_ = state_.size() + out_.size();
    }
    bool has_memory() const { return state_ && out_; }

    void begin(std::size_t bytes) override {
        left_.begin(bytes, stream_bytes_max_);
        at_start_ = true;
    }
    ByteSpan add(ByteSpan slice, bool last) override {
        left_.take(slice.size(), slice_bytes_, last);
        std::byte* at = out_.data();
        if (at_start_) {
            std::memcpy(at, frame_header, sizeof frame_header);
            at += sizeof frame_header;
        }
        at_start_ = false;
        at = write_block(at, slice);
        if (last) at = store_le(at, 0);
        return {out_.data(), at};
    }

private:
    std::byte* write_block(std::byte* at, ByteSpan slice) {
        // What does not become smaller does not fit, and is stored.
        const int room = static_cast<int>(slice.size()) - 1;
        const int size = room == 0 ? 0 : compress(at + size_bytes, slice, room);
        RINGPOST_ASSERT(size >= 0);
        if (size != 0) return store_le(at, static_cast<std::uint32_t>(size)) + size;
        at = store_le(at, static_cast<std::uint32_t>(slice.size()) | stored_bit);
        std::memcpy(at, slice.data(), slice.size());
        return at + slice.size();
    }
    int compress(std::byte* out, ByteSpan slice, int room) {
        const auto* from = reinterpret_cast<const char*>(slice.data());
        auto* to = reinterpret_cast<char*>(out);
        const int bytes = static_cast<int>(slice.size());
        if (fast_) return LZ4_compress_fast_extState(state_.data(), from, to, bytes, room, 1);
        return LZ4_compress_HC_extStateHC(state_.data(), from, to, bytes, room, level_);
    }

    const bool fast_;
    const int level_;
    const std::size_t stream_bytes_max_;
    Block state_;
    Block out_;
    bool at_start_ = true;
    StreamLeft left_;
};

}  // namespace

Result<std::unique_ptr<Compressor>> make_lz4(int level, std::size_t stream_bytes_max) {
    const bool fast = level == levels_of(Codec::lz4).standard;
    auto compressor = std::make_unique<Lz4Compressor>(
        fast, std::min(level, hc_level_max), fast ? fast_slice_bytes : hc_slice_bytes,
        stream_bytes_max);
    if (!compressor->has_memory()) return no_memory_for(Codec::lz4);
    return std::unique_ptr<Compressor>(std::move(compressor));
}

}  // namespace ringpost::wire
