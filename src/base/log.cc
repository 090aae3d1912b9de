// SPDX-License-Identifier: Apache-2.0
// Formatting of a log line that somebody wants to see.
#include "base/log.h"

#include <iterator>

namespace ringpost {

void Log::emit(LogLevel level, fmt::string_view format, fmt::format_args args) const {
    fmt::basic_memory_buffer<char, 512> line;
    fmt::vformat_to(std::back_inserter(line), format, args);
    sink_(level, {line.data(), line.size()});
}

}  // namespace ringpost
