// SPDX-License-Identifier: Apache-2.0
// Flush and stop: what they wait for, what they do at their deadline, and that each accepted record
// gets exactly one report in every ending.
#include <gtest/gtest.h>

#include "base/prng.h"
#include "shard_bench.h"

namespace ringpost::shard {
namespace {

// Flush ------------------------------------------------------------------------------------------

TEST(ShardFlush, SendsAtOnceAndIsDoneWhenAllIsReported) {
    ShardOptions options = shard_options();
    options.produce.linger = Duration::seconds(5);
    ShardBench bench(options);
    CallerEnd caller = bench.open();
    for (std::uint32_t i = 0; i < 10; ++i) bench.produce(caller, i);
    bench.run(Duration::ms(100));
    EXPECT_EQ(caller->reported.load(), 0U);
    const Instant asked = bench.script.now;
    const std::uint64_t ticket = bench.shard.request_flush();
    EXPECT_FALSE(bench.shard.flush_done(ticket));
    bench.run_until([&] { return bench.shard.flush_done(ticket); });
    EXPECT_EQ(caller->reported.load(), 10U);
    EXPECT_LT(bench.script.now - asked, Duration::ms(50));
    bench.stop(Duration::seconds(1));
}

TEST(ShardFlush, OfNothingIsDoneAtOnce) {
    ShardBench bench;
    CallerEnd caller = bench.open();
    for (int i = 0; i < 3; ++i) {
        const std::uint64_t ticket = bench.shard.request_flush();
        bench.run(Duration::ms(1));
        EXPECT_TRUE(bench.shard.flush_done(ticket));
    }
    bench.stop(Duration::seconds(1));
}

TEST(ShardFlush, DoesNotWaitForWhatCameAfterIt) {
    ShardOptions options = shard_options();
    options.produce.linger = Duration::seconds(5);
    ShardBench bench(options);
    CallerEnd caller = bench.open();
    bench.produce(caller, 0);
    bench.run(Duration::ms(10));
    const std::uint64_t ticket = bench.shard.request_flush();
    bench.run(Duration::us(5));
    bench.produce(caller, 1);
    bench.run_until([&] { return bench.shard.flush_done(ticket); });
    EXPECT_GE(caller->reported.load(), 1U);
    bench.run(Duration::ms(500));
    EXPECT_EQ(caller->reported.load(), 1U) << "the later record keeps its linger";
    bench.stop(Duration::seconds(1));
}

TEST(ShardFlush, ManyAtOnceAreAllDone) {
    ShardBench bench;
    CallerEnd caller = bench.open();
    std::uint64_t last = 0;
    std::uint32_t slot = 0;
    bench.script.answers_come = false;
    for (int i = 0; i < 200; ++i) {
        bench.produce(caller, slot++);
        const std::uint64_t ticket = bench.shard.request_flush();
        EXPECT_GT(ticket, last);
        last = ticket;
        bench.run(Duration::us(200));
    }
    EXPECT_FALSE(bench.shard.flush_done(1));
    bench.script.answers_come = true;
    bench.run_until([&] { return bench.shard.flush_done(last); });
    EXPECT_EQ(caller->reported.load(), slot);
    bench.stop(Duration::seconds(1));
}

TEST(ShardFlush, IsDoneWhenItsRecordsHaveTimedOut) {
    ShardOptions options = shard_options();
    options.produce.delivery_timeout = Duration::seconds(2);
    for (const bool reachable : {false, true}) {
        ShardBench bench(options);
        if (!reachable) bench.script.cluster.stop_node(1);
        bench.script.answers_come = false;
        CallerEnd caller = bench.open();
        bench.produce(caller, 0);
        const Instant produced = bench.script.now;
        const std::uint64_t ticket = bench.shard.request_flush();
        bench.run(Duration::ms(1990));
        EXPECT_FALSE(bench.shard.flush_done(ticket));
        bench.run_until([&] { return bench.shard.flush_done(ticket); });
        EXPECT_LT(bench.script.now - produced, Duration::ms(2010));
        EXPECT_EQ(count_of(caller.poll(), Errc::delivery_timeout), 1U);
        bench.stop(Duration{});
    }
}

// Stop -------------------------------------------------------------------------------------------

TEST(ShardStop, OfAShardThatNeverDidAnythingIsImmediate) {
    ShardBench bench;
    bench.run(Duration::seconds(1));
    const Instant asked = bench.script.now;
    bench.shard.request_stop(Duration::seconds(10));
    bench.run_until([&] { return bench.shard.finished(); });
    EXPECT_LT(bench.script.now - asked, Duration::ms(1));
    EXPECT_TRUE(bench.shard.stopped());
}

TEST(ShardStop, OfAnIdleShardIsImmediate) {
    ShardBench bench;
    CallerEnd caller = bench.open();
    bench.produce(caller, 0);
    bench.run(Duration::seconds(1000));  // the connection has been closed for idleness, too
    const Instant asked = bench.script.now;
    bench.shard.request_stop(Duration::seconds(10));
    bench.run_until([&] { return bench.shard.finished(); });
    EXPECT_LT(bench.script.now - asked, Duration::ms(1));
    EXPECT_TRUE(caller->finished.load());
}

TEST(ShardStop, DeliversWhatWasAcceptedBeforeIt) {
    ShardOptions options = shard_options();
    options.produce.linger = Duration::seconds(5);
    ShardBench bench(options);
    CallerEnd caller = bench.open();
    for (std::uint32_t i = 0; i < 1000; ++i) bench.produce(caller, i);
    bench.shard.request_stop(Duration::seconds(10));
    EXPECT_FALSE(bench.shard.stopped());
    bench.run_until([&] { return bench.shard.finished(); });
    EXPECT_TRUE(caller->finished.load());
    EXPECT_EQ(bench.log().size(), 1000U);
    const auto records = caller.poll();
    EXPECT_EQ(count_of(records, Errc::none), 1000U);
    expect_each_once(records, 1000);
    EXPECT_EQ(bench.script.sockets_open, 0U);
    EXPECT_TRUE(bench.shard.flush_done(1'000'000)) << "nobody waits for a shard that is gone";
}

TEST(ShardStop, PurgesAtItsDeadlineAndNotBefore) {
    ShardBench bench;
    bench.script.answers_come = false;
    CallerEnd caller = bench.open();
    for (std::uint32_t i = 0; i < 10; ++i) bench.produce(caller, i);
    const Instant asked = bench.script.now;
    bench.shard.request_stop(Duration::seconds(3));
    bench.run(Duration::ms(2990));
    EXPECT_FALSE(bench.shard.finished());
    EXPECT_EQ(caller->reported.load(), 0U);
    bench.run_until([&] { return bench.shard.finished(); });
    EXPECT_LT(bench.script.now - asked, Duration::ms(3010));
    const auto records = caller.poll();
    EXPECT_EQ(count_of(records, Errc::purged), 10U);
    expect_each_once(records, 10);
}

TEST(ShardStop, IsOverAsSoonAsTheLastRecordHasTimedOut) {
    ShardOptions options = shard_options();
    options.produce.delivery_timeout = Duration::seconds(2);
    ShardBench bench(options);
    bench.script.cluster.stop_node(1);
    CallerEnd caller = bench.open();
    bench.produce(caller, 0);
    const Instant asked = bench.script.now;
    bench.shard.request_stop(Duration::seconds(30));
    bench.run_until([&] { return bench.shard.finished(); });
    EXPECT_LT(bench.script.now - asked, Duration::ms(2100));
    EXPECT_EQ(count_of(caller.poll(), Errc::delivery_timeout), 1U);
}

TEST(ShardStop, WithoutTimeReportsEveryRecordWhateverTheConnectionIsDoing) {
    for (int silent = 0; silent < 6; ++silent) {
        SCOPED_TRACE(silent);
        ShardBench bench;
        bench.script.resolver_answers = silent != 0;
        bench.script.connects_answer = silent != 1;
        bench.script.sends_complete = silent != 2;
        bench.script.answers_come = silent != 3;
        if (silent == 4) bench.script.cluster.stop_node(1);
        if (silent == 5) bench.script.sockets_left = false;
        CallerEnd caller = bench.open();
        for (std::uint32_t i = 0; i < 5; ++i) bench.produce(caller, i);
        bench.run(Duration::ms(1));
        for (std::uint32_t i = 5; i < 10; ++i) bench.produce(caller, i);
        bench.stop(Duration{});
        const auto records = caller.poll();
        EXPECT_EQ(count_of(records, Errc::purged), 10U);
        expect_each_once(records, 10);
        EXPECT_EQ(bench.script.sockets_open, 0U);
    }
}

// Each turn of a connection's way up is a moment at which a stop may come.
TEST(ShardStop, AtEveryTurnOfTheWayReportsEachRecordOnce) {
    for (int turns = 0; turns < 60; ++turns) {
        for (const std::int64_t timeout_ms : {0, 1, 1000}) {
            SCOPED_TRACE(testing::Message() << turns << " turns, " << timeout_ms << " ms");
            ShardBench bench;
            CallerEnd caller = bench.open();
            for (std::uint32_t i = 0; i < 3; ++i) bench.produce(caller, i);
            for (int i = 0; i < turns; ++i) {
                bench.shard.turn(bench.script.now + Duration::ms(1));
            }
            bench.stop(Duration::ms(timeout_ms));
            expect_each_once(caller.poll(), 3);
            EXPECT_EQ(bench.script.sockets_open, 0U);
        }
    }
}

TEST(ShardStop, WaitsForTheKernelToLetGoOfTheMemory) {
    ShardBench bench;
    CallerEnd caller = bench.open();
    bench.produce(caller, 0);
    bench.run_until([&] { return caller->reported.load() == 1; });
    bench.script.sends_complete = false;
    bench.script.closes_complete = false;
    bench.produce(caller, 1);
    bench.run(Duration::ms(20));
    bench.shard.request_stop(Duration{});
    bench.run(Duration::seconds(5));
    EXPECT_EQ(caller->reported.load(), 2U) << "the caller need not wait for that";
    EXPECT_FALSE(bench.shard.finished());
    bench.script.closes_complete = true;
    bench.run_until([&] { return bench.shard.finished(); });
}

TEST(ShardStop, WhatIsPublishedAfterItIsTheCallersAgain) {
    ShardBench bench;
    CallerEnd caller = bench.open();
    bench.produce(caller, 0);
    bench.stop(Duration::seconds(1));
    const std::uint64_t wakes = bench.script.wakes;
    EXPECT_TRUE(bench.produce(caller, 1));
    EXPECT_EQ(bench.script.wakes, wakes) << "there is nobody to wake";
    EXPECT_FALSE(caller->records.empty());
    EXPECT_TRUE(caller->finished.load());
    EXPECT_EQ(bench.shard.counters().records_taken, 1U);
    bench.shard.turn(Instant::never());
    EXPECT_TRUE(bench.shard.finished());
    EXPECT_EQ(caller.poll().size(), 1U);
}

TEST(ShardStop, ALaneThatComesDuringItIsToldTheEnd) {
    ShardBench bench;
    bench.script.answers_come = false;
    CallerEnd first = bench.open();
    bench.produce(first, 0);
    bench.run(Duration::ms(10));
    bench.shard.request_stop(Duration::seconds(1));
    bench.run(Duration::ms(10));
    CallerEnd late = bench.open();
    bench.produce(late, 0);
    bench.run_until([&] { return bench.shard.finished(); });
    EXPECT_TRUE(late->finished.load());
    const std::size_t reported = late.poll().size();
    EXPECT_EQ(reported + (late->records.empty() ? 0 : 1), 1U) << "reported, or still the lane's";
}

TEST(ShardStop, ASecondRequestChangesNothing) {
    ShardBench bench;
    bench.script.answers_come = false;
    CallerEnd caller = bench.open();
    bench.produce(caller, 0);
    bench.run(Duration::ms(10));
    bench.shard.request_stop(Duration::seconds(1));
    bench.shard.request_stop(Duration::seconds(100));
    bench.run(Duration::seconds(2));
    EXPECT_TRUE(bench.shard.finished());
}

// Everything at once -----------------------------------------------------------------------------

/// Callers produce while the cluster fails in every way that the script knows.
void live_through_trouble(std::uint64_t seed) {
    SCOPED_TRACE(seed);
    Prng prng(seed);
    ShardOptions options = shard_options();
    options.seed = seed;
    options.memory_bytes = 2 << 20;
    options.produce.linger = Duration::ms(prng.below(10));
    options.produce.delivery_timeout = Duration::seconds(2 + prng.below(20));
    options.produce.connection.request_timeout = Duration::seconds(1);
    options.produce.acks = prng.below(4) == 0 ? Acks::none : Acks::all;
    options.produce.idempotent = options.produce.acks == Acks::all && prng.below(2) == 0;
    ShardBench bench(options, {.brokers = 2, .partitions = 3});
    std::vector<CallerEnd> callers;
    for (int i = 0; i < 3; ++i) callers.push_back(bench.open(2000, 1 << 16));
    std::vector<std::uint32_t> accepted(callers.size());
    std::vector<std::vector<ReportedRecord>> reports(callers.size());
    for (int step = 0; step < 300; ++step) {
        const std::uint32_t dice = prng.below(100);
        const std::size_t lane = prng.below(static_cast<std::uint32_t>(callers.size()));
        if (dice < 50) {
            for (std::uint32_t i = prng.below(40); i != 0; --i) {
                if (accepted[lane] - reports[lane].size() >= 2000) break;
                const std::string value(prng.below(prng.below(10) == 0 ? 5000 : 100), 'x');
                accepted[lane] += bench.produce(callers[lane], accepted[lane], value,
                                                1 + prng.below(2));
            }
        } else if (dice < 60) {
            const auto some = callers[lane].poll(1 + prng.below(20));
            reports[lane].insert(reports[lane].end(), some.begin(), some.end());
            callers[lane].release();
            bench.shard.wake_if_parked();
        } else if (dice < 65) {
            bench.io->drop_connections();
        } else if (dice < 70) {
            bench.script.answers_come = !bench.script.answers_come;
        } else if (dice < 73) {
            bench.script.sends_complete = !bench.script.sends_complete;
        } else if (dice < 76) {
            bench.script.connects_answer = !bench.script.connects_answer;
        } else if (dice < 80) {
            const auto id = static_cast<std::int32_t>(1 + prng.below(2));
            if (bench.script.cluster.is_up(id)) {
                bench.script.cluster.stop_node(id);
                bench.io->drop_connections();
                bench.script.cluster.elect_leaders();
            } else {
                bench.script.cluster.start_node(id);
            }
        } else if (dice < 83) {
            bench.shard.request_flush();
        } else if (dice < 85) {
            bench.script.sockets_left = !bench.script.sockets_left;
        }
        bench.run(Duration::us(prng.below(prng.below(10) == 0 ? 2'000'000 : 5'000)), 100'000);
        ASSERT_FALSE(testing::Test::HasFatalFailure());
        ASSERT_LE(bench.shard.memory_used(), options.memory_bytes);
    }
    bench.script.closes_complete = true;
    bench.stop(Duration::seconds(prng.below(4)));
    for (std::size_t lane = 0; lane < callers.size(); ++lane) {
        const auto rest = callers[lane].poll();
        reports[lane].insert(reports[lane].end(), rest.begin(), rest.end());
        // What the shard could not take for want of memory is still in the lane.
        std::uint32_t orphans = 0;
        while (const std::byte* at = callers[lane]->records.front()) {
            const auto& entry = *reinterpret_cast<const produce::Entry*>(at);
            orphans += !entry.is_topic_name();
            callers[lane]->records.pop(entry.size);
        }
        expect_each_once(reports[lane], accepted[lane] - orphans);
    }
}

TEST(ShardStop, InTroubleOfEveryKindEachAcceptedRecordIsReportedExactlyOnce) {
    for (std::uint64_t seed = 1; seed <= 40 && !testing::Test::HasFailure(); ++seed) {
        live_through_trouble(seed);
    }
}

}  // namespace
}  // namespace ringpost::shard
