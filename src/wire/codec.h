// SPDX-License-Identifier: Apache-2.0
// Compression of a batch's records, a slice at a time. No clock, no system call, no thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>

#include <ringpost/error.h>

#include "base/bytes.h"

namespace ringpost::wire {

/// The codec's number in a batch's attributes (`attribute_codec_mask`).
enum class Codec : std::uint8_t { none = 0, gzip = 1, snappy = 2, lz4 = 3, zstd = 4 };
inline constexpr int codec_count = 5;

/// As Kafka's compression.type has them: "none", "gzip", "snappy", "lz4", "zstd".
std::string_view to_string(Codec codec);
std::optional<Codec> parse_codec(std::string_view name);
/// False: this build was made without the codec's library. `none` needs none.
bool is_built_in(Codec codec);

/// The levels that a codec takes: those from `min` to `max`, and `standard`.
///
/// | codec | levels      | standard | meaning                                                     |
/// |-------|-------------|----------|-------------------------------------------------------------|
/// | gzip  | 1..9        | -1       | zlib's; -1 is zlib's 6                                      |
/// | lz4   | 1..17       | 9        | Kafka's own: 9 is the fast compressor, any other one is LZ4 |
/// |       |             |          | HC of that level, and from 10 on of LZ4's own level 9       |
/// | zstd  | -131072..22 | 3        | zstd's                                                      |
struct LevelRange {
    int min = 0;
    int max = 0;
    int standard = 0;
    bool has_levels = false;  ///< None and snappy: any level is taken and means nothing.

    bool takes(int level) const {
        return !has_levels || level == standard || (level >= min && level <= max);
    }
};
LevelRange levels_of(Codec codec);

/// Compresses the records of one batch at a time, in slices, so that the caller's loop never stops
/// for long.
///
/// Thread: one. Allocates: when made only: all memory is taken there, none for a batch. (Snappy's
/// own library takes and frees some working memory within each call; its interface offers no other
/// way.)
class Compressor {
public:
    virtual ~Compressor() = default;
    Compressor(const Compressor&) = delete;
    Compressor& operator=(const Compressor&) = delete;

    /// How much `add` should be given at once: work of about 100 us at this codec and level, more
    /// where so little would hardly be compressed. Never less is needed, never more allowed; less
    /// at a time than this compresses worse, since each slice is flushed or a block of its own.
    std::size_t slice_bytes() const { return slice_bytes_; }
    /// Bytes that were taken for it.
    std::size_t memory_bytes() const { return memory_bytes_; }

    /// Begins a stream of so many bytes in all, 1 to `stream_bytes_max`; one that was begun and not
    /// ended is forgotten.
    virtual void begin(std::size_t bytes) = 0;
    /// Takes the next slice (1 to `slice_bytes` bytes) and returns what has come out so far; valid
    /// until the next call; may be empty. `last` ends the stream: with it, all slices have come to
    /// what `begin` was told.
    virtual ByteSpan add(ByteSpan slice, bool last) = 0;

protected:
    Compressor() = default;

    std::size_t slice_bytes_ = 0;
    std::size_t memory_bytes_ = 0;
};

/// `stream_bytes_max`: the largest `bytes` that `begin` will be told.
/// Errors: invalid_option with a text for a level out of range, a codec that this build is without,
/// and `none`; out_of_memory.
Result<std::unique_ptr<Compressor>> make_compressor(Codec codec, int level,
                                                    std::size_t stream_bytes_max);

}  // namespace ringpost::wire
