// SPDX-License-Identifier: Apache-2.0
#include "../../bench/histogram.h"

#include <gtest/gtest.h>

namespace ringpost::bench {
namespace {

TEST(Histogram, IsEmptyAtFirstAndWhenCleared) {
    Histogram h;
    EXPECT_EQ(h.at(0.5), 0u);
    h.record(7);
    h.clear();
    EXPECT_EQ(h.total(), 0u);
    EXPECT_EQ(h.max(), 0u);
    EXPECT_EQ(h.at(1), 0u);
}

TEST(Histogram, IsExactForSmallValues) {
    Histogram h;
    for (int i = 0; i < 64; ++i) h.record(i);
    for (unsigned i = 0; i < 64; ++i) EXPECT_EQ(h.at(i / 64.0), i);
    EXPECT_EQ(h.at(1), 63u);
}

TEST(Histogram, TellsNoValueTooSmallNorBySixtyFourthTooLarge) {
    for (std::uint64_t value = 1; value < (1ULL << 40); value += value / 7 + 1) {
        Histogram h;
        h.record(static_cast<std::int64_t>(value));
        h.record((1LL << 40) - 1);  // so that max() does not bound the answer
        EXPECT_GE(h.at(0), value);
        EXPECT_LE(h.at(0), value + value / 64);
    }
}

TEST(Histogram, FindsPercentilesOfAnEvenSpread) {
    Histogram h;
    for (int i = 1; i <= 100'000; ++i) h.record(i * 10);
    EXPECT_NEAR(static_cast<double>(h.at(0.5)), 500'000, 500'000 / 64.0);
    EXPECT_NEAR(static_cast<double>(h.at(0.99)), 990'000, 990'000 / 64.0);
    EXPECT_NEAR(static_cast<double>(h.at(0.999)), 999'000, 999'000 / 64.0);
    EXPECT_EQ(h.max(), 1'000'000u);
    EXPECT_EQ(h.at(1), 1'000'000u);
}

TEST(Histogram, KeepsTheLargestBeyondItsBucketsAndTakesAClockThatWentBack) {
    Histogram h;
    h.record(-5);
    h.record(1LL << 45);
    EXPECT_EQ(h.at(0), 0u);
    EXPECT_EQ(h.max(), 1ULL << 45);
    EXPECT_EQ(h.total(), 2u);
}

}  // namespace
}  // namespace ringpost::bench
