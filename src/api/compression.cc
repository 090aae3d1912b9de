// SPDX-License-Identifier: Apache-2.0
// Codecs and levels: from names that several clients have to those of wire/codec.h.
#include "api/compression.h"

#include <algorithm>

#include "base/format.h"
#include "base/limits.h"

namespace ringpost::api {

namespace {

using wire::Codec;

Codec codec_of(CompressionType type) { return static_cast<Codec>(type); }
static_assert(static_cast<int>(CompressionType::zstd) == static_cast<int>(Codec::zstd));

/// librdkafka's highest level, by codec.
int common_level_max(Codec codec) {
    return codec == Codec::gzip ? 9 : codec == Codec::lz4 ? 12 : 22;
}

/// librdkafka's level as the codec's own: its 0 is each library's default or least, lz4's fast
/// compressor is 0 to 2, and what KIP-390 calls 9.
int level_of_common(Codec codec, int level) {
    if (codec == Codec::lz4) return level <= 2 ? 9 : level == 9 ? 10 : level;
    if (level == 0) return codec == Codec::gzip ? 1 : wire::levels_of(codec).standard;
    return level;
}

int own_level(const Options& o, Codec codec) {
    switch (codec) {
        case Codec::gzip: return o.compression_gzip_level;
        case Codec::lz4: return o.compression_lz4_level;
        case Codec::zstd: return o.compression_zstd_level;
        case Codec::none:
        case Codec::snappy: break;
    }
    return 0;
}

/// All codecs that the options name.
std::vector<Codec> codecs_of(const Options& o) {
    std::vector<Codec> codecs{codec_of(o.compression_type)};
    for (const TopicCompression& one : o.topic_compression) codecs.push_back(codec_of(one.type));
    return codecs;
}

std::string built_in_codecs() {
    std::string text;
    for (int i = 0; i < wire::codec_count; ++i) {
        const auto codec = static_cast<Codec>(i);
        if (!wire::is_built_in(codec)) continue;
        text += fmt::format("{}{}", text.empty() ? "" : ", ", wire::to_string(codec));
    }
    return text;
}

/// TOPIC=CODEC[:LEVEL]
bool parse_topic_compression(std::string_view text, TopicCompression& out) {
    const std::size_t equals = text.find('=');
    if (equals == 0 || equals == text.npos || equals > limits::topic_name_bytes_max) return false;
    out.topic = text.substr(0, equals);
    text.remove_prefix(equals + 1);
    const std::size_t colon = std::min(text.find(':'), text.size());
    Options codec;
    if (!set_choice<&Options::compression_type, codec_choices>(codec, text.substr(0, colon))) {
        return false;
    }
    out.type = codec.compression_type;
    out.level.reset();
    if (colon == text.size()) return true;
    int level = 0;
    if (!parse_number(text.substr(colon + 1), level)) return false;
    out.level = level;
    return has_level(out.type, level);
}

}  // namespace

std::string_view to_string(CompressionType type) { return wire::to_string(codec_of(type)); }

bool has_level(CompressionType type, int level) {
    return wire::levels_of(codec_of(type)).takes(level);
}

bool set_topic_compression(Options& o, std::string_view value) {
    std::vector<TopicCompression> all;
    while (!value.empty()) {
        TopicCompression one;
        if (!parse_topic_compression(cut_item(value), one)) return false;
        if (std::ranges::count(all, one.topic, &TopicCompression::topic) != 0) return false;
        all.push_back(std::move(one));
    }
    o.topic_compression = std::move(all);
    return true;
}
std::string show_topic_compression(const Options& o) {
    std::string text;
    for (const TopicCompression& one : o.topic_compression) {
        text += fmt::format("{}{}={}", text.empty() ? "" : ",", one.topic, to_string(one.type));
        if (one.level) text += fmt::format(":{}", *one.level);
    }
    return text;
}

produce::Compression compression_of(const Options& o) {
    const Codec codec = codec_of(o.compression_type);
    if (!wire::levels_of(codec).has_levels) return {codec, 0};
    const bool common = o.compression_level >= 0;
    return {codec, common ? level_of_common(codec, o.compression_level) : own_level(o, codec)};
}

std::vector<std::pair<std::string, produce::Compression>> topic_compression_of(const Options& o) {
    std::vector<std::pair<std::string, produce::Compression>> all;
    for (const TopicCompression& one : o.topic_compression) {
        Options alone = o;
        alone.compression_type = one.type;
        produce::Compression compression = compression_of(alone);
        if (one.level && wire::levels_of(compression.codec).has_levels) {
            compression.level = *one.level;
        }
        all.emplace_back(one.topic, compression);
    }
    return all;
}

Result<void> check_compression(const Options& o) {
    for (const Codec codec : codecs_of(o)) {
        if (!wire::is_built_in(codec)) {
            return Error{Errc::invalid_option,
                         fmt::format("{} is not in this build of ringpost, which has {}",
                                     wire::to_string(codec), built_in_codecs())};
        }
        const bool levels = wire::levels_of(codec).has_levels;
        if (levels && o.compression_level > common_level_max(codec)) {
            return Error{Errc::invalid_option,
                         fmt::format("compression.level={} is too much for {}, which takes 0 to {}",
                                     o.compression_level, wire::to_string(codec),
                                     common_level_max(codec))};
        }
    }
    return {};
}

}  // namespace ringpost::api
