// SPDX-License-Identifier: Apache-2.0
// The Io on io_uring. One wait() is one system call, whatever it submits and takes.
#pragma once

#include "io/epoll.h"
#include "io/uring_ring.h"

namespace ringpost::io {

/// Thread:    the one that calls open().
/// Blocks:    the destructor waits for the kernel to let go of the callers' memory; shut-down
///            sockets and cancelled operations make that microseconds, and there is a bound.
/// Invariant: a descriptor is closed and `closed` reported only when no operation on it is
///            outstanding: close(2) alone would leave a receive in the kernel, with its memory.
///
/// A seccomp filter may come later than the ring. From the first refusal to enter the kernel on it
/// is an EpollIo for new sockets; those that there are have failed. A listener is among them: an
/// accept that can't be cancelled would take its next connection away.
class UringIo final : public EpollIo {
public:
    explicit UringIo(const IoOptions& options);
    ~UringIo() override;

    Result<void> open();
    std::string description() const override;

private:
    /// Also the bit in Socket::operations.
    enum class Operation : std::uint8_t {
        connect = 1U << 0,
        accept = 1U << 1,
        send = 1U << 2,
        receive = 1U << 3,
        cancel = 1U << 4,
        wake = 1U << 5,
    };

    void start_connect(Socket& socket) override;
    void start_accept(Socket& socket) override;
    void start_send(Socket& socket) override;
    void start_receive(Socket& socket) override;
    void start_close(Socket& socket) override;
    void run_kernel(Instant until) override;

    static std::uint64_t user_data(SocketId id, Operation operation);
    io_uring_sqe* submission();
    void track(io_uring_sqe& entry, Socket& socket, Operation operation);
    void start_wake_poll();
    void start_cancel(Socket& socket, Operation operation);
    void check_enter(int result, bool may_rest);
    void fall_back();
    void take_back(Socket& socket);
    void reap();
    void on_completion(const io_uring_cqe& completion);
    void on_open_completion(Socket& socket, Operation operation, int result);
    void on_send_completion(Socket& socket, int result);
    void on_accept_completion(Socket& socket, int result);

    UringRing ring_;
    std::uint32_t capabilities_;
    std::uint32_t outstanding_ = 0;  ///< Operations and cancels of all sockets together.
    int refusal_ = 0;                ///< Why the kernel can't be entered any more, an errno.
    bool fallen_back_ = false;       ///< The ring is closed, and this is an EpollIo.
    Instant short_since_ = Instant::never();  ///< The kernel has had no memory for a submission.
};

}  // namespace ringpost::io
