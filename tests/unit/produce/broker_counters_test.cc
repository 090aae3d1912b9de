// SPDX-License-Identifier: Apache-2.0
#include "produce/broker_counters.h"

#include <gtest/gtest.h>

#include <thread>

namespace ringpost::produce {
namespace {

TEST(BrokerCounters, TellWhatWasCounted) {
    BrokerCounters counters(7);
    for (int i = 0; i < 5; ++i) counters.on_sent();
    counters.on_answered();
    counters.on_answered();
    counters.on_lost();
    counters.on_throttled(Duration::ms(30));
    counters.on_throttled(Duration::ms(12));
    counters.on_round_trip(Duration::us(250));
    BrokerStatistics told;
    counters.read(told);
    EXPECT_EQ(told.id, 7);
    EXPECT_EQ(told.requests_sent, 5U);
    EXPECT_EQ(told.requests_answered, 2U);
    EXPECT_EQ(told.requests_lost, 1U);
    EXPECT_EQ(told.requests_in_flight(), 2U);
    EXPECT_EQ(told.answers_throttled, 2U);
    EXPECT_EQ(told.throttled.count(), 42);
    EXPECT_EQ(told.round_trip.total(), 1U);
    EXPECT_EQ(told.round_trip.max().count(), 250'000);
}

TEST(BrokerBoard, ListsEachBroker) {
    BrokerBoard board;
    std::vector<BrokerStatistics> told;
    board.read(told);
    EXPECT_TRUE(told.empty());
    BrokerCounters& one = board.add(1);
    board.add(2);
    one.on_sent();
    board.read(told);
    ASSERT_EQ(told.size(), 2U);
    EXPECT_EQ(told[1].id, 1);
    EXPECT_EQ(told[1].requests_sent, 1U);
    EXPECT_EQ(told[0].id, 2);
}

TEST(BrokerBoard, ItsReadersNeverSeeMoreAnsweredThanSent) {
    BrokerBoard board;
    std::atomic<bool> done{false};
    std::thread reader([&] {
        while (!done.load(std::memory_order_relaxed)) {
            std::vector<BrokerStatistics> told;
            board.read(told);
            for (const BrokerStatistics& broker : told) {
                ASSERT_GE(broker.requests_sent, broker.requests_answered + broker.requests_lost);
            }
        }
    });
    for (std::int32_t id = 0; id < 50; ++id) {
        BrokerCounters& counters = board.add(id);
        for (int i = 0; i < 1'000; ++i) {
            counters.on_sent();
            i % 2 == 0 ? counters.on_answered() : counters.on_lost();
        }
    }
    done = true;
    reader.join();
}

}  // namespace
}  // namespace ringpost::produce
