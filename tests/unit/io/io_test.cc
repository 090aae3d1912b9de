// SPDX-License-Identifier: Apache-2.0
// One set of sentences for every Io: the life of a connection; and which Io make_io makes.
#include "io/io.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "base/limits.h"
#include "every_io.h"

namespace ringpost::io {
namespace {

INSTANTIATE_TEST_SUITE_P(All, IoTest, every_way, way_name);

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

/// Bytes in which a piece that is missing, doubled or misplaced shows.
std::vector<std::byte> numbered_bytes(std::size_t bytes) {
    std::vector<std::byte> data(bytes);
    std::uint32_t x = 1;
    for (std::byte& b : data) {
        x = x * 1664525 + 1013904223;
        b = static_cast<std::byte>(x >> 24);
    }
    return data;
}

/// `data` in `count` pieces of uneven sizes, some of them empty.
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
    for (const bool submitted : {true, false}) {
        const SocketId s = io().connect(full.address(), 1);
        if (submitted) expect_nothing();
        io().close(s);
        while (next().kind != Event::Kind::closed) {
        }
        expect_nothing();
    }
}

TEST_P(IoTest, EndsTheConnectionThoughAForkMayHoldACopyOfTheSocket) {
    const RawListener listener;
    Descriptor peer;
    const SocketId s = connect_to(listener, peer);
    const Descriptor copy(::dup(descriptor_bound_to(peer_of(peer.number()))));
    ASSERT_GE(copy.number(), 0);
    close_and_expect_closed(s);
    EXPECT_EQ(read_bytes(peer.number(), 1).size(), 0u);
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
