// SPDX-License-Identifier: Apache-2.0
// An Address in the kernel's form and back. Pure: no system call but the look-up of a scope's name.
#pragma once

#include <netinet/in.h>
#include <sys/socket.h>

#include "io/io.h"

namespace ringpost::io {

/// What connect(2) and bind(2) take. A value; `size` is 0 for an Address without a family.
struct SocketAddress {
    union {
        sockaddr plain;
        sockaddr_in ipv4;
        sockaddr_in6 ipv6{};
    };
    socklen_t size = 0;
};

SocketAddress to_socket_address(const Address& address);

/// Family none for anything that is not IPv4 or IPv6, or is shorter than its family says.
Address from_socket_address(const sockaddr* address, socklen_t size);

}  // namespace ringpost::io
