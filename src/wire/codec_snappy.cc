// SPDX-License-Identifier: Apache-2.0
// snappy: xerial's framing, as Kafka's Java clients write it; every reader takes it.
//
// | at | field                                        | type |
// |----|----------------------------------------------|------|
// |  0 | 82 "SNAPPY" 00                               |      |
// |  8 | version, 1                                   | i32  |
// | 12 | oldest version that can read it, 1           | i32  |
// | 16 | then for each block: its compressed size     | i32  |
// |    | a raw snappy block of at most 32 KiB         |      |
#include <snappy.h>

#include "base/assert.h"
#include "wire/codec_makers.h"
#include "wire/xerial.h"

namespace ringpost::wire {
namespace {

class SnappyCompressor final : public Compressor {
public:
    explicit SnappyCompressor(std::size_t stream_bytes_max)
        : stream_bytes_max_(stream_bytes_max),
          out_(xerial_header_bytes + sizeof(std::int32_t) +
                   snappy::MaxCompressedLength(xerial_block_bytes), 1) {
        slice_bytes_ = xerial_block_bytes;
        memory_bytes_ = out_.size();
    }
    bool has_memory() const { return static_cast<bool>(out_); }

    void begin(std::size_t bytes) override {
        left_.begin(bytes, stream_bytes_max_);
        at_start_ = true;
    }
    ByteSpan add(ByteSpan slice, bool last) override {
        left_.take(slice.size(), slice_bytes_, last);
        Writer out(out_.span());
        if (at_start_) {
            out.bytes(as_bytes(xerial_magic));
            out.i32(xerial_version);
            out.i32(xerial_version);
        }
        at_start_ = false;
        std::byte* const size_at = out.advance(sizeof(std::int32_t));
        std::size_t size = 0;
        snappy::RawCompress(reinterpret_cast<const char*>(slice.data()), slice.size(),
                            reinterpret_cast<char*>(out.position()), &size);
        store_be(size_at, static_cast<std::int32_t>(size));
        out.advance(size);
        RINGPOST_ASSERT(out.ok());
        return out.written();
    }

private:
    const std::size_t stream_bytes_max_;
    Block out_;
    bool at_start_ = true;
    StreamLeft left_;
};

}  // namespace

Result<std::unique_ptr<Compressor>> make_snappy(int, std::size_t stream_bytes_max) {
    auto compressor = std::make_unique<SnappyCompressor>(stream_bytes_max);
    if (!compressor->has_memory()) return no_memory_for(Codec::snappy);
    return std::unique_ptr<Compressor>(std::move(compressor));
}

}  // namespace ringpost::wire
