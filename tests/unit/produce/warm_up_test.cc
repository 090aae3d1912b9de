// SPDX-License-Identifier: Apache-2.0
#include "produce/warm_up.h"

#include "core_world.h"

namespace ringpost::produce {
namespace {

const Duration second = Duration::seconds(1);

/// A world whose core is warmed up for topic 0, "t".
struct Warming {
    explicit Warming(fake::ClusterOptions cluster = {.brokers = 3, .partitions = 6},
                     Config config = {})
        : world(std::move(cluster), std::move(config)) {}

    void begin() {
        if (!world.core->knows_topic(0)) world.add_topic(0, "t");
        world.core->begin_warm_up(topics, world.now);
        began = true;
    }
    Obstacle look() {
        WarmUpLook look;
        while (!world.core->look_at_warm_up(look, topics, world.now)) {}
        return look.first;
    }
    /// As the shard does it: a look after whatever has happened.
    Obstacle pass(Duration time) {
        if (!began) begin();
        const Instant until = world.now + time;
        Obstacle obstacle = look();
        world.settle();
        while (obstacle.any() && !obstacle.is_final && world.now < until) {
            world.pass(Duration::ms(1));
            obstacle = look();
            world.settle();
        }
        return look();
    }

    CoreWorld world;
    const std::vector<std::uint32_t> topics{0};
    bool began = false;
};

/// What is sent from now on but produce requests.
std::shared_ptr<std::size_t> count_of_questions(CoreWorld& world) {
    auto count = std::make_shared<std::size_t>(0);
    world.cluster.faults().on_request = [count](const fake::RequestAttempt& attempt) {
        *count += attempt.header.key != wire::ApiKey::produce;
        return fake::RequestFate::handle;
    };
    return count;
}

TEST(WarmUp, AfterItARecordIsOneRequestAway) {
    Warming warming;
    EXPECT_FALSE(warming.pass(second).any());
    const auto questions = count_of_questions(warming.world);
    const std::size_t before = warming.world.requests;
    for (std::uint32_t i = 0; i < 6; ++i) {
        ASSERT_TRUE(warming.world.produce(0, i, "x", static_cast<std::int32_t>(i)));
    }
    warming.world.pass(Duration::ms(10));
    EXPECT_EQ(warming.world.count(Errc::none), 6U);
    EXPECT_EQ(*questions, 0U) << "no ApiVersions: every leader was connected to";
    EXPECT_EQ(warming.world.requests, before + 3) << "one for each broker";
}

TEST(WarmUp, ALookAtManyPartitionsTakesMoreThanOneTurn) {
    Config config;
    config.turn_items_max = 2;
    Warming warming({.brokers = 3, .partitions = 6}, config);
    EXPECT_FALSE(warming.pass(second).any());
    WarmUpLook look;
    ProducerCore& core = *warming.world.core;
    EXPECT_FALSE(core.look_at_warm_up(look, warming.topics, warming.world.now));
    EXPECT_FALSE(core.look_at_warm_up(look, warming.topics, warming.world.now));
    EXPECT_TRUE(core.look_at_warm_up(look, warming.topics, warming.world.now));
    EXPECT_FALSE(look.first.any());
}

/// Two of them whose looks take turns would else keep the loop busy.
TEST(WarmUp, AfterALookThatFoundAnObstacleThereIsNoOtherBeforeThereAreNews) {
    Config config;
    config.turn_items_max = 2;
    Warming warming({.brokers = 3, .partitions = 6}, config);
    EXPECT_FALSE(warming.pass(second).any());
    warming.world.reset_connections();
    WarmUpLook look;
    ProducerCore& core = *warming.world.core;
    while (!core.look_at_warm_up(look, warming.topics, warming.world.now)) {}
    EXPECT_TRUE(look.first.any());
    EXPECT_TRUE(core.look_at_warm_up(look, warming.topics, warming.world.now));
    warming.world.pass(second);
    EXPECT_FALSE(core.look_at_warm_up(look, warming.topics, warming.world.now)) << "a new one";
    EXPECT_FALSE(warming.pass(second).any());
}

TEST(WarmUp, ASecondOneHasNothingToDo) {
    Warming warming;
    EXPECT_FALSE(warming.pass(second).any());
    const std::size_t before = warming.world.requests;
    warming.began = false;
    EXPECT_FALSE(warming.pass(second).any());
    EXPECT_EQ(warming.world.requests, before);
}

TEST(WarmUp, ABrokerOutOfReachIsNamedAndWaitedFor) {
    Warming warming;
    ASSERT_TRUE(warming.world.cluster.create_topic("t", 6));
    warming.world.cluster.stop_node(2);
    warming.world.cluster.faults().on_metadata = [](std::int32_t, wire::MetadataResponse& answer) {
        answer.brokers.push_back({2, "127.0.0.1", CoreWorld::port_of(2), ""});
        for (auto& partition : answer.topics[0].partitions) {
            if (partition.leader_id >= 0) continue;
            partition.leader_id = 2;
            partition.error_code = 0;
        }
    };
    const Obstacle obstacle = warming.pass(second * 5);
    EXPECT_EQ(obstacle.error, Errc::connect_failed);
    EXPECT_NE(obstacle.where.find("127.0.0.1:9002"), std::string::npos) << obstacle.where;
    EXPECT_FALSE(obstacle.is_final);
    warming.world.cluster.start_node(2);
    EXPECT_FALSE(warming.pass(second * 5).any());
}

TEST(WarmUp, APartitionWithoutALeaderIsNamed) {
    Warming warming;
    ASSERT_TRUE(warming.world.cluster.create_topic("t", 6));
    const auto& partitions = warming.world.cluster.find_topic("t")->partitions;
    warming.world.cluster.stop_node(3);
    const Obstacle obstacle = warming.pass(second * 5);
    EXPECT_EQ(obstacle.error, Errc::leader_not_available);
    std::size_t first = 0;
    while (partitions[first].leader != 3) ++first;
    EXPECT_EQ(obstacle.where, "t-" + std::to_string(first));
    warming.world.cluster.elect_leaders();
    EXPECT_FALSE(warming.pass(second * 5).any());
}

TEST(WarmUp, WhatARefusalRefusesIsNamedAndFinalAndAskedForAgainByTheNext) {
    Errc topic_error = Errc::topic_authorization_failed;
    Errc id_error = Errc::cluster_authorization_failed;
    Warming warming;
    warming.world.cluster.faults().on_metadata = [&](std::int32_t, wire::MetadataResponse& r) {
        if (topic_error == Errc::none || r.topics.empty()) return;
        r.topics[0].error_code = static_cast<std::int16_t>(topic_error);
        r.topics[0].partitions.clear();
    };
    warming.world.cluster.faults().on_init_producer_id = [&] { return id_error; };
    Obstacle obstacle = warming.pass(second * 5);
    EXPECT_EQ(obstacle.error, Errc::topic_authorization_failed);
    EXPECT_EQ(obstacle.where, "topic t");
    EXPECT_TRUE(obstacle.is_final);
    topic_error = Errc::none;
    warming.began = false;
    obstacle = warming.pass(second * 5);
    EXPECT_EQ(obstacle.error, Errc::cluster_authorization_failed);
    EXPECT_EQ(obstacle.where, "the producer id");
    EXPECT_TRUE(obstacle.is_final);
    id_error = Errc::none;
    warming.began = false;
    EXPECT_FALSE(warming.pass(second * 5).any());
}

TEST(WarmUp, ATopicThatDoesNotExistIsWaitedFor) {
    Warming warming({.brokers = 1, .partitions = 1, .auto_create = false});
    const Obstacle obstacle = warming.pass(second * 5);
    EXPECT_EQ(obstacle.error, Errc::unknown_topic_or_partition);
    EXPECT_EQ(obstacle.where, "topic t");
    EXPECT_FALSE(obstacle.is_final);
    ASSERT_TRUE(warming.world.cluster.create_topic("t", 1));
    EXPECT_FALSE(warming.pass(second * 5).any());
}

TEST(WarmUp, AClusterOutOfReachIsSaidToBe) {
    Warming warming({.brokers = 1, .partitions = 1});
    warming.world.cluster.stop_node(1);
    const Obstacle obstacle = warming.pass(second * 5);
    EXPECT_EQ(obstacle.error, Errc::connect_failed);
    EXPECT_EQ(obstacle.where, "topic t");
}

TEST(WarmUp, NoProducerIdIsWantedWhereNoneIsNeeded) {
    Config config;
    config.idempotent = false;
    Warming warming({.brokers = 1, .partitions = 1}, config);
    warming.world.cluster.faults().on_init_producer_id = [] {
        ADD_FAILURE() << "nobody needs one";
        return Errc::none;
    };
    EXPECT_FALSE(warming.pass(second).any());
}

TEST(WarmUp, ATopicIsNotForgottenWhileItIsWaitedFor) {
    Config config;
    config.metadata_max_idle = second;
    Warming warming({.brokers = 1, .partitions = 1}, config);
    warming.world.cluster.stop_node(1);
    EXPECT_TRUE(warming.pass(second * 5).any());
    EXPECT_FALSE(warming.world.core->next_deadline(warming.world.now).is_never());
    warming.world.cluster.start_node(1);
    EXPECT_FALSE(warming.pass(second * 5).any());
}

TEST(WarmUp, ALeaderThatHasMovedMeanwhileIsFollowed) {
    Warming warming({.brokers = 2, .partitions = 2});
    ASSERT_TRUE(warming.world.cluster.create_topic("t", 2));
    EXPECT_FALSE(warming.pass(second).any());
    warming.world.pass(second);
    auto& nodes = warming.world.core->nodes();
    // Both are idle when an answer tells that they are elsewhere by now.
    for (const auto& node : nodes) node->connection.shut(warming.world.now);
    warming.world.settle();
    for (const auto& node : nodes) {
        ASSERT_EQ(node->connection.state(), broker::Connection::State::idle);
        node->is_at("moved", node->port);
    }
    warming.began = false;
    warming.begin();
    EXPECT_TRUE(warming.look().any());
    warming.world.settle();
    EXPECT_FALSE(warming.look().any()) << "one look was enough";
    EXPECT_EQ(nodes[0]->connection.name(), "moved:" + std::to_string(nodes[0]->port));
}

TEST(WarmUp, AForgottenTopicIsAskedForAgain) {
    Config config;
    config.metadata_max_age = second * 10;
    config.metadata_max_idle = second * 20;
    Warming warming({.brokers = 1, .partitions = 1}, config);
    EXPECT_FALSE(warming.pass(second).any());
    warming.world.pass(second * 100);
    warming.began = false;
    EXPECT_FALSE(warming.pass(second).any());
    const auto questions = count_of_questions(warming.world);
    ASSERT_TRUE(warming.world.produce(0, 1, "x"));
    warming.world.pass(Duration::ms(10));
    EXPECT_EQ(warming.world.told(1).error, Errc::none);
    EXPECT_EQ(*questions, 0U);
}

}  // namespace
}  // namespace ringpost::produce
