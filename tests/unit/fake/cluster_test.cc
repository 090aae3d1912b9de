// SPDX-License-Identifier: Apache-2.0
#include "fake/cluster.h"

#include <gtest/gtest.h>

#include <set>

namespace ringpost::fake {
namespace {

std::vector<std::int32_t> leaders(const Cluster& cluster, const Topic& topic) {
    std::vector<std::int32_t> ids;
    for (const Partition& p : topic.partitions) ids.push_back(cluster.leader_of(p));
    return ids;
}

TEST(Cluster, NumbersItsNodesFromOne) {
    Cluster cluster({.brokers = 3});
    EXPECT_EQ(cluster.nodes().size(), 3U);
    EXPECT_EQ(cluster.find_node(1)->id, 1);
    EXPECT_EQ(cluster.find_node(3)->id, 3);
    EXPECT_EQ(cluster.find_node(0), nullptr);
    EXPECT_EQ(cluster.find_node(4), nullptr);
    cluster.set_address(2, "example.test", 1234);
    EXPECT_EQ(cluster.find_node(2)->host, "example.test");
    EXPECT_EQ(cluster.find_node(2)->port, 1234);
}

TEST(Cluster, FindsATopicByNameAndById) {
    Cluster cluster({.partitions = 4});
    const auto topic = cluster.create_topic("orders");
    ASSERT_TRUE(topic);
    EXPECT_EQ((*topic)->partitions.size(), 4U);
    EXPECT_FALSE((*topic)->id.is_zero());
    EXPECT_EQ(cluster.find_topic("orders"), *topic);
    EXPECT_EQ(cluster.find_topic((*topic)->id), *topic);
    EXPECT_EQ(cluster.find_topic("other"), nullptr);
    EXPECT_EQ(cluster.find_topic(wire::Uuid{}), nullptr);
    EXPECT_EQ(cluster.create_topic("orders").error().code, Errc::policy_violation);
}

TEST(Cluster, SpreadsLeadersInTurn) {
    Cluster cluster({.brokers = 3, .partitions = 4});
    EXPECT_EQ(leaders(cluster, **cluster.create_topic("a")), (std::vector{1, 2, 3, 1}));
    EXPECT_EQ(leaders(cluster, **cluster.create_topic("b", 2)), (std::vector{2, 3}));
    cluster.stop_node(1);
    EXPECT_EQ(leaders(cluster, **cluster.create_topic("c", 3)), (std::vector{2, 3, 2}));
}

TEST(Cluster, KnowsWhichTopicNamesKafkaTakes) {
    for (const char* name : {"a", "A.b_c-9", "...", "__consumer_offsets"}) {
        EXPECT_TRUE(is_valid_topic_name(name)) << name;
    }
    for (const char* name : {"", ".", "..", "a b", "a/b", "ä", "a:b", "a\n"}) {
        EXPECT_FALSE(is_valid_topic_name(name)) << name;
    }
    EXPECT_TRUE(is_valid_topic_name(std::string(249, 'x')));
    EXPECT_FALSE(is_valid_topic_name(std::string(250, 'x')));
    Cluster cluster;
    EXPECT_EQ(cluster.create_topic("a b").error().code, Errc::invalid_topic_exception);
}

TEST(Cluster, RecreatedTopicIsAnotherOne) {
    Cluster cluster;
    const wire::Uuid first = (*cluster.create_topic("t"))->id;
    EXPECT_TRUE(cluster.delete_topic("t"));
    EXPECT_FALSE(cluster.delete_topic("t"));
    EXPECT_EQ(cluster.find_topic("t"), nullptr);
    EXPECT_EQ(cluster.find_topic(first), nullptr);
    EXPECT_FALSE((*cluster.create_topic("t"))->id == first);
    EXPECT_EQ(cluster.topics().size(), 1U);
}

TEST(Cluster, SameSeedGivesTheSameTopicIds) {
    Cluster a({.seed = 5});
    Cluster b({.seed = 5});
    Cluster c({.seed = 6});
    const wire::Uuid id = (*a.create_topic("t"))->id;
    EXPECT_TRUE((*b.create_topic("t"))->id == id);
    EXPECT_FALSE((*c.create_topic("t"))->id == id);
}

TEST(Cluster, AddsPartitionsWithoutMovingTheOthers) {
    Cluster cluster({.brokers = 2});
    Topic* topic = *cluster.create_topic("t");
    Partition* first = topic->find(0);
    EXPECT_TRUE(cluster.add_partitions("t", 5));
    EXPECT_EQ(topic->partitions.size(), 6U);
    EXPECT_EQ(topic->find(0), first);
    EXPECT_EQ(topic->find(6), nullptr);
    EXPECT_EQ(topic->find(-1), nullptr);
    EXPECT_FALSE(cluster.add_partitions("other", 1));
    EXPECT_FALSE(cluster.add_partitions("t", UINT32_MAX));
}

TEST(Cluster, MovedLeaderHasAHigherEpoch) {
    Cluster cluster({.brokers = 2});
    Partition& partition = *(*cluster.create_topic("t"))->find(0);
    EXPECT_EQ(partition.leader, 1);
    EXPECT_TRUE(cluster.move_leader("t", 0, 2));
    EXPECT_EQ(partition.leader, 2);
    EXPECT_EQ(partition.leader_epoch, 1);
    EXPECT_FALSE(cluster.move_leader("t", 0, 3));
    EXPECT_FALSE(cluster.move_leader("t", 1, 1));
    EXPECT_FALSE(cluster.move_leader("u", 0, 1));
}

TEST(Cluster, PartitionsOfAStoppedNodeWaitForAnElection) {
    Cluster cluster({.brokers = 3, .partitions = 3});
    Topic& topic = **cluster.create_topic("t");
    cluster.stop_node(1);
    EXPECT_FALSE(cluster.is_up(1));
    EXPECT_EQ(cluster.first_node_up(), 2);
    EXPECT_EQ(leaders(cluster, topic), (std::vector{-1, 2, 3}));
    cluster.elect_leaders();
    EXPECT_NE(leaders(cluster, topic)[0], -1);
    EXPECT_EQ(topic.find(0)->leader_epoch, 1);
    EXPECT_EQ(topic.find(1)->leader_epoch, 0);
}

TEST(Cluster, RestartedNodeLeadsAgainWithAHigherEpoch) {
    Cluster cluster;
    Partition& partition = *(*cluster.create_topic("t"))->find(0);
    cluster.start_node(1);
    EXPECT_EQ(partition.leader_epoch, 0);
    cluster.stop_node(1);
    EXPECT_EQ(cluster.first_node_up(), -1);
    cluster.elect_leaders();
    EXPECT_EQ(cluster.leader_of(partition), -1);
    cluster.start_node(1);
    EXPECT_EQ(cluster.leader_of(partition), 1);
    EXPECT_EQ(partition.leader_epoch, 1);
}

TEST(Cluster, ProducerIdsRise) {
    Cluster cluster;
    const std::int64_t first = cluster.next_producer_id();
    EXPECT_GE(first, 0);
    EXPECT_GT(cluster.next_producer_id(), first);
}

TEST(Cluster, CountsEveryChange) {
    Cluster cluster({.brokers = 2});
    std::set<std::uint64_t> seen{cluster.changes()};
    const auto is_new = [&] { return seen.insert(cluster.changes()).second; };
    ASSERT_TRUE(cluster.create_topic("t"));
    EXPECT_TRUE(is_new());
    cluster.add_partitions("t", 1);
    EXPECT_TRUE(is_new());
    cluster.move_leader("t", 0, 2);
    EXPECT_TRUE(is_new());
    cluster.stop_node(2);
    EXPECT_TRUE(is_new());
    cluster.elect_leaders();
    EXPECT_TRUE(is_new());
    cluster.start_node(2);
    EXPECT_TRUE(is_new());
    cluster.delete_topic("t");
    EXPECT_TRUE(is_new());
}

}  // namespace
}  // namespace ringpost::fake
