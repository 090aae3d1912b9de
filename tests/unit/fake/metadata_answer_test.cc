// SPDX-License-Identifier: Apache-2.0
#include "fake/metadata_answer.h"

#include <gtest/gtest.h>

#include "fake/kafka_codes.h"

namespace ringpost::fake {
namespace {

constexpr std::int16_t newest = 13;

wire::MetadataRequest asking_for(std::string name, bool create = true) {
    return {.topics = {{.name = std::move(name)}}, .allow_auto_topic_creation = create};
}

TEST(MetadataAnswer, CreatesATopicThatIsAskedFor) {
    Cluster cluster({.brokers = 2, .partitions = 3});
    const auto answer = answer_metadata(cluster, newest, asking_for("t"));
    EXPECT_EQ(answer.brokers.size(), 2U);
    EXPECT_EQ(answer.cluster_id, "ringpost");
    EXPECT_EQ(answer.controller_id, 1);
    ASSERT_EQ(answer.topics.size(), 1U);
    EXPECT_EQ(answer.topics[0].error_code, 0);
    EXPECT_EQ(answer.topics[0].name, "t");
    EXPECT_TRUE(answer.topics[0].id == cluster.find_topic("t")->id);
    ASSERT_EQ(answer.topics[0].partitions.size(), 3U);
    EXPECT_EQ(answer.topics[0].partitions[1].index, 1);
    EXPECT_EQ(answer.topics[0].partitions[1].leader_id, 2);
    EXPECT_EQ(answer.topics[0].partitions[1].leader_epoch, 0);
    EXPECT_EQ(answer.topics[0].partitions[1].isr, std::vector{2});
}

TEST(MetadataAnswer, CreatesNothingWhereItMayNot) {
    Cluster cluster;
    const auto refused = answer_metadata(cluster, newest, asking_for("t", false));
    EXPECT_EQ(refused.topics[0].error_code, code_of(Errc::unknown_topic_or_partition));
    Cluster strict({.auto_create = false});
    const auto unknown = answer_metadata(strict, newest, asking_for("t"));
    EXPECT_EQ(unknown.topics[0].error_code, code_of(Errc::unknown_topic_or_partition));
    EXPECT_EQ(unknown.topics[0].name, "t");
    EXPECT_TRUE(strict.topics().empty());
}

TEST(MetadataAnswer, RefusesNamesThatNoTopicCanHave) {
    Cluster cluster;
    for (const char* name : {"", "a b", ".."}) {
        const auto answer = answer_metadata(cluster, newest, asking_for(name));
        EXPECT_EQ(answer.topics[0].error_code, code_of(Errc::invalid_topic_exception));
        EXPECT_EQ(answer.topics[0].name, name);
    }
}

TEST(MetadataAnswer, ListsAllTopicsOrNone) {
    Cluster cluster;
    ASSERT_TRUE(cluster.create_topic("a"));
    ASSERT_TRUE(cluster.create_topic("b"));
    EXPECT_EQ(answer_metadata(cluster, newest, {.all_topics = true}).topics.size(), 2U);
    EXPECT_TRUE(answer_metadata(cluster, newest, {}).topics.empty());
}

TEST(MetadataAnswer, FindsATopicByItsId) {
    Cluster cluster;
    const wire::Uuid id = (*cluster.create_topic("t"))->id;
    const auto found = answer_metadata(cluster, 12, {.topics = {{.id = id}}});
    EXPECT_EQ(found.topics[0].error_code, 0);
    EXPECT_EQ(found.topics[0].name, "t");
    cluster.delete_topic("t");
    const auto gone = answer_metadata(cluster, 12, {.topics = {{.id = id}}});
    EXPECT_EQ(gone.topics[0].error_code, code_of(Errc::unknown_topic_id));
    EXPECT_EQ(gone.topics[0].name, "");
    EXPECT_TRUE(gone.topics[0].id == id);
}

TEST(MetadataAnswer, TellsOfPartitionsWithoutALeader) {
    Cluster cluster({.brokers = 2, .partitions = 2});
    ASSERT_TRUE(cluster.create_topic("t"));
    cluster.stop_node(1);
    const auto answer = answer_metadata(cluster, newest, asking_for("t"));
    ASSERT_EQ(answer.brokers.size(), 1U);
    EXPECT_EQ(answer.brokers[0].node_id, 2);
    EXPECT_EQ(answer.controller_id, 2);
    const auto& orphan = answer.topics[0].partitions[0];
    EXPECT_EQ(orphan.error_code, code_of(Errc::leader_not_available));
    EXPECT_EQ(orphan.leader_id, -1);
    EXPECT_EQ(orphan.offline, std::vector{1});
    EXPECT_EQ(answer.topics[0].partitions[1].error_code, 0);
}

TEST(MetadataAnswer, NewTopicMayTakeItsTime) {
    Cluster cluster({.creation_delay_answers = 2});
    for (int i = 0; i < 2; ++i) {
        const auto answer = answer_metadata(cluster, newest, asking_for("t"));
        EXPECT_EQ(answer.topics[0].error_code, code_of(Errc::leader_not_available));
        EXPECT_TRUE(answer.topics[0].partitions.empty());
    }
    EXPECT_EQ(answer_metadata(cluster, newest, asking_for("t")).topics[0].error_code, 0);
    ASSERT_TRUE(cluster.create_topic("at_once"));
    EXPECT_EQ(answer_metadata(cluster, newest, asking_for("at_once")).topics[0].error_code, 0);
}

}  // namespace
}  // namespace ringpost::fake
