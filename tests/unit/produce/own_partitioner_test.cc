// SPDX-License-Identifier: Apache-2.0
#include <ringpost/partitioner.h>

#include <limits>
#include <map>

#include "base/sha1.h"
#include "core_world.h"

namespace ringpost::produce {
namespace {

constexpr Duration second = Duration::seconds(1);

PartitionQuestion question(Bytes key, std::uint32_t partition_count, std::uint64_t random = 0) {
    return {.topic = "t", .key = key, .partition_count = partition_count, .random = random};
}

TEST(PartitionQuestion, HashesKeysAsThePartitionersOfThoseNamesDo) {
    Sha1 sha1;
    for (Sha1* state : {&sha1, static_cast<Sha1*>(nullptr)}) {
        PartitionQuestion q = question("kafka", 12);
        q.sha1 = state;
        EXPECT_EQ(q.key_modulo(KeyHash::murmur2), 4);
        EXPECT_EQ(q.key_modulo(KeyHash::crc32), 11);
        EXPECT_EQ(q.key_modulo(KeyHash::fnv1a), 5);
        EXPECT_EQ(q.key_modulo(KeyHash::xxhash), 11);
        EXPECT_EQ(q.key_modulo(KeyHash::sha1), 8);
        q.key = "";
        EXPECT_EQ(q.key_modulo(KeyHash::sha1), 1) << "an empty key is a key";
        q.key = {};
        EXPECT_EQ(q.key_modulo(KeyHash::sha1), -1);
        EXPECT_EQ(q.key_modulo(KeyHash::murmur2), -1);
    }
}

TEST(PartitionQuestion, AHashThatThereIsNotPlacesNothing) {
    EXPECT_EQ(question("kafka", 12).key_modulo(static_cast<KeyHash>(200)), -1);
}

TEST(HashingPartitioner, TakesAHashOfOnesOwnByItsAbsoluteValue) {
    std::int64_t hash = 0;
    const auto made = hashing_partitioner([&](std::string_view key) {
        EXPECT_EQ(key, "k");
        return hash;
    });
    ASSERT_TRUE(made);
    for (const auto& [number, place] : std::map<std::int64_t, std::int32_t>{
             {0, 0}, {13, 6}, {-13, 6}, {std::numeric_limits<std::int64_t>::max(), 0},
             {std::numeric_limits<std::int64_t>::min(), 1}}) {
        hash = number;
        EXPECT_EQ((*made)->choose(question("k", 7)), place) << number;
    }
    EXPECT_EQ((*made)->choose(question({}, 7)), no_partition);
}

TEST(HashingPartitioner, NeedsAFunction) {
    const auto made = hashing_partitioner({});
    ASSERT_FALSE(made);
    EXPECT_EQ(made.error().code, Errc::invalid_option);
    EXPECT_NE(made.error().text.find("hashing"), std::string::npos);
}

// (int(sha1(key), 16) + randrange(group_size)) % n in Python: of 12, 8 is the first of "kafka"'s.
TEST(GroupHashing, TakesEachPartitionOfTheKeysGroupAndNoOther) {
    for (const std::int64_t group : {1, 2, 4, 12}) {
        const auto made = group_hashing_partitioner(KeyHash::sha1, group);
        ASSERT_TRUE(made);
        std::set<std::int32_t> seen;
        for (std::uint64_t random = 0; random < 100; ++random) {
            const std::int32_t place = (*made)->choose(question("kafka", 12, random));
            EXPECT_LT((place - 8 + 12) % 12, group);
            seen.insert(place);
        }
        EXPECT_EQ(seen.size(), static_cast<std::size_t>(group));
    }
}

TEST(GroupHashing, AddsToANegativeHashBeforeItTakesTheAbsoluteValue) {
    const auto made = group_hashing_partitioner([](std::string_view) { return -2; }, 4);
    ASSERT_TRUE(made);
    const std::int32_t places[] = {2, 1, 0, 1};  // abs(-2 + 0), abs(-2 + 1), ...
    for (std::uint64_t random = 0; random < 4; ++random) {
        EXPECT_EQ((*made)->choose(question("k", 8, random)), places[random]);
    }
    const auto extreme = group_hashing_partitioner(
        [](std::string_view) { return std::numeric_limits<std::int64_t>::max(); }, 4);
    EXPECT_EQ((*extreme)->choose(question("k", 7, 3)), 3) << "2^63 - 1 is 0 modulo 7";
}

TEST(GroupHashing, RefusesWhatPykafkaRefuses) {
    const auto some = [](std::string_view) { return std::int64_t{1}; };
    for (const std::int64_t group : {std::int64_t{0}, std::int64_t{-1}, INT64_MIN}) {
        EXPECT_EQ(group_hashing_partitioner(KeyHash::sha1, group).error().code,
                  Errc::invalid_option);
        EXPECT_EQ(group_hashing_partitioner(some, group).error().code, Errc::invalid_option);
    }
    EXPECT_EQ(group_hashing_partitioner(nullptr, 1).error().code, Errc::invalid_option);
    EXPECT_EQ(group_hashing_partitioner(static_cast<KeyHash>(9), 1).error().code,
              Errc::invalid_option);
    for (const KeyHash hash : {KeyHash::sha1, KeyHash::crc32}) {
        const auto made = group_hashing_partitioner(hash, 17);
        ASSERT_TRUE(made);
        EXPECT_EQ((*made)->choose(question("foo", 16)), no_partition) << "more than there are";
        EXPECT_NE((*made)->choose(question("foo", 17)), no_partition);
        EXPECT_EQ((*made)->choose(question({}, 17)), no_partition) << "no key";
    }
}

TEST(GroupHashing, FailsRecordsOneByOneInTheShard) {
    Config config;
    config.unhashed = Unhashed::own;
    config.own = *group_hashing_partitioner(KeyHash::sha1, 2);
    CoreWorld world({.partitions = 12}, config);
    world.add_topic(0, "t");
    for (std::uint32_t i = 0; i < 40; ++i) ASSERT_TRUE(world.produce(0, i, "v", -1, "kafka"));
    ASSERT_TRUE(world.produce(0, 100, "v"));
    world.pass(second);
    EXPECT_EQ(world.log("t", 8).size() + world.log("t", 9).size(), 40U);
    EXPECT_NE(world.log("t", 8).size(), 0U);
    EXPECT_NE(world.log("t", 9).size(), 0U);
    EXPECT_EQ(world.told(100).error, Errc::invalid_partition);
    EXPECT_EQ(world.count(Errc::none), 40U);
}

}  // namespace
}  // namespace ringpost::produce
