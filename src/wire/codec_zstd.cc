// SPDX-License-Identifier: Apache-2.0
// zstd: one frame that tells its size, a block for each slice, in a context that lies in memory of
// ours: such a one can't take any more.
//
// JSON log lines, 1 MiB, by the tables that zstd chooses. Without a flush it would work on 128 KiB
// at a time: 350 us at level 1, 490 us at 3, 1.8 ms at 6.
//
// | level | ratio when flushed each 8 KiB | 16   | 32   | 64   | never | MB/s |
// |-------|-------------------------------|------|------|------|-------|------|
// |    -7 |                          2.66 | 2.68 | 2.69 | 2.70 |  2.70 |  660 |
// |     1 |                          4.33 | 4.44 | 4.50 | 4.53 |  4.55 |  415 |
// |     3 |                          4.18 | 4.28 | 4.34 | 4.36 |  4.37 |  250 |
// |     6 |                          4.51 | 4.60 | 4.64 | 4.66 |  4.67 |   90 |
// |     9 |                          4.67 | 4.78 | 4.85 | 4.87 |  4.88 |   60 |
// |    15 |                          4.83 | 4.95 | 5.01 |      |  5.06 |   13 |
// |    19 |                          5.19 | 5.33 | 5.39 |      |  5.42 |  2.6 |
#define ZSTD_STATIC_LINKING_ONLY  // for ZSTD_initStaticCCtx and what it needs
#include <zstd.h>

#include <algorithm>
#include <array>
#include <bit>

#include "base/assert.h"
#include "base/limits.h"
#include "wire/codec_makers.h"

namespace ringpost::wire {
namespace {

struct LevelRow {
    int level_max;
    std::size_t slice_bytes;
    std::size_t tables_for = 0;   ///< a stream of so many bytes, whatever its size; 0: of its size
};
/// Slices of about 100 us. From level 10 on 8 KiB take longer, 200 us at 10, 600 us at 15, 3 ms at
/// 19, and still are not made smaller: every halving costs 2 to 4 % of the ratio.
///
/// Level 3 for 128 KiB has tables of half the size, which stay in the cache: JSON, text, programs
/// and binary records of 450 KB are 3 to 20 % faster than with its tables for that size, at 0.0 to
/// 0.6 % of the ratio; of 200 KB, where zstd itself takes hashes of 4 bytes, JSON is 3 % smaller.
/// At the other levels what is gained for some data is lost for others.
constexpr std::array<LevelRow, 5> rows{{
    {-5, 64 << 10},
    {2, 32 << 10},
    {3, 20 << 10, 128 << 10},
    {5, 16 << 10},
    {22, 8 << 10},
}};

const LevelRow& row_of(int level) {
    return *std::ranges::find_if(rows, [&](const LevelRow& row) { return level <= row.level_max; });
}

/// By the window go the tables, too, where a row has none.
constexpr unsigned window_log_max = std::countr_zero(limits::compression_window_bytes_max);

/// Zstd's own choice for a level depends on the stream's size, by these steps, and a smaller stream
/// does not always need less. What they need at most, by the library's own account.
std::size_t context_bytes(int level, std::size_t stream_bytes_max) {
    const std::size_t tables_for = row_of(level).tables_for;
    std::size_t bytes = 0;
    for (const std::size_t step : {std::size_t{16} << 10, std::size_t{128} << 10,
                                   std::size_t{256} << 10, stream_bytes_max}) {
        const std::size_t stream = std::min(step, stream_bytes_max);
        const unsigned window_log = ZSTD_getCParams(level, stream, 0).windowLog;
        ZSTD_compressionParameters parameters =
            ZSTD_getCParams(level, tables_for == 0 ? stream : tables_for, 0);
        parameters.windowLog = std::min(window_log, window_log_max);
        parameters = ZSTD_adjustCParams(parameters, stream, 0);
        bytes = std::max(bytes, ZSTD_estimateCStreamSize_usingCParams(parameters));
    }
    return bytes;
}

class ZstdCompressor final : public Compressor {
public:
    ZstdCompressor(int level, std::size_t stream_bytes_max)
        : stream_bytes_max_(stream_bytes_max),
          state_(context_bytes(level, stream_bytes_max), alignof(std::max_align_t)),
          out_(ZSTD_compressBound(row_of(level).slice_bytes) + ZSTD_FRAMEHEADERSIZE_MAX, 1) {
        slice_bytes_ = row_of(level).slice_bytes;
        memory_bytes_ = state_.size() + out_.size();
        if (!has_memory()) return;
        context_ = ZSTD_initStaticCCtx(state_.data(), state_.size());
        RINGPOST_ASSERT(context_ != nullptr);
        // Or it would not write the frame's size.
        check(ZSTD_CCtx_reset(context_, ZSTD_reset_session_and_parameters));
        check(ZSTD_CCtx_setParameter(context_, ZSTD_c_compressionLevel, level));
        const unsigned window_log = ZSTD_getCParams(level, stream_bytes_max, 0).windowLog;
        if (window_log > window_log_max) set(ZSTD_c_windowLog, window_log_max);
        if (const std::size_t tables_for = row_of(level).tables_for; tables_for != 0) {
            const ZSTD_compressionParameters of_row = ZSTD_getCParams(level, tables_for, 0);
            set(ZSTD_c_hashLog, of_row.hashLog);
            set(ZSTD_c_chainLog, of_row.chainLog);
            set(ZSTD_c_minMatch, of_row.minMatch);
        }
    }
    bool has_memory() const { return state_ && out_; }

    void begin(std::size_t bytes) override {
        left_.begin(bytes, stream_bytes_max_);
        check(ZSTD_CCtx_reset(context_, ZSTD_reset_session_only));
        check(ZSTD_CCtx_setPledgedSrcSize(context_, bytes));
    }
    ByteSpan add(ByteSpan slice, bool last) override {
        left_.take(slice.size(), slice_bytes_, last);
        ZSTD_inBuffer in{slice.data(), slice.size(), 0};
        ZSTD_outBuffer out{out_.data(), out_.size(), 0};
        const std::size_t kept =
            ZSTD_compressStream2(context_, &out, &in, last ? ZSTD_e_end : ZSTD_e_flush);
        check(kept);
        RINGPOST_ASSERT(kept == 0);
        RINGPOST_ASSERT(in.pos == in.size);
        return ByteSpan(out_.span()).first(out.pos);
    }

private:
    void set(ZSTD_cParameter parameter, unsigned value) {
        check(ZSTD_CCtx_setParameter(context_, parameter, static_cast<int>(value)));
    }
    static void check(std::size_t result) { RINGPOST_ASSERT(!ZSTD_isError(result)); }

    const std::size_t stream_bytes_max_;
    Block state_;
    Block out_;
    ZSTD_CCtx* context_ = nullptr;  ///< In `state_`.
    StreamLeft left_;
};

}  // namespace

Result<std::unique_ptr<Compressor>> make_zstd(int level, std::size_t stream_bytes_max) {
    auto compressor = std::make_unique<ZstdCompressor>(level, stream_bytes_max);
    if (!compressor->has_memory()) return no_memory_for(Codec::zstd);
    return std::unique_ptr<Compressor>(std::move(compressor));
}

}  // namespace ringpost::wire
