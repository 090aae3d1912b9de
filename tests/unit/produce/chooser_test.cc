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

/// Answers what the test says, and keeps what it was told.
class Scripted : public OwnPartitioner {
public:
    std::int32_t choose(const PartitionQuestion& question) noexcept override {
        asked.push_back({std::string(question.topic), std::string(question.key.text()),
                         question.key.is_null(), question.partition_count,
                         {question.led.begin(), question.led.end()}, question.random});
        return answer;
    }
    void on_batch_sealed(std::string_view topic, std::int32_t partition) noexcept override {
        sealed.push_back(std::string(topic) + std::to_string(partition));
    }

    struct Asked {
        std::string topic, key;
        bool null;
        std::uint32_t partition_count;
        std::vector<std::int32_t> led;
        std::uint64_t random;
    };
    std::int32_t answer = 0;
    std::vector<Asked> asked;
    std::vector<std::string> sealed;
};

struct OwnWorld {
    explicit OwnWorld(std::uint32_t partitions) : world({.partitions = partitions}, config()) {
        world.add_topic(0, "t");
    }
    Config config() const {
        Config c;
        c.unhashed = Unhashed::own;
        c.own = partitioner;
        return c;
    }
    std::shared_ptr<Scripted> partitioner = std::make_shared<Scripted>();
    CoreWorld world;
};

TEST(OwnPartitioner, IsAskedOnceTheTopicIsKnownAboutWhatNamesNoPartition) {
    OwnWorld own(3);
    own.partitioner->answer = 2;
    ASSERT_TRUE(own.world.produce(0, 1, "v", -1, "key"));
    ASSERT_TRUE(own.world.produce(0, 2, "v", 1, "key"));
    ASSERT_TRUE(own.world.produce(0, 3, "v", -1, ""));
    ASSERT_TRUE(own.world.produce(0, 4, "v"));
    EXPECT_TRUE(own.partitioner->asked.empty()) << "parked";
    own.world.pass(second);
    const auto& asked = own.partitioner->asked;
    ASSERT_EQ(asked.size(), 3U);
    for (const auto& question : asked) {
        EXPECT_EQ(question.topic, "t");
        EXPECT_EQ(question.partition_count, 3U);
        EXPECT_EQ(question.led, (std::vector<std::int32_t>{0, 1, 2}));
    }
    EXPECT_EQ(asked[0].key, "key");
    EXPECT_FALSE(asked[1].null) << "empty is a key";
    EXPECT_TRUE(asked[2].null);
    EXPECT_NE(asked[0].random, asked[1].random);
    for (const std::uint32_t slot : {1U, 3U, 4U}) EXPECT_EQ(own.world.told(slot).partition, 2);
    EXPECT_EQ(own.world.told(2).partition, 1);
}

TEST(OwnPartitioner, AnAnswerOutOfRangeFailsThatRecordAlone) {
    OwnWorld own(3);
    ASSERT_TRUE(own.world.produce(0, 1, "v"));
    own.world.pass(second);
    std::uint32_t slot = 2;
    for (const std::int32_t answer : {no_partition, -3, INT32_MIN, 3, INT32_MAX}) {
        own.partitioner->answer = answer;
        ASSERT_TRUE(own.world.produce(0, slot, "v"));
        own.partitioner->answer = 1;
        ASSERT_TRUE(own.world.produce(0, slot + 100, "v"));
        own.world.pass(second);
        EXPECT_EQ(own.world.told(slot).error, Errc::invalid_partition) << answer;
        EXPECT_EQ(own.world.told(slot + 100).error, Errc::none);
        ++slot;
    }
}

TEST(OwnPartitioner, AnyIsTheStickyPartition) {
    OwnWorld own(12);
    own.partitioner->answer = any_partition;
    for (std::uint32_t i = 0; i < 20; ++i) ASSERT_TRUE(own.world.produce(0, i, "v", -1, "key"));
    own.world.pass(second);
    for (std::uint32_t i = 0; i < 20; ++i) {
        EXPECT_EQ(own.world.told(i).partition, own.world.told(0).partition);
    }
}

TEST(OwnPartitioner, IsToldOfEachBatchThatTakesNoMore) {
    OwnWorld own(3);
    for (const std::int32_t answer : {1, 1, 0}) {
        own.partitioner->answer = answer;
        ASSERT_TRUE(own.world.produce(0, static_cast<std::uint32_t>(own.world.accepted), "v"));
        own.world.pass(second);
    }
    EXPECT_EQ(own.partitioner->sealed, (std::vector<std::string>{"t1", "t1", "t0"}));
}

}  // namespace
}  // namespace ringpost::produce
