// SPDX-License-Identifier: Apache-2.0
// The options about compression, and what they come to.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <ringpost/options.h>

#include "produce/config.h"

namespace ringpost::api {

std::string_view to_string(CompressionType type);
/// Whether the codec's own option takes this level; any is fine where there are none.
bool has_level(CompressionType type, int level);

/// Of options that are valid: what topics have that are not named, and those that are.
produce::Compression compression_of(const Options& options);
std::vector<std::pair<std::string, produce::Compression>> topic_compression_of(
    const Options& options);

/// Errors: invalid_option for a codec that this build is without, and for a compression.level that
/// the codec has not.
Result<void> check_compression(const Options& options);

}  // namespace ringpost::api
