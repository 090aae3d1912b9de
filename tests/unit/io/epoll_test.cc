// SPDX-License-Identifier: Apache-2.0
// What is promised of EpollIo alone. The rest is in io_test.cc.
#include "io/epoll.h"

#include <gtest/gtest.h>

#include <array>
#include <string>

#include "raw_peer.h"

namespace ringpost::io {
namespace {

constexpr Duration patience = Duration::seconds(30);

TEST(Epoll, SendsAtOnceWhatTheSocketTakes) {
    IoOptions options;
    options.sockets_max = 8;
    EpollIo io(options);
    ASSERT_TRUE(io.open());
    const RawListener listener;
    const SocketId s = io.connect(listener.address(), 1);
    Event e{};
    ASSERT_EQ(io.wait({&e, 1}, io.now() + patience), 1u);
    const Descriptor peer = listener.accept();

    const Io::Counters before = io.counters();
    const Piece piece = as_bytes("hello");
    io.send(s, {&piece, 1});
    EXPECT_EQ(io.counters().system_calls, before.system_calls + 1);
    EXPECT_EQ(as_text(read_bytes(peer.number(), 5)), "hello");
    ASSERT_EQ(io.wait({&e, 1}, io.now() + patience), 1u);
    EXPECT_EQ(e.kind, Event::Kind::sent);
    EXPECT_EQ(io.counters().waits_slept, before.waits_slept);
}

TEST(Epoll, SleepsInMillisecondsWhereFinerTimeoutsAreDenied) {
    for (const unsigned error : {unsigned{ENOSYS}, unsigned{EPERM}}) {
        const std::string wrong = run_in_child([&]() -> std::string {
            if (!deny_system_call(SYS_epoll_pwait2, error)) return "no seccomp filter";
            EpollIo io(IoOptions{});
            if (!io.open()) return "not opened";
            Event e{};
            const Instant until = io.now() + Duration::us(2'500);
            if (io.wait({&e, 1}, until) != 0) return "an event";
            if (io.now() < until) return "too early";
            if (io.counters().waits_slept != 1) return "slept more than once";
            io.wake();
            if (io.wait({&e, 1}, Instant::never()) != 0) return "an event of a wake";
            return "";
        });
        EXPECT_EQ(wrong, "");
    }
}

TEST(Epoll, IsNotDisturbedByAForkThatKeepsItsSockets) {
    IoOptions options;
    options.sockets_max = 1;
    EpollIo io(options);
    ASSERT_TRUE(io.open());
    const RawListener listener;
    const SocketId s = io.connect(listener.address(), 1);
    Event e{};
    ASSERT_EQ(io.wait({&e, 1}, io.now() + patience), 1u);
    Descriptor peer = listener.accept();
    // A copy of the socket, as a fork has, keeps it open after close().
    const Descriptor copy(::dup(descriptor_bound_to(peer_of(peer.number()))));
    ASSERT_GE(copy.number(), 0);
    io.close(s);
    ASSERT_EQ(io.wait({&e, 1}, io.now() + patience), 1u);
    EXPECT_EQ(e.kind, Event::Kind::closed);
    const SocketId next = io.connect(listener.address(), 2);
    ASSERT_EQ(io.wait({&e, 1}, io.now() + patience), 1u);
    EXPECT_EQ(e.socket, next);
    EXPECT_EQ(e.result, 0);
    // What happens to the copy does not wake the Io.
    reset_connection(peer);
    const std::uint64_t before = io.counters().waits_slept;
    EXPECT_EQ(io.wait({&e, 1}, io.now() + Duration::ms(5)), 0u);
    EXPECT_EQ(io.counters().waits_slept, before + 1);
}

}  // namespace
}  // namespace ringpost::io
