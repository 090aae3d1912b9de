// SPDX-License-Identifier: Apache-2.0
// What the kernel alone takes: as many bytes as a produce request of one record has, through a TCP
// connection on the loopback, answered at once by a peer that looks at nothing.
#include <fmt/format.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <stdexcept>
#include <thread>
#include <vector>

#include "generator.h"
#include "open_loop.h"

namespace ringpost::bench {

namespace {

constexpr std::size_t request_besides = 116;  ///< all of a request of one record but its value
constexpr std::size_t response_bytes = 64;

void no_delay(int socket) {
    const int one = 1;
    setsockopt(socket, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
}

/// True once `bytes` have been read; false if the other end has closed.
bool read_all(int socket, std::vector<char>& to, std::size_t bytes, Caller how) {
    for (std::size_t have = 0; have < bytes;) {
        const ssize_t n = recv(socket, to.data(), bytes - have,
                               how == Caller::polls ? MSG_DONTWAIT : 0);
        if (n > 0) {
            have += static_cast<std::size_t>(n);
        } else if (n == 0 || errno != EAGAIN) {
            return false;
        }
    }
    return true;
}

/// A process that answers until its socket is closed, and does not outlive this one.
class Peer {
public:
    Peer(Caller how, std::size_t request_bytes) {
        const int listener = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        sockaddr_in address{};
        address.sin_family = AF_INET;
        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        socklen_t size = sizeof address;
        auto* at = reinterpret_cast<sockaddr*>(&address);
        if (bind(listener, at, size) != 0 || listen(listener, 1) != 0 ||
            getsockname(listener, at, &size) != 0) {
            throw std::runtime_error("ping-pong: no port");
        }
        pid_ = fork();
        if (pid_ == 0) {
            prctl(PR_SET_PDEATHSIG, SIGKILL);
            answer(accept(listener, nullptr, nullptr), how, request_bytes);
            _exit(0);
        }
        socket_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        if (connect(socket_, at, size) != 0) throw std::runtime_error("ping-pong: no peer");
        close(listener);
        no_delay(socket_);
    }
    Peer(const Peer&) = delete;
    Peer& operator=(const Peer&) = delete;
    ~Peer() {
        close(socket_);
        waitpid(pid_, nullptr, 0);
    }
    int socket() const { return socket_; }

private:
    static void answer(int socket, Caller how, std::size_t request_bytes) {
        no_delay(socket);
        std::vector<char> bytes(request_bytes);
        while (read_all(socket, bytes, request_bytes, how)) {
            if (send(socket, bytes.data(), response_bytes, MSG_NOSIGNAL) < 0) return;
        }
    }

    pid_t pid_ = -1;
    int socket_ = -1;
};

/// One at a time: `exchange` waits for the answer, and poll has only the rest of the time to pass.
template <typename Exchange>
Latencies drive_ping_pong(const Slice& slice, Caller caller, const Exchange& exchange) {
    Generator generator(slice);
    const auto ping = [&](std::uint64_t index) {
        exchange();
        generator.on_answer(index, true, now_ns());
        return true;
    };
    const auto poll = [](std::int64_t wait_ns) {
        const timespec wait{wait_ns / 1'000'000'000, wait_ns % 1'000'000'000};
        if (wait_ns > 0) ppoll(nullptr, 0, &wait, nullptr);
    };
    drive(generator, caller, ping, poll);
    return generator.take();
}

/// One thread lets another go on, which sleeps or polls meanwhile.
class Gate {
public:
    explicit Gate(Caller who_waits) : how_(who_waits) {}
    Gate(const Gate&) = delete;
    Gate& operator=(const Gate&) = delete;
    ~Gate() { close(event_); }
    void open() {
        opened_.fetch_add(1, std::memory_order_release);
        const std::uint64_t one = 1;
        if (how_ == Caller::sleeps) (void)!write(event_, &one, sizeof one);
    }
    void pass() {
        ++passed_;
        std::uint64_t count = 0;
        while (opened_.load(std::memory_order_acquire) < passed_) {
            if (how_ == Caller::sleeps) (void)!read(event_, &count, sizeof count);
        }
    }

private:
    const Caller how_;
    const int event_ = eventfd(0, EFD_CLOEXEC);
    alignas(64) std::atomic<std::uint64_t> opened_{0};
    std::uint64_t passed_ = 0;     ///< the one's who waits
};

/// As in threaded mode: the caller hands over to a thread that has the socket, and gets the answer
/// from it.
class Courier {
public:
    Courier(int socket, std::size_t request_bytes, Caller caller, Caller courier)
        : out_(courier), back_(caller), thread_([=, this] {
              std::vector<char> bytes(request_bytes, 'x');
              for (;;) {
                  out_.pass();
                  if (over_) return;
                  if (send(socket, bytes.data(), request_bytes, MSG_NOSIGNAL) < 0 ||
                      !read_all(socket, bytes, response_bytes, courier)) {
                      return;
                  }
                  back_.open();
              }
          }) {}
    ~Courier() {
        over_ = true;
        out_.open();
        thread_.join();
    }
    void carry() {
        out_.open();
        back_.pass();
    }

private:
    Gate out_;
    Gate back_;
    bool over_ = false;            ///< read behind the gate
    std::thread thread_;
};

}  // namespace

Latencies run_ping_pong(const Slice& slice, Caller caller, Caller peer_does) {
    const std::size_t request_bytes = slice.value_bytes + request_besides;
    const Peer peer(peer_does, request_bytes);
    std::vector<char> bytes(request_bytes, 'x');
    return drive_ping_pong(slice, caller, [&] {
        if (send(peer.socket(), bytes.data(), request_bytes, MSG_NOSIGNAL) < 0 ||
            !read_all(peer.socket(), bytes, response_bytes, caller)) {
            throw std::runtime_error("ping-pong: the peer has gone");
        }
    });
}

Latencies run_ping_pong_thread(const Slice& slice, Caller caller, Caller thread) {
    const std::size_t request_bytes = slice.value_bytes + request_besides;
    const Peer peer(Caller::sleeps, request_bytes);
    Courier courier(peer.socket(), request_bytes, caller, thread);
    return drive_ping_pong(slice, caller, [&] { courier.carry(); });
}

}  // namespace ringpost::bench
