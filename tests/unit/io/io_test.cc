// SPDX-License-Identifier: Apache-2.0
// One set of sentences for every Io: epoll, and each rung of the io_uring ladder.
#include "io/io.h"

#include <gtest/gtest.h>
#include <netdb.h>

#include <algorithm>
#include <atomic>
#include <cstring>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "base/limits.h"
#include "raw_peer.h"

namespace ringpost::io {
namespace {

struct Way {
    const char* name;
    Backend backend;
    std::uint32_t capabilities;
};
void PrintTo(const Way& way, std::ostream* out) { *out << way.name; }

constexpr std::uint32_t no_defer = cap_all & ~cap_defer_taskrun;
constexpr std::uint32_t no_single = no_defer & ~cap_single_issuer;
constexpr std::uint32_t no_coop = no_single & ~cap_coop_taskrun;

constexpr Way ways[] = {
    {"uring_defer_taskrun", Backend::io_uring, cap_all},
    {"uring_single_issuer", Backend::io_uring, no_defer},
    {"uring_coop_taskrun", Backend::io_uring, no_single},
    {"uring_plain", Backend::io_uring, no_coop},
    {"uring_without_registered_ring", Backend::io_uring, cap_all & ~cap_registered_ring},
    {"uring_with_short_sends", Backend::io_uring, cap_all & ~cap_send_waitall},
    {"epoll", Backend::epoll, cap_all},
};

/// Long enough for any machine: a test that gets here has hung.
constexpr Duration patience = Duration::seconds(30);

std::string text_of(const Event& e) {
    static constexpr const char* names[] = {"resolved", "connected", "sent",
                                            "received", "accepted",  "closed"};
    return std::string(names[static_cast<int>(e.kind)]) + " " + std::to_string(e.result);
}

class IoTest : public testing::TestWithParam<Way> {
protected:
    void SetUp() override { open(16); }

    void open(std::uint32_t sockets_max) {
        IoOptions options;
        options.backend = GetParam().backend;
        options.capabilities = GetParam().capabilities;
        options.sockets_max = sockets_max;
        options.log = Log(LogLevel::debug,
                          [this](LogLevel, std::string_view line) { lines_.emplace_back(line); });
        io_.reset();
        Result<std::unique_ptr<Io>> made = make_io(options);
        if (!made) GTEST_SKIP() << made.error().text;
        io_ = *std::move(made);
    }

    Io& io() { return *io_; }

    /// The next event; fails the test if none comes.
    Event next() {
        Event event{};
        const Instant deadline = io().now() + patience;
        while (io().now() < deadline) {
            if (io().wait({&event, 1}, deadline) == 1) return event;
        }
        ADD_FAILURE() << "no event came";
        return event;
    }
    Event expect(Event::Kind kind, SocketId socket, std::int32_t result = 0) {
        const Event event = next();
        EXPECT_EQ(event.kind, kind) << text_of(event);
        EXPECT_EQ(event.socket, socket) << text_of(event);
        EXPECT_EQ(event.result, result) << text_of(event);
        return event;
    }
    void expect_nothing() {
        Event event{};
        EXPECT_EQ(io().wait({&event, 1}, Instant{}), 0u) << text_of(event);
    }

    /// A connection to `listener`; its other end in `peer`.
    SocketId connect_to(const RawListener& listener, Descriptor& peer, std::uint64_t token = 7) {
        const SocketId s = io().connect(listener.address(), token);
        EXPECT_TRUE(s.valid());
        EXPECT_EQ(expect(Event::Kind::connected, s).token, token);
        peer = listener.accept();
        return s;
    }
    void send_text(SocketId s, std::string_view text) {
        const Piece piece = as_bytes(text);
        io().send(s, {&piece, 1});
        expect(Event::Kind::sent, s, static_cast<std::int32_t>(text.size()));
    }
    void close_and_expect_closed(SocketId s) {
        io().close(s);
        expect(Event::Kind::closed, s);
    }

    std::unique_ptr<Io> io_;
    std::vector<std::string> lines_;
    std::array<std::byte, 4096> room_{};
};

INSTANTIATE_TEST_SUITE_P(All, IoTest, testing::ValuesIn(ways),
                         [](const auto& p) { return std::string(p.param.name); });

TEST_P(IoTest, ConnectsSendsReceivesAndCloses) {
    const RawListener listener;
    Descriptor peer;
    const SocketId s = connect_to(listener, peer);

    send_text(s, "hello");
    EXPECT_EQ(as_text(read_bytes(peer.number(), 5)), "hello");

    io().receive(s, room_);
    write_text(peer.number(), "good day");
    expect(Event::Kind::received, s, 8);
    EXPECT_EQ(as_text({room_.data(), 8}), "good day");

    close_and_expect_closed(s);
    EXPECT_EQ(read_bytes(peer.number(), 1).size(), 0u);
    expect_nothing();
}

TEST_P(IoTest, ReceivesWhatCameBeforeItAsked) {
    const RawListener listener;
    Descriptor peer;
    const SocketId s = connect_to(listener, peer);
    write_text(peer.number(), "one two three");
    for (const char* word : {"one ", "two ", "thre"}) {
        io().receive(s, std::span(room_).first(4));
        expect(Event::Kind::received, s, 4);
        EXPECT_EQ(as_text({room_.data(), 4}), word);
    }
    io().receive(s, std::span(room_).first(4));
    expect(Event::Kind::received, s, 1);
}

TEST_P(IoTest, TellsThatAConnectWasRefused) {
    const Descriptor silent = bound_socket();
    const SocketId s = io().connect(address_of(silent.number()), 3);
    EXPECT_EQ(expect(Event::Kind::connected, s, -ECONNREFUSED).token, 3u);
    close_and_expect_closed(s);
}

TEST_P(IoTest, TellsThatAnAddressHasNoFamily) {
    const SocketId s = io().connect(Address{}, 3);
    ASSERT_TRUE(s.valid());
    EXPECT_LT(next().result, 0);
    close_and_expect_closed(s);
}

TEST_P(IoTest, TellsThatNoDescriptorWasLeftToConnect) {
    const RawListener listener;
    SocketId s;
    {
        const NoDescriptors none;
        s = io().connect(listener.address(), 3);
    }
    expect(Event::Kind::connected, s, -EMFILE);
    close_and_expect_closed(s);
}

TEST_P(IoTest, ListensOnAPortOfTheKernelsChoice) {
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

TEST_P(IoTest, TellsWhyItCantListen) {
    const RawListener other;
    Address bound;
    const Result<SocketId> l = io().listen(other.address(), 1, bound);
    ASSERT_FALSE(l);
    EXPECT_EQ(l.error().code, Errc::system_error);
    EXPECT_NE(l.error().text.find(other.address().text()), std::string::npos) << l.error().text;
    EXPECT_NE(l.error().text.find("in use"), std::string::npos) << l.error().text;
}

TEST_P(IoTest, AcceptsManyConnectionsThatWaitTogether) {
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

TEST_P(IoTest, WorksOverIpv6) {
    Address bound;
    const Result<SocketId> l = io().listen(Address::from_literal("::1", 0), 1, bound);
    if (!l) GTEST_SKIP() << l.error().text;
    EXPECT_EQ(bound.family, Address::Family::ipv6);
    const SocketId client = io().connect(bound, 2);
    for (int i = 0; i < 2; ++i) {
        const Event e = next();
        EXPECT_TRUE(e.kind == Event::Kind::accepted || e.socket == client);
        EXPECT_EQ(e.result, 0);
    }
    send_text(client, "six");
}

/// 8 MiB in `count` pieces of uneven sizes, some of them empty.
std::vector<std::byte> numbered_bytes(std::size_t bytes) {
    std::vector<std::byte> data(bytes);
    std::uint32_t x = 1;
    for (std::byte& b : data) {
        x = x * 1664525 + 1013904223;
        b = static_cast<std::byte>(x >> 24);
    }
    return data;
}
std::vector<Piece> uneven_pieces(ByteSpan data, std::size_t count) {
    std::vector<Piece> pieces;
    for (std::size_t i = 0; i + 1 < count; ++i) {
        const std::size_t share = data.size() / (count - i) * (i % 3);
        const std::size_t bytes = std::min(share, data.size());
        pieces.push_back(data.first(bytes));
        data = data.subspan(bytes);
    }
    pieces.push_back(data);
    return pieces;
}

TEST_P(IoTest, SendsALargeSendWholeAndInOrderWithOneEvent) {
    const RawListener listener(32 * 1024);
    Descriptor peer;
    const SocketId s = connect_to(listener, peer);
    const int small = 16 * 1024;
    const int own = descriptor_bound_to(peer_of(peer.number()));
    ASSERT_GE(own, 0);
    ASSERT_EQ(::setsockopt(own, SOL_SOCKET, SO_SNDBUF, &small, sizeof small), 0);

    const std::vector<std::byte> data = numbered_bytes(8 << 20);
    const std::vector<Piece> pieces = uneven_pieces(data, limits::send_pieces_max);
    ASSERT_EQ(pieces.size(), limits::send_pieces_max);
    io().send(s, pieces);
    std::vector<std::byte> got;
    std::thread reader([&] { got = read_bytes(peer.number(), data.size()); });
    expect(Event::Kind::sent, s, 8 << 20);
    expect_nothing();
    reader.join();
    EXPECT_TRUE(got == data);
}

TEST_P(IoTest, SendsAnEmptyPiece) {
    const RawListener listener;
    Descriptor peer;
    const SocketId s = connect_to(listener, peer);
    send_text(s, "");
    send_text(s, "x");
    EXPECT_EQ(as_text(read_bytes(peer.number(), 1)), "x");
}

TEST_P(IoTest, KeepsTheOrderOfSendAfterSend) {
    const RawListener listener;
    Descriptor peer;
    const SocketId s = connect_to(listener, peer);
    std::string expected;
    for (int i = 0; i < 100; ++i) {
        const std::string text = std::to_string(i) + " ";
        send_text(s, text);
        expected += text;
    }
    EXPECT_EQ(as_text(read_bytes(peer.number(), expected.size())), expected);
}

TEST_P(IoTest, ReceivesTheEndOfTheStreamEachTimeItAsks) {
    const RawListener listener;
    Descriptor peer;
    const SocketId s = connect_to(listener, peer);
    io().receive(s, room_);
    write_text(peer.number(), "bye");
    peer.close();
    expect(Event::Kind::received, s, 3);
    for (int i = 0; i < 3; ++i) {
        io().receive(s, room_);
        expect(Event::Kind::received, s, 0);
    }
    close_and_expect_closed(s);
}

TEST_P(IoTest, ReceivesTheEndOfTheStreamThatCameWhileItSlept) {
    const RawListener listener;
    Descriptor peer;
    const SocketId s = connect_to(listener, peer);
    io().receive(s, room_);
    std::thread other([&] { peer.close(); });
    expect(Event::Kind::received, s, 0);
    other.join();
}

TEST_P(IoTest, TellsThatThePeerReset) {
    const RawListener listener;
    Descriptor peer;
    const SocketId s = connect_to(listener, peer);
    io().receive(s, room_);
    expect_nothing();
    reset_connection(peer);
    expect(Event::Kind::received, s, -ECONNRESET);
    const Piece piece = as_bytes("x");
    io().send(s, {&piece, 1});
    expect(Event::Kind::sent, s, -EPIPE);
    close_and_expect_closed(s);
}

TEST_P(IoTest, FailsABlockedSendWhenThePeerResets) {
    const RawListener listener(16 * 1024);
    Descriptor peer;
    const SocketId s = connect_to(listener, peer);
    const std::vector<std::byte> data = numbered_bytes(16 << 20);
    const Piece piece = data;
    io().send(s, {&piece, 1});
    expect_nothing();
    reset_connection(peer);
    const Event e = next();
    EXPECT_EQ(e.kind, Event::Kind::sent);
    EXPECT_TRUE(e.result == -ECONNRESET || e.result == -EPIPE) << e.result;
}

TEST_P(IoTest, ReportsClosedLastWithASendAndAReceiveOutstanding) {
    const RawListener listener(16 * 1024);
    Descriptor peer;
    const SocketId s = connect_to(listener, peer);
    const std::vector<std::byte> data = numbered_bytes(16 << 20);
    const Piece piece = data;
    io().receive(s, room_);
    io().send(s, {&piece, 1});
    expect_nothing();
    io().close(s);
    io().close(s);  // Changes nothing.
    while (next().kind != Event::Kind::closed) {
    }
    expect_nothing();
}

TEST_P(IoTest, ClosesASocketWhoseOperationsWereNotSubmittedYet) {
    const RawListener listener;
    Descriptor peer;
    const SocketId s = connect_to(listener, peer);
    const Piece piece = as_bytes("never mind");
    io().receive(s, room_);
    io().send(s, {&piece, 1});
    io().close(s);
    while (next().kind != Event::Kind::closed) {
    }
    const SocketId connecting = io().connect(listener.address(), 1);
    io().close(connecting);
    while (next().kind != Event::Kind::closed) {
    }
    expect_nothing();
}

TEST_P(IoTest, ClosesASocketThatIsConnecting) {
    // A listener whose queue is full drops what comes, and the connect waits.
    const RawListener full(0, 0);
    const SocketAddress to = to_socket_address(full.address());
    std::vector<Descriptor> fillers;
    for (int i = 0; i < 4; ++i) {
        fillers.emplace_back(::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0));
        ::connect(fillers.back().number(), &to.plain, to.size);
    }
    const SocketId s = io().connect(full.address(), 1);
    expect_nothing();
    io().close(s);
    while (next().kind != Event::Kind::closed) {
    }
    expect_nothing();
}

TEST_P(IoTest, DropsTheEventsOfASocketThatIsClosed) {
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

TEST_P(IoTest, LeavesMemoryAloneAfterClosed) {
    const RawListener listener;
    Descriptor peer;
    const SocketId s = connect_to(listener, peer);
    io().receive(s, room_);
    expect_nothing();
    close_and_expect_closed(s);
    room_.fill(std::byte{0x5a});
    ::send(peer.number(), "written", 7, MSG_NOSIGNAL);
    for (int i = 0; i < 10; ++i) expect_nothing();
    EXPECT_EQ(std::count(room_.begin(), room_.end(), std::byte{0x5a}),
              static_cast<std::ptrdiff_t>(room_.size()));
}

TEST_P(IoTest, GivesNoMoreSocketsThanItsLimit) {
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

TEST_P(IoTest, GivesAReusedSocketANewGeneration) {
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

TEST_P(IoTest, ClosesConnectionsThatItHasNoSocketFor) {
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

TEST_P(IoTest, AcceptsAgainAfterTheProcessWasOutOfDescriptors) {
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

TEST_P(IoTest, SleepsOnceForAWaitWithATimeout) {
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

TEST_P(IoTest, DoesNotSleepForAnInstantThatHasPassed) {
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

TEST_P(IoTest, GivesEventsOneByOneToASmallSpan) {
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

TEST_P(IoTest, DrivesMoreOperationsThanOneSubmissionQueueHolds) {
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

TEST_P(IoTest, DestroysItselfWithEverythingOutstanding) {
    const RawListener listener(16 * 1024);
    const std::vector<std::byte> data = numbered_bytes(16 << 20);
    const Piece piece = data;
    Descriptor peer;
    const SocketId s = connect_to(listener, peer);
    Address bound;
    ASSERT_TRUE(io().listen(Address::from_literal("127.0.0.1", 0), 1, bound));
    io().connect(listener.address(), 2);
    io().resolve("localhost", 1, 3);
    io().receive(s, room_);
    io().send(s, {&piece, 1});
    std::array<Event, 8> out;
    io().wait(out, Instant{});
    io_.reset();
    room_.fill(std::byte{0x5a});
    // What follows the bytes already queued is the end: nothing is sent from freed memory.
    EXPECT_LT(read_bytes(peer.number(), data.size()).size(), data.size());
    EXPECT_EQ(std::count(room_.begin(), room_.end(), std::byte{0x5a}),
              static_cast<std::ptrdiff_t>(room_.size()));
    EXPECT_TRUE(lines_.empty()) << lines_[0];
}

TEST_P(IoTest, WakesTheNextWaitOnce) {
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
TEST_P(IoTest, LosesNoWakeFromAnotherThread) {
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
TEST_P(IoTest, LosesNoWakeAmongTraffic) {
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

TEST_P(IoTest, ResolvesALiteralWithoutALookUp) {
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

TEST_P(IoTest, ResolvesLocalhost) {
    io().resolve("localhost", 9092, 5);
    const Event e = next();
    EXPECT_EQ(e.kind, Event::Kind::resolved);
    ASSERT_EQ(e.result, 0) << gai_strerror(e.result);
    ASSERT_FALSE(e.addresses.empty());
    for (const Address& a : e.addresses) {
        EXPECT_TRUE(a.text() == "127.0.0.1:9092" || a.text() == "[::1]:9092") << a.text();
    }
}

TEST_P(IoTest, TellsThatANameHasNoAddress) {
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

TEST_P(IoTest, ResolvesManyNames) {
    for (std::uint64_t i = 0; i < 50; ++i) io().resolve("localhost", 1, i);
    for (std::uint64_t i = 0; i < 50; ++i) {
        const Event e = next();
        EXPECT_EQ(e.token, i);
        EXPECT_EQ(e.result, 0);
        EXPECT_FALSE(e.addresses.empty());
    }
    expect_nothing();
}

using IoDeathTest = IoTest;
INSTANTIATE_TEST_SUITE_P(All, IoDeathTest, testing::Values(ways[0], ways[6]),
                         [](const auto& p) { return std::string(p.param.name); });

TEST_P(IoDeathTest, TakesNoSecondSendOrReceiveOnASocket) {
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

TEST(MakeIo, TakesIoUringWhereItIsAllowed) {
    const Result<std::unique_ptr<Io>> uring = make_uring_io({});
    if (!uring) GTEST_SKIP() << uring.error().text;
    int lines = 0;
    IoOptions options;
    options.log = Log(LogLevel::debug, [&](LogLevel, std::string_view) { ++lines; });
    const Result<std::unique_ptr<Io>> io = make_io(options);
    ASSERT_TRUE(io);
    EXPECT_EQ((*io)->description().substr(0, 8), "io_uring");
    EXPECT_EQ(lines, 0);
}

/// What make_io does in a process that gets `error` for `number`; empty if it is as it should be.
std::string fall_back(unsigned number, unsigned error, std::string_view expected) {
    return run_in_child([&]() -> std::string {
        if (!deny_system_call(number, error)) return "no seccomp filter";
        std::vector<std::string> lines;
        LogLevel level = LogLevel::off;
        IoOptions options;
        options.log = Log(LogLevel::debug, [&](LogLevel l, std::string_view line) {
            level = l;
            lines.emplace_back(line);
        });
        const Result<std::unique_ptr<Io>> io = make_io(options);
        if (!io) return "no Io: " + io.error().text;
        if ((*io)->description() != "epoll") return "made " + (*io)->description();
        if (lines.size() != 1) return std::to_string(lines.size()) + " lines";
        if (level != LogLevel::warn) return "not a warning";
        if (lines[0].find(expected) == std::string::npos) return "said: " + lines[0];
        options.backend = Backend::io_uring;
        if (make_io(options)) return "made an io_uring that was denied";
        if (lines.size() != 1) return "logged what is returned";
        return "";
    });
}

TEST(MakeIo, FallsBackToEpollWithOneLineWhereSeccompDeniesSetUp) {
    EXPECT_EQ(fall_back(SYS_io_uring_setup, EPERM, "seccomp"), "");
}

TEST(MakeIo, FallsBackToEpollWithOneLineWhereSeccompHidesSetUp) {
    EXPECT_EQ(fall_back(SYS_io_uring_setup, ENOSYS, "without io_uring"), "");
}

TEST(MakeIo, FallsBackToEpollWithOneLineWhereSeccompDeniesEntering) {
    EXPECT_EQ(fall_back(SYS_io_uring_enter, EPERM, "seccomp"), "");
}

TEST(MakeIo, RefusesMoreSocketsThanARingHoldsOperationsFor) {
    IoOptions options;
    options.sockets_max = 1U << 20;
    const Result<std::unique_ptr<Io>> io = make_uring_io(options);
    ASSERT_FALSE(io);
    EXPECT_EQ(io.error().code, Errc::invalid_option);
}

}  // namespace
}  // namespace ringpost::io
