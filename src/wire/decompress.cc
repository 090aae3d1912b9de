// SPDX-License-Identifier: Apache-2.0
// Reading what may be anything: all of it is checked by the codec's library, and all room is made
// here.
#include "wire/decompress.h"

#if RINGPOST_HAVE_GZIP
#include <zlib.h>
#endif
#if RINGPOST_HAVE_LZ4
#include <lz4frame.h>
#endif
#if RINGPOST_HAVE_SNAPPY
#include <snappy.h>
#endif
#if RINGPOST_HAVE_ZSTD
#include <zstd.h>
#include <zstd_errors.h>
#endif

#include <algorithm>
#include <bit>

#include "base/memory.h"
#include "wire/xerial.h"

namespace ringpost::wire {
namespace {

/// What comes out: appended to a vector, which grows by as much as there already is.
class Output {
public:
    Output(std::vector<std::byte>& out, std::size_t bytes_max)
        : out_(out), start_(out.size()), used_(out.size()), bytes_max_(bytes_max) {}

    /// Room for what comes next, never none: one byte beyond the limit, so that it is seen whether
    /// there is more.
    std::span<std::byte> room() {
        if (used_ == out_.size()) grow(1);
        return std::span(out_).subspan(used_);
    }
    /// So many bytes at once, which are known to come.
    bool reserve(std::size_t bytes) {
        if (bytes > bytes_max_ - (used_ - start_)) return false;
        if (bytes > out_.size() - used_) grow(bytes);
        return true;
    }
    std::byte* position() { return out_.data() + used_; }
    /// False when that was too much.
    bool wrote(std::size_t bytes) {
        used_ += bytes;
        return used_ - start_ <= bytes_max_;
    }
    DecompressFault end(DecompressFault fault) {
        out_.resize(fault == DecompressFault::none ? used_ : start_);
        return fault;
    }

private:
    static constexpr std::size_t step_bytes = 64 << 10;

    void grow(std::size_t bytes_min) {
        const std::size_t so_far = used_ - start_;
        const std::size_t wanted = std::max({bytes_min, so_far, step_bytes});
        const std::size_t size = used_ + std::min(wanted, bytes_max_ + 1 - so_far);
        out_.reserve(size);  // and no more, as `resize` alone would
        out_.resize(size);
    }

    std::vector<std::byte>& out_;
    const std::size_t start_;
    std::size_t used_;
    const std::size_t bytes_max_;
};

/// One call of a library: what it has written, and whether that was all.
struct Step {
    std::size_t bytes = 0;
    bool ended = false;
    DecompressFault fault = DecompressFault::none;
};
constexpr Step corrupt_step{.fault = DecompressFault::corrupt};

template <typename Take>
DecompressFault take_all(Output& out, const Take& take) {
    for (;;) {
        const Step step = take(out.room());
        if (step.fault != DecompressFault::none) return step.fault;
        if (!out.wrote(step.bytes)) return DecompressFault::too_large;
        if (step.ended) return DecompressFault::none;
    }
}

#if RINGPOST_HAVE_GZIP
/// Members one behind the other are one stream, as for java.util.zip.
DecompressFault gunzip(ByteSpan in, Output& out) {
    constexpr int gzip_only = 16 + 15;
    z_stream stream{};
    stream.next_in = const_cast<Bytef*>(reinterpret_cast<const Bytef*>(in.data()));
    stream.avail_in = static_cast<uInt>(in.size());
    if (inflateInit2(&stream, gzip_only) != Z_OK) out_of_memory();
    const DecompressFault fault = take_all(out, [&](std::span<std::byte> room) {
        stream.next_out = reinterpret_cast<Bytef*>(room.data());
        stream.avail_out = static_cast<uInt>(room.size());
        const int result = inflate(&stream, Z_NO_FLUSH);
        if (result != Z_OK && result != Z_STREAM_END) return corrupt_step;
        if (result == Z_STREAM_END) inflateReset(&stream);
        return Step{.bytes = room.size() - stream.avail_out,
                    .ended = result == Z_STREAM_END && stream.avail_in == 0};
    });
    inflateEnd(&stream);
    return fault;
}
#endif

#if RINGPOST_HAVE_SNAPPY
/// The whole block is gone through before there is room made for it: its header may say anything.
DecompressFault unsnap(ByteSpan block, Output& out) {
    const auto* from = reinterpret_cast<const char*>(block.data());
    std::size_t size = 0;
    if (!snappy::GetUncompressedLength(from, block.size(), &size)) return DecompressFault::corrupt;
    if (!snappy::IsValidCompressedBuffer(from, block.size())) return DecompressFault::corrupt;
    if (!out.reserve(size)) return DecompressFault::too_large;
    if (!snappy::RawUncompress(from, block.size(), reinterpret_cast<char*>(out.position()))) {
        return DecompressFault::corrupt;
    }
    out.wrote(size);
    return DecompressFault::none;
}

/// Without xerial's magic it is one block, as librdkafka and others write it.
DecompressFault unsnap_any(ByteSpan in, Output& out) {
    if (!as_text(in).starts_with(xerial_magic)) return unsnap(in, out);
    Reader reader(in.subspan(xerial_magic.size()));
    reader.i32();
    if (reader.i32() > xerial_version) return DecompressFault::corrupt;
    while (reader.ok() && reader.remaining() != 0) {
        const std::int32_t size = reader.i32();
        const ByteSpan block = reader.take(size < 0 ? SIZE_MAX : static_cast<std::size_t>(size));
        if (!reader.ok()) break;
        const DecompressFault fault = unsnap(block, out);
        if (fault != DecompressFault::none) return fault;
    }
    return reader.ok() ? DecompressFault::none : DecompressFault::corrupt;
}
#endif

#if RINGPOST_HAVE_LZ4
/// One frame. Kafka's reader would refuse linked blocks; here they are read, too.
DecompressFault unlz4(ByteSpan in, Output& out) {
    constexpr std::string_view magic = "\x04\x22\x4d\x18";
    if (!as_text(in).starts_with(magic)) return DecompressFault::corrupt;  // also skippable frames
    LZ4F_dctx* context = nullptr;
    if (LZ4F_isError(LZ4F_createDecompressionContext(&context, LZ4F_VERSION))) out_of_memory();
    const DecompressFault fault = take_all(out, [&](std::span<std::byte> room) {
        std::size_t taken = in.size();
        std::size_t written = room.size();
        const std::size_t hint =
            LZ4F_decompress(context, room.data(), &written, in.data(), &taken, nullptr);
        if (LZ4F_isError(hint)) return corrupt_step;
        if (hint != 0 && taken == 0 && written == 0) return corrupt_step;  // it was cut off
        in = in.subspan(taken);
        if (hint == 0 && !in.empty()) return corrupt_step;
        return Step{.bytes = written, .ended = hint == 0};
    });
    LZ4F_freeDecompressionContext(context);
    return fault;
}
#endif

#if RINGPOST_HAVE_ZSTD
/// What a frame's header may ask for: what every decoder should support (RFC 8878), or as much as
/// may come out; at most zstd's own limit.
int window_log_for(std::size_t bytes_max) {
    constexpr int least = 23;
    constexpr int most = 27;
    return std::clamp(static_cast<int>(std::bit_width(bytes_max)), least, most);
}

DecompressFault fault_of_zstd(std::size_t result) {
    const ZSTD_ErrorCode code = ZSTD_getErrorCode(result);
    if (code == ZSTD_error_memory_allocation) out_of_memory();
    return code == ZSTD_error_frameParameter_windowTooLarge ? DecompressFault::too_large
                                                            : DecompressFault::corrupt;
}

DecompressFault unzstd(ByteSpan in, std::size_t bytes_max, Output& out) {
    ZSTD_DCtx* context = ZSTD_createDCtx();
    if (context == nullptr) out_of_memory();
    ZSTD_DCtx_setParameter(context, ZSTD_d_windowLogMax, window_log_for(bytes_max));
    ZSTD_inBuffer from{in.data(), in.size(), 0};
    const DecompressFault fault = take_all(out, [&](std::span<std::byte> room) {
        ZSTD_outBuffer to{room.data(), room.size(), 0};
        const std::size_t before = from.pos;
        const std::size_t hint = ZSTD_decompressStream(context, &to, &from);
        if (ZSTD_isError(hint)) return Step{.fault = fault_of_zstd(hint)};
        if (hint != 0 && from.pos == before && to.pos == 0) return corrupt_step;  // it was cut off
        return Step{.bytes = to.pos, .ended = hint == 0 && from.pos == from.size};
    });
    ZSTD_freeDCtx(context);
    return fault;
}
#endif

DecompressFault copy(ByteSpan in, Output& out) {
    if (!out.reserve(in.size())) return DecompressFault::too_large;
    std::ranges::copy(in, out.position());
    out.wrote(in.size());
    return DecompressFault::none;
}

DecompressFault decompress_into(Codec codec, ByteSpan in, [[maybe_unused]] std::size_t bytes_max,
                                Output& out) {
    switch (codec) {
        case Codec::none:
            return copy(in, out);
#if RINGPOST_HAVE_GZIP
        case Codec::gzip:
            return gunzip(in, out);
#endif
#if RINGPOST_HAVE_SNAPPY
        case Codec::snappy:
            return unsnap_any(in, out);
#endif
#if RINGPOST_HAVE_LZ4
        case Codec::lz4:
            return unlz4(in, out);
#endif
#if RINGPOST_HAVE_ZSTD
        case Codec::zstd:
            return unzstd(in, bytes_max, out);
#endif
        default:
            return DecompressFault::not_built_in;
    }
}

}  // namespace

std::string_view to_string(DecompressFault fault) {
    switch (fault) {
        case DecompressFault::none:
            return "none";
        case DecompressFault::corrupt:
            return "corrupt";
        case DecompressFault::too_large:
            return "too_large";
        case DecompressFault::not_built_in:
            return "not_built_in";
    }
    return "unknown";
}

DecompressFault decompress(Codec codec, ByteSpan in, std::size_t bytes_max,
                           std::vector<std::byte>& out) {
    if (in.size() > INT32_MAX) return DecompressFault::too_large;
    const std::size_t limit = std::min<std::size_t>(bytes_max, INT32_MAX);
    Output output(out, limit);
    return output.end(decompress_into(codec, in, limit, output));
}

}  // namespace ringpost::wire
