// SPDX-License-Identifier: Apache-2.0
// The other end of a test's connection, on plain blocking sockets, and a process that is denied
// system calls. Ports come from the kernel.
#pragma once

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <netinet/in.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstddef>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "io/address.h"

namespace ringpost::io {

/// A descriptor that is closed with its owner.
class Descriptor {
public:
    Descriptor() = default;
    explicit Descriptor(int number) : number_(number) {}
    Descriptor(Descriptor&& d) noexcept : number_(std::exchange(d.number_, -1)) {}
    Descriptor& operator=(Descriptor&& d) noexcept {
        std::swap(number_, d.number_);
        return *this;
    }
    ~Descriptor() { close(); }
    void close() {
        if (number_ >= 0) ::close(number_);
        number_ = -1;
    }
    int number() const { return number_; }

private:
    int number_ = -1;
};

inline Address address_of(int descriptor) {
    SocketAddress a;
    a.size = sizeof a.ipv6;
    if (::getsockname(descriptor, &a.plain, &a.size) < 0) return {};
    return from_socket_address(&a.plain, a.size);
}

inline Address peer_of(int descriptor) {
    SocketAddress a;
    a.size = sizeof a.ipv6;
    if (::getpeername(descriptor, &a.plain, &a.size) < 0) return {};
    return from_socket_address(&a.plain, a.size);
}

/// This process's descriptor whose own address is `address`; the Io does not give its away.
inline int descriptor_bound_to(const Address& address) {
    for (int d = 0; d < 1024; ++d) {
        if (address_of(d) == address) return d;
    }
    return -1;
}

inline Descriptor bound_socket() {
    Descriptor d(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    const SocketAddress any = to_socket_address(Address::from_literal("127.0.0.1", 0));
    EXPECT_EQ(::bind(d.number(), &any.plain, any.size), 0);
    return d;
}

inline Descriptor connected_socket(const Address& to) {
    Descriptor d(::socket(to.family == Address::Family::ipv6 ? AF_INET6 : AF_INET, SOCK_STREAM, 0));
    const SocketAddress a = to_socket_address(to);
    EXPECT_EQ(::connect(d.number(), &a.plain, a.size), 0);
    return d;
}

class RawListener {
public:
    /// A small `receive_bytes` makes the sender's queue fill soon.
    explicit RawListener(int receive_bytes = 0, int backlog = 64) : socket_(bound_socket()) {
        if (receive_bytes > 0) {
            ::setsockopt(socket_.number(), SOL_SOCKET, SO_RCVBUF, &receive_bytes,
                         sizeof receive_bytes);
        }
        EXPECT_EQ(::listen(socket_.number(), backlog), 0);
    }
    Address address() const { return address_of(socket_.number()); }
    Descriptor accept() const { return Descriptor(::accept(socket_.number(), nullptr, nullptr)); }

private:
    Descriptor socket_;
};

/// Reads exactly `bytes`, or fewer if the stream ends first.
inline std::vector<std::byte> read_bytes(int descriptor, std::size_t bytes) {
    std::vector<std::byte> data(bytes);
    std::size_t got = 0;
    while (got < bytes) {
        const ssize_t n = ::recv(descriptor, data.data() + got, bytes - got, 0);
        if (n <= 0) break;
        got += static_cast<std::size_t>(n);
    }
    data.resize(got);
    return data;
}

inline void write_text(int descriptor, std::string_view text) {
    ASSERT_EQ(::send(descriptor, text.data(), text.size(), MSG_NOSIGNAL),
              static_cast<ssize_t>(text.size()));
}

/// The connection ends with a reset instead of a FIN.
inline void reset_connection(Descriptor& d) {
    const linger now{1, 0};
    ASSERT_EQ(::setsockopt(d.number(), SOL_SOCKET, SO_LINGER, &now, sizeof now), 0);
    d.close();
}

/// From here on each thread of this process gets `error` for the system call, like in a container.
inline bool deny_system_call(unsigned number, unsigned error) {
    sock_filter code[] = {
        {BPF_LD | BPF_W | BPF_ABS, 0, 0, offsetof(seccomp_data, nr)},
        {BPF_JMP | BPF_JEQ | BPF_K, 0, 1, number},
        {BPF_RET | BPF_K, 0, 0, SECCOMP_RET_ERRNO | error},
        {BPF_RET | BPF_K, 0, 0, SECCOMP_RET_ALLOW},
    };
    const sock_fprog program{static_cast<unsigned short>(std::size(code)), code};
    constexpr unsigned mode = SECCOMP_SET_MODE_FILTER;
    return ::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
           ::syscall(SYS_seccomp, mode, SECCOMP_FILTER_FLAG_TSYNC, &program) == 0;
}

/// A fork that runs `body`.
class Child {
public:
    template <typename Body>
    explicit Child(Body body) {
        int ends[2];
        if (::pipe(ends) != 0) return;
        id_ = ::fork();
        if (id_ == 0) {
            const std::string text = body();
            const bool written = ::write(ends[1], text.data(), text.size()) >= 0;
            ::_exit(written ? 0 : 1);
        }
        ::close(ends[1]);
        said_ = ends[0];
    }
    /// Waits for what `body` returned: empty for success, or what went wrong.
    std::string wait() const {
        if (id_ == -1) return "no fork";
        std::string text;
        std::array<char, 1024> part;
        for (ssize_t n; (n = ::read(said_, part.data(), part.size())) > 0;) {
            text.append(part.data(), static_cast<std::size_t>(n));
        }
        ::close(said_);
        int status = 0;
        ::waitpid(id_, &status, 0);
        if (status != 0) text += " (status " + std::to_string(status) + ")";
        return text;
    }

private:
    pid_t id_ = -1;
    int said_ = -1;
};

/// Runs `body` in a fork, and gives what it returned: empty for success, or what went wrong.
template <typename Body>
std::string run_in_child(Body body) {
    return Child(std::move(body)).wait();
}

/// While it lives, no descriptor can be opened in this process, or only `spare`.
class NoDescriptors {
public:
    explicit NoDescriptors(unsigned spare = 0) {
        ::getrlimit(RLIMIT_NOFILE, &before_);
        const int lowest_free = ::dup(0);
        ::close(lowest_free);
        rlimit limit = before_;
        limit.rlim_cur = static_cast<rlim_t>(lowest_free) + spare;
        ::setrlimit(RLIMIT_NOFILE, &limit);
    }
    ~NoDescriptors() { ::setrlimit(RLIMIT_NOFILE, &before_); }
    NoDescriptors(const NoDescriptors&) = delete;
    NoDescriptors& operator=(const NoDescriptors&) = delete;

private:
    rlimit before_{};
};

}  // namespace ringpost::io
