// SPDX-License-Identifier: Apache-2.0
// The loop that serves fake brokers (tools/broker_server.h), over loopback.
#include "broker_server.h"

#include <chrono>
#include <thread>

#include "broker_thread.h"
#include "io/raw_peer.h"
#include "requests.h"

namespace ringpost::tools {
namespace {

using fake::Bytes;
using fake::ClusterOptions;
using wire::ApiKey;

constexpr std::int16_t version = 9;

class BrokerServerTest : public testing::TestWithParam<io::Backend> {
protected:
    void start(ClusterOptions options = {}) {
        BrokerServerOptions server{.cluster = std::move(options)};
        server.io.backend = GetParam();
        auto started = BrokerThread::start(server);
        ASSERT_TRUE(started) << started.error().text;
        broker = std::move(*started);
        id = broker->call([](fake::Cluster& c) { return (*c.create_topic("t"))->id; });
    }
    io::Descriptor connect(std::size_t node = 0) const {
        return connected_socket(io::Address::from_literal("127.0.0.1", broker->ports()[node]));
    }
    std::int64_t end_offset() const {
        return broker->call(
            [](fake::Cluster& c) { return c.find_topic("t")->partitions[0].log.end_offset(); });
    }

    template <typename Request>
    static Bytes with_size(ApiKey key, const Request& request) {
        const Bytes frame = fake::frame_of(key, version, request);
        Bytes sized(wire::frame_size_bytes);
        store_be(sized.data(), static_cast<std::int32_t>(frame.size()));
        sized.insert(sized.end(), frame.begin(), frame.end());
        return sized;
    }
    static Bytes metadata() {
        return with_size(ApiKey::metadata, wire::MetadataRequest{.all_topics = true});
    }
    Bytes produce(ByteSpan batch) const {
        wire::ProduceRequest request;
        request.topics = {{"t", id, {{0, batch}}}};
        return with_size(ApiKey::produce, request);
    }
    Bytes fetch(std::int32_t wait_max_ms) const {
        wire::FetchRequest request{.wait_max_ms = wait_max_ms, .bytes_min = 1};
        request.topics = {{"t", id, {{.index = 0, .bytes_max = 1 << 20}}}};
        return with_size(ApiKey::fetch, request);
    }

    static void send(const io::Descriptor& to, const Bytes& bytes) {
        io::write_text(to.number(), as_text(bytes));
    }
    /// One response, whole; empty at the end of the connection.
    static Bytes receive(const io::Descriptor& from) {
        Bytes response = io::read_bytes(from.number(), wire::frame_size_bytes);
        if (response.size() < wire::frame_size_bytes) return {};
        const auto size = load_be<std::uint32_t>(response.data());
        const Bytes rest = io::read_bytes(from.number(), size);
        EXPECT_EQ(rest.size(), size);
        response.insert(response.end(), rest.begin(), rest.end());
        return response;
    }
    static wire::FetchResponse as_fetch(const Bytes& response) {
        wire::FetchResponse fetched;
        EXPECT_TRUE(decode(fake::body_of(response, ApiKey::fetch, version), version, fetched));
        return fetched;
    }

    std::unique_ptr<BrokerThread> broker;
    wire::Uuid id;
};

INSTANTIATE_TEST_SUITE_P(EveryIo, BrokerServerTest,
                         testing::Values(io::Backend::automatic, io::Backend::epoll),
                         [](const auto& one) {
                             return one.param == io::Backend::epoll ? "epoll" : "automatic";
                         });

TEST_P(BrokerServerTest, AnswersPipelinedRequestsInOrder) {
    start();
    const io::Descriptor peer = connect();
    Bytes requests;
    for (std::int32_t i = 0; i < 1000; ++i) {
        Bytes one = metadata();
        store_be(one.data() + 8, i);
        requests.insert(requests.end(), one.begin(), one.end());
    }
    send(peer, requests);
    for (std::int32_t i = 0; i < 1000; ++i) {
        const Bytes response = receive(peer);
        ASSERT_GE(response.size(), 8U);
        ASSERT_EQ(load_be<std::int32_t>(response.data() + 4), i);
    }
}

TEST_P(BrokerServerTest, TakesARequestThatComesByteByByte) {
    start();
    const io::Descriptor peer = connect();
    const Bytes batch = fake::make_batch();
    for (int i = 0; i < 3; ++i) {
        for (const std::byte b : produce(batch)) send(peer, {b});
        EXPECT_FALSE(receive(peer).empty());
    }
    EXPECT_EQ(end_offset(), 3);
}

TEST_P(BrokerServerTest, TakesLargeRequestsInARow) {
    for (const bool discard : {false, true}) {
        start({.discard = discard});
        const io::Descriptor peer = connect();
        const std::string value(1'000'000, 'x');
        const Bytes request = produce(fake::make_batch({.value = value}));
        std::thread sender([&] {
            for (int i = 0; i < 20; ++i) send(peer, request);
        });
        for (int i = 0; i < 20; ++i) EXPECT_FALSE(receive(peer).empty());
        sender.join();
        EXPECT_EQ(end_offset(), discard ? 0 : 20);
    }
}

TEST_P(BrokerServerTest, FetchWaitsForAProduceOnAnotherConnection) {
    start();
    const io::Descriptor reader = connect();
    const io::Descriptor writer = connect();
    send(reader, fetch(60'000));
    send(reader, metadata());  // Waits behind the fetch.
    const Bytes batch = fake::make_batch();
    send(writer, produce(batch));
    EXPECT_FALSE(receive(writer).empty());
    EXPECT_EQ(as_fetch(receive(reader)).topics[0].partitions[0].records.size(), batch.size());
    EXPECT_FALSE(receive(reader).empty());
}

TEST_P(BrokerServerTest, FetchIsAnsweredEmptyOnceAndWhenItsTimeIsUp) {
    start();
    const io::Descriptor reader = connect();
    const auto began = std::chrono::steady_clock::now();
    send(reader, fetch(50));
    EXPECT_TRUE(as_fetch(receive(reader)).topics[0].partitions[0].records.empty());
    EXPECT_GE(std::chrono::steady_clock::now() - began, std::chrono::milliseconds(50));
    Bytes next = metadata();
    store_be(next.data() + 8, std::int32_t{99});
    send(reader, next);
    EXPECT_EQ(load_be<std::int32_t>(receive(reader).data() + 4), 99);
}

TEST_P(BrokerServerTest, GarbageEndsTheConnectionAfterTheAnswersBeforeIt) {
    start();
    const io::Descriptor peer = connect();
    send(peer, metadata());
    io::write_text(peer.number(), "GET / HTTP/1.1\r\n\r\n");
    EXPECT_FALSE(receive(peer).empty());
    EXPECT_TRUE(receive(peer).empty());
    const io::Descriptor other = connect();
    send(other, Bytes(8));  // Two frames of no bytes.
    EXPECT_TRUE(receive(other).empty());
}

TEST_P(BrokerServerTest, PeerThatDoesNotReadIsNotServedOnUntilItDoes) {
    start();
    constexpr int count = 5000;  // 100 MB of answers.
    int handled = 0;
    broker->call([&](fake::Cluster& c) {
        c.faults().on_request = [&](const fake::RequestAttempt&) {
            ++handled;
            return fake::RequestFate::handle;
        };
        return c.add_partitions("t", 500);
    });
    const io::Descriptor peer = connect();
    const Bytes request = metadata();
    std::thread sender([&] {
        for (int i = 0; i < count; ++i) send(peer, request);
    });
    for (int before = 0, now = 0; now == 0 || now != before;) {
        before = now;
        now = broker->call([&](fake::Cluster&) { return handled; });
    }
    EXPECT_LT(broker->call([&](fake::Cluster&) { return handled; }), count);
    for (int i = 0; i < count; ++i) ASSERT_FALSE(receive(peer).empty()) << i;
    sender.join();
}

TEST_P(BrokerServerTest, ConnectionsComeAndGo) {
    start();
    for (int i = 0; i < 300; ++i) {
        const io::Descriptor peer = connect();
        send(peer, i % 3 == 0 ? fetch(60'000) : metadata());
        if (i % 3 != 1) continue;
        EXPECT_FALSE(receive(peer).empty());
    }
    const io::Descriptor peer = connect();
    send(peer, metadata());
    EXPECT_FALSE(receive(peer).empty());
}

TEST_P(BrokerServerTest, StoppedNodeRefusesAndComesBackOnItsPort) {
    start({.brokers = 2});
    const std::vector<std::uint16_t> ports = broker->ports();
    const io::Descriptor peer = connect(1);
    send(peer, metadata());
    EXPECT_FALSE(receive(peer).empty());
    broker->call([](fake::Cluster& c) { return c.stop_node(2), 0; });
    EXPECT_TRUE(receive(peer).empty());
    const io::SocketAddress address =
        to_socket_address(io::Address::from_literal("127.0.0.1", ports[1]));
    const auto is_refused = [&] {
        const io::Descriptor d(::socket(AF_INET, SOCK_STREAM, 0));
        return ::connect(d.number(), &address.plain, address.size) != 0;
    };
    const auto until = std::chrono::steady_clock::now() + std::chrono::seconds(10);
    const auto wait_for = [&](bool refused) {
        while (is_refused() != refused && std::chrono::steady_clock::now() < until) {
            std::this_thread::yield();
        }
        return is_refused() == refused;
    };
    EXPECT_TRUE(wait_for(true));
    broker->call([](fake::Cluster& c) { return c.start_node(2), 0; });
    EXPECT_TRUE(wait_for(false));
    const io::Descriptor again = connect(1);
    send(again, metadata());
    EXPECT_FALSE(receive(again).empty());
}

TEST(BrokerServer, SaysWhyItCanNotListen) {
    const auto first = BrokerThread::start({});
    ASSERT_TRUE(first);
    const std::uint16_t port = (*first)->ports()[0];
    const auto second = BrokerServer::open({.port = port});
    ASSERT_FALSE(second);
    EXPECT_NE(second.error().text.find("127.0.0.1:" + std::to_string(port)), std::string::npos);
    EXPECT_NE(second.error().text.find("in use"), std::string::npos);

    const auto high = BrokerServer::open({.cluster = {.brokers = 2}, .port = 65'535});
    ASSERT_FALSE(high);
    EXPECT_EQ(high.error().code, Errc::invalid_option);
    const auto many = BrokerServer::open({.cluster = {.brokers = 5}, .io = {.sockets_max = 3}});
    ASSERT_FALSE(many);
    EXPECT_EQ(many.error().code, Errc::invalid_option);
    const auto nowhere = BrokerServer::open({.host = "name.invalid"});
    ASSERT_FALSE(nowhere);
    EXPECT_NE(nowhere.error().text.find("name.invalid"), std::string::npos);
}

TEST(BrokerServer, TellsClientsWhereToConnect) {
    const auto hosts = [](BrokerServerOptions options) {
        const auto server = BrokerServer::open(std::move(options));
        EXPECT_TRUE(server) << server.error().text;
        const std::string text = (*server)->bootstrap();
        const fake::Node& node = (*server)->cluster().nodes()[0];
        EXPECT_EQ(node.port, (*server)->ports()[0]);
        const std::string port = ":" + std::to_string(node.port);
        EXPECT_TRUE(text.ends_with(port)) << text;
        return std::pair(node.host, text.substr(0, text.size() - port.size()));
    };
    EXPECT_EQ(hosts({}), std::pair(std::string("127.0.0.1"), std::string("127.0.0.1")));
    EXPECT_EQ(hosts({.host = "localhost"}).first, "localhost");
    EXPECT_EQ(hosts({.host = "0.0.0.0"}).first, "127.0.0.1");
    EXPECT_EQ(hosts({.advertised_host = "me.test"}).second, "me.test");
}

TEST(BrokerServer, RunsUntilItIsToldThatItIsDone) {
    const auto server = BrokerServer::open({});
    ASSERT_TRUE(server);
    int posted = 0;
    (*server)->post([&](fake::Cluster&) { ++posted; });
    (*server)->run_until([&] { return posted == 1; });
    EXPECT_EQ(posted, 1);
    (*server)->stop();
    (*server)->run();
}

}  // namespace
}  // namespace ringpost::tools
