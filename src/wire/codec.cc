// SPDX-License-Identifier: Apache-2.0
// The table of codecs: names, levels, and what this build has.
#include "wire/codec.h"

#include <array>
#include <string>

#include "base/assert.h"
#include "wire/codec_makers.h"

namespace ringpost::wire {
namespace {

#if RINGPOST_HAVE_GZIP
constexpr CompressorMaker gzip_maker = make_gzip;
#else
constexpr CompressorMaker gzip_maker = nullptr;
#endif
#if RINGPOST_HAVE_SNAPPY
constexpr CompressorMaker snappy_maker = make_snappy;
#else
constexpr CompressorMaker snappy_maker = nullptr;
#endif
#if RINGPOST_HAVE_LZ4
constexpr CompressorMaker lz4_maker = make_lz4;
#else
constexpr CompressorMaker lz4_maker = nullptr;
#endif
#if RINGPOST_HAVE_ZSTD
constexpr CompressorMaker zstd_maker = make_zstd;
#else
constexpr CompressorMaker zstd_maker = nullptr;
#endif

struct CodecRow {
    std::string_view name;
    std::string_view library;
    LevelRange levels;
    CompressorMaker make;
};

/// By the codec's number. Levels: KIP-390.
constexpr std::array<CodecRow, codec_count> codecs{{
    {"none", "", {}, nullptr},
    {"gzip", "zlib", {.min = 1, .max = 9, .standard = -1, .has_levels = true}, gzip_maker},
    {"snappy", "libsnappy", {}, snappy_maker},
    {"lz4", "liblz4", {.min = 1, .max = 17, .standard = 9, .has_levels = true}, lz4_maker},
    {"zstd", "libzstd", {.min = -131'072, .max = 22, .standard = 3, .has_levels = true},
     zstd_maker},
}};

const CodecRow& row_of(Codec codec) {
    const auto number = static_cast<std::size_t>(codec);
    RINGPOST_ASSERT(number < codecs.size());
    return codecs[number];
}

std::string text_of(const LevelRange& levels) {
    std::string text = std::to_string(levels.min) + " to " + std::to_string(levels.max);
    if (levels.standard < levels.min) text += ", or " + std::to_string(levels.standard);
    return text;
}

}  // namespace

std::string_view to_string(Codec codec) { return row_of(codec).name; }

std::optional<Codec> parse_codec(std::string_view name) {
    for (std::size_t i = 0; i < codecs.size(); ++i) {
        if (codecs[i].name == name) return static_cast<Codec>(i);
    }
    return std::nullopt;
}

bool is_built_in(Codec codec) { return codec == Codec::none || row_of(codec).make != nullptr; }

LevelRange levels_of(Codec codec) { return row_of(codec).levels; }

Result<std::unique_ptr<Compressor>> make_compressor(Codec codec, int level,
                                                    std::size_t stream_bytes_max) {
    RINGPOST_ASSERT(stream_bytes_max != 0);
    const CodecRow& row = row_of(codec);
    const std::string name(row.name);
    if (codec == Codec::none) return Error{Errc::invalid_option, "none compresses nothing"};
    if (row.make == nullptr) {
        return Error{Errc::invalid_option,
                     name + " is not in this build, which was made without " +
                         std::string(row.library)};
    }
    if (!row.levels.takes(level)) {
        return Error{Errc::invalid_option, name + " has no level " + std::to_string(level) +
                                               "; it takes " + text_of(row.levels)};
    }
    return row.make(level, stream_bytes_max);
}

void StreamLeft::begin(std::size_t bytes, std::size_t bytes_max) {
    RINGPOST_ASSERT(bytes != 0);
    RINGPOST_ASSERT(bytes <= bytes_max);
    bytes_ = bytes;
}

void StreamLeft::take(std::size_t slice, std::size_t slice_max, bool last) {
    RINGPOST_ASSERT(slice != 0);
    RINGPOST_ASSERT(slice <= slice_max);
    RINGPOST_ASSERT(slice <= bytes_);
    bytes_ -= slice;
    RINGPOST_ASSERT(last == (bytes_ == 0));
}

}  // namespace ringpost::wire
