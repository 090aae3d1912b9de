// SPDX-License-Identifier: Apache-2.0
#include "base/time.h"

#include <gtest/gtest.h>

namespace ringpost {
namespace {

constexpr std::int64_t most = std::numeric_limits<std::int64_t>::max();

TEST(Duration, CountsInEachUnitAndCutsTowardsZero) {
    EXPECT_EQ(Duration::seconds(2).count_ns(), 2'000'000'000);
    EXPECT_EQ(Duration::ms(3), Duration::us(3'000));
    EXPECT_EQ(Duration::us(4), Duration::ns(4'000));
    EXPECT_EQ(Duration::ns(1'999'999).count_ms(), 1);
    EXPECT_EQ(Duration::ns(-1'999).count_us(), -1);
    EXPECT_EQ(Duration::from(std::chrono::milliseconds(7)), Duration::ms(7));
    EXPECT_EQ(Duration{}, Duration::ns(0));
}

TEST(Duration, AddsScalesAndOrders) {
    EXPECT_EQ(Duration::ms(5) + Duration::us(1), Duration::us(5'001));
    EXPECT_EQ(Duration::ms(5) - Duration::ms(7), Duration::ms(-2));
    EXPECT_EQ(Duration::ms(5) * 3, Duration::ms(15));
    EXPECT_EQ(Duration::ms(5) / 2, Duration::us(2'500));
    EXPECT_LT(Duration::ms(-1), Duration{});
    EXPECT_GT(Duration::seconds(1), Duration::ms(999));
}

TEST(Instant, MovesByDurations) {
    const Instant t = Instant::from_ns(1'000);
    EXPECT_EQ((t + Duration::us(2)).count_ns(), 3'000);
    EXPECT_EQ((t + Duration::us(-2)).count_ns(), -1'000);
    EXPECT_EQ((t + Duration::ms(1)) - t, Duration::ms(1));
    EXPECT_LT(t, t + Duration::ns(1));
}

TEST(Instant, AHugeWaitIsNever) {
    const Instant t = Instant::from_ns(1'000);
    EXPECT_TRUE((t + Duration::ns(most)).is_never());
    EXPECT_TRUE((t + Duration::ns(most - 999)).is_never());
    EXPECT_TRUE((t + Duration::ns(most - 1'000)).is_never()) << "exactly the last instant";
    EXPECT_FALSE((t + Duration::ns(most - 1'001)).is_never());
    EXPECT_TRUE((Instant::never() + Duration::ns(1)).is_never());
    EXPECT_TRUE((Instant::never() + Duration{}).is_never());
}

TEST(Instant, NeverLiesAfterEveryOther) {
    EXPECT_GT(Instant::never(), Instant::from_ns(most - 1));
    EXPECT_GT(Instant::never(), Instant{});
    EXPECT_FALSE(Instant{}.is_never());
    EXPECT_EQ(std::min(Instant::never(), Instant::from_ns(5)), Instant::from_ns(5));
}

}  // namespace
}  // namespace ringpost
