// SPDX-License-Identifier: Apache-2.0
#include "produce/accumulator.h"

#include "core_world.h"

namespace ringpost::produce {
namespace {

const Duration second = Duration::seconds(1);

/// A world whose topic 0 is known, so that records go straight to partitions.
std::unique_ptr<CoreWorld> known_world(Config config, std::uint32_t partitions = 1) {
    auto world =
        std::make_unique<CoreWorld>(fake::ClusterOptions{.partitions = partitions}, config);
    world->add_topic(0, "t");
    EXPECT_TRUE(world->produce(0, 1'000'000, "first", 0));
    world->pass(second);
    EXPECT_EQ(world->told(1'000'000).error, Errc::none);
    return world;
}

TEST(Accumulator, LingerRunsFromABatchsFirstRecord) {
    Config config;
    config.linger = Duration::ms(100);
    auto world = known_world(config);
    ASSERT_TRUE(world->produce(0, 1, "a"));
    for (std::uint32_t i = 2; i < 10; ++i) {
        world->pass(Duration::ms(11));
        ASSERT_TRUE(world->produce(0, i, "b"));
    }
    EXPECT_EQ(world->reports.size(), 1U);
    world->pass(Duration::ms(12));  // 100 ms after the first, 12 after the last
    EXPECT_EQ(world->reports.size(), 10U);
}

TEST(Accumulator, ABatchIsAsOldAsTheOldestRecordThatHasJoinedIt) {
    Config config;
    config.linger = Duration::ms(100);
    auto world = known_world(config);
    const Instant begun = world->now;
    const Instant opened = begun + Duration::ms(90);
    world->now = opened;
    ASSERT_TRUE(world->produce(0, 1, "young"));
    world->now = begun;
    ASSERT_TRUE(world->produce(0, 2, "old, and has waited in its ring"));
    world->now = opened;
    world->pass(Duration::ms(9));
    EXPECT_EQ(world->reports.size(), 1U);
    world->pass(Duration::ms(2));
    EXPECT_EQ(world->reports.size(), 3U);
}

TEST(Accumulator, AFullBatchDoesNotLinger) {
    Config config;
    config.batch_records = 3;
    auto world = known_world(config);
    world->config.linger = second * 60;
    for (std::uint32_t i = 0; i < 5; ++i) ASSERT_TRUE(world->produce(0, i, "a"));
    world->settle();
    EXPECT_EQ(world->reports.size(), 4U) << "three are a batch, two linger";
    world->pass(second * 61);
    EXPECT_EQ(world->reports.size(), 6U);
}

/// Batches that are on their way after one more turn, of 200 that linger no more.
std::size_t sent_in_a_turn(bool backlog, bool asked_for) {
    Config config;
    config.linger = Duration::ms(10);
    CoreWorld world({.partitions = 200}, config, 4 << 20);
    world.add_topic(0, "t");
    EXPECT_TRUE(world.produce(0, 1000, "known", 0));
    world.pass(second);
    for (std::int32_t i = 0; i < 200; ++i) {
        EXPECT_TRUE(world.produce(0, static_cast<std::uint32_t>(i), "x", i));
    }
    world.now = world.now + (asked_for ? Duration{} : Duration::ms(11));
    if (asked_for) world.core->begin_flush(world.now);
    world.core->set_backlog(backlog);
    const auto batches = [&] {
        ShardCounters counters;
        world.core->count(counters);
        return counters.batches_sent;
    };
    const std::uint64_t before = batches();
    world.core->advance(world.now);
    const std::uint64_t sent = batches() - before;
    world.settle();
    EXPECT_EQ(world.reports.size(), 201U) << "the others follow";
    return sent;
}

TEST(Accumulator, WhileCallersHaveMoreABoundedNumberOfBatchesLeavesForItsAgeAlone) {
    EXPECT_EQ(sent_in_a_turn(false, false), 200U);
    EXPECT_EQ(sent_in_a_turn(true, false), limits::backlog_turn_batches);
    EXPECT_EQ(sent_in_a_turn(true, true), 200U) << "flushed";
}

// Adaptive linger --------------------------------------------------------------------------------

Config adaptive(Duration linger = second * 60) {
    Config config;
    config.linger = linger;
    config.linger_adaptive = true;
    return config;
}

TEST(Accumulator, AdaptiveLingerSendsAtOnceWhereNothingIsInFlight) {
    auto world = known_world(adaptive());
    for (std::uint32_t i = 0; i < 3; ++i) {
        ASSERT_TRUE(world->produce(0, i, "a"));
        world->settle();
        EXPECT_EQ(world->told(i).error, Errc::none) << "no time has passed";
    }
}

TEST(Accumulator, AdaptiveLingerFillsBatchesUntilTheAnswerComes) {
    auto world = known_world(adaptive(), 3);
    world->hold_answers(true);
    ASSERT_TRUE(world->produce(0, 0, "goes", 0));
    world->settle();
    for (std::uint32_t i = 1; i < 100; ++i) {
        ASSERT_TRUE(world->produce(0, i, "waits", static_cast<std::int32_t>(i % 3)));
        world->settle();
    }
    EXPECT_EQ(world->log("t", 1).size(), 0U) << "their broker has something to answer";
    const std::size_t requests = world->requests;
    world->hold_answers(false);
    EXPECT_EQ(world->count(Errc::none), 101U) << "no time has passed";
    EXPECT_EQ(world->requests, requests + 1) << "all partitions' batches in one";
}

TEST(Accumulator, AdaptiveLingerIsNeverLongerThanLinger) {
    auto world = known_world(adaptive(Duration::ms(10)), 2);
    world->hold_answers(true);
    ASSERT_TRUE(world->produce(0, 0, "goes", 0));
    world->settle();
    ASSERT_TRUE(world->produce(0, 1, "waits", 1));
    world->pass(Duration::ms(9));
    EXPECT_EQ(world->log("t", 1).size(), 0U);
    world->pass(Duration::ms(1));
    EXPECT_EQ(world->log("t", 1).size(), 1U) << "the first is still unanswered";
    world->hold_answers(false);
}

TEST(Accumulator, AdaptiveLingerLooksAtEachBrokerAlone) {
    CoreWorld world({.brokers = 2, .partitions = 2}, adaptive());
    world.add_topic(0, "t");
    for (std::int32_t p = 0; p < 2; ++p) {
        ASSERT_TRUE(world.produce(0, static_cast<std::uint32_t>(p), "first", p));
    }
    world.pass(second);
    const auto& partitions = world.core->find_topic(0)->partitions;
    ASSERT_NE(partitions[0]->node, partitions[1]->node);
    EXPECT_TRUE(world.core->sends_at_once());
    world.hold_answers_of(partitions[0]->node->id);
    ASSERT_TRUE(world.produce(0, 10, "goes", 0));
    world.settle();
    ASSERT_TRUE(world.produce(0, 11, "waits", 0));
    ASSERT_TRUE(world.produce(0, 12, "goes", 1));
    world.settle();
    EXPECT_EQ(world.told(12).error, Errc::none);
    EXPECT_EQ(world.log("t", 0).size(), 2U);
    EXPECT_TRUE(world.core->sends_at_once()) << "the second is idle";

    world.hold_answers(true);
    ASSERT_TRUE(world.produce(0, 13, "goes", 1));
    world.settle();
    EXPECT_FALSE(world.core->sends_at_once());
    world.hold_answers_of(-1);
    world.hold_answers(false);
    EXPECT_EQ(world.count(Errc::none), world.accepted);
    EXPECT_TRUE(world.core->sends_at_once());
}

TEST(Accumulator, WhatLingersForABusyBrokerGoesAtOnceToAnIdleOneThatLeadsNow) {
    Config config = adaptive();
    config.metadata_max_age = second;
    CoreWorld world({.brokers = 2, .partitions = 2}, config);
    world.add_topic(0, "t");
    ASSERT_TRUE(world.produce(0, 0, "first", 0));
    ASSERT_TRUE(world.produce(0, 1, "first", 1));
    world.pass(second);
    const auto& partitions = world.core->find_topic(0)->partitions;
    const std::int32_t idle = partitions[1]->node->id;
    ASSERT_TRUE(world.cluster.move_leader("t", 1, partitions[0]->node->id));
    ASSERT_TRUE(world.produce(0, 2, "learns of the move", 1));
    world.pass(second);
    ASSERT_EQ(partitions[0]->node, partitions[1]->node);
    world.hold_answers_of(partitions[0]->node->id);
    ASSERT_TRUE(world.produce(0, 3, "goes", 0));
    world.settle();
    ASSERT_TRUE(world.produce(0, 4, "waits", 1));
    world.settle();
    ASSERT_TRUE(world.cluster.move_leader("t", 1, idle));
    world.pass(second * 5);
    EXPECT_EQ(world.told(4).error, Errc::none);
    EXPECT_EQ(partitions[1]->node->id, idle);
    world.hold_answers_of(-1);
}

// Places -----------------------------------------------------------------------------------------

TEST(Accumulator, KeysChooseJavasPartition) {
    auto world = known_world({}, 12);
    ASSERT_TRUE(world->produce(0, 1, "a", -1, "21"));
    ASSERT_TRUE(world->produce(0, 2, "a", -1, "foobar"));
    ASSERT_TRUE(world->produce(0, 3, "a", -1, ""));
    world->pass(second);
    EXPECT_EQ(world->told(1).partition, 0);
    EXPECT_EQ(world->told(2).partition, 6);
    EXPECT_EQ(world->told(3).partition, 9);
}

TEST(Accumulator, RecordsWithoutAKeyStickToAPartitionForABatchsWorthOfBytes) {
    Config config;
    config.batch_bytes = 1024;
    auto world = known_world(config, 12);
    for (std::uint32_t i = 0; i < 10; ++i) ASSERT_TRUE(world->produce(0, i, "a"));
    world->pass(second);
    for (std::uint32_t i = 0; i < 10; ++i) {
        EXPECT_EQ(world->told(i).partition, world->told(0).partition);
    }
    std::set<std::int32_t> partitions;
    for (std::uint32_t i = 100; i < 200; ++i) {
        ASSERT_TRUE(world->produce(0, i, std::string(1000, 'a')));
        world->pass(second);
        partitions.insert(world->told(i).partition);
    }
    EXPECT_GT(partitions.size(), 6U) << "each draws anew";
}

TEST(Accumulator, APartitionThatTheTopicHasNotFailsItsRecordAlone) {
    auto world = known_world({}, 2);
    ASSERT_TRUE(world->produce(0, 1, "a", 1));
    ASSERT_TRUE(world->produce(0, 2, "a", 2));
    ASSERT_TRUE(world->produce(0, 3, "a", 0));
    world->pass(second);
    EXPECT_EQ(world->told(1).error, Errc::none);
    EXPECT_EQ(world->told(2).error, Errc::invalid_partition);
    EXPECT_EQ(world->told(3).error, Errc::none);
}

TEST(Accumulator, ParkedRecordsKeepTheirOrder) {
    fake::ClusterOptions options{.partitions = 1};
    options.creation_delay_answers = 3;
    CoreWorld world(options);
    world.add_topic(0, "t");
    std::vector<std::string> values;
    for (std::uint32_t i = 0; i < 1000; ++i) {
        values.push_back("v" + std::to_string(i));
        ASSERT_TRUE(world.produce(0, i, values.back(), -1, nullptr, i % 3 == 0));
        if (i % 100 == 0) world.settle();
    }
    world.pass(second * 5);
    EXPECT_EQ(world.log("t"), values);
    EXPECT_EQ(world.count(Errc::none), 1000U);
}

TEST(Accumulator, WhatComesBehindParkedRecordsWaitsUntilTheseHaveMoved) {
    Config config;
    config.turn_items_max = 10;
    CoreWorld world({.partitions = 1}, config);
    world.add_topic(0, "t");
    for (std::uint32_t i = 0; i < 1000; ++i) ASSERT_TRUE(world.produce(0, i, std::to_string(i)));
    world.settle();
    ASSERT_EQ(world.core->find_topic(0)->state, Topic::State::known);
    ASSERT_FALSE(world.core->find_topic(0)->parked.empty());
    EXPECT_FALSE(world.produce(0, 1000, "1000"));
    EXPECT_LE(world.core->next_deadline(world.now), world.now) << "there is no news to wait for";
    int turns = 1;
    for (; !world.produce(0, 1000, "1000"); ++turns) {
        world.core->advance(world.now);
        EXPECT_LE(world.core->next_deadline(world.now), world.now)
            << "after the last of them, too: nobody wakes a shard whose rings had to wait";
    }
    world.core->advance(world.now);
    EXPECT_GT(world.core->next_deadline(world.now), world.now);
    EXPECT_GE(turns, 90) << "ten a turn";
    world.pass(second);
    const std::vector<std::string> log = world.log("t");
    ASSERT_EQ(log.size(), 1001U);
    for (std::size_t i = 0; i < log.size(); ++i) ASSERT_EQ(log[i], std::to_string(i));
}

TEST(Accumulator, ParkedRecordsThatFindNoMemoryAreNotTriedAgainBeforeSomeComesFree) {
    Config config;
    config.turn_items_max = 1;
    config.batch_records = 1;  // each takes a piece of memory of its own once it has moved
    CoreWorld world({.partitions = 1}, config, 1 << 20);
    world.swallow_produce(true);
    std::uint32_t slot = 0;
    for (std::uint32_t topic = 0; topic < 3; ++topic) {
        world.add_topic(topic, "t" + std::to_string(topic));
        for (int i = 0; i < 400; ++i) ASSERT_TRUE(world.produce(topic, slot++, "x"));
    }
    const auto rounds = [&] {
        int busy = 0;
        for (int turn = 0; turn < 100; ++turn) {
            world.core->advance(world.now);
            busy += world.core->next_deadline(world.now) <= world.now;
        }
        return busy;
    };
    for (int i = 0; i < 3; ++i) world.settle();
    for (int i = 0; i < 100 && rounds() == 100; ++i) {}
    EXPECT_FALSE(world.core->find_topic(0)->parked.empty());
    EXPECT_EQ(rounds(), 0);
    world.swallow_produce(false);
    world.pass(second * 200);  // the timeouts of those that were swallowed, and the others' way
    EXPECT_EQ(world.reports.size(), slot);
    EXPECT_GT(world.count(Errc::none), 0U);
}

TEST(Accumulator, ARefusedTopicFailsItsRecordsAtOnce) {
    CoreWorld world;
    world.add_topic(0, "not/valid");
    ASSERT_TRUE(world.produce(0, 1, "a"));
    world.pass(second);
    EXPECT_EQ(world.told(1).error, Errc::invalid_topic_exception);
    ASSERT_TRUE(world.produce(0, 2, "a"));
    world.settle();
    EXPECT_EQ(world.told(2).error, Errc::invalid_topic_exception);
}

TEST(Accumulator, WithoutMemoryItRefusesAndLosesNothing) {
    Config config;
    config.linger = second * 60;
    CoreWorld world({.partitions = 1}, config, 1 << 20);
    world.add_topic(0, "t");
    world.hold_answers(true);
    const std::string value(1000, 'x');
    std::uint32_t slot = 0;
    while (world.produce(0, slot, value)) ++slot;
    EXPECT_GT(slot, 400U) << "parked records may take half of the memory";
    EXPECT_LE(world.core->memory_used(), std::size_t{1} << 20);
    world.hold_answers(false);
    world.pass(second);
    EXPECT_TRUE(world.produce(0, slot, value)) << "there is room again: pressure ended the linger";
    world.core->begin_flush(world.now);
    world.pass(second);
    EXPECT_EQ(world.count(Errc::none), world.accepted);
    EXPECT_EQ(world.core->memory_used(), 0U);
}

TEST(Accumulator, RecordsOfAllSizesArriveWhole) {
    auto world = known_world({});
    std::vector<std::string> values = {"first"};
    for (std::uint32_t i = 0; i < 200; ++i) {
        values.emplace_back((i * i * 7919) % 60'000, static_cast<char>('a' + i % 26));
        ASSERT_TRUE(world->produce(0, i, values.back()));
        if (i % 10 == 0) world->pass(second);
    }
    world->pass(second);
    EXPECT_EQ(world->log("t"), values);
}

}  // namespace
}  // namespace ringpost::produce
