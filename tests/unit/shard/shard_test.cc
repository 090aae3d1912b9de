// SPDX-License-Identifier: Apache-2.0
#include "shard/shard.h"

#include <gtest/gtest.h>

#include "base/prng.h"
#include "shard_bench.h"

namespace ringpost::shard {
namespace {

// The whole way ----------------------------------------------------------------------------------

TEST(Shard, TakesARecordAllTheWayAndReportsItsOffset) {
    ShardBench bench;
    CallerEnd caller = bench.open();
    ASSERT_TRUE(bench.produce(caller, 0, "first"));
    ASSERT_TRUE(bench.produce(caller, 1, "second"));
    bench.run_until([&] { return caller->reported.load() == 2; });
    EXPECT_EQ(bench.log(), (std::vector<std::string>{"first", "second"}));
    const auto records = caller.poll();
    ASSERT_EQ(records.size(), 2U);
    EXPECT_EQ(records[1].header.error, Errc::none);
    EXPECT_EQ(records[1].header.base_offset, 0);
    EXPECT_EQ(records[1].index, 1U);
    EXPECT_EQ(records[1].header.partition, 0);
    const ShardCounters counters = bench.shard.counters();
    EXPECT_EQ(counters.records_taken, 2U);
    EXPECT_EQ(counters.records_delivered, 2U);
    EXPECT_EQ(counters.records_failed, 0U);
    bench.stop(Duration::seconds(1));
}

TEST(Shard, SaysWhatItRunsOn) {
    std::vector<std::string> lines;
    ShardBench bench(shard_options(&lines));
    ASSERT_FALSE(lines.empty());
    EXPECT_NE(lines[0].find("a script"), std::string::npos);
}

TEST(Shard, WithoutMemoryItSaysWhichOptionAsksForTooMuch) {
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
    GTEST_SKIP() << "a sanitizer ends the program for such a request";
#endif
    ShardOptions options = shard_options();
    options.memory_bytes = std::uint64_t{1} << 56;
    Script script;
    Shard shard(options);
    const Result<void> opened = shard.open(std::make_unique<ScriptedIo>(script));
    EXPECT_FALSE(opened);
    EXPECT_EQ(opened.error().code, Errc::out_of_memory);
    EXPECT_NE(opened.error().text.find("buffer.memory"), std::string::npos);
}

TEST(Shard, ALoneRecordLeavesAtItsLingersEndAndNotBefore) {
    ShardOptions options = shard_options();
    options.produce.linger = Duration::ms(20);
    ShardBench bench(options);
    CallerEnd caller = bench.open();
    bench.produce(caller, 0, "warms the connection up");
    bench.run_until([&] { return caller->reported.load() == 1; });
    bench.run(Duration::ms(500));
    const Instant produced = bench.script.now;
    bench.produce(caller, 1);
    bench.run(Duration::ms(19));
    EXPECT_EQ(caller->reported.load(), 1U);
    bench.run_until([&] { return caller->reported.load() == 2; });
    EXPECT_LE(bench.script.now - produced, Duration::ms(21));
    bench.stop(Duration::seconds(1));
}

TEST(Shard, RecordsOfManyLanesComeThroughInOrder) {
    ShardBench bench;
    std::vector<CallerEnd> callers;
    for (int i = 0; i < 5; ++i) callers.push_back(bench.open());
    for (std::uint32_t i = 0; i < 1000; ++i) {
        for (std::size_t lane = 0; lane < callers.size(); ++lane) {
            ASSERT_TRUE(bench.produce(callers[lane], i,
                                      std::to_string(lane) + ":" + std::to_string(i)));
        }
        if (i % 100 == 0) bench.run(Duration::ms(3));
    }
    bench.stop(Duration::seconds(10));
    std::vector<std::uint32_t> next(callers.size());
    for (const std::string& value : bench.log()) {
        const auto lane = static_cast<std::size_t>(value[0] - '0');
        EXPECT_EQ(value, std::to_string(lane) + ":" + std::to_string(next[lane]++));
    }
    for (std::size_t lane = 0; lane < callers.size(); ++lane) {
        EXPECT_EQ(next[lane], 1000U);
        expect_each_once(callers[lane].poll(), 1000);
    }
}

// Idleness ---------------------------------------------------------------------------------------

TEST(Shard, NeverSpinsAndHasNoTimersBeforeItsFirstRecord) {
    ShardBench bench;
    bench.run(Duration::ms(1));
    const std::uint64_t turns = bench.turns;
    bench.shard.turn(Instant::never());
    EXPECT_TRUE(bench.script.asleep_for_ever);
    bench.run(Duration::seconds(3600));
    EXPECT_LE(bench.turns - turns, 2U);
    bench.stop(Duration::seconds(1));
}

TEST(Shard, SleepsThroughItsIdleTimeBetweenRecords) {
    ShardBench bench;
    CallerEnd caller = bench.open();
    bench.produce(caller, 0);
    bench.run_until([&] { return caller->reported.load() == 1; });
    bench.run(Duration::ms(10));
    const std::uint64_t turns = bench.turns;
    bench.run(Duration::seconds(60));
    EXPECT_LE(bench.turns - turns, 5U);
    bench.stop(Duration::seconds(1));
}

TEST(Shard, AnUnreachableClusterCostsNextToNothing) {
    for (const bool resolves : {true, false}) {
        ShardBench bench;
        bench.script.cluster.stop_node(1);
        bench.script.names_exist = resolves;
        CallerEnd caller = bench.open();
        bench.produce(caller, 0);
        bench.run(Duration::seconds(10));
        const std::uint64_t turns = bench.turns;
        const std::uint64_t sleeps = bench.script.sleeps;
        bench.run(Duration::seconds(60));
        // Some 120 attempts at half a second each, of a few events, and a short spin after each.
        EXPECT_LT(bench.turns - turns, 120U * 40);
        EXPECT_LT(bench.script.sleeps - sleeps, 120U * 6);
        EXPECT_EQ(caller->reported.load(), 0U);
        bench.stop(Duration{});
        EXPECT_EQ(count_of(caller.poll(), Errc::purged), 1U);
    }
}

TEST(Shard, ASilentResolverOrPeerCostsNothingAtAll) {
    for (int silent = 0; silent < 4; ++silent) {
        ShardBench bench;
        bench.script.resolver_answers = silent != 0;
        bench.script.connects_answer = silent != 1;
        bench.script.sends_complete = silent != 2;
        bench.script.answers_come = silent != 3;
        CallerEnd caller = bench.open();
        bench.produce(caller, 0);
        bench.run(Duration::seconds(60));
        EXPECT_LT(bench.script.sleeps, 60U) << silent;
        bench.script.resolver_answers = bench.script.connects_answer = true;
        bench.script.sends_complete = bench.script.answers_come = true;
        bench.run_until([&] { return caller->reported.load() == 1; });
        EXPECT_EQ(count_of(caller.poll(), Errc::none), 1U);
        bench.stop(Duration::seconds(1));
    }
}

TEST(Shard, AClosedLaneWithRecordsOnTheirWayLetsItSleep) {
    ShardBench bench;
    CallerEnd caller = bench.open();
    bench.produce(caller, 0);
    bench.script.answers_come = false;
    caller.close();
    bench.shard.wake_if_parked();
    bench.run(Duration::ms(100));
    const std::uint64_t turns = bench.turns;
    bench.run(Duration::seconds(5));
    EXPECT_LT(bench.turns - turns, 20U);
    bench.script.answers_come = true;
    bench.run_until([&] { return bench.shard.lanes().count() == 0; });
    EXPECT_EQ(bench.shard.counters().records_delivered, 1U);
    bench.stop(Duration::seconds(1));
}

// Spinning ---------------------------------------------------------------------------------------

/// Records leave at once.
ShardOptions spinning(Duration spin) {
    ShardOptions options = shard_options();
    options.produce.linger = Duration{};
    options.spin = spin;
    return options;
}

TEST(Shard, SpinsBetweenRecordsThatComeOftenAndSleepsBetweenThoseThatDoNot) {
    ShardBench bench(spinning(Duration::us(20)));
    CallerEnd caller = bench.open();
    std::uint32_t slot = 0;
    std::uint64_t slept = 0;
    const auto sleeps_of = [&](Duration gap) {
        const std::uint64_t before = bench.script.sleeps;
        for (int i = 0; i < 100; ++i) {
            ASSERT_TRUE(bench.produce(caller, slot++));
            bench.run(gap);
        }
        slept = bench.script.sleeps - before;
    };
    sleeps_of(Duration::us(10));
    EXPECT_LT(slept, 30U) << "it has to learn first that they come";
    const std::uint64_t turns = bench.turns;
    sleeps_of(Duration::ms(1));
    EXPECT_GE(slept, 100U);
    EXPECT_LT(bench.turns - turns, 100U * 8) << "a turn for the record, its send, its answer";
    bench.stop(Duration::seconds(1));
}

TEST(Shard, OfRecordsThatLingerOnlyAThresholdsWorthIsAReasonToSpin) {
    ShardOptions options = spinning(Duration::us(20));
    options.produce.linger = Duration::ms(100);
    ShardBench bench(options);
    CallerEnd caller = bench.open();
    bench.produce(caller, 0);
    bench.run_until([&] { return caller->reported.load() == 1; });
    const std::uint64_t turns = bench.turns;
    for (std::uint32_t slot = 1; slot <= 1000; ++slot) {
        ASSERT_TRUE(bench.produce(caller, slot));
        bench.run(Duration::us(10));
    }
    EXPECT_LT(bench.turns - turns, 1000U * 3) << "ten turns each, if it looked all the time";
    bench.stop(Duration::seconds(1));
}

TEST(Shard, ABusyPollerNeverSleepsIdleOrNot) {
    ShardBench bench(spinning(Duration::us(-1)));
    CallerEnd caller = bench.open();
    bench.run(Duration::ms(5));
    ASSERT_TRUE(bench.produce(caller, 0));
    bench.run_until([&] { return caller->reported.load() == 1; });
    bench.run(Duration::ms(5));
    bench.stop(Duration::seconds(1));
    EXPECT_EQ(bench.script.sleeps, 0U);
    EXPECT_EQ(bench.script.wakes, 0U) << "no caller pays for waking it";
}

// Wake-ups ---------------------------------------------------------------------------------------

TEST(Shard, OneSleepTakesOneWakeHoweverMuchIsProduced) {
    ShardBench bench;
    CallerEnd caller = bench.open();
    bench.run(Duration::ms(1));
    std::uint32_t slot = 0;
    bench.script.on_sleep = [&] {
        while (slot < 100) ASSERT_TRUE(bench.produce(caller, slot++));
    };
    bench.shard.turn(Instant::never());
    EXPECT_EQ(bench.script.wakes, 1U);
    bench.script.on_sleep = nullptr;
    bench.run_until([&] { return caller->reported.load() == 100; });
    bench.stop(Duration::seconds(1));
}

TEST(Shard, DuringALingerOnlyAThresholdsWorthOfRecordsWakesIt) {
    ShardOptions options = shard_options();
    options.produce.linger = Duration::ms(50);
    options.wake_bytes = 4000;
    options.spin = Duration{};
    ShardBench bench(options);
    CallerEnd caller = bench.open();
    bench.produce(caller, 0);
    bench.run_until([&] { return caller->reported.load() == 1; });
    bench.run(Duration::ms(200));

    bench.produce(caller, 1);
    const std::uint64_t wakes = bench.script.wakes;
    std::uint64_t written_at_wake = 0;
    std::uint64_t begun = 0;
    std::uint32_t slot = 2;
    bench.script.on_sleep = [&] {
        if (begun != 0) return;
        begun = caller->records.written();
        while (bench.script.wakes == wakes) ASSERT_TRUE(bench.produce(caller, slot++));
        written_at_wake = caller->records.written();
    };
    bench.run(Duration::ms(60));
    EXPECT_GE(written_at_wake - begun, options.wake_bytes);
    EXPECT_LT(written_at_wake - begun, options.wake_bytes + 100);
    bench.script.on_sleep = nullptr;
    bench.stop(Duration::seconds(1));
    expect_each_once(caller.poll(), slot);
}

TEST(Shard, WithAdaptiveLingerARecordWakesItUnlessEveryBrokerIsBusy) {
    for (const std::uint32_t brokers : {1U, 2U}) {
        ShardOptions options = spinning(Duration{});
        options.produce.linger = Duration::seconds(10);
        options.produce.linger_adaptive = true;
        ShardBench bench(options, {.brokers = brokers, .partitions = brokers});
        CallerEnd caller = bench.open();
        bench.produce(caller, 0, "warms the connection up");
        bench.run_until([&] { return caller->reported.load() == 1; });
        bench.produce(caller, 1);
        bench.run(Duration::ms(1));
        EXPECT_EQ(caller->reported.load(), 2U) << "nothing was in flight";

        bench.script.answers_come = false;
        bench.produce(caller, 2);
        bench.run(Duration::ms(1));
        bench.produce(caller, 3, "lingers");
        bench.script.on_sleep = [&] { bench.produce(caller, 4); };
        const std::uint64_t wakes = bench.script.wakes;
        bench.shard.turn(Instant::never());
        bench.shard.turn(Instant::never());
        EXPECT_EQ(bench.script.wakes - wakes, brokers - 1);
        bench.script.on_sleep = nullptr;
        bench.script.answers_come = true;
        bench.run_until([&] { return caller->reported.load() == 5; });
        bench.stop(Duration::seconds(1));
    }
}

TEST(Shard, WhateverIsPublishedBetweenTheLastLookAndTheSleepIsFound) {
    // The caller runs inside on_sleep: after the announcement and the second look.
    ShardBench bench;
    CallerEnd caller = bench.open();
    bench.run(Duration::ms(1));
    std::uint32_t slot = 0;
    bench.script.on_sleep = [&] {
        if (slot < 50) {
            ASSERT_TRUE(bench.produce(caller, slot++));
        }
    };
    bench.run_until([&] { return caller->reported.load() == 50; });
    EXPECT_LT(bench.script.sleeps, 2000U);
    bench.stop(Duration::seconds(1));
    expect_each_once(caller.poll(), 50);
}

// Memory -----------------------------------------------------------------------------------------

/// A shard whose brokers answer nothing and whose memory is full of one lane's records.
struct FullBench : ShardBench {
    FullBench() : ShardBench(options()), caller(open(100'000, 8 << 20)) {
        produce(caller, accepted++);
        run_until([&] { return caller->reported.load() == 1; });
        script.answers_come = false;
        while (produce(caller, accepted, std::string(1000, 'x'))) ++accepted;
        run(Duration::ms(500));
        EXPECT_FALSE(caller->records.empty()) << "everything fitted";
        EXPECT_LE(shard.memory_used(), options().memory_bytes);
    }
    static ShardOptions options() {
        ShardOptions options = shard_options();
        options.memory_bytes = 2 << 20;
        options.produce.delivery_timeout = Duration::seconds(300);
        options.produce.connection.request_timeout = Duration::seconds(200);
        return options;
    }
    CallerEnd caller;
    std::uint32_t accepted = 0;
};

TEST(Shard, WithoutMemoryItSleepsUntilAnAnswerMakesRoom) {
    FullBench bench;
    const std::uint64_t turns = bench.turns;
    bench.run(Duration::seconds(10));
    EXPECT_LT(bench.turns - turns, 50U);
    bench.script.answers_come = true;
    bench.run_until([&] { return bench.caller->reported.load() == bench.accepted; });
    const auto records = bench.caller.poll();
    EXPECT_EQ(count_of(records, Errc::none), bench.accepted);
    expect_each_once(records, bench.accepted);
    bench.stop(Duration::seconds(1));
}

TEST(Shard, WithoutMemoryMoreRecordsOfALaneThatWaitsDoNotWakeIt) {
    FullBench bench;
    CallerEnd other = bench.open();
    bench.run(Duration::ms(10));
    const std::uint64_t wakes = bench.script.wakes;
    int left = 10;
    bench.script.on_sleep = [&] {
        if (left-- > 0) bench.produce(other, static_cast<std::uint32_t>(left));
    };
    bench.run(Duration::seconds(1));
    EXPECT_EQ(bench.script.wakes, wakes + 1) << "the first might have found room";
    bench.script.on_sleep = nullptr;
    bench.stop(Duration{});
}

TEST(Shard, AStopWithoutMemorySleepsUntilItsDeadline) {
    FullBench bench;
    const std::uint64_t turns = bench.turns;
    bench.shard.request_stop(Duration::seconds(20));
    bench.run(Duration::seconds(19));
    EXPECT_FALSE(bench.shard.finished());
    EXPECT_LT(bench.turns - turns, 100U);
    bench.run(Duration::seconds(2));
    EXPECT_TRUE(bench.shard.finished());
}

TEST(Shard, FlushesWithoutMemorySleepToo) {
    FullBench bench;
    const std::uint64_t turns = bench.turns;
    std::uint64_t ticket = 0;
    for (int i = 0; i < 3; ++i) {
        ticket = bench.shard.request_flush();
        bench.run(Duration::seconds(10));
    }
    EXPECT_LT(bench.turns - turns, 100U);
    EXPECT_FALSE(bench.shard.flush_done(ticket));
    bench.script.answers_come = true;
    bench.run_until([&] { return bench.shard.flush_done(ticket); });
    EXPECT_EQ(bench.caller->reported.load(), bench.accepted);
    bench.stop(Duration::seconds(1));
}

TEST(Shard, MemoryThatALaneWasLentIsUsedAgainOnceItWasPolled) {
    ShardOptions options = shard_options();
    options.memory_bytes = 2 << 20;
    ShardBench bench(options, {.partitions = 1});
    bench.script.cluster.faults().on_produce = [](const fake::ProduceAttempt&) {
        return fake::ProduceFault{.error = Errc::policy_violation};
    };
    CallerEnd caller = bench.open(100'000, 8 << 20);
    std::uint32_t accepted = 0;
    while (bench.produce(caller, accepted, std::string(1000, 'x'))) ++accepted;
    std::vector<ReportedRecord> all;
    const Instant end = bench.script.now + Duration::seconds(30);
    while (all.size() < accepted && bench.script.now < end) {
        bench.run(Duration::ms(100));
        const auto some = caller.poll(4);
        all.insert(all.end(), some.begin(), some.end());
        caller.release();
        bench.shard.wake_if_parked();
    }
    expect_each_once(all, accepted);
    EXPECT_EQ(count_of(all, Errc::policy_violation), accepted);
    bench.stop(Duration::seconds(1));
    EXPECT_EQ(bench.shard.memory_used(), 0U);
}

}  // namespace
}  // namespace ringpost::shard
