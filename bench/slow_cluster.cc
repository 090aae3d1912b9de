// SPDX-License-Identifier: Apache-2.0
// A broker server, and a relay in front of its second broker that holds answers back.
#include "slow_cluster.h"

#include <fmt/format.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <cstdio>
#include <deque>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "broker_server.h"

namespace ringpost::bench {

namespace {

using Clock = std::chrono::steady_clock;

sockaddr_in loopback(std::uint16_t port) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    return address;
}

void must(bool ok, const char* what) {
    if (!ok) throw std::runtime_error(what);
}

void write_all(int fd, const char* data, std::size_t size) {
    while (size != 0) {
        const ssize_t n = send(fd, data, size, MSG_NOSIGNAL);
        if (n <= 0) return;   // the next read tells of it
        data += n;
        size -= static_cast<std::size_t>(n);
    }
}

/// Both directions of one connection, until either end closes it. Thread: its own.
void relay(int client, std::uint16_t to, std::chrono::milliseconds delay) {
    const int server = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    const sockaddr_in address = loopback(to);
    const int one = 1;
    setsockopt(server, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    setsockopt(client, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    struct Held {
        Clock::time_point due;
        std::string bytes;
    };
    std::deque<Held> held;
    std::vector<char> room(256 << 10);
    bool open = connect(server, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
    while (open) {
        int wait_ms = -1;
        if (!held.empty()) {
            const auto left = held.front().due - Clock::now();
            wait_ms = static_cast<int>(std::max<std::int64_t>(
                std::chrono::ceil<std::chrono::milliseconds>(left).count(), 0));
        }
        std::array<pollfd, 2> both{{{client, POLLIN, 0}, {server, POLLIN, 0}}};
        poll(both.data(), both.size(), wait_ms);
        if (both[0].revents != 0) {
            const ssize_t n = recv(client, room.data(), room.size(), 0);
            open = n > 0;
            if (open) write_all(server, room.data(), static_cast<std::size_t>(n));
        }
        if (open && both[1].revents != 0) {
            const ssize_t n = recv(server, room.data(), room.size(), 0);
            open = n > 0;
            if (open) {
                held.push_back({Clock::now() + delay,
                                std::string(room.data(), static_cast<std::size_t>(n))});
            }
        }
        for (; !held.empty() && held.front().due <= Clock::now(); held.pop_front()) {
            write_all(client, held.front().bytes.data(), held.front().bytes.size());
        }
    }
    close(client);
    close(server);
}

/// Listens, and relays whatever comes. Returns the port.
std::uint16_t start_relay(std::uint16_t to, std::chrono::milliseconds delay) {
    const int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address = loopback(0);
    must(bind(listener, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0, "bind");
    must(listen(listener, 16) == 0, "listen");
    socklen_t size = sizeof address;
    getsockname(listener, reinterpret_cast<sockaddr*>(&address), &size);
    std::thread([listener, to, delay] {
        for (;;) {
            const int client = accept4(listener, nullptr, nullptr, SOCK_CLOEXEC);
            if (client >= 0) std::thread(relay, client, to, delay).detach();
        }
    }).detach();
    return ntohs(address.sin_port);
}

}  // namespace

int serve_slow_cluster(unsigned delay_ms) {
    auto server = tools::BrokerServer::open({.cluster = {.brokers = 3, .partitions = 9,
                                                         .discard = true}});
    if (!server) throw std::runtime_error(server.error().text);
    if (delay_ms != 0) {
        const std::uint16_t port =
            start_relay((*server)->ports()[1], std::chrono::milliseconds(delay_ms));
        (*server)->cluster().set_address(2, "127.0.0.1", port);
    }
    fmt::print("listening on {} (node 1)\n", (*server)->addresses()[0]);
    std::fflush(stdout);
    (*server)->run();
    return 0;
}

}  // namespace ringpost::bench
