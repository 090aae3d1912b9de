// SPDX-License-Identifier: Apache-2.0
#include "broker/backoff.h"

#include <gtest/gtest.h>

namespace ringpost::broker {
namespace {

TEST(Backoff, ItsBoundDoublesUpToItsMaximum) {
    Prng prng(1);
    Backoff backoff(Duration::ms(50), Duration::ms(1000));
    for (const std::int64_t bound : {50, 100, 200, 400, 800, 1000, 1000, 1000}) {
        EXPECT_EQ(backoff.bound(), Duration::ms(bound));
        backoff.next(prng);
    }
    EXPECT_EQ(backoff.failures(), 8U);
    backoff.reset();
    EXPECT_EQ(backoff.bound(), Duration::ms(50));
    EXPECT_EQ(backoff.failures(), 0U);
}

TEST(Backoff, DrawsItsWaitFromAllOfTheBoundAndNeverNothing) {
    Prng prng(2);
    std::int64_t shortest = INT64_MAX;
    std::int64_t longest = 0;
    std::int64_t sum = 0;
    constexpr int draws = 20'000;
    for (int i = 0; i < draws; ++i) {
        Backoff backoff(Duration::ms(100), Duration::ms(1000));
        const Duration wait = backoff.next(prng);
        ASSERT_GT(wait, Duration{});
        ASSERT_LE(wait, Duration::ms(100));
        shortest = std::min(shortest, wait.count_us());
        longest = std::max(longest, wait.count_us());
        sum += wait.count_us();
    }
    EXPECT_LT(shortest, 100);
    EXPECT_GT(longest, 99'900);
    EXPECT_NEAR(static_cast<double>(sum) / draws, 50'000, 1'500);  // seven standard deviations
}

TEST(Backoff, AMaximumBelowItsBaseGivesWayToTheBase) {
    Prng prng(3);
    Backoff backoff(Duration::ms(100), Duration::ms(10));
    for (int i = 0; i < 10; ++i) {
        EXPECT_EQ(backoff.bound(), Duration::ms(100));
        EXPECT_LE(backoff.next(prng), Duration::ms(100));
    }
}

TEST(Backoff, GoesOnForeverWithoutAnOverflow) {
    Prng prng(4);
    Backoff backoff(Duration::ms(1), Duration::seconds(86'400));
    for (int i = 0; i < 1000; ++i) {
        const Duration wait = backoff.next(prng);
        ASSERT_GT(wait, Duration{});
        ASSERT_LE(wait, Duration::seconds(86'400));
    }
    EXPECT_EQ(backoff.bound(), Duration::seconds(86'400));
}

TEST(Backoff, TwoThatFailedTogetherDoNotComeBackTogether) {
    Prng one(5);
    Prng two(6);
    int together = 0;
    for (int i = 0; i < 1000; ++i) {
        Backoff a(Duration::ms(100), Duration::ms(100));
        Backoff b(Duration::ms(100), Duration::ms(100));
        together += a.next(one) == b.next(two);
    }
    EXPECT_LT(together, 5);
}

}  // namespace
}  // namespace ringpost::broker
