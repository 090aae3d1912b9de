// SPDX-License-Identifier: Apache-2.0
#include "shard/links.h"

#include <gtest/gtest.h>

#include <cerrno>
#include <string>
#include <vector>

#include "lane_bench.h"

namespace ringpost::shard {
namespace {

using Kind = io::Event::Kind;
using State = broker::Connection::State;

/// Notes what it is asked for; the test makes up the events.
class NotingIo final : public io::Io {
public:
    Instant now() override { return {}; }
    std::int64_t wall_ms() override { return 0; }
    void resolve(std::string_view host, std::uint16_t port, std::uint64_t token) override {
        note("resolve " + std::string(host) + ":" + std::to_string(port), token);
    }
    io::SocketId connect(const io::Address& address, std::uint64_t token) override {
        note("connect " + address.text(), token);
        if (sockets_left == 0) return {};
        --sockets_left;
        return {next_index, ++generation};
    }
    void send(io::SocketId socket, std::span<const io::Piece> pieces) override {
        note("send", socket.generation);
        for (const auto& piece : pieces) sent.insert(sent.end(), piece.begin(), piece.end());
    }
    void receive(io::SocketId socket, std::span<std::byte> into) override {
        note("receive", socket.generation);
        room = into;
    }
    void close(io::SocketId socket) override { note("close", socket.generation); }
    Result<io::SocketId> listen(const io::Address&, std::uint64_t, io::Address&) override {
        return Errc::system_error;
    }
    void set_token(io::SocketId, std::uint64_t) override {}
    std::size_t wait(std::span<io::Event>, Instant) override { return 0; }
    void wake() noexcept override {}
    std::string description() const override { return "notes"; }
    Counters counters() const override { return {}; }

    void note(std::string what, std::uint64_t whose) {
        calls.push_back(std::move(what) + " #" + std::to_string(whose));
    }

    std::vector<std::string> calls;
    std::vector<std::byte> sent;
    std::span<std::byte> room;
    std::uint32_t sockets_left = 100;
    std::uint32_t next_index = 5;      ///< sockets reuse an index, with another generation
    std::uint32_t generation = 0;
};

using Calls = std::vector<std::string>;

struct LinksBench : LaneBench {
    LinksBench() : links(io, *core, Log()) {}

    produce::Node& node() { return *core->nodes()[0]; }
    State state() { return node().connection.state(); }
    /// What was asked of the Io since the last call.
    Calls serve() {
        links.serve(now);
        return std::exchange(io.calls, {});
    }
    void event(io::Event event) { links.on_event(event, now); }
    void event(Kind kind, std::int32_t result, std::uint32_t generation) {
        event({.kind = kind, .result = result, .token = 0, .socket = {5, generation}});
    }
    void resolved(std::initializer_list<io::Address> addresses, std::int32_t result = 0) {
        const std::vector<io::Address> list(addresses);
        event({.kind = Kind::resolved, .result = result, .token = 0, .addresses = list});
    }
    void want() { node().connection.want(now); }
    /// To the end of the connection's present wait.
    void pass() {
        now = node().connection.next_deadline();
        node().connection.on_deadline(now);
        core->pump(node(), now);
    }
    void to_negotiating() {
        want();
        serve();
        resolved({one});
        serve();
        event(Kind::connected, 0, io.generation);
        EXPECT_EQ(serve(), (Calls{"receive #" + std::to_string(io.generation),
                                  "send #" + std::to_string(io.generation)}));
        EXPECT_EQ(state(), State::negotiating);
    }

    const io::Address one = io::Address::from_literal("10.0.0.1", 9092);
    const io::Address two = io::Address::from_literal("::1", 9092);
    NotingIo io;
    Links links;
};

TEST(Links, DoNothingForAConnectionThatWantsNothing) {
    LinksBench bench;
    EXPECT_FALSE(bench.links.serve(bench.now));
    EXPECT_TRUE(bench.io.calls.empty());
}

TEST(Links, CarryAConnectionFromItsNameToItsFirstRequest) {
    LinksBench bench;
    bench.want();
    EXPECT_TRUE(bench.links.serve(bench.now));
    EXPECT_EQ(bench.serve(), Calls{"resolve nowhere:9092 #0"});
    EXPECT_TRUE(bench.serve().empty()) << "each thing is asked for once";
    bench.resolved({bench.one, bench.two});
    EXPECT_EQ(bench.serve(), Calls{"connect 10.0.0.1:9092 #0"});
    bench.event(Kind::connected, 0, 1);
    EXPECT_EQ(bench.serve(), (Calls{"receive #1", "send #1"}));
    EXPECT_FALSE(bench.io.sent.empty());
    bench.event(Kind::sent, static_cast<std::int32_t>(bench.io.sent.size()), 1);
    EXPECT_EQ(bench.state(), State::negotiating);
}

TEST(Links, TryTheNextAddressAfterARefusal) {
    LinksBench bench;
    bench.want();
    bench.serve();
    bench.resolved({bench.one, bench.two});
    bench.serve();
    bench.event(Kind::connected, -ECONNREFUSED, 1);
    EXPECT_EQ(bench.serve(), Calls{"close #1"});
    bench.event(Kind::closed, 0, 1);
    EXPECT_EQ(bench.serve(), Calls{"connect [::1]:9092 #0"});
    bench.event(Kind::connected, -ECONNREFUSED, 2);
    bench.serve();
    bench.event(Kind::closed, 0, 2);
    EXPECT_EQ(bench.state(), State::backoff);
    EXPECT_EQ(bench.node().connection.last_error(), Errc::connect_failed);
}

TEST(Links, ANameThatDoesNotExistHasNoAddressWhateverTheEventHolds) {
    LinksBench bench;
    bench.want();
    bench.serve();
    bench.resolved({bench.one}, -2);
    EXPECT_EQ(bench.state(), State::backoff);
    EXPECT_EQ(bench.node().connection.last_error(), Errc::resolve_failed);
}

TEST(Links, ALookUpThatOutlivesItsConnectionAnswersForTheNext) {
    LinksBench bench;
    bench.want();
    EXPECT_EQ(bench.serve().size(), 1U);
    bench.node().connection.shut(bench.now);
    bench.want();
    EXPECT_TRUE(bench.serve().empty()) << "one look-up at a time for a node";
    EXPECT_EQ(bench.state(), State::resolving);
    bench.resolved({bench.one});
    EXPECT_EQ(bench.serve(), Calls{"connect 10.0.0.1:9092 #0"});
}

TEST(Links, ALookUpThatEndsAfterEverybodyLeftIsDropped) {
    LinksBench bench;
    bench.want();
    bench.serve();
    bench.node().connection.shut(bench.now);
    bench.resolved({bench.one});
    EXPECT_TRUE(bench.serve().empty());
    EXPECT_EQ(bench.state(), State::idle);
    bench.want();
    EXPECT_EQ(bench.serve(), Calls{"resolve nowhere:9092 #0"}) << "names change: it asks again";
}

TEST(Links, ALookUpOfAnAddressThatTheBrokerHasLeftAnswersForNobody) {
    for (const std::uint16_t port : {9092, 9093}) {  // another host; the same with another port
        LinksBench bench;
        bench.want();
        EXPECT_EQ(bench.serve(), Calls{"resolve nowhere:9092 #0"});
        const std::string host = port == 9092 ? "elsewhere" : "nowhere";
        bench.node().is_at(host, port);
        produce::WarmUpLook look;
        bench.core->look_at_warm_up(look, {}, bench.now);  // follows the address
        ASSERT_EQ(bench.state(), State::idle);
        bench.want();
        EXPECT_TRUE(bench.serve().empty()) << "one look-up at a time for a node";
        bench.resolved({bench.one});
        EXPECT_EQ(bench.state(), State::resolving);
        EXPECT_EQ(bench.serve(), Calls{"resolve " + host + ":" + std::to_string(port) + " #0"});
        bench.resolved({bench.two});
        EXPECT_EQ(bench.serve(), Calls{"connect [::1]:9092 #0"});
    }
}

TEST(Links, ALookUpOfALeftAddressThatEndsAfterEverybodyLeftIsNotRepeated) {
    LinksBench bench;
    bench.want();
    bench.serve();
    bench.node().is_at("elsewhere", 9092);
    bench.node().connection.shut(bench.now);
    bench.resolved({bench.one});
    EXPECT_TRUE(bench.serve().empty());
    bench.want();
    EXPECT_EQ(bench.serve(), Calls{"resolve elsewhere:9092 #0"});
}

TEST(Links, AConnectionWithoutASocketBacksOffAndAsksAgain) {
    LinksBench bench;
    bench.io.sockets_left = 0;
    bench.want();
    bench.serve();
    bench.resolved({bench.one});
    EXPECT_EQ(bench.serve(), Calls{"connect 10.0.0.1:9092 #0"});
    EXPECT_EQ(bench.state(), State::backoff);
    EXPECT_TRUE(bench.serve().empty()) << "there is no socket to close";
    bench.io.sockets_left = 1;
    bench.want();
    bench.pass();
    EXPECT_EQ(bench.serve(), Calls{"resolve nowhere:9092 #0"});
}

TEST(Links, EventsOfASocketBeforeThisOneAreIgnored) {
    LinksBench bench;
    bench.to_negotiating();
    bench.event(Kind::received, 0, 1);
    bench.serve();
    bench.event(Kind::closed, 0, 1);
    EXPECT_EQ(bench.state(), State::backoff);
    bench.want();
    bench.pass();
    bench.to_negotiating();
    ASSERT_EQ(bench.io.generation, 2U);
    // The index is the same: only the generation tells them apart.
    bench.event(Kind::received, 0, 1);
    bench.event(Kind::sent, -EPIPE, 1);
    bench.event(Kind::connected, -ECONNREFUSED, 1);
    bench.event(Kind::closed, 0, 1);
    EXPECT_EQ(bench.state(), State::negotiating);
    bench.event(Kind::sent, 10, 2);
    bench.event(Kind::received, -ECONNRESET, 2);
    EXPECT_EQ(bench.state(), State::closing);
}

TEST(Links, EventsWithoutALinkAreIgnored) {
    LinksBench bench;
    bench.event({.kind = Kind::received, .result = 4, .token = 0});
    bench.serve();
    bench.event({.kind = Kind::received, .result = 4, .token = 99});
    bench.event({.kind = Kind::resolved, .result = 0, .token = UINT64_MAX});
    bench.event({.kind = Kind::accepted, .result = 0, .token = 0});
    EXPECT_EQ(bench.state(), State::idle);
}

TEST(Links, AFailedSendOrReceiveEndsTheConnection) {
    for (const bool send : {true, false}) {
        LinksBench bench;
        bench.to_negotiating();
        bench.event(send ? Kind::sent : Kind::received, -EPIPE, 1);
        EXPECT_EQ(bench.state(), State::closing);
        EXPECT_EQ(bench.serve(), Calls{"close #1"});
        bench.event(send ? Kind::received : Kind::sent, -ECANCELED, 1);
        EXPECT_TRUE(bench.serve().empty());
        bench.event(Kind::closed, 0, 1);
        EXPECT_EQ(bench.state(), State::backoff);
    }
}

TEST(Links, AShutConnectionIsClosedOnceAndRestsWhenTheKernelLetGo) {
    LinksBench bench;
    bench.to_negotiating();
    bench.node().connection.shut(bench.now);
    bench.node().connection.shut(bench.now);
    EXPECT_EQ(bench.serve(), Calls{"close #1"});
    EXPECT_TRUE(bench.serve().empty());
    EXPECT_EQ(bench.state(), State::closing);
    bench.event(Kind::closed, 0, 1);
    EXPECT_EQ(bench.state(), State::idle);
}

TEST(Links, ATurnThatEndsForWantOfASocketIsAnothersAtOnce) {
    LaneBench bench;
    produce::Config config;
    for (std::uint16_t i = 0; i <= limits::connection_setups_max; ++i) {
        config.seeds.push_back({"b", static_cast<std::uint16_t>(i + 1)});
    }
    const Block memory(4 << 20, 4096);
    produce::ProducerCore core(config, memory.span(), 1 << 20, bench.lanes, bench.board, 1);
    NotingIo io;
    io.sockets_left = 0;
    Links links(io, core, Log());
    // The first one waits, so that its turn comes when the pass is already behind it.
    for (std::size_t i = core.nodes().size(); i-- > 0;) core.nodes()[i]->connection.want(bench.now);
    links.serve(bench.now);
    EXPECT_EQ(io.calls.size(), limits::connection_setups_max);
    io.calls.clear();
    const std::vector<io::Address> addresses{io::Address::from_literal("10.0.0.1", 5)};
    links.on_event({.kind = Kind::resolved, .token = 4, .addresses = addresses}, bench.now);
    links.serve(bench.now);
    EXPECT_EQ(io.calls, (Calls{"connect 10.0.0.1:5 #4", "resolve b:1 #0"}));
}

}  // namespace
}  // namespace ringpost::shard
