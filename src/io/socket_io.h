// SPDX-License-Identifier: Apache-2.0
// The half of an Io that io_uring and epoll have in common: the socket table, the hand-over of
// events, the clock, name look-ups and wake-ups. A backend adds only how the kernel is asked.
#pragma once

#include "base/list.h"
#include "base/memory.h"
#include "io/io.h"
#include "io/resolver.h"
#include "io/socket.h"
#include "io/tcp_socket.h"

namespace ringpost::io {

/// Bounds:    sockets_max sockets. A connection that arrives when all are taken is closed at once.
/// Allocates: room for a send's iovecs when a table entry is used for the first time, and for
///            resolve(). Nothing for send, receive, close and wait.
/// Invariant: 1. an entry is on `ready_` while an event of it waits to be taken;
///            2. a closing socket reports nothing but `closed`, once the kernel has let go of it.
class SocketIo : public Io {
public:
    ~SocketIo() override;
    SocketIo(const SocketIo&) = delete;
    SocketIo& operator=(const SocketIo&) = delete;

    Instant now() final;
    std::int64_t wall_ms() final;
    void resolve(std::string_view host, std::uint16_t port, std::uint64_t token) final;
    SocketId connect(const Address& address, std::uint64_t token) final;
    void send(SocketId id, std::span<const Piece> pieces) final;
    void receive(SocketId id, std::span<std::byte> room) final;
    void close(SocketId id) final;
    Result<SocketId> listen(const Address& address, std::uint64_t token, Address& bound) final;
    void set_token(SocketId id, std::uint64_t token) final;
    std::size_t wait(std::span<Event> out, Instant until) final;
    void wake() noexcept final;
    Counters counters() const final { return counters_; }

    /// Asserts what must always hold.
    void check_invariants() const;

protected:
    SocketIo(const IoOptions& options, Blocking blocking);
    /// The eventfd and the resolver on it. First of all.
    Result<void> open_wake();
    /// How descriptors are opened from here on.
    void set_blocking(Blocking blocking) { blocking_ = blocking; }

    // What a backend does. Each answers with one of the on_x below, at once or later.
    virtual void start_connect(Socket& socket) = 0;
    virtual void start_accept(Socket& socket) = 0;
    virtual void start_send(Socket& socket) = 0;
    virtual void start_receive(Socket& socket) = 0;
    virtual void start_close(Socket& socket) = 0;
    /// Enters the kernel once if there is need: submits, sleeps when `until` lies ahead and
    /// nothing is there yet, and handles what has completed.
    virtual void run_kernel(Instant until) = 0;

    // What the kernel answered.
    void on_connected(Socket& socket, int result);
    void on_sent(Socket& socket, int result);
    void on_received(Socket& socket, int result);
    /// The new socket, or null when there was no room for it.
    Socket* on_accepted(Socket& listener, int descriptor);
    void on_accept_failed(Socket& listener, int result);
    void on_closed(Socket& socket);
    void on_woken() { woken_ = true; }
    /// The connection that was to be accepted has failed, the listener has not.
    static bool is_accept_retriable(int result);

    Socket* find(SocketId id);
    Vector<Socket>& sockets() { return sockets_; }
    int wake_descriptor() const { return wake_descriptor_; }
    const Log& log() const { return log_; }
    void count_calls(std::uint64_t count) { counters_.system_calls += count; }
    void count_sleep() { ++counters_.waits_slept; }

private:
    Socket& at(SocketId id);
    Socket* take_entry(std::uint64_t token);
    void release_entry(Socket& socket);
    void make_ready(Socket& socket, Event::Kind kind);
    std::size_t take_answers(std::span<Event> out);
    std::size_t take_events(std::span<Event> out);
    void forget_taken_answers();
    void retry_paused_accepts();

    Log log_;
    Blocking blocking_;
    StreamTuning tuning_;
    Vector<Socket> sockets_;
    Vector<std::uint32_t> free_;  ///< Indices of entries not open.
    List<Socket, &Socket::ready_hook> ready_;
    int wake_descriptor_ = -1;
    bool woken_ = false;  ///< A wake() has come and no wait() returned for it.
    Counters counters_;
    Instant accept_retry_at_ = Instant::never();
    std::unique_ptr<Resolver> resolver_;
    std::uint64_t lookups_ = 0;  ///< Asked of the resolver and not taken from it.
    Vector<Answer> answers_;     ///< The first `answers_taken_` were given out.
    std::size_t answers_taken_ = 0;
};

}  // namespace ringpost::io
