// SPDX-License-Identifier: Apache-2.0
#include "base/histogram.h"

#include <gtest/gtest.h>

#include "base/prng.h"

namespace ringpost {
namespace {

constexpr std::uint64_t longest = (std::uint64_t{1} << Histogram::value_bits) - 1;

std::uint64_t lower_end(std::size_t bucket) {
    return bucket == 0 ? 0 : Histogram::upper_end(bucket - 1) + 1;
}

Histogram of(std::initializer_list<std::int64_t> values) {
    SharedHistogram shared;
    for (const std::int64_t ns : values) shared.record(Duration::ns(ns));
    Histogram histogram;
    shared.read(histogram);
    return histogram;
}

TEST(Histogram, EachBucketHoldsWhatLiesBetweenItsEnds) {
    for (std::size_t i = 0; i < Histogram::bucket_count; ++i) {
        EXPECT_EQ(Histogram::bucket_of(lower_end(i)), i);
        EXPECT_EQ(Histogram::bucket_of(Histogram::upper_end(i)), i);
        EXPECT_LE(Histogram::upper_end(i) - lower_end(i), lower_end(i) / 16);
    }
    EXPECT_EQ(Histogram::upper_end(Histogram::bucket_count - 1), longest);
}

TEST(Histogram, TheLongestOfAllAndWhatIsNegativeHaveABucket) {
    EXPECT_EQ(Histogram::bucket_of(UINT64_MAX), Histogram::bucket_count - 1);
    const Histogram histogram = of({-1, INT64_MAX});
    EXPECT_EQ(histogram.counts[0], 1U);
    EXPECT_EQ(histogram.counts[Histogram::bucket_count - 1], 1U);
    EXPECT_EQ(histogram.max().count(), INT64_MAX);
    EXPECT_EQ(histogram.at(1).count(), static_cast<std::int64_t>(longest));
}

TEST(Histogram, QuantilesAreTheSortedValuesButForTheirBucketsWidth) {
    Prng prng(7);
    std::vector<std::int64_t> values;
    SharedHistogram shared;
    for (int i = 0; i < 10'000; ++i) {
        values.push_back(std::int64_t{1} << prng.below(30) | prng.below(1000));
        shared.record(Duration::ns(values.back()));
    }
    std::sort(values.begin(), values.end());
    Histogram histogram;
    shared.read(histogram);
    EXPECT_EQ(histogram.total(), values.size());
    for (const double fraction : {0.0, 0.25, 0.5, 0.9, 0.999}) {
        const std::int64_t exact = values[static_cast<std::size_t>(fraction * 10'000)];
        EXPECT_GE(histogram.at(fraction).count(), exact);
        EXPECT_LE(histogram.at(fraction).count(), exact + exact / 16 + 1);
    }
    EXPECT_EQ(histogram.at(1).count(), values.back());
}

TEST(Histogram, AnEmptyOneHasZeros) {
    const Histogram none;
    EXPECT_EQ(none.total(), 0U);
    EXPECT_EQ(none.at(0.99).count(), 0);
    EXPECT_EQ(none.max().count(), 0);
}

TEST(Histogram, WhatHasComeSinceIsTheDifference) {
    const Histogram earlier = of({10, 5'000, 70'000});
    Histogram later = of({10, 5'000, 70'000, 10, 6'000});
    Histogram between = later.since(earlier);
    EXPECT_EQ(between.total(), 2U);
    EXPECT_EQ(between.counts[10], 1U);
    EXPECT_GE(between.max().count(), 6'000);
    EXPECT_LE(between.max().count(), 6'400);
    later = of({10, 5'000, 70'000, 80'001});
    EXPECT_EQ(later.since(earlier).max().count(), 80'001) << "the longest of all is exact";
    EXPECT_EQ(later.since(later).total(), 0U);
    EXPECT_EQ(later.since(later).max().count(), 0);
}

TEST(Histogram, TwoAddUp) {
    Histogram sum = of({1, 100});
    sum.add(of({100, 900'000}));
    EXPECT_EQ(sum.total(), 4U);
    EXPECT_EQ(sum.counts[Histogram::bucket_of(100)], 2U);
    EXPECT_EQ(sum.max().count(), 900'000);
}

}  // namespace
}  // namespace ringpost
