// SPDX-License-Identifier: Apache-2.0
// One entry of an Io's socket table: what was asked of a socket, what became of it, and which
// events wait to be taken.
#pragma once

#include <sys/socket.h>
#include <sys/uio.h>

#include "base/list.h"
#include "base/memory.h"
#include "io/address.h"
#include "io/io.h"

namespace ringpost::io {

/// Owned by SocketIo's table, never moved while open. The descriptor is closed by SocketIo.
///
/// Invariant: 1. at most one send and one receive lie between the call and its event;
///            2. closing, it has no event ready but `closed`.
struct Socket {
    int descriptor = -1;
    SocketId id;
    std::uint64_t token = 0;

    // What the caller has asked for and has not had the event of.
    bool open = false;
    bool connecting = false;
    bool listening = false;
    bool sending = false;
    bool receiving = false;
    bool closing = false;
    bool accept_paused = false;  ///< The process was out of descriptors; tried again later.

    // Events that wait to be taken, one bit a kind, and their results.
    std::uint8_t ready = 0;
    std::int32_t connect_result = 0;
    std::int32_t send_result = 0;
    std::int32_t receive_result = 0;
    ListHook<Socket> ready_hook;

    // The send, the receive and the connect. `message` names the pieces that remain.
    Block piece_memory;
    msghdr message{};
    std::int32_t send_bytes = 0;
    std::int32_t sent_bytes = 0;
    std::span<std::byte> room;
    SocketAddress address;

    // The backend's own.
    std::uint8_t operations = 0;  ///< uring: bits of what the kernel has not completed.
    std::uint8_t cancels = 0;     ///< uring: cancel requests not completed.
    bool watched = false;         ///< epoll: it is in the interest list.
    bool readable = false;        ///< epoll: receiving may succeed.
    bool writable = false;        ///< epoll: sending may succeed.
    bool ended = false;           ///< epoll: the peer's end or an error is there to be read.

    // Asked of the kernel, and not answered yet.
    bool connect_waits() const { return connecting && !has_ready(Event::Kind::connected); }
    bool send_waits() const { return sending && !has_ready(Event::Kind::sent); }
    bool receive_waits() const { return receiving && !has_ready(Event::Kind::received); }

    static std::uint8_t bit(Event::Kind kind) {
        return static_cast<std::uint8_t>(1U << static_cast<unsigned>(kind));
    }
    bool has_ready(Event::Kind kind) const { return (ready & bit(kind)) != 0; }

    /// The next event that is ready, which is then taken. There is one.
    Event take_event();

    /// Room for the iovecs of the largest send; false if there is no memory.
    bool take_piece_memory();
    /// Copies `pieces` and makes them the send.
    void set_send(std::span<const Piece> pieces);
    /// `bytes` more were sent; true when nothing remains.
    bool advance_send(std::int32_t bytes);

    /// A closed entry with the next generation, that keeps its memory.
    void reset();
};

}  // namespace ringpost::io
