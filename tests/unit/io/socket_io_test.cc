// SPDX-License-Identifier: Apache-2.0
// One set of sentences for every Io: its socket table, listeners, waits, wake-ups and look-ups.
#include "io/socket_io.h"

#include <gtest/gtest.h>
#include <netdb.h>
#include <netinet/tcp.h>

#include <algorithm>
#include <atomic>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "every_io.h"

namespace ringpost::io {
namespace {

using SocketIoTest = IoTest;
INSTANTIATE_TEST_SUITE_P(All, SocketIoTest, every_way, way_name);

TEST_P(SocketIoTest, ListensOnAPortOfTheKernelsChoice) {
    Address bound;
    const Result<SocketId> l = io().listen(Address::from_literal("127.0.0.1", 0), 11, bound);
    ASSERT_TRUE(l) << l.error().text;
    ASSERT_NE(bound.port, 0);

    const SocketId client = io().connect(bound, 12);
    SocketId server;
    for (int i = 0; i < 2; ++i) {
        const Event e = next();
        if (e.kind == Event::Kind::accepted) {
            server = e.socket;
            EXPECT_EQ(e.token, 11u);
        } else {
            EXPECT_EQ(e.kind, Event::Kind::connected);
            EXPECT_EQ(e.result, 0);
            EXPECT_EQ(e.socket, client);
        }
    }
    ASSERT_TRUE(server.valid());
    io().set_token(server, 13);
    io().receive(server, room_);
    const Piece piece = as_bytes("ping");
    io().send(client, {&piece, 1});
    for (int i = 0; i < 2; ++i) {
        const Event e = next();
        EXPECT_EQ(e.token, e.kind == Event::Kind::received ? 13u : 12u);
        EXPECT_EQ(e.result, 4);
    }
    EXPECT_EQ(as_text({room_.data(), 4}), "ping");

    close_and_expect_closed(*l);
    // The listener's end is not its connections' end.
    send_text(server, "pong");
    io().receive(client, room_);
    expect(Event::Kind::received, client, 4);
}

/// Our end of the connection whose other end is `peer`, as the kernel has it.
int option_of_our_end(int peer, int level, int name) {
    for (int d = 0; d < 1024; ++d) {
        if (d == peer || address_of(d) != peer_of(peer)) continue;
        int value = -1;
        socklen_t size = sizeof value;
        EXPECT_EQ(::getsockopt(d, level, name, &value, &size), 0);
        return value;
    }
    ADD_FAILURE() << "no such socket";
    return -1;
}

TEST_P(SocketIoTest, TunesItsSocketsAsItIsTold) {
    const RawListener listener;
    for (const bool keepalive : {true, false}) {
        open(4, {.keepalive = keepalive, .user_timeout = Duration::ms(2'345)});
        Descriptor peer;
        const SocketId s = connect_to(listener, peer);
        EXPECT_EQ(option_of_our_end(peer.number(), IPPROTO_TCP, TCP_NODELAY), 1);
        EXPECT_EQ(option_of_our_end(peer.number(), SOL_SOCKET, SO_KEEPALIVE), keepalive ? 1 : 0);
        EXPECT_EQ(option_of_our_end(peer.number(), IPPROTO_TCP, TCP_USER_TIMEOUT), 2'345);
        close_and_expect_closed(s);
    }
}

TEST_P(SocketIoTest, TellsWhyItCantListen) {
    const RawListener other;
    Address bound;
    const Result<SocketId> l = io().listen(other.address(), 1, bound);
    ASSERT_FALSE(l);
    EXPECT_EQ(l.error().code, Errc::system_error);
    EXPECT_NE(l.error().text.find(other.address().text()), std::string::npos) << l.error().text;
    EXPECT_NE(l.error().text.find("in use"), std::string::npos) << l.error().text;
}

TEST_P(SocketIoTest, AcceptsManyConnectionsThatWaitTogether) {
    Address bound;
    const Result<SocketId> l = io().listen(Address::from_literal("127.0.0.1", 0), 1, bound);
    ASSERT_TRUE(l);
    std::vector<Descriptor> clients;
    for (int i = 0; i < 10; ++i) clients.push_back(connected_socket(bound));
    std::vector<SocketId> servers;
    for (int i = 0; i < 10; ++i) {
        const Event e = next();
        EXPECT_EQ(e.kind, Event::Kind::accepted);
        EXPECT_EQ(std::count(servers.begin(), servers.end(), e.socket), 0);
        servers.push_back(e.socket);
    }
}

TEST_P(SocketIoTest, DropsTheEventsOfASocketThatIsClosed) {
    const RawListener listener;
    Descriptor peer;
    const SocketId s = connect_to(listener, peer);
    const SocketId other = io().connect(listener.address(), 2);
    expect(Event::Kind::connected, other);
    io().receive(s, room_);
    write_text(peer.number(), "late");
    io().close(s);
    EXPECT_EQ(next().socket, s);
    expect_nothing();
    close_and_expect_closed(other);
}

TEST_P(SocketIoTest, GivesNoMoreSocketsThanItsLimit) {
    open(2);
    const RawListener listener;
    const SocketId a = io().connect(listener.address(), 1);
    const SocketId b = io().connect(listener.address(), 2);
    EXPECT_TRUE(a.valid());
    EXPECT_TRUE(b.valid());
    EXPECT_FALSE(io().connect(listener.address(), 3).valid());
    Address bound;
    const Result<SocketId> l = io().listen(Address::from_literal("127.0.0.1", 0), 4, bound);
    ASSERT_TRUE(l);
    EXPECT_FALSE(l->valid());

    for (int i = 0; i < 2; ++i) EXPECT_EQ(next().kind, Event::Kind::connected);
    io().close(b);
    EXPECT_FALSE(io().connect(listener.address(), 3).valid()) << "before `closed` was taken";
    expect(Event::Kind::closed, b);
    EXPECT_TRUE(io().connect(listener.address(), 3).valid());
}

TEST_P(SocketIoTest, GivesAReusedSocketANewGeneration) {
    open(1);
    const RawListener listener;
    SocketId last;
    for (int i = 0; i < 20; ++i) {
        Descriptor peer;
        const SocketId s = connect_to(listener, peer);
        EXPECT_EQ(s.index, 0u);
        EXPECT_NE(s, last);
        last = s;
        io().receive(s, room_);
        if (i % 2 == 0) write_text(peer.number(), "old");
        io().close(s);
        const Event e = next();
        EXPECT_EQ(e.kind, Event::Kind::closed);
        EXPECT_EQ(e.socket, s);
    }
    expect_nothing();
}

TEST_P(SocketIoTest, ClosesConnectionsThatItHasNoSocketFor) {
    open(2);
    Address bound;
    const Result<SocketId> l = io().listen(Address::from_literal("127.0.0.1", 0), 1, bound);
    ASSERT_TRUE(l);
    const Descriptor first = connected_socket(bound);
    EXPECT_EQ(next().kind, Event::Kind::accepted);
    const Descriptor second = connected_socket(bound);
    std::thread reader([&] {
        EXPECT_EQ(read_bytes(second.number(), 1).size(), 0u);
        io().wake();
    });
    Event e{};
    EXPECT_EQ(io().wait({&e, 1}, io().now() + patience), 0u);
    reader.join();
    ASSERT_EQ(lines_.size(), 1u);
    EXPECT_NE(lines_[0].find("refused"), std::string::npos) << lines_[0];
}

TEST_P(SocketIoTest, AcceptsAgainAfterTheProcessWasOutOfDescriptors) {
    Address bound;
    const Result<SocketId> l = io().listen(Address::from_literal("127.0.0.1", 0), 1, bound);
    ASSERT_TRUE(l);
    expect_nothing();
    const SocketAddress to = to_socket_address(bound);
    const Descriptor first(::socket(AF_INET, SOCK_STREAM, 0));
    const Descriptor second(::socket(AF_INET, SOCK_STREAM, 0));
    int accepted = 0;
    Event e{};
    {
        const NoDescriptors none;
        // io_uring takes the limit when an accept is asked for, so the first may still succeed.
        ASSERT_EQ(::connect(first.number(), &to.plain, to.size), 0);
        ASSERT_EQ(::connect(second.number(), &to.plain, to.size), 0);
        const Instant deadline = io().now() + patience;
        while (lines_.empty() && io().now() < deadline) {
            if (io().wait({&e, 1}, Instant{}) == 1) ++accepted;
        }
    }
    ASSERT_EQ(lines_.size(), 1u);
    EXPECT_NE(lines_[0].find("accepting pauses"), std::string::npos) << lines_[0];
    for (; accepted < 2; ++accepted) EXPECT_EQ(next().kind, Event::Kind::accepted);
}

TEST_P(SocketIoTest, SleepsOnceForAWaitWithATimeout) {
    // The end of an earlier test's ring may interrupt this thread's next sleep, like a signal.
    bool slept_once = false;
    for (int i = 0; i < 5 && !slept_once; ++i) {
        const Io::Counters before = io().counters();
        const Instant until = io().now() + Duration::ms(20);
        Event e{};
        EXPECT_EQ(io().wait({&e, 1}, until), 0u);
        EXPECT_GE(io().now(), until);
        slept_once = io().counters().waits_slept == before.waits_slept + 1 &&
                     io().counters().system_calls == before.system_calls + 1;
    }
    EXPECT_TRUE(slept_once);
}

TEST_P(SocketIoTest, DoesNotSleepForAnInstantThatHasPassed) {
    const Io::Counters before = io().counters();
    Event e{};
    for (int i = 0; i < 100; ++i) {
        EXPECT_EQ(io().wait({&e, 1}, Instant{}), 0u);
        EXPECT_EQ(io().wait({&e, 1}, io().now()), 0u);
    }
    EXPECT_EQ(io().counters().waits_slept, before.waits_slept);
    if (GetParam().backend == Backend::io_uring) {
        EXPECT_EQ(io().counters().system_calls, before.system_calls);
    }
}

TEST_P(SocketIoTest, GivesEventsOneByOneToASmallSpan) {
    const RawListener listener;
    std::vector<SocketId> sockets;
    for (std::uint64_t i = 0; i < 8; ++i) sockets.push_back(io().connect(listener.address(), i));
    std::vector<std::uint64_t> tokens;
    for (int i = 0; i < 8; ++i) tokens.push_back(next().token);
    std::sort(tokens.begin(), tokens.end());
    EXPECT_EQ(tokens, (std::vector<std::uint64_t>{0, 1, 2, 3, 4, 5, 6, 7}));
    for (const SocketId s : sockets) io().close(s);
    std::array<Event, 3> out;
    std::size_t closed = 0;
    while (closed < 8) {
        const std::size_t n = io().wait(out, io().now() + patience);
        ASSERT_GT(n, 0u);
        ASSERT_LE(n, 3u);
        closed += n;
    }
    expect_nothing();
}

TEST_P(SocketIoTest, DrivesMoreOperationsThanOneSubmissionQueueHolds) {
    constexpr std::uint64_t pairs = 180;
    open(2 * pairs + 1);
    Address bound;
    const Result<SocketId> l = io().listen(Address::from_literal("127.0.0.1", 0), pairs, bound);
    ASSERT_TRUE(l);
    std::vector<SocketId> sockets;
    for (std::uint64_t i = 0; i < pairs; ++i) sockets.push_back(io().connect(bound, i));
    for (std::uint64_t i = 0; i < 2 * pairs; ++i) {
        const Event e = next();
        EXPECT_EQ(e.result, 0);
        if (e.kind == Event::Kind::accepted) sockets.push_back(e.socket);
    }
    ASSERT_EQ(sockets.size(), 2 * pairs);
    std::vector<std::array<std::byte, 8>> rooms(2 * pairs);
    for (int round = 0; round < 3; ++round) {
        const Piece piece = as_bytes("12345678");
        for (std::size_t i = 0; i < sockets.size(); ++i) {
            io().receive(sockets[i], rooms[i]);
            io().send(sockets[i], {&piece, 1});
        }
        std::array<Event, 64> out;
        for (std::size_t got = 0; got < 4 * pairs;) {
            const std::size_t n = io().wait(out, io().now() + patience);
            ASSERT_GT(n, 0u);
            for (std::size_t i = 0; i < n; ++i) EXPECT_EQ(out[i].result, 8) << text_of(out[i]);
            got += n;
        }
    }
    for (std::size_t i = 0; i < sockets.size(); ++i) io().receive(sockets[i], rooms[i]);
    for (const SocketId s : sockets) io().close(s);
    for (std::size_t i = 0; i < sockets.size(); ++i) EXPECT_EQ(next().kind, Event::Kind::closed);
}

TEST_P(SocketIoTest, WakesTheNextWaitOnce) {
    Event e{};
    io().wake();
    io().wake();
    const Instant deadline = io().now() + patience;
    EXPECT_EQ(io().wait({&e, 1}, deadline), 0u);
    EXPECT_LT(io().now(), deadline);
    const Instant until = io().now() + Duration::ms(5);
    EXPECT_EQ(io().wait({&e, 1}, until), 0u);
    EXPECT_GE(io().now(), until) << "a wake was taken twice";
}

/// The waker publishes a number, then wakes; the loop looks at the number after each wait and
/// sleeps with no other reason to wake up. One lost wake stops both.
TEST_P(SocketIoTest, LosesNoWakeFromAnotherThread) {
    constexpr std::uint32_t rounds = 10'000;
    std::atomic<std::uint32_t> posted = 0;
    std::atomic<std::uint32_t> seen = 0;
    std::atomic<bool> stop = false;
    std::thread waker([&] {
        for (std::uint32_t i = 1; i <= rounds && !stop; ++i) {
            posted = i;
            io().wake();
            while (seen != i && !stop) {
            }
        }
    });
    Event e{};
    while (seen < rounds) {
        const Instant deadline = io().now() + patience;
        io().wait({&e, 1}, deadline);
        // Sometimes a wake is met by a wait that would not have slept.
        if (seen % 3 == 0) io().wait({&e, 1}, Instant{});
        if (io().now() >= deadline) {
            ADD_FAILURE() << "a wake was lost in round " << seen + 1;
            break;
        }
        seen = posted.load();
    }
    stop = true;
    waker.join();
}

/// Like the above with two wakers that don't wait for the loop, and traffic besides.
TEST_P(SocketIoTest, LosesNoWakeAmongTraffic) {
    constexpr std::uint32_t rounds = 5'000;
    const RawListener listener;
    Descriptor peer;
    const SocketId s = connect_to(listener, peer);
    std::thread echo([&] {
        std::array<char, 64> data;
        for (ssize_t n; (n = ::recv(peer.number(), data.data(), data.size(), 0)) > 0;) {
            if (::send(peer.number(), data.data(), static_cast<std::size_t>(n), MSG_NOSIGNAL) < 0) {
                break;
            }
        }
    });
    std::atomic<std::uint32_t> posted = 0;
    const auto wake_often = [&] {
        for (std::uint32_t i = 0; i < rounds; ++i) {
            posted.fetch_add(1);
            io().wake();
        }
    };
    std::thread first(wake_often);
    std::thread second(wake_often);
    const Piece piece = as_bytes("echo");
    io().receive(s, room_);
    io().send(s, {&piece, 1});
    int echoes = 0;
    while (posted < 2 * rounds || echoes < 100) {
        const Instant deadline = io().now() + patience;
        Event e{};
        if (io().wait({&e, 1}, deadline) == 1 && e.kind == Event::Kind::received) {
            ASSERT_EQ(e.result, 4);
            ++echoes;
            io().receive(s, room_);
            io().send(s, {&piece, 1});
            expect(Event::Kind::sent, s, 4);
        }
        ASSERT_LT(io().now(), deadline);
    }
    first.join();
    second.join();
    io().close(s);
    while (next().kind != Event::Kind::closed) {
    }
    echo.join();
}

TEST_P(SocketIoTest, ResolvesALiteralWithoutALookUp) {
    const Io::Counters before = io().counters();
    io().resolve("127.0.0.1", 9092, 5);
    io().resolve("[::1]", 9093, 6);
    std::array<Event, 4> out;
    ASSERT_EQ(io().wait(out, Instant{}), 2u);
    EXPECT_EQ(out[0].kind, Event::Kind::resolved);
    EXPECT_EQ(out[0].token, 5u);
    EXPECT_FALSE(out[0].socket.valid());
    ASSERT_EQ(out[0].addresses.size(), 1u);
    EXPECT_EQ(out[0].addresses[0].text(), "127.0.0.1:9092");
    ASSERT_EQ(out[1].addresses.size(), 1u);
    EXPECT_EQ(out[1].addresses[0].text(), "[::1]:9093");
    EXPECT_EQ(io().counters().waits_slept, before.waits_slept);
}

TEST_P(SocketIoTest, ResolvesLocalhost) {
    io().resolve("localhost", 9092, 5);
    const Event e = next();
    EXPECT_EQ(e.kind, Event::Kind::resolved);
    ASSERT_EQ(e.result, 0) << gai_strerror(e.result);
    ASSERT_FALSE(e.addresses.empty());
    for (const Address& a : e.addresses) {
        EXPECT_TRUE(a.text() == "127.0.0.1:9092" || a.text() == "[::1]:9092") << a.text();
    }
}

TEST_P(SocketIoTest, TellsThatANameHasNoAddress) {
    io().resolve("no-such-host.invalid", 9092, 5);
    io().resolve("", 9092, 6);
    io().resolve(std::string_view("a\0b", 3), 9092, 7);
    std::vector<std::uint64_t> tokens;
    for (int i = 0; i < 3; ++i) {
        const Event e = next();
        EXPECT_EQ(e.kind, Event::Kind::resolved);
        EXPECT_LT(e.result, 0);
        EXPECT_TRUE(e.addresses.empty());
        tokens.push_back(e.token);
    }
    std::sort(tokens.begin(), tokens.end());
    EXPECT_EQ(tokens, (std::vector<std::uint64_t>{5, 6, 7}));
}

TEST_P(SocketIoTest, ResolvesManyNames) {
    for (std::uint64_t i = 0; i < 50; ++i) io().resolve("localhost", 1, i);
    for (std::uint64_t i = 0; i < 50; ++i) {
        const Event e = next();
        EXPECT_EQ(e.token, i);
        EXPECT_EQ(e.result, 0);
        EXPECT_FALSE(e.addresses.empty());
    }
    expect_nothing();
}

using SocketIoDeathTest = IoTest;
INSTANTIATE_TEST_SUITE_P(All, SocketIoDeathTest, testing::Values(ways[0], ways[6]), way_name);

TEST_P(SocketIoDeathTest, TakesNoSecondSendOrReceiveOnASocket) {
    const RawListener listener;
    Descriptor peer;
    const SocketId s = connect_to(listener, peer);
    const Piece piece = as_bytes("x");
    io().receive(s, room_);
    EXPECT_DEATH(io().receive(s, room_), "receiving");
    io().send(s, {&piece, 1});
    EXPECT_DEATH(io().send(s, {&piece, 1}), "sending");
    close_and_expect_closed(s);
    EXPECT_DEATH(io().receive(s, room_), "nullptr");
}

}  // namespace
}  // namespace ringpost::io
