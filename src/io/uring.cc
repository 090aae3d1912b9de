// SPDX-License-Identifier: Apache-2.0
// Io calls as io_uring operations, and completions as Io events.
#include "io/uring.h"

#include <poll.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "base/assert.h"

namespace ringpost::io {
namespace {

/// Outstanding at most on one socket: a send, a receive, and the cancel of each.
constexpr std::uint32_t socket_operations_max = 4;

/// user_data is generation (32 bits), operation (8), index (24).
constexpr unsigned index_bits = 24;
static_assert(operations_limit < 1U << index_bits);
constexpr unsigned generation_shift = 32;

/// How long the destructor waits for cancelled operations before it leaves them to the kernel.
constexpr Duration drain_max = Duration::seconds(2);

/// The rest before the kernel is asked again after it had no memory for a request.
constexpr int memory_pause_ms = 1;

/// How long it may have none. What is outstanding could not even be cancelled, so a longer patience
/// would hold up a stop.
constexpr Duration shortage_max = Duration::seconds(1);

}  // namespace

UringIo::UringIo(const IoOptions& options)
    : EpollIo(options, Blocking::yes), capabilities_(options.capabilities) {}

Result<void> UringIo::open() {
    // Taken while it can be had: falling back must not fail.
    if (Result<void> opened = EpollIo::open(); !opened) return opened;
    const auto count = static_cast<std::uint32_t>(sockets().size());
    if (Result<void> opened = ring_.open(capabilities_, (count + 1) * socket_operations_max);
        !opened) {
        return opened;
    }
    // A profile that allows io_uring_setup and denies io_uring_enter shows here.
    start_wake_poll();
    count_calls(1);
    if (const int result = ring_.submit(); result < 0) return uring_setup_error(-result);
    return {};
}

UringIo::~UringIo() {
    for (Socket& s : sockets()) {
        if (s.open && !s.closing) close(s.id);
    }
    const Instant deadline = now() + drain_max;
    while (outstanding_ > 0 && now() < deadline) run_kernel(deadline);
    if (outstanding_ > 0) log().error("{} socket operations are left to the kernel", outstanding_);
}

std::string UringIo::description() const {
    if (fallen_back_) return EpollIo::description();
    utsname system{};
    ::uname(&system);
    return fmt::format("io_uring ({}, Linux {})", ring_.description(), system.release);
}

void UringIo::start_connect(Socket& socket) {
    if (fallen_back_) return EpollIo::start_connect(socket);
    io_uring_sqe* entry = submission();
    if (entry == nullptr) return;
    io_uring_prep_connect(entry, socket.descriptor, &socket.address.plain, socket.address.size);
    track(*entry, socket, Operation::connect);
}

void UringIo::start_accept(Socket& socket) {
    if (fallen_back_) return EpollIo::start_accept(socket);
    io_uring_sqe* entry = submission();
    if (entry == nullptr) return;
    io_uring_prep_accept(entry, socket.descriptor, nullptr, nullptr, SOCK_CLOEXEC);
    track(*entry, socket, Operation::accept);
}

void UringIo::start_send(Socket& socket) {
    if (fallen_back_) return EpollIo::start_send(socket);
    const bool wait_all = (capabilities_ & cap_send_waitall) != 0;
    io_uring_sqe* entry = submission();
    if (entry == nullptr) return;
    io_uring_prep_sendmsg(entry, socket.descriptor, &socket.message,
                          MSG_NOSIGNAL | (wait_all ? MSG_WAITALL : 0));
    track(*entry, socket, Operation::send);
}

void UringIo::start_receive(Socket& socket) {
    if (fallen_back_) return EpollIo::start_receive(socket);
    io_uring_sqe* entry = submission();
    if (entry == nullptr) return;
    io_uring_prep_recv(entry, socket.descriptor, socket.room.data(), socket.room.size(), 0);
    track(*entry, socket, Operation::receive);
}

void UringIo::start_close(Socket& socket) {
    if (fallen_back_) return EpollIo::start_close(socket);
    if (socket.operations == 0) return on_closed(socket);
    // Each by its own user_data, which every kernel knows; cancelling by descriptor needs 5.19.
    const std::uint8_t outstanding = socket.operations;
    for (unsigned bit = 1; bit <= outstanding; bit <<= 1) {
        if ((outstanding & bit) != 0) start_cancel(socket, static_cast<Operation>(bit));
    }
}

void UringIo::run_kernel(Instant until) {
    if (fallen_back_) return EpollIo::run_kernel(until);
    Instant from;
    if (refusal_ != 0) {
        // Found out by submission(); nothing more can be entered.
    } else if (until > Instant{} && !ring_.has_completion() && until > (from = now())) {
        const Duration timeout = until - from;
        count_sleep();
        count_calls(1);
        check_enter(ring_.submit_and_sleep(until.is_never() ? nullptr : &timeout), true);
    } else if (ring_.needs_enter()) {
        count_calls(1);
        check_enter(ring_.submit_and_reap(), false);
    }
    reap();
    if (refusal_ != 0) fall_back();
}

void UringIo::check_enter(int result, bool may_rest) {
    if (result >= 0 || result == -ETIME || result == -EINTR) {
        short_since_ = Instant::never();
        return;
    }
    // Without memory for requests the kernel takes none; the entries stay queued. Whatever else it
    // says, a filter's errno or that there is no such ring any more, it will say again.
    const bool shortage = result == -EAGAIN || result == -ENOMEM || result == -EBUSY;
    const Instant time = now();
    short_since_ = std::min(short_since_, time);
    if (!shortage || time - short_since_ > shortage_max) {
        refusal_ = -result;
    } else if (may_rest) {
        ::poll(nullptr, 0, memory_pause_ms);
    }
}

/// What is outstanding can't be waited for. Its memory is safe once the sockets are shut down: a
/// send fails, and a receive finds nothing to write.
void UringIo::fall_back() {
    log().error("io_uring can't be used any more: {}; epoll is, on new connections",
                std::strerror(refusal_));
    fallen_back_ = true;
    set_blocking(Blocking::no);
    for (Socket& s : sockets()) {
        if (s.open) take_back(s);
    }
    outstanding_ = 0;
    ring_.close();
}

void UringIo::take_back(Socket& s) {
    s.operations = 0;
    s.cancels = 0;
    if (s.descriptor >= 0) {
        ::shutdown(s.descriptor, SHUT_RDWR);
        // What had come already; the kernel answers what comes now with a reset.
        while (::recv(s.descriptor, nullptr, INT32_MAX, MSG_TRUNC | MSG_DONTWAIT) > 0) {
        }
    }
    s.readable = s.writable = s.ended = true;
    if (s.connect_waits()) on_connected(s, -ECONNABORTED);
    if (s.send_waits()) on_sent(s, -ECONNABORTED);
    if (s.receive_waits()) on_received(s, -ECONNABORTED);
    if (s.listening) on_accept_failed(s, -ECONNABORTED);
    if (s.closing && !s.has_ready(Event::Kind::closed)) on_closed(s);
}

std::uint64_t UringIo::user_data(SocketId id, Operation operation) {
    return std::uint64_t{id.generation} << generation_shift |
           std::uint64_t{static_cast<std::uint8_t>(operation)} << index_bits | id.index;
}

/// Null once the kernel refuses to be entered: run_kernel answers what was asked for.
io_uring_sqe* UringIo::submission() {
    if (refusal_ != 0) return nullptr;
    io_uring_sqe* entry = ring_.try_submission();
    while (entry == nullptr && refusal_ == 0) {
        count_calls(1);
        check_enter(ring_.submit(), true);
        entry = ring_.try_submission();
    }
    return entry;
}

/// Last of all for an entry: some versions of the prep functions clear user_data.
void UringIo::track(io_uring_sqe& entry, Socket& socket, Operation operation) {
    if (operation == Operation::cancel) {
        ++socket.cancels;
    } else {
        const auto bit = static_cast<std::uint8_t>(operation);
        RINGPOST_ASSERT((socket.operations & bit) == 0);
        socket.operations |= bit;
    }
    ++outstanding_;
    entry.user_data = user_data(socket.id, operation);
}

void UringIo::start_wake_poll() {
    io_uring_sqe* entry = submission();
    if (entry == nullptr) return;
    // Each write to the eventfd gives a completion. The counter is never read: a write between the
    // end of one poll and the start of the next makes the next one complete at once.
    io_uring_prep_poll_multishot(entry, wake_descriptor(), POLLIN);
    entry->user_data = user_data({0, 0}, Operation::wake);
}

void UringIo::start_cancel(Socket& socket, Operation operation) {
    io_uring_sqe* entry = submission();
    if (entry == nullptr) return;
    io_uring_prep_cancel64(entry, user_data(socket.id, operation), 0);
    track(*entry, socket, Operation::cancel);
}

void UringIo::reap() {
    // Taken one by one: handling a completion may fill the submission queue and enter the kernel.
    io_uring_cqe completion;
    while (ring_.try_completion(completion)) on_completion(completion);
}

void UringIo::on_completion(const io_uring_cqe& completion) {
    const std::uint64_t data = completion.user_data;
    const auto operation = static_cast<Operation>((data >> index_bits) & 0xff);
    if (operation == Operation::wake) {
        on_woken();
        if ((completion.flags & IORING_CQE_F_MORE) == 0) start_wake_poll();
        return;
    }
    Socket* s = find({static_cast<std::uint32_t>(data & ((1U << index_bits) - 1)),
                      static_cast<std::uint32_t>(data >> generation_shift)});
    if (s == nullptr) return;  // A socket of the past; its entry may have a new one.
    --outstanding_;
    if (operation == Operation::cancel) {
        --s->cancels;
    } else {
        s->operations &= static_cast<std::uint8_t>(~static_cast<std::uint8_t>(operation));
        if (!s->closing) return on_open_completion(*s, operation, completion.res);
        // The kernel accepted a connection while the cancel was on its way.
        if (operation == Operation::accept && completion.res >= 0) ::close(completion.res);
    }
    if (s->closing && s->operations == 0 && s->cancels == 0) on_closed(*s);
}

void UringIo::on_open_completion(Socket& socket, Operation operation, int result) {
    switch (operation) {
        case Operation::connect:
            return on_connected(socket, result);
        case Operation::accept:
            return on_accept_completion(socket, result);
        case Operation::send:
            return on_send_completion(socket, result);
        case Operation::receive:
            if (result == -EINTR) return start_receive(socket);
            return on_received(socket, result);
        case Operation::cancel:
        case Operation::wake:
            break;
    }
}

void UringIo::on_send_completion(Socket& socket, int result) {
    if (result == -EINTR) return start_send(socket);
    if (result < 0) return on_sent(socket, result);
    // The kernel goes on by itself with MSG_WAITALL, but for a signal or an old version.
    if (socket.advance_send(result)) return on_sent(socket, socket.send_bytes);
    if (result == 0) return on_sent(socket, -EPIPE);
    start_send(socket);
}

void UringIo::on_accept_completion(Socket& socket, int result) {
    if (result >= 0) on_accepted(socket, result);
    if (result >= 0 || is_accept_retriable(result)) return start_accept(socket);
    on_accept_failed(socket, result);
}

Result<std::unique_ptr<Io>> make_uring_io(const IoOptions& options) {
    auto io = std::make_unique<UringIo>(options);
    if (Result<void> opened = io->open(); !opened) return opened.error();
    return std::unique_ptr<Io>(std::move(io));
}

}  // namespace ringpost::io
