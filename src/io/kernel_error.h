// SPDX-License-Identifier: Apache-2.0
// The kernel's errors in words, with the limit that somebody may raise.
#pragma once

#include <string>

namespace ringpost::io {

/// "Too many open files (RLIMIT_NOFILE, ulimit -n, is 1024)". `error` is an errno.
std::string kernel_error(int error);

}  // namespace ringpost::io
