// SPDX-License-Identifier: Apache-2.0
// What is promised of UringIo alone: how often it enters the kernel. The rest is in io_test.cc.
#include "io/uring.h"

#include <gtest/gtest.h>

#include <array>
#include <string>

#include "raw_peer.h"

namespace ringpost::io {
namespace {

constexpr Duration patience = Duration::seconds(30);

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

}  // namespace
}  // namespace ringpost::io
