// SPDX-License-Identifier: Apache-2.0
#include "produce/cluster.h"

#include <gtest/gtest.h>

namespace ringpost::produce {
namespace {

wire::MetadataResponse answer(std::int32_t leader, std::int32_t epoch, std::byte id = std::byte{1},
                              std::size_t partitions = 1) {
    wire::MetadataResponse r;
    r.brokers = {{1, "one", 9001, ""}, {2, "two", 9002, ""}};
    wire::MetadataResponse::Topic topic;
    topic.name = "t";
    topic.id.bytes.fill(id);
    for (std::size_t i = 0; i < partitions; ++i) {
        wire::MetadataResponse::Partition p;
        p.index = static_cast<std::int32_t>(i);
        p.leader_id = leader;
        p.leader_epoch = epoch;
        topic.partitions.push_back(p);
    }
    r.topics = {topic};
    return r;
}

struct View {
    Config config{.seeds = {{"one", 9001}}};
    Prng prng{1};
    Block memory{1 << 20, 4096};
    Arena arena{memory.span(), limits::slab_bytes_min, 1 << 20};
    ShareBoard board;
    Shares shares{arena, 0, 16 << 10, board};
    Cluster cluster{config, shares, prng};
    TopicsInUse& topics = cluster.topics_in_use();
    Topic& topic = cluster.add_topic(0, "t");
    Cluster::Change change;
    Instant now = Instant::from_ns(1'000'000'000);

    bool apply(const wire::MetadataResponse& r) {
        change = {};
        return cluster.apply(r, change);
    }
    Partition& partition(std::size_t i = 0) { return *topic.partitions[i]; }
};

TEST(Cluster, ABootstrapConnectionBecomesTheBrokersOwn) {
    View v;
    ASSERT_EQ(v.cluster.nodes().size(), 1U);
    ASSERT_TRUE(v.apply(answer(1, 0)));
    EXPECT_EQ(v.cluster.nodes().size(), 2U);
    EXPECT_EQ(v.cluster.nodes()[0]->id, 1);
    EXPECT_EQ(v.partition().node, v.cluster.nodes()[0].get());
}

TEST(Cluster, AnAnswerWithoutBrokersChangesNothing) {
    View v;
    ASSERT_TRUE(v.apply(answer(1, 0)));
    EXPECT_FALSE(v.apply({}));
    EXPECT_NE(v.partition().node, nullptr);
}

TEST(Cluster, AnOlderLeaderEpochIsNotBelieved) {
    View v;
    ASSERT_TRUE(v.apply(answer(1, 5)));
    ASSERT_TRUE(v.apply(answer(2, 4)));
    EXPECT_EQ(v.partition().node->id, 1);
    ASSERT_TRUE(v.apply(answer(2, 6)));
    EXPECT_EQ(v.partition().node->id, 2);
    EXPECT_EQ(v.change.moved.size(), 1U);
}

TEST(Cluster, ATopicMadeAgainStartsItsEpochsAnew) {
    View v;
    ASSERT_TRUE(v.apply(answer(1, 5)));
    v.partition().producer_id = 7;
    ASSERT_TRUE(v.apply(answer(2, 0, std::byte{2})));
    EXPECT_EQ(v.partition().node->id, 2);
    EXPECT_EQ(v.partition().leader_epoch, 0);
    EXPECT_TRUE(v.partition().bump_due);
    EXPECT_EQ(v.cluster.topic_by_uuid(v.topic.uuid), &v.topic);
}

TEST(Cluster, APartitionWithoutLeaderIsAskedForAgain) {
    View v;
    ASSERT_TRUE(v.apply(answer(-1, 0)));
    EXPECT_TRUE(v.topic.pending);
    EXPECT_EQ(v.partition().node, nullptr);
}

TEST(Cluster, AStickyPartitionThatCanNoLongerBeSentToIsLeft) {
    View v;
    const auto stays = [&](const wire::MetadataResponse& response) {
        v.topic.sticky.partition = 1;
        v.topic.sticky.weights = {1, 2};
        EXPECT_TRUE(v.apply(response));
        EXPECT_TRUE(v.topic.sticky.weights.empty()) << "drawn anew for the new leaders";
        return v.topic.sticky.partition == 1;
    };
    EXPECT_TRUE(stays(answer(1, 0, std::byte{1}, 2)));
    EXPECT_FALSE(stays(answer(1, 1, std::byte{1}, 1))) << "there is no such partition any more";
    EXPECT_TRUE(stays(answer(1, 2, std::byte{1}, 2)));
    EXPECT_FALSE(stays(answer(-1, 3, std::byte{1}, 2))) << "it has no leader";
    v.cluster.node_by_id(2)->left_out = true;
    EXPECT_FALSE(stays(answer(2, 4, std::byte{1}, 2))) << "its leader takes nothing";
}

TEST(Cluster, MorePartitionsAreAdded) {
    View v;
    ASSERT_TRUE(v.apply(answer(1, 0)));
    ASSERT_TRUE(v.apply(answer(1, 0, std::byte{1}, 3)));
    EXPECT_EQ(v.topic.partitions.size(), 3U);
    EXPECT_EQ(v.topic.with_leader.size(), 3U);
}

TEST(Cluster, ABrokerUnderANewAddressIsReconnected) {
    View v;
    ASSERT_TRUE(v.apply(answer(1, 0)));
    auto moved = answer(1, 0);
    moved.brokers[0].host = "elsewhere";
    ASSERT_TRUE(v.apply(moved));
    EXPECT_TRUE(v.cluster.nodes()[0]->address_changed);
    EXPECT_EQ(v.cluster.nodes()[0]->host, "elsewhere");
}

TEST(Cluster, ABrokerThatLeftIsGoneAndTheSeedsCanComeBack) {
    View v;
    ASSERT_TRUE(v.apply(answer(1, 0)));
    auto fewer = answer(2, 1);
    fewer.brokers.erase(fewer.brokers.begin());
    ASSERT_TRUE(v.apply(fewer));
    EXPECT_TRUE(v.cluster.nodes()[0]->gone);
    v.cluster.add_seeds();
    EXPECT_EQ(v.cluster.nodes().back()->host, "one");
    EXPECT_FALSE(v.cluster.nodes().back()->gone);
}

TEST(Cluster, TakesALeaderHintOnlyIfItIsNewerAndItsNodeKnown) {
    View v;
    ASSERT_TRUE(v.apply(answer(1, 5)));
    EXPECT_FALSE(v.cluster.apply_leader_hint(v.partition(), 2, 5));
    EXPECT_FALSE(v.cluster.apply_leader_hint(v.partition(), 9, 6));
    EXPECT_TRUE(v.cluster.apply_leader_hint(v.partition(), 2, 6));
    EXPECT_EQ(v.partition().node->id, 2);
}

TEST(Cluster, AnEndpointMakesAnUnknownLeaderKnownAndNothingElse) {
    View v;
    ASSERT_TRUE(v.apply(answer(1, 5)));
    v.cluster.apply_endpoint(9, "nine", 9009);
    ASSERT_NE(v.cluster.node_by_id(9), nullptr);
    EXPECT_EQ(v.cluster.node_by_id(9)->host, "nine");
    EXPECT_TRUE(v.cluster.apply_leader_hint(v.partition(), 9, 6));
    EXPECT_EQ(v.partition().node, v.cluster.node_by_id(9));
    // The metadata's word on a broker that it names stands.
    v.cluster.apply_endpoint(1, "elsewhere", 1);
    EXPECT_EQ(v.cluster.node_by_id(1)->host, "one");
    const std::size_t before = v.cluster.nodes().size();
    v.cluster.apply_endpoint(-1, "none", 1);
    v.cluster.apply_endpoint(10, "", 1);
    v.cluster.apply_endpoint(10, "ten", 0);
    v.cluster.apply_endpoint(10, "ten", 65'536);
    EXPECT_EQ(v.cluster.nodes().size(), before);
}

TEST(Cluster, AnEndpointBringsABrokerBackThatWasGone) {
    View v;
    ASSERT_TRUE(v.apply(answer(1, 5)));
    auto fewer = answer(1, 5);
    fewer.brokers.pop_back();
    ASSERT_TRUE(v.apply(fewer));
    ASSERT_TRUE(v.cluster.node_by_id(2)->gone);
    v.cluster.apply_endpoint(2, "two-b", 9012);
    EXPECT_FALSE(v.cluster.node_by_id(2)->gone);
    EXPECT_EQ(v.cluster.node_by_id(2)->host, "two-b");
    EXPECT_TRUE(v.cluster.node_by_id(2)->address_changed);
}

TEST(Cluster, RebootstrapDropsTheViewAndKeepsTheBatches) {
    View v;
    ASSERT_TRUE(v.apply(answer(1, 5)));
    Batch batch;
    v.partition().queue.push_back(batch);
    for (int i = 0; i < 3; ++i) {
        v.cluster.rebootstrap(v.now);
        while (v.cluster.walking()) v.cluster.walk();
        EXPECT_TRUE(v.cluster.node_by_id(1)->gone);
        EXPECT_TRUE(v.cluster.node_by_id(2)->gone);
        EXPECT_EQ(v.partition().node, nullptr);
        EXPECT_EQ(v.partition().queue.front(), &batch);
        ASSERT_EQ(v.cluster.nodes().size(), 3U) << "the seed, once";
        EXPECT_EQ(v.cluster.nodes()[2]->host, "one");
        EXPECT_LT(v.cluster.nodes()[2]->id, 0);
        // A cluster made anew begins its epochs anew.
        ASSERT_TRUE(v.apply(answer(2, 0)));
        EXPECT_EQ(v.partition().node->id, 2);
        EXPECT_FALSE(v.partition().node->gone);
    }
    v.partition().queue.remove(batch);
}

TEST(Cluster, ForgetsATopicThatIsNotUsedAndHasNoBatches) {
    View v;
    v.cluster.use(v.topic, v.now);
    v.cluster.use(v.topic, v.now);
    ASSERT_EQ(v.topics.size(), 1U);
    ASSERT_TRUE(v.apply(answer(1, 5)));
    Batch batch;
    v.partition().queue.push_back(batch);
    v.now = v.now + v.config.metadata_max_idle;
    v.topics.want_all();
    EXPECT_EQ(v.topics.look(v.now), TopicsInUse::Due::yes);
    EXPECT_EQ(v.topic.state, Topic::State::known) << "its batches need the leaders";
    v.partition().queue.remove(batch);
    EXPECT_EQ(v.topics.look(v.now), TopicsInUse::Due::yes);
    EXPECT_EQ(v.topic.state, Topic::State::known) << "a moment ago it had batches";
    v.now = v.now + v.config.metadata_max_idle;
    EXPECT_EQ(v.topics.look(v.now + Duration::us(-1)), TopicsInUse::Due::yes);
    EXPECT_EQ(v.topics.size(), 1U);
    EXPECT_EQ(v.topics.look(v.now), TopicsInUse::Due::no);
    EXPECT_TRUE(v.topics.empty());
    EXPECT_EQ(v.topic.state, Topic::State::unknown);
    v.cluster.use(v.topic, v.now);
    ASSERT_TRUE(v.apply(answer(2, 6)));
    EXPECT_EQ(v.topic.state, Topic::State::known);
    EXPECT_EQ(v.topic.partitions.size(), 1U);
    EXPECT_EQ(v.partition().node->id, 2);
}

TEST(Cluster, APartitionThatATopicMadeAnewGrowsToBeginsAnew) {
    View v;
    ASSERT_TRUE(v.apply(answer(1, 40, std::byte{1}, 3)));
    ASSERT_TRUE(v.apply(answer(1, 0, std::byte{2}, 1)));
    EXPECT_EQ(v.topic.partitions[2]->node, nullptr);
    ASSERT_TRUE(v.apply(answer(2, 0, std::byte{2}, 3)));
    ASSERT_NE(v.topic.partitions[2]->node, nullptr) << "an old topic's epoch made it stale";
    EXPECT_EQ(v.topic.partitions[2]->node->id, 2);
}

TEST(Cluster, KnowsNoMoreBrokersThanTheLimit) {
    View v;
    auto many = answer(1, 0);
    many.brokers.clear();
    for (std::int32_t i = 0; i < 2 * static_cast<std::int32_t>(limits::brokers_max); ++i) {
        many.brokers.push_back({i, "b" + std::to_string(i), 1, ""});
    }
    ASSERT_TRUE(v.apply(many));
    EXPECT_EQ(v.cluster.nodes().size(), limits::brokers_max);
    EXPECT_EQ(v.partition().node->id, 1);
    v.cluster.apply_endpoint(1'000'000, "more", 1);
    EXPECT_EQ(v.cluster.nodes().size(), limits::brokers_max);
}

TEST(Cluster, SurvivesIndexesAndPortsThatCannotBe) {
    View v;
    auto odd = answer(1, 0, std::byte{1}, 2);
    odd.topics[0].partitions[0].index = -4;
    odd.topics[0].partitions[1].index = 1'000'000;
    odd.brokers[1].port = 70'000;
    ASSERT_TRUE(v.apply(odd));
    EXPECT_EQ(v.topic.partitions.size(), 2U);
    EXPECT_EQ(v.cluster.node_by_id(2), nullptr);
}

}  // namespace
}  // namespace ringpost::produce
