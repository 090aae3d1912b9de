// SPDX-License-Identifier: Apache-2.0
#include "base/prng.h"

#include <gtest/gtest.h>

#include <array>

namespace ringpost {
namespace {

TEST(Prng, GivesThePublishedNumbersOfSplitMix64) {
    Prng prng(1234567);
    for (const std::uint64_t expected :
         {6457827717110365317U, 3203168211198807973U, 9817491932198370423U, 4593380528125082431U,
          16408922859458223821U}) {
        EXPECT_EQ(prng.next(), expected);
    }
}

TEST(Prng, EqualSeedsGiveEqualNumbersAndOthersDoNot) {
    Prng a(1);
    Prng b(1);
    Prng c(2);
    int same = 0;
    for (int i = 0; i < 100; ++i) {
        const std::uint64_t n = a.next();
        EXPECT_EQ(n, b.next());
        same += n == c.next();
    }
    EXPECT_EQ(same, 0);
}

TEST(Prng, BelowStaysBelowItsBoundAndReachesEveryValue) {
    Prng prng(3);
    EXPECT_EQ(prng.below(0), 0U);
    EXPECT_EQ(prng.below(1), 0U);
    for (int i = 0; i < 1000; ++i) EXPECT_LT(prng.below(UINT32_MAX), UINT32_MAX);
    std::array<int, 10> seen{};
    for (int i = 0; i < 100'000; ++i) ++seen.at(prng.below(10));
    for (const int count : seen) {
        EXPECT_GT(count, 9'500);  // five standard deviations of 95
        EXPECT_LT(count, 10'500);
    }
}

}  // namespace
}  // namespace ringpost
