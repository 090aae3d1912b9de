// SPDX-License-Identifier: Apache-2.0
// The assertion that stays in release builds: a bug in this library ends the process, loudly.
#pragma once

namespace ringpost {

/// Prints file, line and condition on standard error, then aborts.
[[noreturn]] void assert_failed(const char* file, int line, const char* condition) noexcept;

}  // namespace ringpost

#define RINGPOST_ASSERT(condition)                                        \
    (__builtin_expect(!!(condition), 1)                                   \
         ? static_cast<void>(0)                                           \
         : ::ringpost::assert_failed(__FILE__, __LINE__, #condition))
