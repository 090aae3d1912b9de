// SPDX-License-Identifier: Apache-2.0
#include "produce/answers.h"

#include "core_world.h"

namespace ringpost::produce {
namespace {

const Duration second = Duration::seconds(1);

/// Answers the n-th batch that arrives with an error, and the rest as they deserve.
void fail_nth(CoreWorld& world, int nth, Errc error, bool append = false) {
    auto seen = std::make_shared<int>(0);
    world.cluster.faults().on_produce = [=](const fake::ProduceAttempt&) {
        return (*seen)++ == nth ? fake::ProduceFault{error, append} : fake::ProduceFault{};
    };
}

Config small_batches() {
    Config config;
    config.linger = Duration{};
    config.batch_records = 1;
    return config;
}

void produce_ten_and_wait(CoreWorld& world) {
    world.add_topic(0, "t");
    for (std::uint32_t i = 0; i < 10; ++i) {
        ASSERT_TRUE(world.produce(0, i, "v" + std::to_string(i)));
    }
    world.pass(second * 20);
}

std::vector<std::string> ten() {
    std::vector<std::string> values;
    for (int i = 0; i < 10; ++i) values.push_back("v" + std::to_string(i));
    return values;
}

class AnyRetriable : public testing::TestWithParam<std::tuple<Errc, int, bool>> {};

TEST_P(AnyRetriable, ErrorIsRetriedWithoutLossDuplicateOrReordering) {
    const auto [error, nth, append] = GetParam();
    CoreWorld world({.partitions = 1}, small_batches());
    fail_nth(world, nth, error, append);
    produce_ten_and_wait(world);
    EXPECT_EQ(world.log("t"), ten());
    EXPECT_EQ(world.count(Errc::none), 10U);
}

INSTANTIATE_TEST_SUITE_P(
    Codes, AnyRetriable,
    testing::Combine(testing::Values(Errc::corrupt_message, Errc::unknown_topic_or_partition,
                                     Errc::leader_not_available, Errc::not_leader_or_follower,
                                     Errc::request_timed_out, Errc::network_exception,
                                     Errc::not_enough_replicas,
                                     Errc::not_enough_replicas_after_append,
                                     Errc::kafka_storage_error, Errc::unknown_topic_id,
                                     Errc::fenced_leader_epoch, Errc::throttling_quota_exceeded),
                     testing::Values(0, 1, 4, 9), testing::Bool()));

class AnyLoss : public testing::TestWithParam<int> {};

TEST_P(AnyLoss, OfAnAnswerAfterTheAppendMakesNoDuplicate) {
    CoreWorld world({.partitions = 1}, small_batches());
    int seen = 0;
    world.cluster.faults().on_request = [&](const fake::RequestAttempt& attempt) {
        if (attempt.header.key != wire::ApiKey::produce) return fake::RequestFate::handle;
        return seen++ == GetParam() ? fake::RequestFate::handle_and_close
                                    : fake::RequestFate::handle;
    };
    produce_ten_and_wait(world);
    EXPECT_EQ(world.log("t"), ten());
    EXPECT_EQ(world.count(Errc::none), 10U);
}

TEST_P(AnyLoss, OfARequestLosesNothing) {
    CoreWorld world({.partitions = 1}, small_batches());
    int seen = 0;
    world.cluster.faults().on_request = [&](const fake::RequestAttempt& attempt) {
        if (attempt.header.key != wire::ApiKey::produce) return fake::RequestFate::handle;
        return seen++ == GetParam() ? fake::RequestFate::close : fake::RequestFate::handle;
    };
    produce_ten_and_wait(world);
    EXPECT_EQ(world.log("t"), ten());
    EXPECT_EQ(world.count(Errc::none), 10U);
}

INSTANTIATE_TEST_SUITE_P(AtAnyPlace, AnyLoss, testing::Range(0, 8));

TEST(Answers, AFatalCodeFailsItsBatchAndTheRestGoesOnInANewEpoch) {
    CoreWorld world({.partitions = 1}, small_batches());
    fail_nth(world, 2, Errc::invalid_timestamp);
    produce_ten_and_wait(world);
    EXPECT_EQ(world.count(Errc::none), 9U);
    EXPECT_EQ(world.count(Errc::invalid_timestamp), 1U);
    EXPECT_FALSE(world.told(2).may_have_been_written);
    auto expected = ten();
    expected.erase(expected.begin() + 2);
    EXPECT_EQ(world.log("t"), expected);
}

TEST(Answers, LostStateAtTheBrokerCostsNothing) {
    CoreWorld world({.partitions = 1}, small_batches());
    world.add_topic(0, "t");
    for (std::uint32_t i = 0; i < 5; ++i) ASSERT_TRUE(world.produce(0, i, "a"));
    world.pass(second);
    world.cluster.find_topic("t")->find(0)->log.forget_producers();
    for (std::uint32_t i = 5; i < 10; ++i) ASSERT_TRUE(world.produce(0, i, "b"));
    world.pass(second * 5);
    EXPECT_EQ(world.count(Errc::none), 10U);
    EXPECT_EQ(world.log("t").size(), 10U);
}

TEST(Answers, OutOfOrderAtTheHeadStartsANewEpoch) {
    CoreWorld world({.partitions = 1}, small_batches());
    fail_nth(world, 3, Errc::out_of_order_sequence_number);
    produce_ten_and_wait(world);
    EXPECT_EQ(world.log("t"), ten());
    EXPECT_EQ(world.count(Errc::none), 10U);
}

TEST(Answers, TheRetryLimitIsTheLast) {
    Config config = small_batches();
    config.retries = 2;
    CoreWorld world({.partitions = 1}, config);
    world.cluster.faults().on_produce = [](const fake::ProduceAttempt&) {
        return fake::ProduceFault{Errc::not_enough_replicas};
    };
    world.add_topic(0, "t");
    ASSERT_TRUE(world.produce(0, 1, "one"));
    world.pass(second * 10);
    EXPECT_EQ(world.told(1).error, Errc::not_enough_replicas);
    EXPECT_EQ(world.told(1).attempts, 3U);
}

TEST(Answers, WithoutAcknowledgementsARecordIsDeliveredWhenItIsSent) {
    Config config = small_batches();
    config.acks = Acks::none;
    config.idempotent = false;
    CoreWorld world({.partitions = 1}, config);
    produce_ten_and_wait(world);
    EXPECT_EQ(world.count(Errc::none), 10U);
    EXPECT_EQ(world.told(3).offset, -1);
    EXPECT_EQ(world.log("t"), ten());
}

TEST(Answers, AMovedLeaderIsFollowedInOrder) {
    CoreWorld world({.brokers = 3, .partitions = 1}, small_batches());
    world.add_topic(0, "t");
    ASSERT_TRUE(world.produce(0, 0, "v0"));
    world.pass(second);
    for (std::uint32_t i = 1; i < 10; ++i) {
        ASSERT_TRUE(world.cluster.move_leader("t", 0, static_cast<std::int32_t>(i % 3 + 1)));
        ASSERT_TRUE(world.produce(0, i, "v" + std::to_string(i)));
        world.pass(second * 2);
    }
    EXPECT_EQ(world.log("t"), ten());
    EXPECT_EQ(world.count(Errc::none), 10U);
}

TEST(Answers, ANewLeaderThatNoMetadataHasNamedIsFoundByItsEndpoint) {
    CoreWorld world({.brokers = 2, .partitions = 1}, small_batches());
    ASSERT_TRUE(world.cluster.create_topic("t", 1));
    ASSERT_TRUE(world.cluster.move_leader("t", 0, 1));
    world.cluster.faults().on_metadata = [](std::int32_t, wire::MetadataResponse& response) {
        std::erase_if(response.brokers, [](const auto& broker) { return broker.node_id == 2; });
    };
    world.add_topic(0, "t");
    ASSERT_TRUE(world.produce(0, 0, "v0"));
    world.pass(second);
    ASSERT_EQ(world.told(0).error, Errc::none);
    // From now on there is no metadata at all.
    world.cluster.faults().on_request = [](const fake::RequestAttempt& attempt) {
        return attempt.header.key == wire::ApiKey::metadata ? fake::RequestFate::swallow
                                                            : fake::RequestFate::handle;
    };
    ASSERT_TRUE(world.cluster.move_leader("t", 0, 2));
    ASSERT_TRUE(world.produce(0, 1, "v1"));
    world.pass(Duration::ms(10));  // without a backoff
    EXPECT_EQ(world.told(1).error, Errc::none);
    EXPECT_EQ(world.told(1).attempts, 2U);
    EXPECT_EQ(world.log("t"), (std::vector<std::string>{"v0", "v1"}));
}

TEST(Answers, AHintAboutATopicThatHasBeenMadeAnewSinceIsNotTaken) {
    CoreWorld world({.brokers = 2, .partitions = 1}, small_batches());
    ASSERT_TRUE(world.cluster.create_topic("t", 1));
    ASSERT_TRUE(world.cluster.move_leader("t", 0, 1));
    world.add_topic(0, "t");
    ASSERT_TRUE(world.produce(0, 0, "v0"));
    world.pass(second);
    for (int i = 0; i < 10; ++i) ASSERT_TRUE(world.cluster.move_leader("t", 0, 2 - i % 2));
    ASSERT_TRUE(world.cluster.move_leader("t", 0, 2));
    // The answer, with a hint of a high epoch, is under way while the topic is made anew.
    world.hold_answers(true);
    ASSERT_TRUE(world.produce(0, 1, "v1"));
    world.pass(Duration::ms(10));
    ASSERT_TRUE(world.cluster.delete_topic("t"));
    ASSERT_TRUE(world.cluster.create_topic("t", 1));
    ASSERT_TRUE(world.cluster.move_leader("t", 0, 1));
    Topic& topic = *world.core->find_topic(0);
    ++topic.incarnation;  // as metadata from elsewhere makes it, before that answer
    world.cluster.faults().on_request = [](const fake::RequestAttempt&) {
        return fake::RequestFate::swallow;  // nothing else is heard meanwhile
    };
    world.hold_answers(false);
    EXPECT_LT(topic.partitions[0]->leader_epoch, 10);
    world.cluster.faults().on_request = nullptr;
    world.pass(second * 60);
    EXPECT_EQ(world.told(1).error, Errc::none);
    EXPECT_EQ(world.log("t"), std::vector<std::string>{"v1"});
}

TEST(Answers, AThrottledBrokerIsLeftInPeace) {
    CoreWorld world({.partitions = 1}, small_batches());
    world.add_topic(0, "t");
    world.cluster.faults().produce_throttle_ms = 5000;
    ASSERT_TRUE(world.produce(0, 1, "one"));
    world.pass(second);
    const std::size_t before = world.requests;
    ASSERT_TRUE(world.produce(0, 2, "two"));
    world.pass(second * 2);
    EXPECT_EQ(world.requests, before);
    world.pass(second * 4);
    EXPECT_EQ(world.told(2).error, Errc::none);
}

}  // namespace
}  // namespace ringpost::produce
