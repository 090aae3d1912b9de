// SPDX-License-Identifier: Apache-2.0
#include "produce/chooser.h"

#include "core_world.h"

namespace ringpost::produce {
namespace {

constexpr Duration second = Duration::seconds(1);

TEST(Chooser, PykafkasHashingTakesTheWholeSha1ModuloThePartitions) {
    Config config;
    config.unhashed = Unhashed::sha1;
    CoreWorld world({.partitions = 12}, config);
    world.add_topic(0, "t");
    ASSERT_TRUE(world.produce(0, 1, "parked", -1, "kafka"));
    world.pass(second);
    ASSERT_TRUE(world.produce(0, 2, "v", -1, ""));
    ASSERT_TRUE(world.produce(0, 3, "v", -1, "giberish123456789"));
    ASSERT_TRUE(world.produce(0, 4, "v", 5, "kafka"));
    world.pass(second);
    EXPECT_EQ(world.told(1).partition, 8);
    EXPECT_EQ(world.told(2).partition, 1);
    EXPECT_EQ(world.told(3).partition, 1);
    EXPECT_EQ(world.told(4).partition, 5) << "the record's own choice comes first";
}

TEST(Chooser, XxhashTakesAll64BitsModuloThePartitions) {
    Config config;
    config.unhashed = Unhashed::xxhash;
    CoreWorld world({.partitions = 7}, config);
    world.add_topic(0, "t");
    ASSERT_TRUE(world.produce(0, 1, "v", -1, ""));
    ASSERT_TRUE(world.produce(0, 2, "v", -1, "abc"));
    ASSERT_TRUE(world.produce(0, 3, "v"));
    world.pass(second);
    EXPECT_EQ(world.told(1).partition, 0xef46db3751d8e999U % 7);
    EXPECT_EQ(world.told(2).partition, 0x44bc2cf5ad770999U % 7);
    EXPECT_EQ(world.told(3).error, Errc::none) << "sticky";
}

// The lane refuses it; whatever comes all the same must do no harm.
TEST(Chooser, HashingWithoutAKeyFailsThatRecordAlone) {
    Config config;
    config.unhashed = Unhashed::sha1;
    CoreWorld world({.partitions = 3}, config);
    world.add_topic(0, "t");
    ASSERT_TRUE(world.produce(0, 1, "v"));
    ASSERT_TRUE(world.produce(0, 2, "v", -1, "key"));
    world.pass(second);
    EXPECT_EQ(world.told(1).error, Errc::invalid_partition);
    EXPECT_EQ(world.told(2).error, Errc::none);
}

}  // namespace
}  // namespace ringpost::produce
