// SPDX-License-Identifier: Apache-2.0
#include "shard/spin_budget.h"

#include <gtest/gtest.h>

namespace ringpost::shard {
namespace {

/// A budget and a clock that is moved by hand.
struct Spinner {
    explicit Spinner(Duration most = Duration::us(20)) : budget(most) {}
    /// So many events, each after `gap`.
    void events(int count, Duration gap, double each = 1) {
        for (int i = 0; i < count; ++i) {
            now = now + gap;
            budget.on_work(each, now);
        }
    }
    bool spins_after(Duration rest) const { return budget.spins(now + rest); }

    SpinBudget budget;
    Instant now = Instant::from_ns(1'000'000'000);
};

TEST(SpinBudget, SpinsWhileEventsComeWithinASpinAndNotWhileTheyDoNot) {
    Spinner often;
    often.events(50, Duration::us(15));
    EXPECT_TRUE(often.spins_after(Duration::us(19)));
    EXPECT_FALSE(often.spins_after(Duration::us(20))) << "what has not come by then is late";
    Spinner rarely;
    rarely.events(50, Duration::us(25));
    EXPECT_FALSE(rarely.spins_after(Duration{}));
}

TEST(SpinBudget, TheFirstEventsAndThoseAfterARestMustShowThatMoreCome) {
    Spinner spinner;
    spinner.events(1, Duration::us(1));
    EXPECT_FALSE(spinner.spins_after(Duration{}));
    spinner.events(30, Duration::us(1));
    EXPECT_TRUE(spinner.spins_after(Duration{}));
    spinner.events(3, Duration::seconds(100));
    EXPECT_FALSE(spinner.spins_after(Duration{}));
    spinner.events(30, Duration::us(1));
    EXPECT_TRUE(spinner.spins_after(Duration{})) << "a rest is forgotten, however long it was";
}

TEST(SpinBudget, AnswersAndRecordsInTurnCountByTheirMean) {
    Spinner spinner;
    for (int i = 0; i < 50; ++i) {
        spinner.events(1, Duration::us(35));
        spinner.events(1, Duration::us(65));
        EXPECT_FALSE(spinner.spins_after(Duration{}));
    }
}

// A shard that sleeps finds what came meanwhile at once: its sleep is not the gap between two.
TEST(SpinBudget, ManyEventsAfterASleepShowHowOftenTheyCome) {
    Spinner spinner;
    spinner.events(10, Duration::us(100), 20);
    EXPECT_TRUE(spinner.spins_after(Duration{}));
}

TEST(SpinBudget, PartsOfAnEventMakeOneOnlyTogether) {
    Spinner spinner;
    spinner.events(1000, Duration::us(5), 0.001);
    EXPECT_FALSE(spinner.spins_after(Duration{}));
    spinner.events(1000, Duration::us(5), 0.5);
    EXPECT_TRUE(spinner.spins_after(Duration{}));
}

TEST(SpinBudget, ZeroNeverSpinsAndLessThanThatNeverEndsSpinning) {
    Spinner never(Duration{});
    never.events(100, Duration::ns(10));
    EXPECT_FALSE(never.spins_after(Duration{}));
    Spinner always(Duration::us(-1));
    EXPECT_TRUE(always.spins_after(Duration::seconds(3600)));
    always.events(3, Duration::seconds(1));
    EXPECT_TRUE(always.spins_after(Duration::seconds(3600)));
}

TEST(SpinBudget, IsNothingWhereShardsAndCallersHaveEveryCpu) {
    const Duration asked = Duration::us(20);
    EXPECT_EQ(SpinBudget::allowed(asked, 1, 2), Duration{});
    EXPECT_EQ(SpinBudget::allowed(asked, 4, 8), Duration{});
    EXPECT_EQ(SpinBudget::allowed(asked, 1, 3), asked);
    EXPECT_EQ(SpinBudget::allowed(Duration::us(-1), 1, 1), Duration::us(-1)) << "it was asked for";
}

}  // namespace
}  // namespace ringpost::shard
