// SPDX-License-Identifier: Apache-2.0
// Readiness turned into completions.
#include "io/epoll.h"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>

#include "base/assert.h"
#include "io/kernel_error.h"

namespace ringpost::io {
namespace {

/// Sockets whose edges one system call returns; the others' wait in the kernel.
constexpr std::size_t edges_max = 128;

/// What an edge of the eventfd carries; no SocketId has this index.
constexpr std::uint64_t wake_mark = UINT64_MAX;

std::uint64_t mark_of(SocketId id) { return std::uint64_t{id.generation} << 32 | id.index; }

SocketId id_of(std::uint64_t mark) {
    return {static_cast<std::uint32_t>(mark), static_cast<std::uint32_t>(mark >> 32)};
}

}  // namespace

EpollIo::EpollIo(const IoOptions& options, Blocking blocking) : SocketIo(options, blocking) {}

EpollIo::~EpollIo() {
    if (epoll_ >= 0) ::close(epoll_);
}

Result<void> EpollIo::open() {
    if (Result<void> opened = open_wake(); !opened) return opened;
    epoll_ = ::epoll_create1(EPOLL_CLOEXEC);
    epoll_event event{};
    // Edge-triggered: each write is an edge, whatever the counter was, and nobody need read it.
    event.events = EPOLLIN | EPOLLET;
    event.data.u64 = wake_mark;
    if (epoll_ < 0 || ::epoll_ctl(epoll_, EPOLL_CTL_ADD, wake_descriptor(), &event) < 0) {
        return Error{Errc::system_error,
                     fmt::format("can't set epoll up: {}", kernel_error(errno))};
    }
    return {};
}

/// Watching begins with an edge for what is ready already.
int EpollIo::watch(Socket& socket) {
    if (socket.watched) return 0;
    epoll_event event{};
    event.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET;
    event.data.u64 = mark_of(socket.id);
    count_calls(1);
    if (::epoll_ctl(epoll_, EPOLL_CTL_ADD, socket.descriptor, &event) < 0) return -errno;
    socket.watched = true;
    return 0;
}

void EpollIo::start_connect(Socket& socket) {
    count_calls(1);
    const int result = ::connect(socket.descriptor, &socket.address.plain, socket.address.size);
    // Interrupted, it goes on in the background like one that was not.
    if (result < 0 && errno != EINPROGRESS && errno != EINTR) return on_connected(socket, -errno);
    // Not before connect(2): an unconnected socket reports a hang-up.
    if (const int watched = watch(socket); watched < 0) on_connected(socket, watched);
}

void EpollIo::start_accept(Socket& socket) {
    if (const int watched = watch(socket); watched < 0) return on_accept_failed(socket, watched);
    for (;;) {
        count_calls(1);
        const int descriptor =
            ::accept4(socket.descriptor, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (descriptor >= 0) {
            Socket* accepted = on_accepted(socket, descriptor);
            if (accepted == nullptr) continue;
            accepted->writable = true;
            // Without a watch it would be silent; its next operation says what is wrong.
            if (watch(*accepted) < 0) ::shutdown(descriptor, SHUT_RDWR);
        } else if (errno == EAGAIN) {
            return;
        } else if (!is_accept_retriable(-errno)) {
            return on_accept_failed(socket, -errno);
        }
    }
}

void EpollIo::start_send(Socket& socket) { go_on_sending(socket); }

void EpollIo::start_receive(Socket& socket) {
    if (socket.readable) go_on_receiving(socket);
}

void EpollIo::start_close(Socket& socket) {
    if (socket.watched) {
        count_calls(1);
        // close(2) alone forgets the watch only if no fork of this process has the socket too.
        ::epoll_ctl(epoll_, EPOLL_CTL_DEL, socket.descriptor, nullptr);
    }
    on_closed(socket);
}

void EpollIo::run_kernel(Instant until) {
    std::array<epoll_event, edges_max> edges;
    const int count = wait_for_edges(edges, until);
    for (int i = 0; i < count; ++i) {
        const epoll_event& edge = edges[static_cast<std::size_t>(i)];
        if (edge.data.u64 == wake_mark) {
            on_woken();
        } else if (Socket* s = find(id_of(edge.data.u64)); s != nullptr && !s->closing) {
            on_edge(*s, edge.events);
        }
    }
}

int EpollIo::wait_for_edges(std::span<epoll_event> edges, Instant until) {
    const Instant from = until > Instant{} ? now() : Instant{};
    const Duration left = until > from ? until - from : Duration{};
    const bool sleeps = left > Duration{};
    if (sleeps) count_sleep();
    count_calls(1);
    const int room = static_cast<int>(edges.size());
    if (has_pwait2_) {
        timespec time{left.count_ns() / 1'000'000'000, left.count_ns() % 1'000'000'000};
        const int count =
            ::epoll_pwait2(epoll_, edges.data(), room, until.is_never() ? nullptr : &time, nullptr);
        if (count >= 0 || (errno != ENOSYS && errno != EPERM)) return count;
        has_pwait2_ = false;
        count_calls(1);
    }
    // Rounded up: rounded down, the last millisecond would be spent spinning.
    int timeout_ms = -1;
    if (!until.is_never()) {
        const std::int64_t rounded = (left + Duration::ns(999'999)).count_ms();
        timeout_ms = static_cast<int>(std::min<std::int64_t>(rounded, INT32_MAX));
    }
    return ::epoll_wait(epoll_, edges.data(), room, timeout_ms);
}

void EpollIo::on_edge(Socket& socket, std::uint32_t events) {
    if (socket.listening) {
        if (!socket.accept_paused) start_accept(socket);
        return;
    }
    const bool ended = (events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR)) != 0;
    if (ended) socket.ended = true;
    if (ended || (events & EPOLLIN) != 0) socket.readable = true;
    if (ended || (events & EPOLLOUT) != 0) socket.writable = true;
    if (socket.connect_waits()) finish_connect(socket);
    if (socket.send_waits()) go_on_sending(socket);
    if (socket.receive_waits() && socket.readable) go_on_receiving(socket);
}

void EpollIo::finish_connect(Socket& socket) {
    int error = 0;
    socklen_t size = sizeof error;
    count_calls(1);
    if (::getsockopt(socket.descriptor, SOL_SOCKET, SO_ERROR, &error, &size) < 0) error = errno;
    on_connected(socket, -error);
}

void EpollIo::go_on_sending(Socket& socket) {
    while (socket.writable) {
        count_calls(1);
        const ssize_t sent = ::sendmsg(socket.descriptor, &socket.message, MSG_NOSIGNAL);
        if (sent >= 0) {
            // All the bytes of a send fit 32 bits, so what one call sent does too.
            if (socket.advance_send(static_cast<std::int32_t>(sent))) {
                return on_sent(socket, socket.send_bytes);
            }
            if (sent == 0) return on_sent(socket, -EPIPE);
        } else if (errno == EAGAIN) {
            socket.writable = false;
        } else if (errno != EINTR) {
            return on_sent(socket, -errno);
        }
    }
}

void EpollIo::go_on_receiving(Socket& socket) {
    ssize_t received = 0;
    do {
        count_calls(1);
        received = ::recv(socket.descriptor, socket.room.data(), socket.room.size(), 0);
    } while (received < 0 && errno == EINTR);
    if (received < 0 && errno == EAGAIN) {
        socket.readable = false;
        return;
    }
    if (received < 0) return on_received(socket, -errno);
    // A short read emptied the socket, and what comes next is a new edge. The end of the stream is
    // none if its edge has been seen already.
    const bool emptied = received > 0 && static_cast<std::size_t>(received) < socket.room.size();
    if (emptied && !socket.ended) socket.readable = false;
    on_received(socket, static_cast<int>(received));
}

Result<std::unique_ptr<Io>> make_epoll_io(const IoOptions& options) {
    auto io = std::make_unique<EpollIo>(options);
    if (Result<void> opened = io->open(); !opened) return opened.error();
    return std::unique_ptr<Io>(std::move(io));
}

}  // namespace ringpost::io
