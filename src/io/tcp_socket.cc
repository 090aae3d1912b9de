// SPDX-License-Identifier: Apache-2.0
// Opening and tuning of TCP sockets.
#include "io/tcp_socket.h"

#include <netinet/tcp.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "io/address.h"

namespace ringpost::io {
namespace {

int family_number(Address::Family family) {
    switch (family) {
        case Address::Family::ipv4:
            return AF_INET;
        case Address::Family::ipv6:
            return AF_INET6;
        case Address::Family::none:
            break;
    }
    return AF_UNSPEC;
}

int open_socket(Address::Family family, Blocking blocking) {
    const int mode = blocking == Blocking::yes ? 0 : SOCK_NONBLOCK;
    const int descriptor =
        ::socket(family_number(family), SOCK_STREAM | SOCK_CLOEXEC | mode, IPPROTO_TCP);
    return descriptor < 0 ? -errno : descriptor;
}

int bind_and_listen(int descriptor, const Address& address, Address& bound) {
    const int on = 1;
    const SocketAddress wanted = to_socket_address(address);
    SocketAddress got;
    got.size = sizeof got.ipv6;
    if (::setsockopt(descriptor, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) < 0 ||
        ::bind(descriptor, &wanted.plain, wanted.size) < 0 || ::listen(descriptor, SOMAXCONN) < 0 ||
        ::getsockname(descriptor, &got.plain, &got.size) < 0) {
        return -errno;
    }
    bound = from_socket_address(&got.plain, got.size);
    return 0;
}

}  // namespace

int open_stream(Address::Family family, Blocking blocking, const StreamTuning& tuning) noexcept {
    const int descriptor = open_socket(family, blocking);
    if (descriptor >= 0) tune_stream(descriptor, tuning);
    return descriptor;
}

void tune_stream(int descriptor, const StreamTuning& tuning) noexcept {
    const int on = 1;
    ::setsockopt(descriptor, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    if (tuning.keepalive) ::setsockopt(descriptor, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on);
    const auto ms = static_cast<unsigned>(
        std::clamp<std::int64_t>(tuning.user_timeout.count_ms(), 0, INT32_MAX));
    if (ms != 0) ::setsockopt(descriptor, IPPROTO_TCP, TCP_USER_TIMEOUT, &ms, sizeof ms);
}

Result<int> open_listener(const Address& address, Blocking blocking, Address& bound) {
    const int descriptor = open_socket(address.family, blocking);
    int result = descriptor;
    if (descriptor >= 0) result = bind_and_listen(descriptor, address, bound);
    if (result >= 0) return descriptor;
    if (descriptor >= 0) ::close(descriptor);
    return Error{Errc::system_error,
                 fmt::format("can't listen on {}: {}", address.text(), std::strerror(-result))};
}

}  // namespace ringpost::io
