// SPDX-License-Identifier: Apache-2.0
#include "produce/housekeeping.h"

#include "core_world.h"

namespace ringpost::produce {
namespace {

const Duration second = Duration::seconds(1);

TEST(Housekeeping, AsksNobodyWhileNothingIsProduced) {
    CoreWorld world;
    world.pass(second * 100);
    EXPECT_EQ(world.requests, 0U);
}

TEST(Housekeeping, RefreshesTheMetadataWhenItIsOld) {
    Config config;
    config.metadata_max_age = second * 10;
    config.connection.idle_max = Duration{};
    CoreWorld world({.partitions = 1}, config);
    world.add_topic(0, "t");
    ASSERT_TRUE(world.produce(0, 1, "x"));
    world.pass(second);
    const std::size_t before = world.requests;
    world.pass(second * 50);
    EXPECT_GE(world.requests, before + 4);
    EXPECT_LE(world.requests, before + 6);
}

TEST(Housekeeping, AnUnreachableClusterIsAskedLessAndLess) {
    CoreWorld world;
    world.cluster.stop_node(1);
    world.add_topic(0, "t");
    ASSERT_TRUE(world.produce(0, 1, "x"));
    world.pass(second * 60);
    world.cluster.start_node(1);
    world.pass(second * 3);
    EXPECT_EQ(world.told(1).error, Errc::none) << "and found within a few seconds once it is there";
}

TEST(Housekeeping, ARefusedProducerIdFailsTheRecordsWithItsReason) {
    fake::ClusterOptions options{.partitions = 1};
    options.apis = {{wire::ApiKey::produce, 3, 9},
                    {wire::ApiKey::metadata, 0, 12},
                    {wire::ApiKey::api_versions, 0, 3}};
    CoreWorld world(options);
    world.add_topic(0, "t");
    ASSERT_TRUE(world.produce(0, 1, "x"));
    world.pass(second * 2);
    EXPECT_EQ(world.told(1).error, Errc::unsupported_broker);
}

/// What Kafka 2.0 says of itself, as far as a producer asks (KIP-896).
const std::vector<wire::ApiVersionsResponse::Api> kafka_2_0{{wire::ApiKey::produce, 0, 6},
                                                            {wire::ApiKey::metadata, 0, 6},
                                                            {wire::ApiKey::api_versions, 0, 2},
                                                            {wire::ApiKey::init_producer_id, 0, 1}};

TEST(Housekeeping, ABrokerThatIsTooOldIsNamedInTheLogAndInTheReport) {
    std::string logged;
    Config config;
    config.delivery_timeout = second * 20;
    config.connection.log = Log(LogLevel::warn, [&](LogLevel, std::string_view line) {
        logged += std::string(line) + "\n";
    });
    CoreWorld world({.partitions = 1, .apis = kafka_2_0}, config);
    world.add_topic(0, "t");
    ASSERT_TRUE(world.produce(0, 1, "x"));
    world.pass(second * 30);
    EXPECT_EQ(world.told(1).error, Errc::delivery_timeout);
    EXPECT_EQ(world.told(1).last_error, Errc::unsupported_broker);
    EXPECT_NE(logged.find("127.0.0.1:9001: unsupported_broker: the broker offers Produce 0 to 6, "
                          "Metadata 0 to 6; needed are Produce 3 to 13, Metadata 7 to 13"),
              std::string::npos)
        << logged;
    EXPECT_EQ(logged.find("unsupported_broker"), logged.rfind("unsupported_broker"))
        << "said once: " << logged;
}

TEST(Housekeeping, OneBrokerThatIsTooOldDoesNotKeepTheOthersFromTheirRecords) {
    Config config;
    config.delivery_timeout = second * 20;
    CoreWorld world({.brokers = 2, .partitions = 2}, config);
    world.broker(2).set_apis(kafka_2_0);
    world.add_topic(0, "t");
    for (std::uint32_t i = 0; i < 2; ++i) {
        ASSERT_TRUE(world.produce(0, i, "x", static_cast<std::int32_t>(i)));
    }
    world.pass(second * 30);
    EXPECT_EQ(world.count(Errc::none), 1U);
    ASSERT_EQ(world.count(Errc::delivery_timeout), 1U);
    for (std::uint32_t i = 0; i < 2; ++i) {
        if (world.told(i).error == Errc::none) continue;
        EXPECT_EQ(world.told(i).last_error, Errc::unsupported_broker);
        EXPECT_FALSE(world.told(i).may_have_been_written);
    }
}

TEST(Housekeeping, AProducerIdThatIsGrantedLaterIsAskedForAgain) {
    CoreWorld world;
    bool granted = false;
    std::size_t asked = 0;
    world.cluster.faults().on_init_producer_id = [&] {
        ++asked;
        return granted ? Errc::none : Errc::cluster_authorization_failed;
    };
    world.add_topic(0, "t");
    ASSERT_TRUE(world.produce(0, 1, "x"));
    world.pass(second * 2);
    EXPECT_EQ(world.told(1).error, Errc::cluster_authorization_failed);
    EXPECT_FALSE(world.told(1).may_have_been_written);
    world.pass(second * 100);
    EXPECT_EQ(asked, 1U) << "nothing waits for it";
    ASSERT_TRUE(world.produce(0, 2, "y"));
    world.pass(second * 2);
    EXPECT_EQ(world.told(2).error, Errc::cluster_authorization_failed);
    granted = true;
    ASSERT_TRUE(world.produce(0, 3, "z"));
    world.pass(second * 5);
    EXPECT_EQ(world.told(3).error, Errc::none);
    EXPECT_EQ(asked, 3U);
}

/// Every topic is answered for with `error`, while that is one.
void answer_topics_with(CoreWorld& world, const Errc& error) {
    world.cluster.faults().on_metadata = [&error](std::int32_t, wire::MetadataResponse& response) {
        for (auto& topic : response.topics) {
            if (error == Errc::none) continue;
            topic.error_code = static_cast<std::int16_t>(error);
            topic.partitions.clear();
        }
    };
}

TEST(Housekeeping, ATopicThatIsGrantedLaterIsAskedForAgain) {
    CoreWorld world;
    Errc error = Errc::topic_authorization_failed;
    answer_topics_with(world, error);
    world.add_topic(0, "t");
    ASSERT_TRUE(world.produce(0, 1, "x"));
    world.pass(Duration::ms(10));
    EXPECT_EQ(world.told(1).error, Errc::topic_authorization_failed);
    const std::size_t before = world.requests;
    ASSERT_TRUE(world.produce(0, 2, "y"));
    world.pass(Duration::ms(10));
    EXPECT_EQ(world.told(2).error, Errc::topic_authorization_failed);
    EXPECT_EQ(world.requests, before) << "that is known";
    world.pass(second * 100);
    EXPECT_EQ(world.requests, before) << "nothing waits for it";
    error = Errc::none;
    ASSERT_TRUE(world.produce(0, 3, "z"));
    world.pass(second);
    EXPECT_EQ(world.told(3).error, Errc::none);
}

TEST(Housekeeping, WhatWaitsForATopicThatIsBrieflyRefusedIsDelivered) {
    CoreWorld world;
    world.add_topic(0, "t");
    ASSERT_TRUE(world.produce(0, 1, "x"));
    world.pass(second);
    Errc error = Errc::topic_authorization_failed;
    answer_topics_with(world, error);
    world.cluster.stop_node(1);
    world.reset_connections();
    ASSERT_TRUE(world.produce(0, 2, "y"));
    world.pass(second);
    world.cluster.start_node(1);
    world.pass(second * 10);
    error = Errc::none;
    world.pass(second * 10);
    EXPECT_EQ(world.told(2).error, Errc::none);
}

TEST(Housekeeping, ABriefErrorOfTheProducerIdIsOutlasted) {
    for (const Errc error : {Errc::coordinator_load_in_progress, Errc::not_coordinator,
                             Errc::concurrent_transactions, Errc::request_timed_out}) {
        CoreWorld world;
        int left = 3;
        world.cluster.faults().on_init_producer_id = [&] {
            return left-- > 0 ? error : Errc::none;
        };
        world.add_topic(0, "t");
        ASSERT_TRUE(world.produce(0, 1, "x"));
        world.pass(second * 10);
        EXPECT_EQ(world.told(1).error, Errc::none);
    }
}

TEST(Housekeeping, WithoutIdempotenceNoProducerIdIsNeeded) {
    fake::ClusterOptions options{.partitions = 1};
    options.apis = {{wire::ApiKey::produce, 3, 9},
                    {wire::ApiKey::metadata, 0, 12},
                    {wire::ApiKey::api_versions, 0, 3}};
    Config config;
    config.idempotent = false;
    CoreWorld world(options, config);
    world.add_topic(0, "t");
    ASSERT_TRUE(world.produce(0, 1, "x"));
    world.pass(second * 2);
    EXPECT_EQ(world.told(1).error, Errc::none);
}

// Throttles --------------------------------------------------------------------------------------

TEST(Housekeeping, AQuestionThatAThrottleHoldsBackIsAskedWhenItEnds) {
    CoreWorld world({.partitions = 1});
    world.add_topic(0, "t");
    world.cluster.faults().produce_throttle_ms = 5000;
    ASSERT_TRUE(world.produce(0, 1, "one"));
    world.settle();
    world.pass(second);
    ASSERT_EQ(world.told(1).error, Errc::none);
    world.add_topic(1, "u");
    ASSERT_TRUE(world.produce(1, 2, "two"));
    world.settle();
    const Instant next = world.core->next_deadline(world.now);
    EXPECT_GT(next, world.now) << "nothing spins";
    EXPECT_LE(next, world.now + second * 5);
    world.pass(second * 5);
    EXPECT_EQ(world.told(2).error, Errc::none);
}

TEST(Housekeeping, ABrokerThatRestsIsAskedInThePlaceOfAThrottledOne) {
    CoreWorld world({.brokers = 2, .partitions = 1});
    ASSERT_TRUE(world.cluster.create_topic("t", 1));
    ASSERT_TRUE(world.cluster.move_leader("t", 0, 1));
    world.add_topic(0, "t");
    world.cluster.faults().produce_throttle_ms = 60'000;
    ASSERT_TRUE(world.produce(0, 1, "one"));
    world.pass(second);
    ASSERT_EQ(world.told(1).error, Errc::none);
    ASSERT_TRUE(world.cluster.create_topic("u", 1));
    ASSERT_TRUE(world.cluster.move_leader("u", 0, 2));
    world.add_topic(1, "u");
    ASSERT_TRUE(world.produce(1, 2, "two"));
    world.pass(second);
    EXPECT_EQ(world.told(2).error, Errc::none);
    EXPECT_EQ(world.core->nodes().size(), 2U) << "who throttles is not out of reach";
}

TEST(Housekeeping, AProducerIdThatAThrottleHoldsBackIsAskedForWhenItEnds) {
    CoreWorld world({.partitions = 1});
    world.add_topic(0, "t");
    ASSERT_TRUE(world.produce(0, 1, "one"));
    world.pass(second);
    // The id is used up by the very answer that throttles.
    world.core->find_topic(0)->partitions[0]->producer_epoch = INT16_MAX;
    world.cluster.faults().produce_throttle_ms = 5000;
    world.cluster.faults().on_produce = [](const fake::ProduceAttempt&) {
        return fake::ProduceFault{Errc::invalid_timestamp};
    };
    ASSERT_TRUE(world.produce(0, 2, "two"));
    world.settle();
    world.pass(second);
    ASSERT_EQ(world.told(2).error, Errc::invalid_timestamp);
    world.cluster.faults().on_produce = nullptr;
    ASSERT_TRUE(world.produce(0, 3, "three"));
    world.pass(second * 5);
    EXPECT_EQ(world.told(3).error, Errc::none);
}

// Rebootstrap -----------------------------------------------------------------------------------

/// A cluster of two whose bootstrap name leads to the first of them, and which the world has used.
struct Movable {
    explicit Movable(MetadataRecovery recovery = MetadataRecovery::rebootstrap)
        : world({.brokers = 2, .partitions = 2}, with(recovery)) {
        world.cluster.set_address(1, "10.0.0.1", CoreWorld::port_of(1));
        world.cluster.set_address(2, "10.0.0.2", CoreWorld::port_of(2));
        world.names["boot"] = 1;
        world.config.seeds = {{"boot", 9092}};
        world.restart_core();
        world.add_topic(0, "t");
        produce(0);
        world.pass(second);
        EXPECT_EQ(world.count(Errc::none), 2U);
    }
    static Config with(MetadataRecovery recovery) {
        Config config;
        config.metadata_recovery = recovery;
        config.delivery_timeout = second * 2000;
        return config;
    }
    /// A record for either partition.
    void produce(std::uint32_t from) {
        for (std::uint32_t i = 0; i < 2; ++i) {
            ASSERT_TRUE(world.produce(0, from + i, "x", static_cast<std::int32_t>(i)));
        }
    }
    /// To addresses that only the bootstrap name knows; behind the old ones there is silence.
    void move() {
        world.names["10.0.0.1"] = world.names["10.0.0.2"] = 0;
        world.cluster.set_address(1, "10.9.0.1", CoreWorld::port_of(1));
        world.cluster.set_address(2, "10.9.0.2", CoreWorld::port_of(2));
        world.reset_connections();
    }

    CoreWorld world;
};

TEST(Housekeeping, AClusterThatMovesAsAWholeIsFoundByItsBootstrapName) {
    Movable m;
    m.move();
    m.produce(10);
    m.world.pass(m.world.config.rebootstrap_trigger + second * 30);
    EXPECT_EQ(m.world.count(Errc::none), 4U);
    EXPECT_EQ(m.world.log("t", 0).size() + m.world.log("t", 1).size(), 4U) << "each once";
}

TEST(Housekeeping, WithoutRecoveryTheKnownBrokersAreTriedForEver) {
    Movable m(MetadataRecovery::none);
    m.move();
    m.produce(10);
    m.world.pass(second * 1900);
    EXPECT_EQ(m.world.count(Errc::none), 2U);
    m.world.pass(second * 200);
    EXPECT_EQ(m.world.told(10).error, Errc::delivery_timeout);
    EXPECT_EQ(m.world.told(10).last_error, Errc::connect_failed);
    m.world.names["10.0.0.1"] = 1;
    m.world.names["10.0.0.2"] = 2;
    m.produce(20);
    m.world.pass(second * 60);
    EXPECT_EQ(m.world.told(20).error, Errc::none) << "and found when they are back";
}

TEST(Housekeeping, BrokersThatAnswerInVainAreGivenUpAfterTheTrigger) {
    Movable m;
    // The first one has left its cluster and knows nobody; the name leads to the second by now.
    m.world.names["boot"] = 2;
    m.world.cluster.move_leader("t", 0, 2);
    m.world.cluster.move_leader("t", 1, 2);
    m.world.names["10.0.0.2"] = 0;
    m.world.cluster.set_address(2, "10.9.0.2", CoreWorld::port_of(2));
    m.world.cluster.faults().on_metadata = [](std::int32_t node, wire::MetadataResponse& answer) {
        if (node == 1) answer.brokers.clear();
    };
    m.world.cluster.faults().on_produce = [](const fake::ProduceAttempt& attempt) {
        return attempt.node_id == 1 ? fake::ProduceFault{Errc::leader_not_available}
                                    : fake::ProduceFault{};
    };
    m.world.reset_connections();
    m.produce(10);
    m.world.pass(m.world.config.rebootstrap_trigger - second * 20);
    EXPECT_EQ(m.world.count(Errc::none), 2U) << "not yet";
    m.world.pass(second * 60);
    EXPECT_EQ(m.world.count(Errc::none), 4U);
}

TEST(Housekeeping, AClusterThatAsksForARebootstrapGetsItAtOnce) {
    for (const auto recovery : {MetadataRecovery::rebootstrap, MetadataRecovery::none}) {
        Movable m(recovery);
        m.world.names["boot"] = 2;
        bool asks = true;
        m.world.cluster.faults().on_metadata = [&](std::int32_t node, wire::MetadataResponse& r) {
            if (node != 1 || !asks) return;
            r.error_code = static_cast<std::int16_t>(Errc::rebootstrap_required);
            r.brokers.clear();
        };
        m.world.cluster.stop_node(2);
        m.world.reset_connections();
        m.world.pass(second * 5);
        m.world.cluster.start_node(2);
        m.world.cluster.move_leader("t", 0, 2);
        m.world.cluster.move_leader("t", 1, 2);
        m.world.names["10.0.0.2"] = 0;
        m.world.cluster.set_address(2, "10.9.0.2", CoreWorld::port_of(2));
        m.produce(10);
        m.world.pass(second * 20);
        EXPECT_EQ(m.world.count(Errc::none), recovery == MetadataRecovery::none ? 2U : 4U);
        asks = false;
        m.world.pass(second * 20);
        EXPECT_EQ(m.world.count(Errc::none), 4U);
    }
}

// Topics that are not used -----------------------------------------------------------------------

/// The names that each metadata request asks for, from now on.
void note_questions(CoreWorld& world, std::vector<std::string>& questions) {
    world.cluster.faults().on_request = [&](const fake::RequestAttempt& attempt) {
        if (attempt.header.key == wire::ApiKey::metadata) {
            wire::MetadataRequest request;
            EXPECT_TRUE(wire::decode(attempt.body, attempt.header.version, request));
            std::string names;
            for (const auto& topic : request.topics) names += topic.name + " ";
            questions.push_back(names);
        }
        return fake::RequestFate::handle;
    };
}

TEST(Housekeeping, ATopicThatIsNotUsedIsNotAskedForUntilItIs) {
    Config config;
    config.metadata_max_age = second * 10;
    config.metadata_max_idle = second * 25;
    CoreWorld world({.partitions = 1}, config);
    std::vector<std::string> questions;
    note_questions(world, questions);
    world.add_topic(0, "often");
    world.add_topic(1, "once");
    ASSERT_TRUE(world.produce(1, 1000, "x"));
    for (std::uint32_t i = 0; i < 10; ++i) {
        ASSERT_TRUE(world.produce(0, i, "x"));
        world.pass(second * 10);
    }
    EXPECT_EQ(questions.front(), "often once ");
    EXPECT_EQ(questions.back(), "often ");
    const std::size_t before = questions.size();
    world.pass(second);
    ASSERT_TRUE(world.produce(1, 1001, "y"));
    world.pass(second);
    EXPECT_EQ(world.told(1001).error, Errc::none);
    ASSERT_EQ(questions.size(), before + 1);
    EXPECT_EQ(questions.back(), "once often ") << "what waits goes first";
}

TEST(Housekeeping, WhenNoTopicIsUsedNothingIsAskedAndNoConnectionMade) {
    Config config;
    config.metadata_max_age = second * 10;
    config.metadata_max_idle = second * 25;
    config.connection.idle_max = second * 60;
    CoreWorld world({.partitions = 1}, config);
    world.add_topic(0, "t");
    ASSERT_TRUE(world.produce(0, 1, "x"));
    world.pass(second * 100);
    const std::size_t before = world.requests;
    world.pass(second * 1000);
    EXPECT_EQ(world.requests, before);
    EXPECT_TRUE(world.core->next_deadline(world.now).is_never()) << "nothing wakes the loop";
    // Meanwhile the topic has moved: its records don't go by the old view.
    ASSERT_TRUE(world.cluster.delete_topic("t"));
    ASSERT_TRUE(world.cluster.create_topic("t", 3));
    ASSERT_TRUE(world.produce(0, 2, "y", 2));
    world.pass(second * 2);
    EXPECT_EQ(world.told(2).error, Errc::none);
    EXPECT_EQ(world.told(2).attempts, 1U) << "the first try was the right one";
    EXPECT_EQ(world.log("t", 2), std::vector<std::string>{"y"});
}

TEST(Errand, WaitsLongerAfterEachFailure) {
    Prng prng(1);
    Errand errand(Duration::ms(100), Duration::ms(400));
    Instant now = Instant::from_ns(1);
    errand.want(now);
    EXPECT_TRUE(errand.due(now));
    errand.on_sent();
    EXPECT_FALSE(errand.due(now));
    for (const int bound : {100, 200, 400, 400}) {
        errand.on_failure(now, prng);
        EXPECT_GT(errand.next_deadline(), now);
        EXPECT_LE(errand.next_deadline(), now + Duration::ms(bound) + Duration::us(1));
        errand.want(now);
        EXPECT_FALSE(errand.due(now)) << "wanting does not shorten the wait";
    }
}

}  // namespace
}  // namespace ringpost::produce
