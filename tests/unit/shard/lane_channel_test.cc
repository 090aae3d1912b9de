// SPDX-License-Identifier: Apache-2.0
// The promise of the credits: a report always has room, whatever came before and whoever reads
// late. Lanes asserts it at each entry.
#include "shard/lane_channel.h"

#include <gtest/gtest.h>

#include "base/prng.h"
#include "lane_bench.h"

namespace ringpost::shard {
namespace {

constexpr produce::Outcome refused{.error = Errc::policy_violation};

TEST(LaneChannel, ItsReportRingHasRoomForAReportOfEachRecordAlone) {
    for (const std::uint32_t records : {1U, 2U, 100U, 1000U, 100'000U, 1U << 20}) {
        const std::size_t bytes = LaneChannel::report_ring_bytes(records);
        EXPECT_TRUE(std::has_single_bit(bytes));
        EXPECT_GE(bytes, records * report_bytes_max + report_slack_bytes + report_hold_bytes);
    }
    EXPECT_EQ(report_bytes_max, 64U);
}

TEST(LaneChannel, SaysWhenThereWasNoMemoryAndIsHarmlessThen) {
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
    GTEST_SKIP() << "a sanitizer ends the program for such a request";
#endif
    const LaneChannel channel(std::size_t{1} << 50, 100);
    EXPECT_FALSE(channel.usable());
    const LaneChannel usable(1 << 16, 100);
    EXPECT_TRUE(usable.usable());
    EXPECT_EQ(usable.memory_bytes(), (1U << 16) + LaneChannel::report_ring_bytes(100));
}

/// Each record is reported in a batch of its own, up to `records_max` of them before any is
/// polled, again and again, so that every entry stands at every place of the ring.
void report_one_by_one(std::uint32_t records_max, std::uint64_t seed) {
    Prng prng(seed);
    LaneBench bench(64 << 20);
    CallerEnd caller = bench.open(records_max);
    std::uint32_t credits = records_max;
    for (int round = 0; round < 200; ++round) {
        const std::uint32_t count = 1 + prng.below(credits);
        bench.take(caller, count);
        for (std::uint32_t i = 0; i < count; ++i) {
            MadeUpBatch made;
            made.run(0, i);
            bench.resolve(made);
        }
        credits -= count;
        while (credits == 0 || prng.below(3) != 0) {
            const std::size_t polled = caller.poll(1 + prng.below(records_max)).size();
            caller.release();
            credits += static_cast<std::uint32_t>(polled);
            if (polled == 0) break;
        }
    }
}

TEST(LaneChannel, EveryCreditsReportHasRoomWhereverTheRingStands) {
    for (const std::uint32_t records_max : {1U, 2U, 7U, 73U, 100U, 500U}) {
        for (std::uint64_t seed = 1; seed <= 5; ++seed) report_one_by_one(records_max, seed);
    }
}

// With another lane's record between any two of this lane's, each of its records takes a run, and
// an entry its most.
TEST(LaneChannel, EveryCreditsReportHasRoomWhenEachRecordIsARunOfItsOwn) {
    for (const std::uint32_t records_max : {1U, 255U, 256U, 257U, 600U}) {
        LaneBench bench(64 << 20);
        CallerEnd caller = bench.open(records_max);
        CallerEnd other = bench.open(records_max);
        for (int round = 0; round < 100; ++round) {
            bench.take(caller, records_max);
            bench.take(other, records_max);
            MadeUpBatch made;
            for (std::uint32_t i = 0; i < records_max; ++i) made.run(0, i).run(1, i);
            bench.resolve(made);
            ASSERT_EQ(caller.poll().size(), records_max);
            ASSERT_EQ(other.poll().size(), records_max);
            caller.release();
            other.release();
        }
    }
}

// A poll may end in the middle of an entry: the credits of its first part are back, and its room
// is not.
TEST(LaneChannel, EveryCreditsReportHasRoomWhileAnEntryIsPartlyPolled) {
    constexpr std::uint32_t records_max = 510;
    LaneBench bench(64 << 20);
    CallerEnd caller = bench.open(records_max);
    CallerEnd other = bench.open(records_max);
    for (int round = 0; round < 300; ++round) {
        bench.take(caller, records_max);
        bench.take(other, records_max);
        MadeUpBatch large;
        for (std::uint32_t i = 0; i < report_runs_max; ++i) large.run(0, i).run(1, i);
        bench.resolve(large);
        std::uint32_t left = records_max - report_runs_max;
        // All but the last record of the large entry are handed out, and as many come anew.
        bench.take(caller, report_runs_max - 1);
        for (left += report_runs_max - 1; left != 0; --left) {
            MadeUpBatch single;
            single.run(0, left);
            bench.resolve(single);
        }
        ASSERT_EQ(caller.poll().size(), records_max + report_runs_max - 1);
        caller.release();
        other.poll();
        other.release();
        for (std::uint32_t i = report_runs_max; i < records_max; ++i) {
            MadeUpBatch single;
            single.run(1, i);
            bench.resolve(single);
        }
        other.poll();
        other.release();
    }
}

// A lane gives a record's credit back when it hands its report out, but the ring's room only when
// nobody reads the record's bytes any more. How much may be in between is `report_hold_bytes`.
TEST(LaneChannel, EveryCreditsReportHasRoomWhileTheLaneStillReadsLentBatches) {
    for (const std::uint32_t records_max : {1U, 50U, 100U, 292U, 1000U}) {
        LaneBench bench(64 << 20);
        CallerEnd caller = bench.open(records_max);
        std::uint32_t credits = records_max;
        for (int round = 0; round < 60; ++round) {
            bench.take(caller, credits);
            std::vector<std::unique_ptr<MadeUpBatch>> batches;
            for (; credits != 0; --credits) {
                batches.push_back(std::make_unique<MadeUpBatch>());
                batches.back()->run(0, credits - 1);
                ASSERT_EQ(bench.resolve(*batches.back(), refused), 1U);
            }
            while (caller->may_hold_more()) {
                const auto polled = caller.poll(1);
                if (polled.empty()) break;
                ++credits;
            }
            // The next round's reports come before what this one polled is given back.
            bench.take(caller, credits);
            for (; credits != 0; --credits) {
                batches.push_back(std::make_unique<MadeUpBatch>());
                batches.back()->run(0, credits - 1);
                bench.resolve(*batches.back(), refused);
            }
            credits += static_cast<std::uint32_t>(caller.poll().size());
            caller.release();
            bench.lanes.collect();
            ASSERT_EQ(credits, records_max);
        }
    }
}

}  // namespace
}  // namespace ringpost::shard
