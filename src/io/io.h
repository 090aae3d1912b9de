// SPDX-License-Identifier: Apache-2.0
// The seam to the outside world: what a loop can ask of the kernel, and what it is told. Behind it
// stand io/uring, io/epoll and the simulator. Called per request and per wake-up, never per record.
#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include <ringpost/error.h>

#include "base/bytes.h"
#include "base/log.h"
#include "base/time.h"

namespace ringpost::io {

/// An IPv4 or IPv6 address with a port. A value.
struct Address {
    enum class Family : std::uint8_t { none, ipv4, ipv6 };
    Family family = Family::none;
    std::uint16_t port = 0;
    std::uint32_t scope_id = 0;         ///< IPv6 link-local scope; else 0.
    std::array<std::uint8_t, 16> ip{};  ///< Network order; IPv4 uses the first four bytes.

    bool operator==(const Address&) const = default;
    /// "127.0.0.1:9092" or "[::1]:9092".
    std::string text() const;
    /// From a numeric IPv4 or IPv6 literal (brackets allowed); family none if it is a name.
    static Address from_literal(std::string_view host, std::uint16_t port);
};

/// One socket of one Io. Generations make a late event of a closed socket recognisable.
struct SocketId {
    std::uint32_t index = UINT32_MAX;
    std::uint32_t generation = 0;
    auto operator<=>(const SocketId&) const = default;
    bool valid() const { return index != UINT32_MAX; }
};

struct Event {
    enum class Kind : std::uint8_t {
        resolved,   ///< `addresses` (result 0), or result is a negative EAI_* code. No socket.
        connected,  ///< result 0 or -errno.
        sent,       ///< result: all the bytes of the send, or -errno (part may have gone).
        received,   ///< result: bytes in the buffer, 0 at the end of the stream, or -errno.
        accepted,   ///< `socket` is new; its token is the listener's until set_token.
        closed,     ///< The last event of a socket: the kernel holds none of its memory now.
    };
    Kind kind;
    std::int32_t result = 0;
    std::uint64_t token = 0;  ///< As given to resolve, connect, listen or set_token.
    SocketId socket;
    std::span<const Address> addresses;  ///< Valid until the next wait().
};

/// A piece of memory to send.
using Piece = ByteSpan;

/// Thread:  all calls from the one thread that made the object, except wake().
/// Owns:    its sockets. Borrows: memory given to send and receive, until that operation's event
///          or the socket's `closed` event, whichever comes first.
/// Bounds:  IoOptions::sockets_max; connect and listen answer an invalid SocketId at the limit.
class Io {
public:
    virtual ~Io() = default;

    /// The monotonic clock, and milliseconds since 1970 by the wall clock.
    virtual Instant now() = 0;
    virtual std::int64_t wall_ms() = 0;

    /// Looks `host` up off the calling thread, honouring nsswitch. Exactly one `resolved` event
    /// follows, unless the Io is destroyed first. A numeric literal is answered without a look-up.
    virtual void resolve(std::string_view host, std::uint16_t port, std::uint64_t token) = 0;

    /// Opens a non-blocking TCP socket (tuned, close-on-exec) and connects it.
    /// One `connected` event follows; a failed socket must still be closed.
    virtual SocketId connect(const Address& address, std::uint64_t token) = 0;

    /// Sends every byte of the pieces in order. At most one send is outstanding on a socket, and
    /// 1..limits::send_pieces_max pieces, 2 GiB less a byte together; `pieces` itself is copied.
    /// One `sent` event follows. Not before the `connected` event.
    virtual void send(SocketId socket, std::span<const Piece> pieces) = 0;

    /// Receives up to `room.size()` (> 0) bytes. At most one is outstanding on a socket.
    virtual void receive(SocketId socket, std::span<std::byte> room) = 0;

    /// Shuts the socket down and cancels what is outstanding. The cancelled operations' own
    /// events may still come; one `closed` event comes last. Nothing more may be asked of the
    /// socket but another close(), which changes nothing.
    virtual void close(SocketId socket) = 0;

    /// Listens, and accepts until closed. Port 0 lets the kernel choose; `bound` is what it chose.
    virtual Result<SocketId> listen(const Address& address, std::uint64_t token,
                                    Address& bound) = 0;
    virtual void set_token(SocketId socket, std::uint64_t token) = 0;

    /// Submits what was asked for, then takes up to `out.size()` events. Waits until there is at
    /// least one, somebody called wake(), or the clock reaches `until`; an instant not after now()
    /// means: do not wait. Returns the number of events; 0 also after a wake.
    virtual std::size_t wait(std::span<Event> out, Instant until) = 0;

    /// Makes the current or next wait() return at once. Thread: any. Not lost, may be merged.
    virtual void wake() noexcept = 0;

    /// "io_uring" or "epoll", with what matters of its set-up, for the log.
    virtual std::string description() const = 0;

    /// How often wait() slept, and how many times the kernel was entered. For tests and benches.
    struct Counters {
        std::uint64_t waits_slept = 0;
        std::uint64_t system_calls = 0;
    };
    virtual Counters counters() const = 0;
};

enum class Backend : std::uint8_t { automatic, io_uring, epoll };

/// Rungs of the io_uring ladder that may be masked, so that one kernel can test each of them.
enum : std::uint32_t {
    cap_defer_taskrun = 1U << 0,    ///< SINGLE_ISSUER | DEFER_TASKRUN (Linux 6.1)
    cap_single_issuer = 1U << 1,    ///< SINGLE_ISSUER | COOP_TASKRUN (6.0)
    cap_coop_taskrun = 1U << 2,     ///< COOP_TASKRUN | TASKRUN_FLAG (5.19)
    cap_registered_ring = 1U << 3,  ///< the ring's own descriptor registered (5.18)
    cap_send_waitall = 1U << 4,     ///< MSG_WAITALL: the kernel goes on with a short send (5.19)
    cap_all = 0xffff'ffffU,
};

/// What an Io's sockets have beside TCP_NODELAY, which they always have.
struct StreamTuning {
    bool keepalive = true;  ///< SO_KEEPALIVE
    Duration user_timeout;  ///< TCP_USER_TIMEOUT; zero: the kernel's own patience
};

struct IoOptions {
    Backend backend = Backend::automatic;
    std::uint32_t capabilities = cap_all;
    std::uint32_t sockets_max = 1024;
    StreamTuning tuning;
    Log log;
};

/// Makes the Io that the options ask for, on the thread that will use it. `automatic` tries
/// io_uring and, where the kernel or a seccomp profile denies it, takes epoll with one logged line
/// that says why.
Result<std::unique_ptr<Io>> make_io(const IoOptions& options);

/// The two implementations; make_io chooses.
Result<std::unique_ptr<Io>> make_uring_io(const IoOptions& options);
Result<std::unique_ptr<Io>> make_epoll_io(const IoOptions& options);

}  // namespace ringpost::io
