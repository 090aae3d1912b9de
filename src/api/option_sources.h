// SPDX-License-Identifier: Apache-2.0
// Where options are read from besides calls: files and the environment.
#pragma once

#include <ringpost/options.h>

namespace ringpost::api {

/// "RINGPOST_LINGER_MS=5" and the like, out of a null-terminated list such as `environ`.
Result<void> read_environment(Options& options, const char* const* environment);

}  // namespace ringpost::api
