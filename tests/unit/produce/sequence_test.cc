// SPDX-License-Identifier: Apache-2.0
#include "produce/sequence.h"

#include "core_world.h"

namespace ringpost::produce {
namespace {

TEST(Sequence, WrapsFromTheLargestToZero) {
    EXPECT_EQ(sequence_after(0, 5), 5);
    EXPECT_EQ(sequence_after(INT32_MAX, 1), 0);
    EXPECT_EQ(sequence_after(INT32_MAX - 1, 3), 1);
}

TEST(Sequence, IsGivenOnceAndAdvancesByRecords) {
    Partition partition;
    Batch batch;
    batch.record_count = 3;
    assign_sequence(partition, batch, {42, 7, false});
    EXPECT_EQ(batch.producer_id, 42);
    EXPECT_EQ(batch.producer_epoch, 7);
    EXPECT_EQ(batch.base_sequence, 0);
    EXPECT_EQ(partition.next_sequence, 3);
    assign_sequence(partition, batch, {43, 8, false});
    EXPECT_EQ(batch.producer_id, 42);
    EXPECT_EQ(partition.next_sequence, 3);
}

wire::Uuid uuid(std::uint8_t n) {
    wire::Uuid id;
    id.bytes[0] = std::byte{n};
    return id;
}

TEST(Sequence, NewNumbersWouldLetInTwiceWhatMayStandInTheSameTopic) {
    Topic topic;
    Batch batch;
    batch.topic = &topic;
    topic.uuid = uuid(1);
    EXPECT_FALSE(would_come_twice(batch)) << "it was never sent";
    batch.sent_to = uuid(1);
    batch.mark_maybe_written();
    EXPECT_TRUE(would_come_twice(batch));
    batch.sequenced = true;
    EXPECT_FALSE(would_come_twice(batch)) << "the broker knows its numbers";
    batch.sequenced = false;
    topic.uuid = uuid(2);
    EXPECT_FALSE(would_come_twice(batch)) << "the topic was made again";
    topic.uuid = {};
    EXPECT_TRUE(would_come_twice(batch)) << "nobody says which topic it is";
}

TEST(Sequence, WhatMayStandInTwoTopicsMayStandInAny) {
    Topic topic;
    Batch batch;
    batch.topic = &topic;
    for (const std::uint8_t n : {1, 2}) {
        batch.sent_to = uuid(n);
        batch.mark_maybe_written();
    }
    for (const std::uint8_t n : {1, 2, 3}) {
        topic.uuid = uuid(n);
        EXPECT_TRUE(would_come_twice(batch)) << int{n};
    }
}

TEST(Sequence, SurvivesTheWrapInARealLog) {
    CoreWorld world;
    world.add_topic(0, "t");
    ASSERT_TRUE(world.produce(0, 0, "a"));
    world.pass(Duration::seconds(1));
    // A partition whose next number is the last one.
    world.cluster.find_topic("t")->find(0)->log.forget_producers();
    Topic* topic = world.core->find_topic(0);
    ASSERT_NE(topic, nullptr);
    topic->partitions[0]->next_sequence = INT32_MAX;
    for (std::uint32_t i = 1; i < 20; ++i) {
        ASSERT_TRUE(world.produce(0, i, "b"));
        if (i % 3 == 0) world.pass(Duration::seconds(1));
    }
    world.pass(Duration::seconds(1));
    EXPECT_EQ(world.count(Errc::none), 20U);
    EXPECT_EQ(world.log("t").size(), 20U);
    EXPECT_EQ(topic->partitions[0]->producer_epoch, 0) << "no new epoch was needed";
}

TEST(Sequence, AnEpochThatRanOutTakesANewProducerId) {
    CoreWorld world;
    world.add_topic(0, "t");
    ASSERT_TRUE(world.produce(0, 0, "a"));
    world.pass(Duration::seconds(1));
    Topic* topic = world.core->find_topic(0);
    const std::int64_t before = topic->partitions[0]->producer_id;
    topic->partitions[0]->producer_epoch = INT16_MAX;
    topic->partitions[0]->next_sequence = 0;
    bool once = true;
    world.cluster.faults().on_produce = [&](const fake::ProduceAttempt&) {
        return std::exchange(once, false) ? fake::ProduceFault{Errc::invalid_timestamp}
                                          : fake::ProduceFault{};
    };
    ASSERT_TRUE(world.produce(0, 1, "refused"));
    world.pass(Duration::seconds(1));
    ASSERT_TRUE(world.produce(0, 2, "b"));
    world.pass(Duration::seconds(3));
    EXPECT_EQ(world.told(2).error, Errc::none);
    EXPECT_NE(topic->partitions[0]->producer_id, before);
    EXPECT_EQ(topic->partitions[0]->producer_epoch, 0);
}

TEST(Sequence, ANewProducerIdThatIsRefusedFailsWhatWaitsAndNothingElseBreaks) {
    CoreWorld world({.brokers = 2, .partitions = 2});
    world.add_topic(0, "t");
    for (std::uint32_t p = 0; p < 2; ++p) {
        world.cluster.move_leader("t", static_cast<std::int32_t>(p), static_cast<int>(p) + 1);
        ASSERT_TRUE(world.produce(0, p, "a", static_cast<std::int32_t>(p)));
    }
    world.pass(Duration::seconds(5));
    ASSERT_EQ(world.count(Errc::none), 2U);
    Topic* topic = world.core->find_topic(0);
    Partition& used_up = *topic->partitions[0];
    used_up.producer_epoch = INT16_MAX;
    used_up.next_sequence = 0;
    world.cluster.faults().on_init_producer_id = [] { return Errc::cluster_authorization_failed; };
    bool once = true;
    world.cluster.faults().on_produce = [&](const fake::ProduceAttempt&) {
        return std::exchange(once, false) ? fake::ProduceFault{Errc::invalid_timestamp}
                                          : fake::ProduceFault{};
    };
    // One waits for the connection to a broker that is away while the other's refusal comes.
    Node& other = *topic->partitions[1]->node;
    other.connection.shut(world.now);
    world.settle();
    world.cluster.stop_node(other.id);
    ASSERT_TRUE(world.produce(0, 3, "waits", 1));
    ASSERT_TRUE(world.produce(0, 2, "refused", 0));
    world.pass(Duration::seconds(1));
    ASSERT_TRUE(world.produce(0, 4, "wants an id", 0));
    world.pass(Duration::seconds(1));
    EXPECT_EQ(world.told(2).error, Errc::invalid_timestamp);
    EXPECT_EQ(world.told(4).error, Errc::cluster_authorization_failed);
    world.cluster.faults().on_init_producer_id = {};
    world.cluster.start_node(other.id);
    world.pass(Duration::seconds(5));
    ASSERT_TRUE(world.produce(0, 5, "b", 0));
    ASSERT_TRUE(world.produce(0, 6, "b", 1));
    world.pass(Duration::seconds(10));
    EXPECT_EQ(world.told(3).error, Errc::none) << "its partition has an id";
    EXPECT_EQ(world.told(5).error, Errc::none);
    EXPECT_EQ(world.told(6).error, Errc::none);
}

}  // namespace
}  // namespace ringpost::produce
