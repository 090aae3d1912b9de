// SPDX-License-Identifier: Apache-2.0
// Where a producer's log lines go.
#pragma once

#include <functional>
#include <string_view>

namespace ringpost {

enum class LogLevel : unsigned char { off, error, warn, info, debug };

/// Called for each line at or above the chosen level, from whichever thread produced it (a shard's
/// thread, as a rule). Must not block and must not call back into the producer. `line` has no
/// newline and is valid during the call only.
using LogSink = std::function<void(LogLevel level, std::string_view line)>;

}  // namespace ringpost
