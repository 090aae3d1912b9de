// SPDX-License-Identifier: Apache-2.0
#include "produce/shares.h"

#include "core_world.h"

namespace ringpost::produce {
namespace {

constexpr std::size_t kib = 1024;

/// Three brokers that lead a partition each. A caller keeps to the board, as a lane does.
struct Shared : CoreWorld {
    explicit Shared(std::uint32_t partitions = 3)
        : CoreWorld({.brokers = 3, .partitions = partitions},
                    {.linger = Duration{},
                     .batch_bytes = 32 * kib,
                     .delivery_timeout = Duration::seconds(600),
                     .request_timeout = Duration::seconds(600)}) {
        add_topic(0, "t");
        pass(Duration::seconds(1));
    }
    bool full(std::uint32_t partition) const { return board->is_full(0, partition); }
    std::uint32_t node_of(std::uint32_t partition) {
        return core->find_topic(0)->partitions[partition]->node->index;
    }
    std::int32_t broker_of(std::uint32_t partition) {
        return core->find_topic(0)->partitions[partition]->node->id;
    }
    /// One record, if the partition is not full.
    bool offer(std::uint32_t partition) {
        if (full(partition)) return false;
        EXPECT_TRUE(produce(0, next, std::string(900, 'v'), static_cast<std::int32_t>(partition)));
        ++next;
        return true;
    }
    /// Until the partition is full.
    std::size_t fill(std::uint32_t partition) {
        std::size_t count = 0;
        for (; count < 10'000 && offer(partition); ++count) {
            core->advance(now);
            if (count % 16 == 0) settle();
        }
        return count;
    }
    std::size_t held(std::uint32_t partition) {
        return core->find_topic(0)->partitions[partition]->share.held;
    }
    double part_of_memory(std::uint32_t partition) {
        return static_cast<double>(held(partition)) / static_cast<double>(core->memory_total());
    }
    std::uint32_t next = 0;
};

TEST(Shares, ADeadBrokerLeavesMemoryForTheOthers) {
    Shared w;
    w.hold_answers_of(w.broker_of(0));
    EXPECT_LT(w.fill(0), 10'000U);
    EXPECT_GT(w.part_of_memory(0), 0.7) << "alone, it may have most";
    EXPECT_LT(w.part_of_memory(0), 0.81);
    // The others are delivered as ever.
    for (int i = 0; i < 2000; ++i) {
        ASSERT_TRUE(w.offer(1)) << i;
        ASSERT_TRUE(w.offer(2)) << i;
        w.settle();
    }
    w.settle();
    EXPECT_EQ(w.count(Errc::none), 4000U);
    EXPECT_TRUE(w.full(0));
    w.hold_answers_of(-1);
    w.pass(Duration::seconds(5));
    EXPECT_FALSE(w.board->any_full());
    EXPECT_TRUE(w.core->take_share_eased());
    EXPECT_FALSE(w.core->take_share_eased());
    EXPECT_EQ(w.held(0), 0U);
    EXPECT_EQ(w.count(Errc::none), w.next);
}

/// Callers that may have few records under way run out of these before there is no memory.
TEST(Shares, ADeadBrokerLeavesRecordsForTheOthers) {
    Shared w;
    for (int i = 0; i < 1000; ++i) {
        ASSERT_TRUE(w.offer(static_cast<std::uint32_t>(i % 3)));
        if (i % 100 == 99) w.settle();
    }
    w.pass(Duration::seconds(1));
    ASSERT_EQ(w.count(Errc::none), 1000U);
    constexpr std::size_t records_max = 1000;
    w.core->set_records_max(records_max);
    w.hold_answers_of(w.broker_of(0));
    const std::size_t stuck = w.fill(0);
    EXPECT_GT(stuck, records_max / 2);
    EXPECT_LT(stuck, records_max / 10 * 9);
    EXPECT_LT(w.part_of_memory(0), 0.5);
    for (int i = 0; i < 2000; ++i) {
        ASSERT_TRUE(w.offer(1)) << i;
        w.settle();
    }
    w.hold_answers_of(-1);
    w.pass(Duration::seconds(5));
    EXPECT_FALSE(w.board->any_full());
    EXPECT_EQ(w.count(Errc::none), w.next);
}

TEST(Shares, TwoDeadBrokersLeaveMemoryForTheThird) {
    Shared w;
    w.hold_answers(true);
    w.fill(0);
    for (int i = 0; i < 10'000 && (w.offer(0) || w.offer(1)); ++i) w.settle();
    EXPECT_TRUE(w.full(0));
    EXPECT_TRUE(w.full(1));
    EXPECT_TRUE(w.offer(2));
    EXPECT_FALSE(w.full(2));
}

/// The partition's broker is well, and serves another one.
TEST(Shares, AHotPartitionLeavesMemoryForTheOthersOfItsBroker) {
    Shared w(6);
    ASSERT_EQ(w.node_of(0), w.node_of(3));
    w.hold_answers(true);
    w.offer(3);
    while (!w.full(0)) {
        ASSERT_TRUE(w.offer(0));
        w.core->advance(w.now);
    }
    EXPECT_TRUE(w.offer(1));
    EXPECT_GT(w.held(0), w.core->memory_total() / 2);
    EXPECT_LT(w.part_of_memory(0), 0.81);
}

/// Records that were in the rings when their partition became full.
TEST(Shares, EvenWhatIsInTheRingsLeavesAReserve) {
    Shared w;
    w.hold_answers(true);
    const auto produce_to = [&](std::int32_t partition) {
        return w.produce(0, w.next++, std::string(900, 'v'), partition);
    };
    while (produce_to(0)) {}
    EXPECT_GT(w.part_of_memory(0), 0.85);
    for (int i = 0; i < 100; ++i) ASSERT_TRUE(produce_to(1)) << i;
    EXPECT_FALSE(produce_to(0));
}

/// What was parked for a topic gives back as much as it takes: no full partition holds it up.
TEST(Shares, WhatIsParkedForAFullPartitionMovesOn) {
    Shared w;
    w.hold_answers(true);
    w.add_topic(1, "parked");
    const auto produce_to = [&](std::uint32_t topic, std::uint32_t partition) {
        return w.produce(topic, w.next++, std::string(900, 'v'),
                         static_cast<std::int32_t>(partition));
    };
    while (produce_to(1, 1)) {}  // nothing is known of it yet
    while (produce_to(0, 1)) {}  // the rest, but for the reserve, is a full partition's
    ASSERT_TRUE(w.full(1));
    w.hold_answers_of(w.broker_of(1));
    w.hold_answers(false);
    w.pass(Duration::seconds(1));
    Topic& parked = *w.core->find_topic(1);
    ASSERT_EQ(parked.state, Topic::State::known);
    ASSERT_EQ(parked.partitions[1]->node, w.core->find_topic(0)->partitions[1]->node);
    EXPECT_TRUE(parked.parked.empty());
    EXPECT_EQ(w.count(Errc::none), 0U);
}

TEST(Shares, WhatAPartitionHoldsMovesWithItsLeader) {
    Shared w;
    w.hold_answers_of(w.broker_of(0));
    w.fill(0);
    Node& first = *w.core->find_topic(0)->partitions[0]->node;
    EXPECT_EQ(first.share.held, w.held(0));
    w.cluster.move_leader("t", 0, w.broker_of(1));
    w.reset_connections();
    w.hold_answers_of(-1);
    w.pass(Duration::seconds(5));
    EXPECT_EQ(first.share.held, 0U);
    EXPECT_FALSE(w.board->any_full());
    EXPECT_EQ(w.count(Errc::none), w.next);
}

TEST(Shares, PartitionsWithoutALeaderShareOneShare) {
    Shared w(30);
    w.hold_answers(true);
    for (std::uint32_t p = 0; p < 30; p += 3) w.offer(p);
    ASSERT_FALSE(w.full(0));
    const std::size_t one = w.held(0);
    // Nobody leads what broker 1 led, nor will: its records wait, as many as fit.
    w.cluster.stop_node(w.broker_of(0));
    w.hold_answers(false);
    w.reset_connections();
    w.pass(Duration::seconds(5));
    ASSERT_EQ(w.core->find_topic(0)->partitions[0]->node, nullptr);
    std::size_t sum = 0;
    for (int i = 0; i < 10'000 && !w.full(0); ++i) w.offer(static_cast<std::uint32_t>(i) % 10 * 3);
    for (std::uint32_t p = 0; p < 30; p += 3) {
        EXPECT_TRUE(w.full(p)) << p;
        sum += w.held(p);
    }
    EXPECT_GE(one, 1U);
    EXPECT_LT(sum, w.core->memory_total() * 81 / 100);
    EXPECT_TRUE(w.offer(1));
}

TEST(Shares, WhatHasNoPlaceOfItsOwnGoesWhereThereIsRoom) {
    for (const Unhashed unhashed : {Unhashed::sticky, Unhashed::random, Unhashed::round_robin}) {
        Shared w;
        w.config.unhashed = unhashed;
        w.restart_core();
        w.add_topic(0, "t");
        w.pass(Duration::seconds(1));
        w.hold_answers_of(w.broker_of(0));
        w.fill(0);
        ASSERT_TRUE(w.full(0));
        const std::size_t before = w.held(0);
        w.pass(Duration::ms(1));  // what was drawn before is forgotten
        for (int i = 0; i < 1000; ++i) {
            ASSERT_TRUE(w.produce(0, w.next++, std::string(900, 'v'), -1));
            w.pass(Duration::ms(1));
        }
        EXPECT_EQ(w.held(0), before);
        EXPECT_EQ(w.count(Errc::none), 1000U);
    }
}

TEST(Shares, EqualOnesMayTakeAllMemoryTogether) {
    Shared w;
    w.hold_answers(true);
    std::size_t count = 0;
    for (bool any = true; any && count < 20'000;) {
        any = false;
        for (std::uint32_t p = 0; p < 3; ++p) any |= w.offer(p);
        count += any ? 1 : 0;
        w.core->advance(w.now);
    }
    EXPECT_GT(w.core->memory_used(), w.core->memory_total() * 84 / 100);
}

}  // namespace
}  // namespace ringpost::produce
