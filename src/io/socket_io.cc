// SPDX-License-Identifier: Apache-2.0
// The socket table and the hand-over of events. No call of this file waits.
#include "io/socket_io.h"

#include <netdb.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "base/assert.h"
#include "io/kernel_error.h"

namespace ringpost::io {
namespace {

/// After "too many open files" a listener rests this long: the connection stays in the kernel's
/// queue, and accepting again at once would spin until somebody closes a descriptor.
constexpr Duration accept_pause = Duration::ms(100);

std::int64_t clock_ns(clockid_t clock) {
    timespec t;
    ::clock_gettime(clock, &t);
    return std::int64_t{t.tv_sec} * 1'000'000'000 + t.tv_nsec;
}

bool is_shortage(int result) {
    return result == -EMFILE || result == -ENFILE || result == -ENOBUFS || result == -ENOMEM;
}

}  // namespace

SocketIo::SocketIo(const IoOptions& options, Blocking blocking)
    : log_(options.log),
      blocking_(blocking),
      tuning_(options.tuning),
      sockets_(options.sockets_max) {
    RINGPOST_ASSERT(options.sockets_max > 0);
    free_.reserve(options.sockets_max);
    for (std::uint32_t i = options.sockets_max; i-- > 0;) {
        sockets_[i].id.index = i;
        free_.push_back(i);
    }
}

SocketIo::~SocketIo() {
    resolver_.reset();  // It writes to the eventfd.
    for (const Socket& s : sockets_) {
        if (s.descriptor >= 0) ::close(s.descriptor);
    }
    if (wake_descriptor_ >= 0) ::close(wake_descriptor_);
    while (ready_.pop_front() != nullptr) {
    }
}

Result<void> SocketIo::open_wake() {
    wake_descriptor_ = ::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (wake_descriptor_ < 0) {
        return Error{Errc::system_error,
                     fmt::format("can't make an eventfd: {}", kernel_error(errno))};
    }
    resolver_ = std::make_unique<Resolver>(wake_descriptor_);
    return {};
}

Instant SocketIo::now() { return Instant::from_ns(clock_ns(CLOCK_MONOTONIC)); }
std::int64_t SocketIo::wall_ms() { return clock_ns(CLOCK_REALTIME) / 1'000'000; }

void SocketIo::wake() noexcept {
    // The counter is never read back: each write is a new edge for the backend's poll, and the
    // write fails only after 2^64 of them.
    const std::uint64_t one = 1;
    [[maybe_unused]] const auto written = ::write(wake_descriptor_, &one, sizeof one);
}

void SocketIo::resolve(std::string_view host, std::uint16_t port, std::uint64_t token) {
    const Address literal = Address::from_literal(host, port);
    if (literal.family != Address::Family::none) {
        Answer answer{token, 0, {}};
        answer.addresses.push_back(literal);
        answers_.push_back(std::move(answer));
    } else if (host.empty() || host.find('\0') != std::string_view::npos) {
        answers_.push_back({token, EAI_NONAME, {}});
    } else {
        ++lookups_;
        resolver_->ask(host, port, token);
    }
}

SocketId SocketIo::connect(const Address& address, std::uint64_t token) {
    Socket* s = take_entry(token);
    if (s == nullptr) return {};
    s->connecting = true;
    count_calls(3);
    s->descriptor =
        s->take_piece_memory() ? open_stream(address.family, blocking_, tuning_) : -ENOMEM;
    if (s->descriptor < 0) {
        on_connected(*s, s->descriptor);
        s->descriptor = -1;
    } else {
        s->address = to_socket_address(address);
        start_connect(*s);
    }
    check_invariants();
    return s->id;
}

void SocketIo::send(SocketId id, std::span<const Piece> pieces) {
    Socket& s = at(id);
    RINGPOST_ASSERT(!s.closing);
    RINGPOST_ASSERT(!s.connecting);
    RINGPOST_ASSERT(!s.listening);
    RINGPOST_ASSERT(!s.sending);
    s.set_send(pieces);
    s.sending = true;
    start_send(s);
}

void SocketIo::receive(SocketId id, std::span<std::byte> room) {
    Socket& s = at(id);
    RINGPOST_ASSERT(!s.closing);
    RINGPOST_ASSERT(!s.connecting);
    RINGPOST_ASSERT(!s.listening);
    RINGPOST_ASSERT(!s.receiving);
    RINGPOST_ASSERT(!room.empty());
    // One event counts the bytes in 32 bits.
    s.room = room.first(std::min<std::size_t>(room.size(), INT32_MAX));
    s.receiving = true;
    start_receive(s);
}

void SocketIo::close(SocketId id) {
    Socket& s = at(id);
    if (s.closing) return;
    s.closing = true;
    s.ready = 0;
    if (s.descriptor >= 0) {
        count_calls(1);
        // Ends a send that is blocked, and tells the peer before the cancels are through.
        ::shutdown(s.descriptor, SHUT_RDWR);
    }
    start_close(s);
    check_invariants();
}

Result<SocketId> SocketIo::listen(const Address& address, std::uint64_t token, Address& bound) {
    if (free_.empty()) return SocketId{};
    count_calls(5);
    const Result<int> descriptor = open_listener(address, blocking_, bound);
    if (!descriptor) return descriptor.error();
    Socket* s = take_entry(token);
    s->descriptor = *descriptor;
    s->listening = true;
    start_accept(*s);
    check_invariants();
    return s->id;
}

void SocketIo::set_token(SocketId id, std::uint64_t token) { at(id).token = token; }

std::size_t SocketIo::wait(std::span<Event> out, Instant until) {
    RINGPOST_ASSERT(!out.empty());
    forget_taken_answers();
    for (;;) {
        const bool something = !ready_.empty() || !answers_.empty();
        run_kernel(something ? Instant{} : std::min(until, accept_retry_at_));
        if (!accept_retry_at_.is_never() && now() >= accept_retry_at_) retry_paused_accepts();
        if (woken_ && lookups_ > 0) {
            const std::size_t before = answers_.size();
            resolver_->take(answers_);
            lookups_ -= answers_.size() - before;
        }
        const std::size_t count = take_events(out);
        // The clock is not read for the instant that a loop passes which only looks in.
        if (count > 0 || woken_ || until == Instant{} || until <= now()) {
            woken_ = false;
            return count;
        }
    }
}

void SocketIo::on_connected(Socket& socket, int result) {
    RINGPOST_ASSERT(socket.connect_waits());
    socket.connect_result = result;
    make_ready(socket, Event::Kind::connected);
}

void SocketIo::on_sent(Socket& socket, int result) {
    RINGPOST_ASSERT(socket.send_waits());
    socket.send_result = result;
    make_ready(socket, Event::Kind::sent);
}

void SocketIo::on_received(Socket& socket, int result) {
    RINGPOST_ASSERT(socket.receive_waits());
    socket.receive_result = result;
    make_ready(socket, Event::Kind::received);
}

Socket* SocketIo::on_accepted(Socket& listener, int descriptor) {
    Socket* s = listener.closing ? nullptr : take_entry(listener.token);
    if (s != nullptr && !s->take_piece_memory()) {
        release_entry(*s);
        s = nullptr;
    }
    if (s == nullptr) {
        if (!listener.closing)
            log_.warn("a connection was refused: all {} sockets are in use", sockets_.size());
        count_calls(1);
        ::close(descriptor);
        return nullptr;
    }
    count_calls(2);
    tune_stream(descriptor, tuning_);
    s->descriptor = descriptor;
    make_ready(*s, Event::Kind::accepted);
    return s;
}

void SocketIo::on_accept_failed(Socket& listener, int result) {
    if (listener.closing) return;
    if (is_shortage(result)) {
        log_.warn("accepting pauses: {}", kernel_error(-result));
        listener.accept_paused = true;
        accept_retry_at_ = now() + accept_pause;
    } else {
        log_.error("accepting ends: {}", std::strerror(-result));
    }
}

bool SocketIo::is_accept_retriable(int result) {
    switch (-result) {  // accept(2), "Error handling".
        case EINTR:
        case ECONNABORTED:
        case EPROTO:
        case ENOPROTOOPT:
        case ENETDOWN:
        case EHOSTDOWN:
        case ENONET:
        case EHOSTUNREACH:
        case ENETUNREACH:
        case EOPNOTSUPP:
            return true;
        default:
            return false;
    }
}

void SocketIo::on_closed(Socket& socket) {
    RINGPOST_ASSERT(socket.closing);
    RINGPOST_ASSERT(socket.operations == 0);
    RINGPOST_ASSERT(socket.cancels == 0);
    if (socket.descriptor >= 0) {
        count_calls(1);
        ::close(socket.descriptor);
    }
    socket.descriptor = -1;
    make_ready(socket, Event::Kind::closed);
}

Socket* SocketIo::find(SocketId id) {
    if (id.index >= sockets_.size()) return nullptr;
    Socket& s = sockets_[id.index];
    return s.open && s.id == id ? &s : nullptr;
}

Socket& SocketIo::at(SocketId id) {
    Socket* s = find(id);
    RINGPOST_ASSERT(s != nullptr);
    return *s;
}

Socket* SocketIo::take_entry(std::uint64_t token) {
    if (free_.empty()) return nullptr;
    Socket& s = sockets_[free_.back()];
    free_.pop_back();
    RINGPOST_ASSERT(!s.open);
    s.open = true;
    s.token = token;
    return &s;
}

void SocketIo::release_entry(Socket& socket) {
    socket.reset();
    free_.push_back(socket.id.index);
}

void SocketIo::make_ready(Socket& socket, Event::Kind kind) {
    if (socket.closing && kind != Event::Kind::closed) return;
    RINGPOST_ASSERT(!socket.has_ready(kind));
    socket.ready |= Socket::bit(kind);
    if (!decltype(ready_)::linked(socket)) ready_.push_back(socket);
}

std::size_t SocketIo::take_answers(std::span<Event> out) {
    std::size_t count = 0;
    while (count < out.size() && answers_taken_ < answers_.size()) {
        const Answer& answer = answers_[answers_taken_++];
        Event& event = out[count++];
        event = {};
        event.kind = Event::Kind::resolved;
        event.result = answer.result;
        event.token = answer.token;
        event.addresses = {answer.addresses.data(), answer.addresses.size()};
    }
    return count;
}

std::size_t SocketIo::take_events(std::span<Event> out) {
    std::size_t count = take_answers(out);
    while (count < out.size() && !ready_.empty()) {
        Socket& s = *ready_.front();
        bool last = false;
        if (s.ready != 0) {
            out[count] = s.take_event();
            last = out[count++].kind == Event::Kind::closed;
        }
        if (s.ready == 0) ready_.remove(s);  // close() may have emptied it before.
        if (last) release_entry(s);
    }
    check_invariants();
    return count;
}

void SocketIo::forget_taken_answers() {
    if (answers_taken_ == 0) return;
    answers_.erase(answers_.begin(),
                   answers_.begin() + static_cast<std::ptrdiff_t>(answers_taken_));
    answers_taken_ = 0;
}

void SocketIo::retry_paused_accepts() {
    accept_retry_at_ = Instant::never();
    for (Socket& s : sockets_) {
        if (!s.accept_paused || s.closing) continue;
        s.accept_paused = false;
        start_accept(s);
    }
}

void SocketIo::check_invariants() const {
    RINGPOST_ASSERT(free_.size() <= sockets_.size());
    RINGPOST_ASSERT(ready_.size() <= sockets_.size() - free_.size());
#ifdef RINGPOST_VERIFY
    std::size_t open = 0;
    for (const Socket& s : sockets_) {
        open += s.open ? 1 : 0;
        RINGPOST_ASSERT(s.open || s.descriptor < 0);
        RINGPOST_ASSERT(s.open || s.operations == 0);
        RINGPOST_ASSERT(s.ready == 0 || decltype(ready_)::linked(s));
        RINGPOST_ASSERT(!s.closing || (s.ready & ~Socket::bit(Event::Kind::closed)) == 0);
    }
    RINGPOST_ASSERT(open == sockets_.size() - free_.size());
#endif
}

}  // namespace ringpost::io
