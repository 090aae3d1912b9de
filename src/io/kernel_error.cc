// SPDX-License-Identifier: Apache-2.0
// Names the limits behind an errno.
#include "io/kernel_error.h"

#include <sys/resource.h>

#include <cerrno>
#include <cstring>

#include "base/format.h"

namespace ringpost::io {

std::string kernel_error(int error) {
    const char* const text = std::strerror(error);
    rlimit limit{};
    switch (error) {
        case EMFILE:
            ::getrlimit(RLIMIT_NOFILE, &limit);
            return fmt::format("{} (RLIMIT_NOFILE, ulimit -n, is {})", text, limit.rlim_cur);
        case ENFILE:
            return fmt::format("{} (the sysctl fs.file-max)", text);
        default:
            return text;
    }
}

}  // namespace ringpost::io
