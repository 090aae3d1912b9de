// SPDX-License-Identifier: Apache-2.0
// The Io on io_uring. One wait() is one system call, whatever it submits and takes.
#pragma once

#include "io/socket_io.h"
#include "io/uring_ring.h"

namespace ringpost::io {

/// Thread:    the one that calls open().
/// Blocks:    the destructor waits for the kernel to let go of the callers' memory; shut-down
///            sockets and cancelled operations make that microseconds, and there is a bound.
/// Invariant: a descriptor is closed and `closed` reported only when no operation on it is
///            outstanding: close(2) alone would leave a receive in the kernel, with its memory.
class UringIo final : public SocketIo {
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
    io_uring_sqe& submission();
    void track(io_uring_sqe& entry, Socket& socket, Operation operation);
    void start_wake_poll();
    void start_cancel(Socket& socket, Operation operation);
    void check_enter(int result, bool may_rest);
    void reap();
    void on_completion(const io_uring_cqe& completion);
    void on_open_completion(Socket& socket, Operation operation, int result);
    void on_send_completion(Socket& socket, int result);
    void on_accept_completion(Socket& socket, int result);

    UringRing ring_;
    std::uint32_t capabilities_;
    std::uint32_t outstanding_ = 0;  ///< Operations and cancels of all sockets together.
};

}  // namespace ringpost::io
