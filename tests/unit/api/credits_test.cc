// SPDX-License-Identifier: Apache-2.0
#include "api/credits.h"

#include <thread>

#include "running.h"

namespace ringpost {
namespace {

using api::Credits;

TEST(Credits, AreGivenInLotsAndNeverMoreThanThereAre) {
    Credits small(5);
    for (int i = 0; i < 5; ++i) EXPECT_EQ(small.try_take(), 1U);
    EXPECT_EQ(small.try_take(), 0U);
    small.give(1);
    EXPECT_EQ(small.try_take(), 1U);
    Credits large(1'000'000);
    EXPECT_EQ(large.try_take(), limits::credit_lot_max);
    std::uint64_t sum = limits::credit_lot_max;
    while (const std::uint32_t some = large.try_take()) sum += some;
    EXPECT_EQ(sum, 1'000'000U);
}

TEST(Credits, GoToWhoHasWaitedLongestAndNewcomersDoNotPass) {
    Credits credits(1);
    EXPECT_EQ(credits.try_take(), 1U);
    shard::Signal signal;
    Credits::Waiter first{.signal = &signal};
    Credits::Waiter second{.signal = &signal};
    credits.begin_wait(first);
    credits.begin_wait(second);
    credits.give(1);
    EXPECT_EQ(first.granted, 1U);
    EXPECT_EQ(second.granted, 0U) << "one credit wakes one";
    credits.end_wait(first);
    EXPECT_EQ(credits.try_take(), 0U);
    credits.give(1);
    EXPECT_EQ(second.granted, 1U);
    credits.end_wait(second);
    Credits::Waiter gone{.signal = &signal};
    credits.begin_wait(gone);
    credits.end_wait(gone);
    credits.give(1);
    EXPECT_EQ(gone.granted, 0U) << "it has left";
    EXPECT_EQ(credits.try_take(), 1U);
}

/// Answers are held back, so that nothing is reported: what all threads together get in is the
/// limit, to the record.
TEST(Credits, TheLimitOfAProducerHoldsForAnyNumberOfThreads) {
    auto server = start_broker();
    server->call([](fake::Cluster& cluster) {
        cluster.faults().on_request = [](const fake::RequestAttempt& attempt) {
            return attempt.header.key == wire::ApiKey::produce ? fake::RequestFate::swallow
                                                               : fake::RequestFate::handle;
        };
    });
    for (const std::uint32_t limit : {1U, 5U, 37U, 700U}) {
        Options options = options_for(server->bootstrap());
        options.queue_records_max = limit;
        options.stop_timeout = Options::Millis(0);
        Producer producer(options);
        ASSERT_TRUE(producer.start());
        std::atomic<std::uint32_t> accepted{0};
        std::vector<std::thread> running;
        for (int t = 0; t < 8; ++t) {
            running.emplace_back([&] {
                for (int i = 0; i < 1000; ++i) {
                    const Errc error = producer.produce({.topic_name = "t", .value = "v"});
                    if (error == Errc::none) ++accepted;
                }
            });
        }
        for (std::thread& thread : running) thread.join();
        EXPECT_LE(accepted, limit);
        // What a lane has drawn and not used is less than a lot.
        EXPECT_GE(accepted, limit - std::min(limit, 8 * (limit / 256)));
    }
}

TEST(Credits, ManyThreadsShareASmallLimitAndAllGetThrough) {
    constexpr int each = 500;
    auto server = start_broker();
    Options options = options_for(server->bootstrap());
    options.queue_records_max = 5;
    options.linger = 60s;  // at the limit nothing lingers
    options.delivery_timeout = 120s;
    options.delivery_reports = Reports::none;
    options.max_block = Options::Millis(-1);
    Producer producer(options);
    ASSERT_TRUE(producer.start());
    std::vector<std::thread> running;
    for (int t = 0; t < 8; ++t) {
        running.emplace_back([&] {
            for (int i = 0; i < each; ++i) {
                ASSERT_EQ(producer.produce({.topic_name = "t", .value = "v"}), Errc::none);
            }
        });
    }
    for (std::thread& thread : running) thread.join();
    EXPECT_TRUE(producer.flush(10s).ok());
}

TEST(Credits, NothingLingersWhileSomebodyWaitsForTheCreditsThatItHolds) {
    auto server = start_broker();
    Options options = options_for(server->bootstrap());
    options.queue_records_max = 1;
    options.linger = 60s;
    options.delivery_timeout = 120s;
    options.delivery_reports = Reports::none;
    Producer producer(options);
    Lane idle = *producer.open_lane();
    Lane waits = *producer.open_lane();
    for (int i = 0; i < 20; ++i) {
        // Its thread does not come back, to press or to poll.
        ASSERT_EQ(idle.produce_for({.topic_name = "t", .value = "v"}, 30s), Errc::none);
        ASSERT_EQ(waits.produce_for({.topic_name = "t", .value = "v"}, 30s), Errc::none) << i;
    }
}

TEST(Credits, WaitingEndsAtItsDeadlineAndSaysWhatIsFull) {
    auto server = start_broker();
    Options options = options_for(server->bootstrap());
    options.linger = 60s;
    options.delivery_timeout = 120s;
    options.queue_records_max = 3;
    options.stop_timeout = Options::Millis(0);
    server->call([](fake::Cluster& cluster) {
        cluster.faults().on_request = [](const fake::RequestAttempt& attempt) {
            return attempt.header.key == wire::ApiKey::produce ? fake::RequestFate::swallow
                                                               : fake::RequestFate::handle;
        };
    });
    Producer producer(options);
    Lane full = *producer.open_lane();
    Lane other = *producer.open_lane();
    for (int i = 0; i < 3; ++i) {
        ASSERT_EQ(full.produce({.topic_name = "t", .value = "v"}), Errc::none);
    }
    EXPECT_EQ(full.produce({.topic_name = "t", .value = "v"}), Errc::reports_full);
    EXPECT_EQ(other.produce({.topic_name = "t", .value = "v"}), Errc::producer_full);
    const auto begin = std::chrono::steady_clock::now();
    EXPECT_EQ(other.produce_for({.topic_name = "t", .value = "v"}, 50ms), Errc::producer_full);
    EXPECT_GE(std::chrono::steady_clock::now() - begin, 50ms);
    std::thread waits([&] {
        EXPECT_EQ(other.produce_for({.topic_name = "t", .value = "v"}, forever), Errc::none);
    });
    EXPECT_TRUE(producer.purge(Purge::all, 10s));
    EXPECT_EQ(poll_all(full, 3).size(), 3U);
    waits.join();
}

/// Of failures, too, that come after the lane has gone.
TEST(Credits, OfAClosedLaneComeBack) {
    for (const Reports reports : {Reports::all, Reports::errors, Reports::none}) {
        Options options = options_for_nobody();
        options.queue_records_max = 100;
        Producer producer(options);
        for (int round = 0; round < 4; ++round) {
            {
                Lane lane = *producer.open_lane(reports);
                for (int i = 0; i < 60; ++i) {
                    const Record record{.topic_name = "t", .value = "v"};
                    ASSERT_EQ(lane.produce_for(record, 10s), Errc::none) << round << ' ' << i;
                }
            }
            ASSERT_TRUE(producer.purge(Purge::all, 10s));
        }
    }
}

TEST(Credits, AreNotHoardedByLanesThatHaveEndedOrDoNothing) {
    Options options = options_for_nobody();
    options.queue_records_max = 1000;
    options.lane_records_max = 1000;
    options.lane_ring_bytes = 1 << 16;
    options.message_max_bytes = 10'000;
    Producer producer(options);
    std::vector<Lane> idle;
    for (int i = 0; i < 300; ++i) {
        idle.push_back(*producer.open_lane());
        const Record record{.topic_name = "t", .value = "v"};
        ASSERT_EQ(idle.back().produce_for(record, 10s), Errc::none) << i;
        ASSERT_TRUE(producer.purge(Purge::all, 10s));
        ASSERT_EQ(poll_all(idle.back(), 1).size(), 1U);
    }
    Lane busy = *producer.open_lane();
    int accepted = 0;
    while (busy.produce({.topic_name = "t", .value = "v"}) == Errc::none) ++accepted;
    EXPECT_EQ(accepted, 1000);
}

TEST(Credits, AWaiterEndsTheLingerOfEveryShard) {
    auto server = start_broker();
    Options options = options_for(server->bootstrap());
    options.shards = 2;
    options.queue_records_max = 4;
    options.linger = 60s;
    options.delivery_timeout = 120s;
    Producer producer(options);
    Lane waits = *producer.open_lane();
    Lane other = *producer.open_lane(Reports::none);  // on the other shard
    for (int i = 0; i < 4; ++i) {
        ASSERT_EQ(other.produce({.topic_name = "t", .value = "v"}), Errc::none);
    }
    EXPECT_EQ(waits.produce_for({.topic_name = "t", .value = "v"}, 20s), Errc::none);
}

}  // namespace
}  // namespace ringpost
