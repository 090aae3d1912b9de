// SPDX-License-Identifier: Apache-2.0
// Where a failed assertion ends.
#include "base/assert.h"

#include <cstdio>
#include <cstdlib>

namespace ringpost {

void assert_failed(const char* file, int line, const char* condition) noexcept {
    std::fprintf(stderr, "ringpost: %s:%d: assertion failed: %s\n", file, line, condition);
    std::abort();
}

}  // namespace ringpost
