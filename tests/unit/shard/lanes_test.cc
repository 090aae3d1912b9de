// SPDX-License-Identifier: Apache-2.0
#include "shard/lanes.h"

#include <gtest/gtest.h>

#include <map>

#include "base/prng.h"
#include "lane_bench.h"

namespace ringpost::shard {
namespace {

constexpr produce::Outcome refused{.error = Errc::policy_violation,
                                   .last_error = Errc::policy_violation};

// Records ----------------------------------------------------------------------------------------

TEST(Lanes, TakeEveryRecordOnceAndGiveItsRoomBack) {
    LaneBench bench;
    CallerEnd a = bench.open();
    CallerEnd b = bench.open();
    for (std::uint32_t i = 0; i < 10; ++i) ASSERT_TRUE(a.produce(i));
    ASSERT_TRUE(b.produce(0, "from b"));
    const Lanes::Drained drained = bench.drain();
    EXPECT_EQ(drained.bytes, a->records.written() + b->records.written());
    EXPECT_FALSE(drained.more);
    EXPECT_FALSE(drained.blocked);
    EXPECT_EQ(bench.counted().records_taken, 11U) << "a topic's name is no record";
    EXPECT_EQ(bench.lanes.count(), 2U);
    EXPECT_TRUE(bench.lanes.empty());
    EXPECT_EQ(a->records.released(), a->records.written());
    EXPECT_EQ(bench.drain().bytes, 0U);
    EXPECT_EQ(bench.counted().records_taken, 11U);
}

TEST(Lanes, ABusyLaneGetsItsShareOfATurnAndTheOthersGetTheirs) {
    LaneBench bench;
    CallerEnd busy = bench.open(100'000, 1 << 20);
    CallerEnd quiet = bench.open();
    const std::string value(1000, 'x');
    std::uint32_t count = 0;
    while (busy.produce(count, value)) ++count;
    ASSERT_TRUE(quiet.produce(0));
    EXPECT_TRUE(bench.drain().more);
    EXPECT_LE(busy->records.released(), limits::turn_bytes + 2000);
    EXPECT_GE(busy->records.released(), limits::turn_bytes);
    EXPECT_TRUE(quiet->records.empty());
    int turns_left = 1;
    while (bench.drain().more) ++turns_left;
    EXPECT_EQ(turns_left, 3) << "a megabyte in quarters";
    EXPECT_EQ(bench.counted().records_taken, count + 1);
}

/// Whether the lane's signal is given while `happens`, as one who sleeps on it learns.
template <typename Happens>
bool wakes(CallerEnd& caller, const Happens& happens) {
    const std::uint32_t before = caller->signal.prepare();
    happens();
    const std::uint32_t after = caller->signal.prepare();
    caller->signal.cancel();
    caller->signal.cancel();
    return after != before;
}

TEST(Lanes, RoomWakesOnlyWhoWaitsForRoom) {
    LaneBench bench;
    CallerEnd caller = bench.open();
    ASSERT_TRUE(caller.produce(0));
    EXPECT_FALSE(wakes(caller, [&] { bench.drain(); })) << "it waits for reports";
    caller->wants_room.store(true);
    EXPECT_FALSE(wakes(caller, [&] { bench.drain(); })) << "there was nothing to take";
    ASSERT_TRUE(caller.produce(1));
    EXPECT_TRUE(wakes(caller, [&] { bench.drain(); }));
}

TEST(Lanes, AReportStraightFromTheRingWakesAsAnyOtherDoes) {
    LaneBench bench(1 << 20);
    CallerEnd caller = bench.open(100'000, 4 << 20);
    const std::string value(10'000, 'x');
    for (std::uint32_t i = 0; i < 200; ++i) ASSERT_TRUE(caller.produce(i, value));
    while (!bench.drain().blocked) {}
    bench.now = bench.now + bench.config.delivery_timeout;
    EXPECT_TRUE(wakes(caller, [&] { bench.lanes.drain(bench.now, bench.now); }));
    EXPECT_GT(bench.counted().records_failed, 0U);
}

TEST(Lanes, ARecordForWhichThereIsNoMemoryStaysAndIsOfferedAgain) {
    LaneBench bench(1 << 20);
    CallerEnd caller = bench.open(100'000, 4 << 20);
    const std::string value(10'000, 'x');
    std::uint32_t count = 0;
    for (; count < 200; ++count) ASSERT_TRUE(caller.produce(count, value));
    Lanes::Drained drained;
    while (!(drained = bench.drain()).blocked) ASSERT_TRUE(drained.more);
    const std::uint64_t taken = bench.counted().records_taken;
    EXPECT_GT(taken, 30U);
    EXPECT_LT(taken, count);
    EXPECT_TRUE(bench.drain().blocked);
    EXPECT_EQ(bench.counted().records_taken, taken);

    // Reporting everything makes room: the next record is the one that was refused.
    bench.now = bench.now + Duration::seconds(1000);
    bench.core->advance(bench.now);
    std::uint32_t next = 0;
    for (const ReportedRecord& record : caller.poll()) EXPECT_EQ(record.slot, next++);
    EXPECT_EQ(next, taken);
    caller.release();
    bench.lanes.collect();
    bench.now = bench.now + Duration::seconds(1);
    EXPECT_NE(bench.drain().bytes, 0U);
    bench.now = bench.now + Duration::seconds(1000);
    bench.core->advance(bench.now);
    for (const ReportedRecord& record : caller.poll()) EXPECT_EQ(record.slot, next++);
    EXPECT_GT(next, taken);
}

TEST(Lanes, CountWhatTheyTookAndWhatIsLeft) {
    LaneBench bench;
    CallerEnd caller = bench.open(100'000, 1 << 20);
    const std::string value(10'000, 'x');
    for (std::uint32_t i = 0; i < 50; ++i) ASSERT_TRUE(caller.produce(i, value));
    ASSERT_TRUE(bench.drain().more);
    EXPECT_GT(bench.counted().bytes_taken, 0U);
    EXPECT_GT(bench.counted().ring_bytes_queued, 0U);
    EXPECT_EQ(bench.counted().bytes_taken + bench.counted().ring_bytes_queued,
              caller->records.written());
    while (bench.drain().more) {}
    EXPECT_EQ(bench.counted().bytes_taken, caller->records.written());
    EXPECT_EQ(bench.counted().ring_bytes_queued, 0U);
    EXPECT_EQ(bench.counted().records_taken, 50U);
}

TEST(Lanes, ARecordThatNeverFindsMemoryTimesOutInItsRing) {
    LaneBench bench(1 << 20);
    CallerEnd caller = bench.open(100'000, 4 << 20);
    CallerEnd other = bench.open();
    const std::string value(10'000, 'x');
    for (std::uint32_t i = 0; i < 200; ++i) ASSERT_TRUE(caller.produce(i, value));
    while (!bench.drain().blocked) {}
    const std::uint64_t in_batches = bench.counted().records_taken;
    ASSERT_TRUE(other.produce(0, value));
    EXPECT_TRUE(bench.drain().blocked);
    const Duration timeout = bench.config.delivery_timeout;
    EXPECT_LE(bench.lanes.next_deadline(), bench.now + timeout / 16);

    bench.now = bench.now + (timeout - Duration::ms(1));
    EXPECT_TRUE(bench.drain().blocked);
    EXPECT_EQ(bench.counted().records_failed, 0U);
    bench.now = bench.now + Duration::ms(1);
    while (bench.drain().more) {}
    EXPECT_EQ(bench.counted().records_failed, 201 - in_batches)
        << "each lane's, memory or not";
    std::uint32_t next = static_cast<std::uint32_t>(in_batches);
    for (const ReportedRecord& record : caller.poll()) EXPECT_EQ(record.slot, next++);
    EXPECT_EQ(next, 200U);
    const auto others = other.poll();
    ASSERT_EQ(others.size(), 1U);
    EXPECT_EQ(others[0].header.stage(), Stage::memory);
    EXPECT_TRUE(bench.lanes.next_deadline().is_never());
}

TEST(Lanes, AMarkIsReachedOnceWhatStoodBeforeItIsTaken) {
    LaneBench bench;
    CallerEnd caller = bench.open();
    EXPECT_TRUE(bench.lanes.drained_to_marks());
    caller.produce(0);
    EXPECT_FALSE(bench.lanes.empty()) << "the lane itself is new to the shard";
    bench.lanes.mark();
    EXPECT_FALSE(bench.lanes.drained_to_marks());
    bench.drain();
    EXPECT_TRUE(bench.lanes.drained_to_marks());
    caller.produce(1);
    EXPECT_TRUE(bench.lanes.drained_to_marks()) << "what comes later is not waited for";
    EXPECT_FALSE(bench.lanes.empty());
}

// Reports ----------------------------------------------------------------------------------------

TEST(Lanes, OneRunIsOneEntryWithWhatBecameOfTheBatch) {
    LaneBench bench;
    CallerEnd caller = bench.open();
    bench.take(caller, 10);
    MadeUpBatch made;
    made.run(0, 0, 10);
    made.batch.attempts = 3;
    EXPECT_EQ(bench.resolve(made, {.base_offset = 77, .log_append_time_ms = 5}), 0U);
    const auto records = caller.poll();
    ASSERT_EQ(records.size(), 10U);
    EXPECT_EQ(caller.entries, 1U);
    for (std::uint32_t i = 0; i < 10; ++i) {
        EXPECT_EQ(records[i].slot, i);
        EXPECT_EQ(records[i].index, i);
    }
    const ReportHeader& header = records[0].header;
    EXPECT_EQ(header.error, Errc::none);
    EXPECT_EQ(header.topic, 1U);
    EXPECT_EQ(header.partition, -1);
    EXPECT_EQ(header.base_offset, 77);
    EXPECT_EQ(header.log_append_time_ms, 5);
    EXPECT_EQ(header.attempts, 3);
    EXPECT_EQ(header.flags, 0);
    EXPECT_EQ(header.batch, nullptr);
    EXPECT_EQ(caller->reported.load(), 10U);
    EXPECT_EQ(caller->failed.load(), 0U);
}

TEST(Lanes, AFailureIsCountedAndSaysWhetherItMayHaveBeenWritten) {
    LaneBench bench;
    CallerEnd caller = bench.open();
    bench.take(caller, 3);
    MadeUpBatch made;
    made.run(0, 0, 2);
    bench.resolve(made, {.error = Errc::delivery_timeout, .last_error = Errc::connection_lost,
                         .may_have_been_written = true});
    const auto records = caller.poll();
    ASSERT_EQ(records.size(), 2U);
    EXPECT_EQ(records[0].header.error, Errc::delivery_timeout);
    EXPECT_EQ(records[0].header.last_error, Errc::connection_lost);
    EXPECT_EQ(records[0].header.flags, ReportHeader::may_have_been_written);
    EXPECT_EQ(caller->failed.load(), 2U);
    EXPECT_EQ(caller->reported.load(), 2U);
}

TEST(Lanes, RecordsOfSeveralLanesInOneBatchReachEachItsOwn) {
    LaneBench bench;
    CallerEnd a = bench.open();
    CallerEnd b = bench.open();
    CallerEnd c = bench.open();
    bench.take(a, 10);
    bench.take(b, 10);
    bench.take(c, 10);
    MadeUpBatch made;
    made.run(0, 0, 2).run(1, 5, 3).run(0, 7).run(2, 0, 4).run(1, 1);
    bench.resolve(made);
    const auto check = [](CallerEnd& caller,
                          std::vector<std::pair<std::uint32_t, std::uint32_t>> expected) {
        const auto records = caller.poll();
        ASSERT_EQ(records.size(), expected.size());
        EXPECT_EQ(caller.entries, 1U);
        for (std::size_t i = 0; i < records.size(); ++i) {
            EXPECT_EQ(records[i].slot, expected[i].first);
            EXPECT_EQ(records[i].index, expected[i].second);
        }
    };
    check(a, {{0, 0}, {1, 1}, {7, 5}});
    check(b, {{5, 2}, {6, 3}, {7, 4}, {1, 10}});
    check(c, {{0, 6}, {1, 7}, {2, 8}, {3, 9}});
}

TEST(Lanes, AnyMixtureOfRunsReachesEachLaneOnceWithItsPlaceInTheBatch) {
    for (std::uint64_t seed = 1; seed <= 30; ++seed) {
        SCOPED_TRACE(seed);
        Prng prng(seed);
        LaneBench bench;
        std::vector<CallerEnd> callers;
        constexpr std::uint32_t taken = 3000;
        for (int i = 0; i < 4; ++i) {
            callers.push_back(bench.open(taken));
            bench.take(callers.back(), taken);
        }
        std::vector<std::uint32_t> used(callers.size());
        std::vector<std::vector<std::pair<std::uint32_t, std::uint32_t>>> expected(callers.size());
        for (int round = 0; round < 20; ++round) {
            MadeUpBatch made;
            const std::uint32_t lanes_in_it = 1 + prng.below(4);
            for (std::uint32_t runs = 1 + prng.below(700); runs != 0; --runs) {
                const std::uint32_t lane = prng.below(lanes_in_it);
                const std::uint32_t count = 1 + prng.below(prng.below(10) == 0 ? 20 : 2);
                if (used[lane] + count > taken) continue;
                for (std::uint32_t k = 0; k < count; ++k) {
                    expected[lane].emplace_back(used[lane] + k, made.batch.record_count + k);
                }
                made.run(lane, used[lane], count);
                used[lane] += count;
            }
            if (made.batch.record_count == 0) break;
            bench.resolve(made);
        }
        for (std::size_t lane = 0; lane < callers.size(); ++lane) {
            const auto records = callers[lane].poll();
            ASSERT_EQ(records.size(), expected[lane].size());
            for (std::size_t i = 0; i < records.size(); ++i) {
                ASSERT_EQ(records[i].slot, expected[lane][i].first);
                ASSERT_EQ(records[i].index, expected[lane][i].second);
            }
            EXPECT_EQ(callers[lane]->reported.load(), used[lane]);
        }
    }
}

TEST(Lanes, MoreRunsThanAnEntryHoldsTakeSeveralEntries) {
    LaneBench bench;
    CallerEnd caller = bench.open();
    constexpr std::uint32_t runs = 2 * report_runs_max + 1;
    bench.take(caller, runs);
    MadeUpBatch made;
    for (std::uint32_t i = 0; i < runs; ++i) made.run(0, runs - 1 - i);
    bench.resolve(made);
    const auto records = caller.poll();
    EXPECT_EQ(caller.entries, 3U);
    ASSERT_EQ(records.size(), runs);
    for (std::uint32_t i = 0; i < runs; ++i) {
        EXPECT_EQ(records[i].slot, runs - 1 - i);
        EXPECT_EQ(records[i].index, i);
    }
}

TEST(Lanes, TheLongestRunAndTheLongestSkipAreReportedExactly) {
    LaneBench bench(32 << 20);
    CallerEnd a = bench.open(300'000, 1 << 20);
    CallerEnd b = bench.open(300'000, 1 << 20);
    bench.take(a, 10);
    bench.take(b, 3 * UINT16_MAX + 10);
    MadeUpBatch made;
    made.run(0, 0).run(1, 0, UINT16_MAX).run(0, 1);                             // a skip of 65,535
    made.run(1, UINT16_MAX, UINT16_MAX).run(1, 2 * UINT16_MAX, 1).run(0, 2);    // one of 65,536
    bench.resolve(made);
    const auto of_a = a.poll();
    ASSERT_EQ(of_a.size(), 3U);
    EXPECT_EQ(of_a[1].index, 1U + UINT16_MAX);
    EXPECT_EQ(of_a[2].index, 2U + 2 * UINT16_MAX + 1);
    EXPECT_EQ(of_a[2].slot, 2U);
    EXPECT_EQ(a.entries, 2U) << "a skip that 16 bits can't say begins another entry";
    const auto of_b = b.poll();
    ASSERT_EQ(of_b.size(), 2U * UINT16_MAX + 1);
    for (std::uint32_t i = 0; i < of_b.size(); ++i) ASSERT_EQ(of_b[i].slot, i);
    EXPECT_EQ(of_b.back().index, 2U * UINT16_MAX + 2);
}

TEST(LanesDeath, ABatchWhoseRunsAreNotItsRecordsAborts) {
    LaneBench bench;
    CallerEnd caller = bench.open();
    bench.take(caller, 3);
    MadeUpBatch made;
    made.run(0, 0, 2);
    made.batch.record_count = 3;
    EXPECT_DEATH(bench.resolve(made), "index == batch.record_count");
    MadeUpBatch too_many;
    too_many.run(0, 0, 4);
    EXPECT_DEATH(bench.resolve(too_many), "lane.reported <= lane.taken");
}

// Lent batches -----------------------------------------------------------------------------------

TEST(Lanes, AFailedBatchIsLentUntilEveryLaneHasPolledPastIt) {
    LaneBench bench;
    CallerEnd a = bench.open();
    CallerEnd b = bench.open();
    bench.take(a, 2);
    bench.take(b, 1);
    MadeUpBatch made;
    made.run(0, 0).run(1, 0).run(0, 1);
    EXPECT_EQ(bench.resolve(made, refused), 2U);
    EXPECT_EQ(a.poll()[0].header.batch, &made.batch);
    EXPECT_EQ(b.poll()[0].header.batch, &made.batch);
    bench.lanes.collect();
    EXPECT_EQ(made.batch.lenders, 2U) << "polled, but the callers may still read";
    b.release();
    bench.lanes.collect();
    EXPECT_EQ(made.batch.lenders, 1U);
    a.release();
    bench.lanes.collect();
    EXPECT_EQ(made.batch.lenders, 0U);
}

TEST(Lanes, ADeliveredBatchIsNotLent) {
    LaneBench bench;
    CallerEnd caller = bench.open();
    bench.take(caller, 1);
    MadeUpBatch made;
    made.run(0, 0);
    EXPECT_EQ(bench.resolve(made), 0U);
    EXPECT_EQ(caller.poll()[0].header.batch, nullptr);
}

TEST(Lanes, AtMostHalfOfTheMemoryIsLent) {
    LaneBench bench(1 << 20);
    CallerEnd caller = bench.open();
    // Little is in them, but much of the memory is theirs.
    constexpr std::uint32_t fit = (1 << 20) / 2 / (limits::batch_slabs_max * 4096);
    bench.take(caller, fit + 1);
    MadeUpBatch batches[fit + 1];
    for (std::uint32_t i = 0; i <= fit; ++i) {
        batches[i].run(0, i);
        while (batches[i].batch.slab_count < limits::batch_slabs_max) batches[i].next_slab();
        EXPECT_EQ(bench.resolve(batches[i], refused), i < fit ? 1U : 0U);
    }
    const auto records = caller.poll();
    EXPECT_EQ(records[fit - 1].header.batch, &batches[fit - 1].batch);
    EXPECT_EQ(records[fit].header.batch, nullptr) << "its report comes without its bytes";
    caller.release();
    bench.lanes.collect();
    bench.take(caller, 1);
    MadeUpBatch later;
    later.run(0, 0);
    later.batch.bytes = (1 << 20) / 2;
    EXPECT_EQ(bench.resolve(later, refused), 1U) << "what came back can be lent again";
}

// Lanes come and go ------------------------------------------------------------------------------

TEST(Lanes, AClosedLaneIsForgottenOnceItsRecordsAreReported) {
    LaneBench bench;
    CallerEnd caller = bench.open();
    CallerEnd other = bench.open();
    bench.take(caller, 2);
    bench.take(other, 1);
    caller.produce(9);
    caller.close();
    bench.lanes.collect();
    EXPECT_EQ(bench.lanes.count(), 2U) << "a record has not even been taken";
    bench.drain();
    bench.lanes.collect();
    EXPECT_EQ(bench.lanes.count(), 2U) << "three are on their way";
    EXPECT_FALSE(caller->finished.load());
    MadeUpBatch made;
    made.run(0, 0, 2).run(1, 0).run(0, 9);
    EXPECT_EQ(bench.resolve(made, refused), 1U) << "lent to the lane that is still there";
    bench.lanes.collect();
    EXPECT_EQ(bench.lanes.count(), 1U);
    EXPECT_TRUE(caller->finished.load());
    EXPECT_TRUE(caller.poll().empty()) << "nobody would read it";
    EXPECT_EQ(other.poll().size(), 1U);
}

TEST(Lanes, AClosedLaneGivesBackWhatItWasLent) {
    LaneBench bench;
    CallerEnd caller = bench.open();
    bench.take(caller, 1);
    MadeUpBatch made;
    made.run(0, 0);
    ASSERT_EQ(bench.resolve(made, refused), 1U);
    caller.close();
    bench.lanes.collect();
    EXPECT_EQ(made.batch.lenders, 0U);
    EXPECT_EQ(bench.lanes.count(), 0U);
}

TEST(Lanes, ACrowdThatHasGoneLeavesNoPlacesToLookAt) {
    LaneBench bench;
    std::vector<CallerEnd> crowd;
    for (int i = 0; i < 500; ++i) crowd.push_back(bench.open(1, 4096));
    bench.drain();
    EXPECT_EQ(bench.lanes.places(), 500U);
    // All but one in the middle, which then goes on under the number that it has.
    for (std::size_t i = 0; i < crowd.size(); ++i) {
        if (i != 3) crowd[i].close();
    }
    bench.lanes.collect();
    EXPECT_EQ(bench.lanes.places(), 4U);
    CallerEnd next = bench.open();
    bench.drain();
    EXPECT_EQ(bench.lanes.places(), 4U);
    crowd[3].close();
    bench.lanes.collect();
    EXPECT_EQ(bench.lanes.places(), 1U) << "the new one took the lowest number";
    EXPECT_EQ(bench.lanes.count(), 1U);
}

TEST(Lanes, ANewLaneTakesTheNumberOfOneThatWent) {
    LaneBench bench;
    for (int round = 0; round < 100; ++round) {
        CallerEnd a = bench.open();
        CallerEnd b = bench.open();
        bench.take(a, 1);
        bench.take(b, 1);
        ASSERT_EQ(bench.lanes.count(), 2U);
        MadeUpBatch made;
        made.run(0, 0).run(1, 0);
        bench.resolve(made);
        EXPECT_EQ(a.poll().size() + b.poll().size(), 2U);
        a.close();
        b.close();
        bench.lanes.collect();
        ASSERT_EQ(bench.lanes.count(), 0U);
    }
}

TEST(Lanes, AtTheEndEveryLaneIsToldThatNothingIsReadAnyMore) {
    LaneBench bench;
    CallerEnd a = bench.open();
    bench.take(a, 1);
    CallerEnd never_met = bench.open();
    a.produce(1);
    never_met.produce(0);
    bench.lanes.finish();
    EXPECT_TRUE(a->finished.load());
    EXPECT_TRUE(never_met->finished.load());
    EXPECT_FALSE(a->records.empty()) << "late records are the caller's again";
    EXPECT_EQ(bench.counted().records_taken, 1U);
}

// Sleep ------------------------------------------------------------------------------------------

TEST(Lanes, AThresholdIsCountedFromWhatWasRead) {
    LaneBench bench;
    CallerEnd caller = bench.open();
    bench.take(caller, 5);
    bench.lanes.set_wake_thresholds(1);
    EXPECT_EQ(caller->wake_at.load(), caller->records.written() + 1);
    EXPECT_FALSE(bench.lanes.beyond_threshold());
    caller.produce(5);
    EXPECT_TRUE(bench.lanes.beyond_threshold());
    bench.lanes.set_wake_thresholds(100);
    EXPECT_FALSE(bench.lanes.beyond_threshold()) << "one record is not worth a wake";
    while (caller->records.written() < caller->wake_at.load()) caller.produce(6);
    EXPECT_TRUE(bench.lanes.beyond_threshold());
    bench.lanes.set_wake_thresholds(INT64_MAX);
    EXPECT_FALSE(bench.lanes.beyond_threshold()) << "without memory no record is news";
}

TEST(Lanes, ALaneThatTheShardHasNotMetKeepsItAwake) {
    LaneBench bench;
    CallerEnd caller = bench.open();
    bench.lanes.set_wake_thresholds(1);
    EXPECT_TRUE(bench.lanes.beyond_threshold());
    bench.drain();
    EXPECT_FALSE(bench.lanes.beyond_threshold());
}

TEST(Lanes, AClosedLaneKeepsTheShardAwakeOnlyWhileThereIsSomethingToDoAboutIt) {
    LaneBench bench;
    CallerEnd caller = bench.open();
    bench.take(caller, 1);
    bench.lanes.set_wake_thresholds(1);
    caller.close();
    EXPECT_FALSE(bench.lanes.beyond_threshold()) << "its record may be on its way for minutes";
    MadeUpBatch made;
    made.run(0, 0);
    bench.resolve(made);
    EXPECT_TRUE(bench.lanes.beyond_threshold()) << "it can be forgotten";
    bench.lanes.collect();
    EXPECT_FALSE(bench.lanes.beyond_threshold());
}

TEST(Lanes, AClosedLaneWithoutMemoryForItsRecordsLetsTheShardSleep) {
    LaneBench bench;
    CallerEnd caller = bench.open();
    bench.take(caller, 1);
    caller.produce(1);
    caller.close();
    bench.lanes.set_wake_thresholds(INT64_MAX);
    EXPECT_FALSE(bench.lanes.beyond_threshold());
}

TEST(Lanes, WhatALaneGaveBackKeepsTheShardAwakeUntilItIsCollected) {
    LaneBench bench;
    CallerEnd caller = bench.open();
    bench.take(caller, 1);
    MadeUpBatch made;
    made.run(0, 0);
    ASSERT_EQ(bench.resolve(made, refused), 1U);
    bench.lanes.set_wake_thresholds(INT64_MAX);
    EXPECT_FALSE(bench.lanes.beyond_threshold());
    caller.poll();
    EXPECT_FALSE(bench.lanes.beyond_threshold());
    caller.release();
    EXPECT_TRUE(bench.lanes.beyond_threshold()) << "memory that somebody may be waiting for";
    bench.lanes.collect();
    EXPECT_FALSE(bench.lanes.beyond_threshold());
}

}  // namespace
}  // namespace ringpost::shard
