// SPDX-License-Identifier: Apache-2.0
// The options about compression, and what they come to.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <ringpost/options.h>

#include "api/option_values.h"
#include "produce/config.h"

namespace ringpost::api {

/// pykafka's CompressionType is a number.
inline constexpr Choice<CompressionType> codec_choices[] = {
    {"none", CompressionType::none},     {"gzip", CompressionType::gzip},
    {"snappy", CompressionType::snappy}, {"lz4", CompressionType::lz4},
    {"zstd", CompressionType::zstd},     {"0", CompressionType::none},
    {"1", CompressionType::gzip},        {"2", CompressionType::snappy},
    {"3", CompressionType::lz4},         {"4", CompressionType::zstd}};

std::string_view to_string(CompressionType type);
/// Whether the codec's own option takes this level; any is fine where there are none.
bool has_level(CompressionType type, int level);

/// `compression.topics` from text and back.
bool set_topic_compression(Options& options, std::string_view value);
std::string show_topic_compression(const Options& options);

/// Of options that are valid: what topics have that are not named, and those that are.
produce::Compression compression_of(const Options& options);
std::vector<std::pair<std::string, produce::Compression>> topic_compression_of(
    const Options& options);

/// Errors: invalid_option for a codec that this build is without, and for a compression.level that
/// the codec has not.
Result<void> check_compression(const Options& options);

}  // namespace ringpost::api
