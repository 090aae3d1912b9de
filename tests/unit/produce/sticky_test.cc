// SPDX-License-Identifier: Apache-2.0
#include "produce/sticky.h"

#include <array>
#include <deque>

#include "core_world.h"

namespace ringpost::produce {
namespace {

constexpr Duration second = Duration::seconds(1);
constexpr Instant now = Instant::from_ns(1'000'000'000'000);

/// A topic whose partitions have queues as long as a test wants them, two nodes, no records.
struct Field {
    explicit Field(std::size_t partitions) {
        for (std::int32_t id : {1, 2}) {
            nodes.emplace_back(static_cast<std::uint32_t>(id), id, "node", std::uint16_t{9092},
                               config.connection, turns, prng);
        }
        topic.state = Topic::State::known;
        topic.partition_count = static_cast<std::uint32_t>(partitions);
        for (std::size_t i = 0; i < partitions; ++i) {
            auto partition = std::make_unique<Partition>();
            partition->topic = &topic;
            partition->index = static_cast<std::int32_t>(i);
            partition->node = &nodes[i % 2];
            topic.partitions.push_back(std::move(partition));
            topic.with_leader.push_back(static_cast<std::int32_t>(i));
        }
    }
    ~Field() {
        for (const auto& partition : topic.partitions) {
            while (partition->queue.pop_front() != nullptr) {
            }
        }
    }
    void queue(std::size_t partition, std::size_t batches) {
        for (; batches != 0; --batches) {
            topic.partitions[partition]->queue.push_back(made.emplace_back());
        }
    }
    /// How often each partition is drawn.
    std::vector<int> draws(int count, Instant at = now) {
        Sticky sticky(config, prng);
        std::vector<int> seen(topic.partitions.size());
        for (int i = 0; i < count; ++i) {
            topic.sticky.partition = -1;
            ++seen[sticky.place(topic, 1, at)];
        }
        return seen;
    }

    Config config;
    Prng prng{7};
    broker::SetupTurns turns;
    std::deque<Node> nodes;
    std::deque<Batch> made;
    Topic topic;
};

TEST(Sticky, DrawsAllAlikeWhereNothingWaits) {
    Field field(12);
    for (const bool adaptive : {true, false}) {
        field.config.adaptive_partitioning = adaptive;
        for (const int count : field.draws(12'000)) EXPECT_NEAR(count, 1000, 120);
    }
}

// KIP-794's own example: with 0, 3 and 1 batches waiting the weights are 4, 1 and 3.
TEST(Sticky, DrawsTheRatherTheShorterTheQueue) {
    Field field(3);
    field.queue(1, 3);
    field.queue(2, 1);
    const auto seen = field.draws(8'000);
    EXPECT_NEAR(seen[0], 4000, 180);
    EXPECT_NEAR(seen[1], 1000, 120);
    EXPECT_NEAR(seen[2], 3000, 180);
    field.config.adaptive_partitioning = false;
    for (const int count : field.draws(9'000)) EXPECT_NEAR(count, 3000, 180);
}

TEST(Sticky, BatchesInFlightWaitForNothing) {
    Field field(2);
    field.queue(0, 3);
    field.topic.partitions[0]->in_flight = 3;
    for (const int count : field.draws(2'000)) EXPECT_NEAR(count, 1000, 100);
}

TEST(Sticky, LeavesOutWhatCouldTakeNothingForTooLong) {
    Field field(4);
    field.config.availability_timeout = second;
    field.queue(1, 5);  // counts for nothing either
    field.nodes[1].blocked_since = now;
    EXPECT_NE(field.draws(1'000, now + (second - Duration::ns(1)))[3], 0) << "not for so long yet";
    const auto seen = field.draws(1'000, now + second * 2);
    EXPECT_EQ(seen[1] + seen[3], 0);
    EXPECT_NEAR(seen[0], 500, 80);
    field.config.availability_timeout = {};
    EXPECT_NE(field.draws(1'000, now + second * 100)[3], 0) << "0: none is left out";
}

TEST(Sticky, WhereAllAreLeftOutNoneIs) {
    Field field(4);
    for (Node& node : field.nodes) node.blocked_since = now;
    for (const int count : field.draws(4'000, now + second * 5)) EXPECT_NEAR(count, 1000, 120);
}

TEST(Sticky, WithoutALeaderAnywhereAnyPartitionWillDo) {
    Field field(4);
    field.topic.with_leader.clear();
    for (const int count : field.draws(4'000)) EXPECT_NEAR(count, 1000, 120);
}

TEST(Sticky, LooksAtTheQueuesNoMoreOftenThanTheirNumberAllows) {
    Field field(1000);
    field.draws(1);
    for (std::size_t i = 1; i < 1000; ++i) field.queue(i, 1'000);
    const Duration stale = Duration::us(1000);
    EXPECT_LT(field.draws(1'000, now + (stale - Duration::ns(1)))[0], 20) << "as they were before";
    EXPECT_GT(field.draws(1'000, now + stale)[0], 300) << "1001 of 2000";
}

/// Bytes of a stay whose batches have so many.
std::uint64_t stay(Config config, std::uint32_t batch_records, std::uint32_t record_bytes) {
    Field field(50);
    field.config = config;
    Sticky sticky(field.config, field.prng);
    const std::uint32_t first = sticky.place(field.topic, record_bytes, now);
    std::uint64_t bytes = record_bytes;
    for (std::uint32_t in_batch = 1; field.topic.sticky.partition >= 0;) {
        if (in_batch == batch_records) {
            Batch batch;
            batch.bytes = batch_records * record_bytes;
            batch.bytes_max = config.batch_bytes;
            sticky.on_sealed(*field.topic.partitions[first], batch);
            in_batch = 0;
            continue;
        }
        EXPECT_EQ(sticky.place(field.topic, record_bytes, now), first);
        bytes += record_bytes;
        ++in_batch;
    }
    return bytes;
}

TEST(Sticky, StaysForABatchsWorthOfBytesWhateverItsBatchesAre) {
    Config config;
    config.batch_bytes = 16'000;
    for (const std::uint32_t batch_records : {1U, 10U, 30U, 53U, 79U, 80U, 107U, 150U, 160U}) {
        EXPECT_NEAR(static_cast<double>(stay(config, batch_records, 100)), 16'000, 5'400)
            << "batches of " << batch_records;
    }
}

TEST(Sticky, ABatchThatIsFullByItsRecordsIsAFullOne) {
    Config config;
    config.batch_bytes = 16'000;
    config.batch_records = 7;
    EXPECT_EQ(stay(config, 7, 100), 700U);
}

TEST(Sticky, OtherPartitionsBatchesEndNoStay) {
    Field field(3);
    Sticky sticky(field.config, field.prng);
    const std::uint32_t at = sticky.place(field.topic, 1'000'000, now);
    Batch batch;
    batch.bytes = field.config.batch_bytes;
    sticky.on_sealed(*field.topic.partitions[(at + 1) % 3], batch);
    EXPECT_EQ(sticky.place(field.topic, 1, now), at);
    sticky.on_sealed(*field.topic.partitions[at], batch);
    EXPECT_EQ(field.topic.sticky.partition, -1);
}

TEST(Sticky, WhatFoundNoMemoryDoesNotCount) {
    Field field(3);
    Sticky sticky(field.config, field.prng);
    sticky.place(field.topic, 100, now);
    for (int i = 0; i < 1'000'000; ++i) {
        sticky.place(field.topic, 1'000, now);
        sticky.take_back(field.topic, 1'000);
    }
    EXPECT_EQ(field.topic.sticky.bytes, 100U);
}

TEST(Sticky, ANodeThatIsLeftOutIsLeft) {
    Field field(2);
    Sticky sticky(field.config, field.prng);
    const std::uint32_t at = sticky.place(field.topic, 1, now);
    field.nodes[1 - at].left_out = true;
    Sticky::leave_left_out(field.topic);
    EXPECT_EQ(field.topic.sticky.partition, static_cast<std::int32_t>(at));
    field.nodes[at].left_out = true;
    Sticky::leave_left_out(field.topic);
    EXPECT_EQ(field.topic.sticky.partition, -1);
}

// In a cluster ------------------------------------------------------------------------------------

/// Records by broker: of four partitions two are each one's.
struct Spread {
    std::size_t quick = 0, slow = 0;
};
Spread spread(CoreWorld& world) {
    Spread sum;
    const Topic& topic = *world.core->find_topic(0);
    for (const auto& partition : topic.partitions) {
        const std::size_t count = world.log("t", partition->index).size();
        (partition->node->id == 2 ? sum.slow : sum.quick) += count;
    }
    return sum;
}

/// 40,000 records, two a millisecond and three milliseconds' linger; broker 2 answers every
/// so many milliseconds only.
Spread with_a_slow_broker(bool adaptive, std::uint32_t in_flight, std::uint32_t answers_every_ms) {
    Config config;
    config.batch_bytes = 2048;
    config.linger = Duration::ms(3);
    config.max_in_flight = in_flight;
    config.adaptive_partitioning = adaptive;
    CoreWorld world({.brokers = 2, .partitions = 4}, config, 16 << 20);
    world.add_topic(0, "t");
    EXPECT_TRUE(world.produce(0, 1'000'000, "first"));
    world.pass(second);
    const std::string value(100, 'v');
    for (std::uint32_t i = 0; i < 40'000; ++i) {
        EXPECT_TRUE(world.produce(0, i, value)) << i;
        if (i % 2 == 0) continue;
        world.pass(Duration::ms(1));
        if (i / 2 % answers_every_ms == 0) world.hold_answers_of(-1);
        world.hold_answers_of(2);
    }
    world.hold_answers_of(-1);
    world.pass(second * 20);
    EXPECT_EQ(world.count(Errc::none), 40'001U);
    return spread(world);
}

// KIP-480's sticky partition is left when its batch is sealed: a slow broker's are fuller, and it
// got half as much again as the quick one here.
TEST(Sticky, ASlowBrokerDoesNotAttractRecords) {
    const Spread got = with_a_slow_broker(false, 5, 60);
    EXPECT_LT(static_cast<double>(got.slow), 1.25 * static_cast<double>(got.quick));
    EXPECT_GT(static_cast<double>(got.slow), 0.6 * static_cast<double>(got.quick));
}

TEST(Sticky, ASlowBrokerGetsLess) {
    const Spread got = with_a_slow_broker(true, 1, 400);
    EXPECT_LT(got.slow, got.quick / 2);
    EXPECT_GT(got.slow, got.quick / 50);
}

TEST(Sticky, ABrokerThatIsDownGetsNothingOnceItsTimeIsUp) {
    Config config;
    config.batch_bytes = 1 << 20;  // a stay would last for ever
    CoreWorld world({.brokers = 2, .partitions = 4}, config);
    world.add_topic(0, "t");
    EXPECT_TRUE(world.produce(0, 1'000'000, "first"));
    world.pass(second);
    world.hold_answers_of(2);
    for (std::uint32_t i = 0; i < 100; ++i) {  // of which some go to broker 2
        EXPECT_TRUE(world.produce(0, i, "v", static_cast<std::int32_t>(i % 4)));
        world.pass(Duration::ms(30));
    }
    for (std::uint32_t i = 1000; i < 2000; ++i) {
        EXPECT_TRUE(world.produce(0, i, "v"));
        world.pass(Duration::ms(10));
        ASSERT_EQ(world.told(i).error, Errc::none) << i;
    }
    world.hold_answers_of(-1);
    world.pass(second * 5);
    EXPECT_EQ(world.count(Errc::none), 1'101U);
    EXPECT_EQ(spread(world).slow, 50U + (world.told(1'000'000).partition % 2 == 1 ? 1 : 0));
}

}  // namespace
}  // namespace ringpost::produce
