// SPDX-License-Identifier: Apache-2.0
#include "produce/partitioner.h"

#include <optional>

#include "core_world.h"

namespace ringpost::produce {
namespace {

/// The partition out of twelve, if the key places the record; null: no key.
std::optional<std::uint32_t> place(Partitioner partitioner, const char* key) {
    std::uint32_t hash = 0;
    const ByteSpan bytes = key == nullptr ? ByteSpan{} : as_bytes(key);
    if (!place_by_key(partitioner, key == nullptr, bytes, hash)) return std::nullopt;
    return hash % 12;
}

TEST(Partitioner, PutsKeysWhereTheOneOfThatNameDoes) {
    struct Row {
        Partitioner partitioner;
        std::optional<std::uint32_t> kafka, empty, null;
    };
    constexpr auto none = std::nullopt;
    const Row rows[] = {{Partitioner::murmur2, 4, 9, none},
                        {Partitioner::consistent, 11, 0, 0},
                        {Partitioner::consistent_random, 11, none, none},
                        {Partitioner::fnv1a, 5, 3, 3},
                        {Partitioner::fnv1a_random, 5, 3, none},
                        {Partitioner::xxhash, none, none, none},
                        {Partitioner::hashing, none, none, none},
                        {Partitioner::random, none, none, none},
                        {Partitioner::round_robin, none, none, none},
                        {Partitioner::sticky, none, none, none}};
    for (const Row& row : rows) {
        SCOPED_TRACE(static_cast<int>(row.partitioner));
        EXPECT_EQ(place(row.partitioner, "kafka"), row.kafka);
        EXPECT_EQ(place(row.partitioner, ""), row.empty);
        EXPECT_EQ(place(row.partitioner, nullptr), row.null);
    }
}

TEST(Partitioner, OnlyPykafkasHashingHasNoPlaceForARecordWithoutAKey) {
    for (int p = 0; p <= static_cast<int>(Partitioner::sticky); ++p) {
        const auto partitioner = static_cast<Partitioner>(p);
        EXPECT_EQ(needs_key(partitioner), partitioner == Partitioner::hashing);
    }
}

TEST(Partitioner, IgnoredKeysPlaceNothing) {
    Options options;
    EXPECT_EQ(effective(options), Partitioner::murmur2);
    options.partitioner = Partitioner::hashing;
    EXPECT_EQ(effective(options), Partitioner::hashing);
    options.partitioner_ignore_keys = true;
    EXPECT_EQ(effective(options), Partitioner::sticky);
    EXPECT_EQ(unhashed_by(options), Unhashed::sticky);
    options.partitioner = Partitioner::round_robin;
    EXPECT_EQ(effective(options), Partitioner::round_robin);
    EXPECT_EQ(unhashed_by(options), Unhashed::round_robin);
}

/// Sends 600 records without keys, one every ten milliseconds; how many each partition has got.
/// Three of them are a sticky partition's stay.
std::vector<std::size_t> spread(Unhashed unhashed, std::int32_t without_leader = -1) {
    Config config;
    config.unhashed = unhashed;
    config.metadata_max_age = Duration::seconds(2);
    config.batch_bytes = 1024;
    const std::string value(300, 'v');
    CoreWorld world({.brokers = 2, .partitions = 4}, config);
    world.add_topic(0, "t");
    EXPECT_TRUE(world.produce(0, 1'000, "first", 0));
    world.pass(Duration::seconds(1));
    if (without_leader >= 0) {
        world.cluster.faults().on_metadata = [=](std::int32_t, wire::MetadataResponse& response) {
            for (auto& topic : response.topics) {
                auto& partition = topic.partitions[static_cast<std::size_t>(without_leader)];
                partition.leader_id = -1;
                partition.error_code = static_cast<std::int16_t>(Errc::leader_not_available);
            }
        };
        world.pass(Duration::seconds(5));
    }
    for (std::uint32_t i = 0; i < 600; ++i) {
        EXPECT_TRUE(world.produce(0, i, value));
        world.pass(Duration::ms(10));
    }
    world.pass(Duration::seconds(1));
    std::vector<std::size_t> counts;
    for (std::int32_t p = 0; p < 4; ++p) counts.push_back(world.log("t", p).size() - (p == 0));
    return counts;
}

TEST(Partitioner, RoundRobinTakesThePartitionsInTurn) {
    EXPECT_EQ(spread(Unhashed::round_robin), (std::vector<std::size_t>{150, 150, 150, 150}));
}

TEST(Partitioner, RandomAndStickyReachAllPartitions) {
    for (const Unhashed unhashed : {Unhashed::random, Unhashed::sticky}) {
        for (const std::size_t count : spread(unhashed)) EXPECT_NEAR(count, 150, 60);
    }
}

TEST(Partitioner, WhatHasNoLeaderIsPassedBy) {
    for (const Unhashed unhashed : {Unhashed::round_robin, Unhashed::random, Unhashed::sticky}) {
        const auto counts = spread(unhashed, 2);
        EXPECT_EQ(counts[2], 0U);
        EXPECT_EQ(counts[0] + counts[1] + counts[3], 600U);
        for (const std::size_t p : {0U, 1U, 3U}) EXPECT_NEAR(counts[p], 200, 80);
    }
}

}  // namespace
}  // namespace ringpost::produce
