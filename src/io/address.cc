// SPDX-License-Identifier: Apache-2.0
// Addresses as text, as literals, and as the kernel wants them.
#include "io/address.h"

#include <arpa/inet.h>
#include <net/if.h>

#include <charconv>
#include <cstring>

namespace ringpost::io {
namespace {

/// The longest literal: an IPv6 address, '%', and an interface's name.
constexpr std::size_t literal_bytes_max = INET6_ADDRSTRLEN + 1 + IF_NAMESIZE;

/// The index that "%eth0" or "%2" names; 0, which no interface has, if it names none.
std::uint32_t scope_of(const char* scope) {
    std::uint32_t index = 0;
    const char* end = scope + std::strlen(scope);
    const auto parsed = std::from_chars(scope, end, index);
    if (parsed.ec == std::errc{} && parsed.ptr == end) return index;
    return if_nametoindex(scope);
}

}  // namespace

std::string Address::text() const {
    char literal[INET6_ADDRSTRLEN];
    switch (family) {
        case Family::ipv4:
            inet_ntop(AF_INET, ip.data(), literal, sizeof literal);
            return fmt::format("{}:{}", literal, port);
        case Family::ipv6:
            inet_ntop(AF_INET6, ip.data(), literal, sizeof literal);
            if (scope_id != 0) return fmt::format("[{}%{}]:{}", literal, scope_id, port);
            return fmt::format("[{}]:{}", literal, port);
        case Family::none:
            break;
    }
    return "no address";
}

Address Address::from_literal(std::string_view host, std::uint16_t port) {
    const bool bracketed = host.size() >= 2 && host.front() == '[' && host.back() == ']';
    if (bracketed) host = host.substr(1, host.size() - 2);
    // inet_pton ends at a NUL, and would take the text in front of one inside `host` for the whole.
    if (host.size() > literal_bytes_max || host.find('\0') != std::string_view::npos) return {};
    char literal[literal_bytes_max + 1];
    std::memcpy(literal, host.data(), host.size());
    literal[host.size()] = '\0';

    Address address;
    if (!bracketed && inet_pton(AF_INET, literal, address.ip.data()) == 1) {
        address.family = Family::ipv4;
        address.port = port;
        return address;
    }
    if (char* percent = std::strchr(literal, '%'); percent != nullptr) {
        *percent = '\0';
        address.scope_id = scope_of(percent + 1);
        if (address.scope_id == 0) return {};
    }
    if (inet_pton(AF_INET6, literal, address.ip.data()) != 1) return {};
    address.family = Family::ipv6;
    address.port = port;
    return address;
}

SocketAddress to_socket_address(const Address& address) {
    SocketAddress out;
    if (address.family == Address::Family::ipv4) {
        out.ipv4 = {};
        out.ipv4.sin_family = AF_INET;
        out.ipv4.sin_port = htons(address.port);
        std::memcpy(&out.ipv4.sin_addr, address.ip.data(), sizeof out.ipv4.sin_addr);
        out.size = sizeof out.ipv4;
    } else if (address.family == Address::Family::ipv6) {
        out.ipv6.sin6_family = AF_INET6;
        out.ipv6.sin6_port = htons(address.port);
        out.ipv6.sin6_scope_id = address.scope_id;
        std::memcpy(&out.ipv6.sin6_addr, address.ip.data(), sizeof out.ipv6.sin6_addr);
        out.size = sizeof out.ipv6;
    }
    return out;
}

Address from_socket_address(const sockaddr* address, socklen_t size) {
    Address out;
    if (address == nullptr || size < sizeof address->sa_family) return out;
    if (address->sa_family == AF_INET && size >= sizeof(sockaddr_in)) {
        sockaddr_in ipv4;
        std::memcpy(&ipv4, address, sizeof ipv4);
        out.family = Address::Family::ipv4;
        out.port = ntohs(ipv4.sin_port);
        std::memcpy(out.ip.data(), &ipv4.sin_addr, sizeof ipv4.sin_addr);
    } else if (address->sa_family == AF_INET6 && size >= sizeof(sockaddr_in6)) {
        sockaddr_in6 ipv6;
        std::memcpy(&ipv6, address, sizeof ipv6);
        out.family = Address::Family::ipv6;
        out.port = ntohs(ipv6.sin6_port);
        out.scope_id = ipv6.sin6_scope_id;
        std::memcpy(out.ip.data(), &ipv6.sin6_addr, sizeof ipv6.sin6_addr);
    }
    return out;
}

}  // namespace ringpost::io
