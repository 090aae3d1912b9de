// SPDX-License-Identifier: Apache-2.0
// The choice between the backends.
#include "io/io.h"

namespace ringpost::io {

Result<std::unique_ptr<Io>> make_io(const IoOptions& options) {
    switch (options.backend) {
        case Backend::io_uring:
            return make_uring_io(options);
        case Backend::epoll:
            return make_epoll_io(options);
        case Backend::automatic:
            break;
    }
    Result<std::unique_ptr<Io>> uring = make_uring_io(options);
    if (uring || uring.error().code == Errc::invalid_option) return uring;
    options.log.warn("epoll is used: {}", uring.error().text);
    return make_epoll_io(options);
}

}  // namespace ringpost::io
