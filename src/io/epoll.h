// SPDX-License-Identifier: Apache-2.0
// The Io on epoll, for hosts that deny io_uring, from the start or later. Same events, more system
// calls.
#pragma once

#include <sys/epoll.h>

#include "io/socket_io.h"

namespace ringpost::io {

/// Each socket is watched once, edge-triggered, for both directions; `readable` and `writable`
/// remember an edge until the socket says EAGAIN. A send is tried at once, so most sends never
/// wait for an edge.
///
/// Thread: one. Blocks: only in wait().
class EpollIo : public SocketIo {
public:
    explicit EpollIo(const IoOptions& options, Blocking blocking = Blocking::no);
    ~EpollIo() override;

    Result<void> open();
    std::string description() const override { return "epoll"; }

protected:
    void start_connect(Socket& socket) override;
    void start_accept(Socket& socket) override;
    void start_send(Socket& socket) override;
    void start_receive(Socket& socket) override;
    void start_close(Socket& socket) override;
    void run_kernel(Instant until) override;

private:
    int watch(Socket& socket);
    int wait_for_edges(std::span<epoll_event> edges, Instant until);
    void on_edge(Socket& socket, std::uint32_t events);
    void finish_connect(Socket& socket);
    void go_on_sending(Socket& socket);
    void go_on_receiving(Socket& socket);

    int epoll_ = -1;
    bool has_pwait2_ = true;  ///< epoll_pwait2 (Linux 5.11) is there and not denied.
};

}  // namespace ringpost::io
