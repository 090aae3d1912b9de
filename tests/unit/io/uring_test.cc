// SPDX-License-Identifier: Apache-2.0
// What is promised of UringIo alone: how often it enters the kernel. The rest is in io_test.cc.
#include "io/uring.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <string>
#include <vector>

#include "every_io.h"

namespace ringpost::io {
namespace {

class UringTest : public testing::Test {
protected:
    void SetUp() override {
        IoOptions options;
        options.sockets_max = 8;
        io = std::make_unique<UringIo>(options);
        const Result<void> opened = io->open();
        if (!opened) GTEST_SKIP() << opened.error().text;
    }
    /// A connection, whose other end goes to `peer`.
    SocketId connect(Descriptor& peer) {
        const RawListener listener;
        const SocketId s = io->connect(listener.address(), 1);
        Event e{};
        EXPECT_EQ(io->wait({&e, 1}, io->now() + patience), 1u);
        EXPECT_EQ(e.result, 0);
        peer = listener.accept();
        return s;
    }
    std::uint64_t calls() const { return io->counters().system_calls; }

    std::unique_ptr<UringIo> io;
    std::array<std::byte, 64> room{};
};

TEST_F(UringTest, SubmitsASendAndAReceiveAndTakesTheirEventsInOneSystemCall) {
    Descriptor peer;
    const SocketId s = connect(peer);
    write_text(peer.number(), "there already");
    const std::uint64_t before = calls();
    const Piece piece = as_bytes("hello");
    io->receive(s, room);
    io->send(s, {&piece, 1});
    EXPECT_EQ(calls(), before);
    std::array<Event, 4> out;
    EXPECT_EQ(io->wait(out, io->now() + patience), 2u);
    EXPECT_EQ(calls(), before + 1);
}

TEST_F(UringTest, MakesNoSystemCallWhenThereIsNothingToDo) {
    Descriptor peer;
    const SocketId s = connect(peer);
    io->receive(s, room);
    std::array<Event, 4> out;
    EXPECT_EQ(io->wait(out, Instant{}), 0u);
    const std::uint64_t before = calls();
    for (int i = 0; i < 1000; ++i) EXPECT_EQ(io->wait(out, Instant{}), 0u);
    EXPECT_EQ(calls(), before);
    // But it sees what comes.
    write_text(peer.number(), "x");
    std::size_t count = 0;
    const Instant deadline = io->now() + patience;
    while (count == 0 && io->now() < deadline) count = io->wait(out, Instant{});
    EXPECT_EQ(count, 1u);
    EXPECT_EQ(calls(), before + 1);
}

TEST_F(UringTest, SeesAWakeWithoutSleeping) {
    Event e{};
    EXPECT_EQ(io->wait({&e, 1}, Instant{}), 0u);
    const std::uint64_t before = calls();
    io->wake();
    EXPECT_EQ(io->wait({&e, 1}, Instant{}), 0u);
    EXPECT_EQ(calls(), before + 1) << "the wake was pending";
    EXPECT_EQ(io->wait({&e, 1}, Instant{}), 0u);
    EXPECT_EQ(calls(), before + 1) << "and has been taken";
}

TEST_F(UringTest, DescribesItsRing) {
    EXPECT_EQ(io->description().substr(0, 10), "io_uring (");
    EXPECT_NE(io->description().find("Linux "), std::string::npos);
}

/// An Io with a listener, a socket that sends and receives, and one that is closing, in a process
/// that is then denied io_uring. Each returns what went wrong.
class DeniedHalfway {
public:
    explicit DeniedHalfway(const Way& way) {
        IoOptions options;
        options.capabilities = way.capabilities;
        options.sockets_max = 8;
        options.log = Log(LogLevel::debug,
                          [this](LogLevel, std::string_view line) { lines.emplace_back(line); });
        io = std::make_unique<UringIo>(options);
    }

    std::string run(int error) {
        if (const Result<void> opened = io->open(); !opened) return opened.error().text;
        Address bound;
        const SocketId listening = *io->listen(Address::from_literal("127.0.0.1", 0), 1, bound);
        const SocketId busy = connect(peer);
        const SocketId closing = connect(other_peer);
        io->receive(busy, room);
        const std::vector<std::byte> much(8 << 20);
        const Piece piece = much;
        io->send(busy, {&piece, 1});
        io->receive(closing, other_room);
        Event e{};
        if (io->wait({&e, 1}, Instant{}) != 0) return "an event: " + text_of(e);
        io->close(closing);
        if (!deny_system_call(SYS_io_uring_enter, static_cast<unsigned>(error)) ||
            !deny_system_call(SYS_io_uring_register, static_cast<unsigned>(error))) {
            return "no seccomp filter";
        }
        // It lies in the socket when the ring is given up.
        write_text(peer.number(), "for nobody");
        if (std::string wrong = expect_ends(busy, closing, listening); !wrong.empty()) return wrong;
        return expect_goes_on();
    }

private:
    SocketId connect(Descriptor& to) {
        const RawListener listener;
        const SocketId s = io->connect(listener.address(), 2);
        next();
        to = listener.accept();
        return s;
    }
    Event next() {
        Event e{};
        const Instant deadline = io->now() + patience;
        while (io->wait({&e, 1}, deadline) == 0 && io->now() < deadline) {
        }
        return e;
    }

    /// What was outstanding is reported, and its memory left alone.
    std::string expect_ends(SocketId busy, SocketId closing, SocketId listening) {
        std::vector<std::string> events;
        for (int i = 0; i < 3; ++i) {
            Event e = next();
            if (e.result == 10) {
                // All rungs but the first complete a receive without being entered.
                room.fill({});
                e.result = -ECONNABORTED;
            }
            events.push_back((e.socket == busy ? "busy " : e.socket == closing ? "closing " : "") +
                             text_of(e));
        }
        std::sort(events.begin(), events.end());
        if (events != std::vector<std::string>{"busy received -103", "busy sent -103",
                                               "closing closed 0"}) {
            return events[0] + ", " + events[1] + ", " + events[2];
        }
        io->receive(busy, room);
        if (const Event e = next(); text_of(e) != "received 0") return "then " + text_of(e);
        io->close(busy);
        if (const Event e = next(); text_of(e) != "closed 0") return "at last " + text_of(e);
        if (room != std::array<std::byte, 64>{}) return "memory was written late";
        io->close(listening);
        if (const Event e = next(); text_of(e) != "closed 0") return "the listener " + text_of(e);
        if (lines.size() != 2 || lines[0].find("io_uring can't be used") == std::string::npos ||
            lines[1].find("accepting ends") == std::string::npos) {
            return std::to_string(lines.size()) + " lines";
        }
        return "";
    }

    /// Everything that is new.
    std::string expect_goes_on() {
        if (io->description() != "epoll") return io->description();
        Address bound;
        if (!io->listen(Address::from_literal("127.0.0.1", 0), 1, bound)) return "can't listen";
        const SocketId client = io->connect(bound, 3);
        SocketId server;
        for (int i = 0; i < 2; ++i) {
            const Event e = next();
            if (e.kind == Event::Kind::accepted) server = e.socket;
            if (e.result != 0) return "anew: " + text_of(e);
        }
        if (!server.valid()) return "nothing was accepted";
        io->receive(server, room);
        const Piece hello = as_bytes("hello");
        io->send(client, {&hello, 1});
        for (int i = 0; i < 2; ++i) {
            if (const Event e = next(); e.result != 5) return "hello: " + text_of(e);
        }
        io->wake();
        Event e{};
        if (io->wait({&e, 1}, io->now() + patience) != 0) return "woken by " + text_of(e);
        return as_text({room.data(), 5}) == "hello" ? "" : "other bytes came";
    }

    std::unique_ptr<UringIo> io;
    Descriptor peer, other_peer;
    std::array<std::byte, 64> room{};
    std::array<std::byte, 64> other_room{};
    std::vector<std::string> lines;
};

class UringDenied : public testing::TestWithParam<Way> {};
INSTANTIATE_TEST_SUITE_P(Every, UringDenied,
                         testing::ValuesIn(std::begin(ways), std::end(ways) - 1), way_name);

TEST_P(UringDenied, HalfwayIsAnEpollFromThereOn) {
    // The errors of filters and security modules, of a ring that somebody else has closed, and of
    // a kernel that has no memory and gets none.
    for (const int error : {EPERM, EACCES, ENOSYS, EBADF, ENOMEM}) {
        EXPECT_EQ(run_in_child([&] { return DeniedHalfway(GetParam()).run(error); }), "") << error;
    }
}

}  // namespace
}  // namespace ringpost::io
