// SPDX-License-Identifier: Apache-2.0
#include "fake/broker.h"

#include <algorithm>
#include <memory>

#include "fake/kafka_codes.h"
#include "fake/old_metadata.h"
#include "requests.h"

namespace ringpost::fake {
namespace {

using wire::ApiKey;

constexpr Instant t0 = Instant::from_ns(1'000'000'000);

class BrokerTest : public testing::Test {
protected:
    BrokerTest() { make({.brokers = 2, .partitions = 2}); }

    void make(ClusterOptions options) {
        cluster = std::make_unique<Cluster>(std::move(options));
        broker = std::make_unique<Broker>(*cluster, 1);
        topic = *cluster->create_topic("t");
    }
    /// In memory of exactly the request's size, so that a sanitizer sees an over-read.
    Handled handle(ByteSpan request, Instant now = t0, Instant received = t0) {
        const std::unique_ptr<std::byte[]> exact(new std::byte[request.size()]);
        std::ranges::copy(request, exact.get());
        out.clear();
        const Handled handled = broker->handle({exact.get(), request.size()}, received, now, out);
        EXPECT_EQ(handled.outcome == Outcome::respond, !out.empty());
        if (!out.empty()) {
            EXPECT_EQ(load_be<std::uint32_t>(out.data()), out.size() - wire::frame_size_bytes);
        }
        return handled;
    }
    Outcome outcome(ByteSpan request) { return handle(request).outcome; }

    template <typename Response, typename Request>
    Response ask(ApiKey key, std::int16_t version, const Request& request) {
        EXPECT_EQ(outcome(frame_of(key, version, request)), Outcome::respond);
        Response response;
        EXPECT_TRUE(decode(body_of(out, key, version), version, response));
        return response;
    }
    wire::ApiVersionsResponse ask_versions(std::int16_t version, std::string name = "ringpost") {
        return ask<wire::ApiVersionsResponse>(ApiKey::api_versions, version,
                                              wire::ApiVersionsRequest{std::move(name), "1.0"});
    }
    wire::ProduceRequest producing(std::int16_t acks = -1) const {
        wire::ProduceRequest request;
        request.acks = acks;
        request.topics = {{"t", topic->id, {{0, batch}}}};
        return request;
    }
    Bytes produce_frame(std::int16_t acks = -1) const {
        return frame_of(ApiKey::produce, 9, producing(acks));
    }
    std::int64_t end_offset() const { return topic->partitions[0].log.end_offset(); }

    const Bytes batch = make_batch({.count = 2, .producer_id = 5, .epoch = 0, .sequence = 0});
    std::unique_ptr<Cluster> cluster;
    std::unique_ptr<Broker> broker;
    Topic* topic = nullptr;
    std::vector<std::byte> out;
};

TEST_F(BrokerTest, AnswersEveryVersionOfEveryApi) {
    const std::vector<Sample> all = samples(topic->id, batch);
    for (const wire::ApiInfo& api : wire::api_table()) {
        const auto one = std::ranges::find(all, api.key, &Sample::key);
        ASSERT_NE(one, all.end()) << api.name;
        for (std::int16_t version = api.min; version <= api.max; ++version) {
            SCOPED_TRACE(std::string(api.name) + " v" + std::to_string(version));
            EXPECT_EQ(outcome(one->frame(version)), Outcome::respond);
            EXPECT_TRUE(one->is_response(body_of(out, api.key, version), version));
        }
    }
    EXPECT_EQ(end_offset(), 2);
}

TEST_F(BrokerTest, ClosesOnEveryTruncatedRequest) {
    for (const Sample& one : samples(topic->id, batch)) {
        const wire::ApiInfo& api = wire::api_info(one.key);
        for (const std::int16_t version : {api.min, api.max}) {
            SCOPED_TRACE(std::string(api.name) + " v" + std::to_string(version));
            const Bytes frame = one.frame(version);
            for (std::size_t n = 0; n < frame.size(); ++n) {
                EXPECT_EQ(outcome(ByteSpan(frame).first(n)), Outcome::close) << n;
            }
            Bytes longer = frame;
            longer.push_back(std::byte{0});
            EXPECT_EQ(outcome(longer), Outcome::close);
        }
    }
}

TEST_F(BrokerTest, SurvivesEveryChangedBit) {
    for (const Sample& one : samples(topic->id, batch)) {
        const wire::ApiInfo& api = wire::api_info(one.key);
        for (const std::int16_t version : {api.min, api.max}) {
            Bytes frame = one.frame(version);
            for (std::size_t bit = 0; bit < frame.size() * 8; ++bit) {
                const auto mask = static_cast<std::byte>(1U << (bit % 8));
                frame[bit / 8] ^= mask;
                handle(frame);
                frame[bit / 8] ^= mask;
            }
        }
    }
}

TEST_F(BrokerTest, SurvivesNoise) {
    Prng prng(7);
    for (int i = 0; i < 20'000; ++i) {
        Bytes noise(prng.below(200));
        for (std::byte& b : noise) b = static_cast<std::byte>(prng.next());
        // Every other one begins like a request.
        if (i % 2 == 0 && noise.size() > 4) {
            const auto& apis = wire::api_table();
            const auto count = static_cast<std::uint32_t>(apis.size());
            store_be(noise.data(), static_cast<std::int16_t>(apis[prng.below(count)].key));
            store_be(noise.data() + 2, static_cast<std::int16_t>(prng.below(14)));
        }
        handle(noise);
    }
}

TEST_F(BrokerTest, ClosesOnUnknownApisAndVersions) {
    wire::HeartbeatRequest request;
    EXPECT_EQ(outcome(frame_of(ApiKey{999}, 0, request)), Outcome::close);
    EXPECT_EQ(outcome(frame_of(ApiKey::sasl_handshake, 1, request)), Outcome::close);
    for (const wire::ApiInfo& api : wire::api_table()) {
        if (api.key == ApiKey::api_versions) continue;
        const auto newer = static_cast<std::int16_t>(api.max + 1);
        EXPECT_EQ(outcome(frame_of(api.key, newer, request)), Outcome::close) << api.name;
        EXPECT_EQ(outcome(frame_of(api.key, -1, request)), Outcome::close) << api.name;
    }
    EXPECT_EQ(outcome(frame_of(ApiKey::produce, 2, producing())), Outcome::close);
}

TEST_F(BrokerTest, ApiVersionsListsWhatIsAnswered) {
    for (std::int16_t version = 0; version <= 4; ++version) {
        const auto response = ask_versions(version);
        EXPECT_EQ(response.error_code, 0);
        EXPECT_EQ(response.apis.size(), wire::api_table().size());
        EXPECT_EQ(response.find(ApiKey::fetch)->max, 17);
        EXPECT_EQ(response.find(ApiKey::metadata)->min, 0);
        EXPECT_EQ(response.find(ApiKey::metadata)->max, 13);
        // As Kafka 4 does, for old librdkafkas' sake.
        EXPECT_EQ(response.find(ApiKey::produce)->min, 0);
    }
}

TEST_F(BrokerTest, ApiVersionsThatIsTooNewIsAnsweredInTheOldestLayout) {
    Bytes frame = frame_of(ApiKey::api_versions, 4, wire::ApiVersionsRequest{"ringpost", "1.0"});
    store_be(frame.data() + 2, std::int16_t{99});
    frame.insert(frame.end(), 17, std::byte{0xff});  // A body that nobody knows yet.
    ASSERT_EQ(outcome(frame), Outcome::respond);
    wire::ApiVersionsResponse response;
    ASSERT_TRUE(decode(body_of(out, ApiKey::api_versions, 99), 0, response));
    EXPECT_EQ(response.error_code, code_of(Errc::unsupported_version));
    ASSERT_EQ(response.apis.size(), 1U);
    EXPECT_EQ(response.find(ApiKey::api_versions)->max, 4);
}

TEST_F(BrokerTest, ApiVersionsWantsADecentSoftwareName) {
    for (const char* name : {"", "-a", "a-", "a b", "a\n", "ä"}) {
        EXPECT_EQ(ask_versions(3, name).error_code, code_of(Errc::invalid_request)) << name;
    }
    EXPECT_EQ(ask_versions(3, "a-b.c-9").error_code, 0);
    EXPECT_EQ(ask_versions(2, "").error_code, 0);
}

TEST_F(BrokerTest, PassesForAnOlderKafka) {
    make({.apis = {{ApiKey::api_versions, 0, 2}, {ApiKey::produce, 0, 7}}});
    EXPECT_EQ(ask_versions(2).apis.size(), 2U);
    ASSERT_EQ(outcome(frame_of(ApiKey::api_versions, 3, wire::ApiVersionsRequest{"a", "1"})),
              Outcome::respond);
    wire::ApiVersionsResponse response;
    ASSERT_TRUE(decode(body_of(out, ApiKey::api_versions, 3), 3, response));
    EXPECT_EQ(response.error_code, code_of(Errc::unsupported_version));
    EXPECT_EQ(outcome(frame_of(ApiKey::produce, 7, producing())), Outcome::respond);
    EXPECT_EQ(outcome(frame_of(ApiKey::produce, 8, producing())), Outcome::close);
    EXPECT_EQ(outcome(frame_of(ApiKey::metadata, 9, wire::MetadataRequest{})), Outcome::close);
}

TEST_F(BrokerTest, AnswersOldMetadataRequests) {
    for (std::int16_t version = 0; version <= old_metadata_max; ++version) {
        Bytes frame(200);
        Writer writer(frame);
        wire::encode_request_header(writer, ApiKey::metadata, version, correlation_id, "old");
        encode_old(writer, version, wire::MetadataRequest{.topics = {{.name = "t"}}});
        ASSERT_EQ(outcome(writer.written()), Outcome::respond);
        wire::MetadataResponse response;
        ASSERT_TRUE(decode_old(body_of(out, ApiKey::metadata, version), version, response));
        EXPECT_EQ(response.brokers.size(), 2U);
        ASSERT_EQ(response.topics.size(), 1U);
        EXPECT_EQ(response.topics[0].partitions.size(), 2U);
    }
}

TEST_F(BrokerTest, ProduceWithoutAcksIsNotAnswered) {
    EXPECT_EQ(outcome(produce_frame(0)), Outcome::no_response);
    EXPECT_EQ(end_offset(), 2);
    cluster->move_leader("t", 0, 2);
    EXPECT_EQ(outcome(produce_frame(0)), Outcome::close);
    EXPECT_EQ(outcome(produce_frame(1)), Outcome::respond);
}

TEST_F(BrokerTest, GivesEachProducerItsOwnId) {
    const auto ask_id = [&](wire::InitProducerIdRequest request) {
        return ask<wire::InitProducerIdResponse>(ApiKey::init_producer_id, 4, request);
    };
    const auto first = ask_id({});
    const auto second = ask_id({.producer_id = first.producer_id, .producer_epoch = 3});
    EXPECT_EQ(first.error_code, 0);
    EXPECT_GT(second.producer_id, first.producer_id);
    EXPECT_EQ(second.producer_epoch, 0);
    EXPECT_EQ(ask_id({.transactional_id = "x"}).error_code,
              code_of(Errc::transactional_id_authorization_failed));
    EXPECT_EQ(ask_id({.transactional_id = ""}).error_code, code_of(Errc::invalid_request));
}

TEST_F(BrokerTest, CoordinatorOfEveryGroupIsTheFirstNode) {
    cluster->set_address(1, "first", 11);
    wire::FindCoordinatorRequest request{.keys = {"a", "b"}};
    const auto found = ask<wire::FindCoordinatorResponse>(ApiKey::find_coordinator, 4, request);
    ASSERT_EQ(found.coordinators.size(), 2U);
    EXPECT_EQ(found.coordinators[1].key, "b");
    EXPECT_EQ(found.coordinators[1].node_id, 1);
    EXPECT_EQ(found.coordinators[1].host, "first");
    EXPECT_EQ(found.coordinators[1].port, 11);
    request.key_type = 1;
    const auto none = ask<wire::FindCoordinatorResponse>(ApiKey::find_coordinator, 4, request);
    EXPECT_EQ(none.coordinators[0].error_code,
              code_of(Errc::transactional_id_authorization_failed));
}

TEST_F(BrokerTest, FetchWaitsUntilThereIsSomethingOrItsTimeIsUp) {
    wire::FetchRequest request;
    request.wait_max_ms = 500;
    request.bytes_min = 1;
    request.topics = {{"t", topic->id, {{.index = 0, .bytes_max = 1 << 20}}}};
    const Bytes frame = frame_of(ApiKey::fetch, 12, request);
    const Instant due = t0 + Duration::ms(500);

    const Handled first = handle(frame);
    EXPECT_EQ(first.outcome, Outcome::later);
    EXPECT_EQ(first.due, due);
    const Handled again = handle(frame, t0 + Duration::ms(499));
    EXPECT_EQ(again.outcome, Outcome::later);
    EXPECT_EQ(again.due, due);
    EXPECT_EQ(handle(frame, due).outcome, Outcome::respond);

    EXPECT_EQ(outcome(produce_frame()), Outcome::respond);
    EXPECT_EQ(handle(frame, t0 + Duration::ms(10)).outcome, Outcome::respond);
    wire::FetchResponse response;
    ASSERT_TRUE(decode(body_of(out, ApiKey::fetch, 12), 12, response));
    EXPECT_EQ(response.topics[0].partitions[0].records.size(), batch.size());
}

TEST_F(BrokerTest, StoppedNodeClosesEveryConnection) {
    cluster->stop_node(1);
    EXPECT_EQ(outcome(produce_frame()), Outcome::close);
    cluster->start_node(1);
    EXPECT_EQ(outcome(produce_frame()), Outcome::respond);
}

TEST_F(BrokerTest, FaultDecidesWhatBecomesOfARequest) {
    RequestFate fate = RequestFate::handle;
    std::vector<ApiKey> seen;
    cluster->faults().on_request = [&](const RequestAttempt& attempt) {
        EXPECT_EQ(attempt.node_id, 1);
        EXPECT_EQ(attempt.header.client_id, "a test");
        seen.push_back(attempt.header.key);
        return fate;
    };
    fate = RequestFate::swallow;
    EXPECT_EQ(outcome(produce_frame()), Outcome::no_response);
    fate = RequestFate::close;
    EXPECT_EQ(outcome(produce_frame()), Outcome::close);
    EXPECT_EQ(end_offset(), 0);
    fate = RequestFate::handle_and_close;
    EXPECT_EQ(outcome(produce_frame()), Outcome::close);
    EXPECT_EQ(end_offset(), 2);
    fate = RequestFate::handle;
    EXPECT_EQ(outcome(produce_frame()), Outcome::respond);
    EXPECT_EQ(end_offset(), 2);  // The same batch again.
    EXPECT_EQ(seen, std::vector(4, ApiKey::produce));
}

TEST_F(BrokerTest, AppendsItsAnswersToWhatIsThere) {
    const Bytes frame = produce_frame();
    handle(frame);
    const std::size_t one = out.size();
    EXPECT_EQ(broker->handle(frame, t0, t0, out).outcome, Outcome::respond);
    EXPECT_EQ(out.size(), 2 * one);
    EXPECT_EQ(broker->handle(ByteSpan(frame).first(9), t0, t0, out).outcome, Outcome::close);
    EXPECT_EQ(out.size(), 2 * one);
}

TEST_F(BrokerTest, ClosesRatherThanEchoANameThatNoStringCanHold) {
    // A compact length has room for it, the encoder does not.
    const std::string name(40'000, 'x');
    Bytes frame(50'000);
    Writer writer(frame);
    wire::encode_request_header(writer, ApiKey::find_coordinator, 4, correlation_id, "");
    writer.i8(0);
    writer.uvarint(2);
    writer.uvarint(name.size() + 1);
    writer.bytes(as_bytes(name));
    writer.uvarint(0);
    EXPECT_EQ(outcome(writer.written()), Outcome::close);
}

}  // namespace
}  // namespace ringpost::fake
