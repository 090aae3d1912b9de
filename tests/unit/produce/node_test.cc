// SPDX-License-Identifier: Apache-2.0
// What a broker costs a shard. The library's own allocator calls are counted.
#include "produce/node.h"

#include "allocator_counts.h"
#include "core_world.h"

#ifndef RINGPOST_SANITIZED
namespace ringpost::produce {
namespace {

const Duration second = Duration::seconds(1);

TEST(Node, ABrokerThatNothingIsSentToCostsLittle) {
    CoreWorld world;
    const auto name_ten_thousand = [](std::int32_t, wire::MetadataResponse& response) {
        for (std::int32_t id = 2; id <= 10'000; ++id) {
            response.brokers.push_back({id, "b" + std::to_string(id), 9092, {}});
        }
    };
    world.add_topic(0, "t");
    ASSERT_TRUE(world.produce(0, 1, "x"));
    world.pass(second);
    ASSERT_EQ(world.told(1).error, Errc::none);
    world.cluster.faults().on_metadata = name_ten_thousand;
    const std::size_t before = allocator_counts().library_bytes;
    world.add_topic(1, "u");
    world.pass(second);
    ASSERT_EQ(world.core->nodes().size(), 10'000U);
    const std::size_t taken = allocator_counts().library_bytes - before;
    EXPECT_LT(taken, 10'000'000U) << "the answer itself among it";
    EXPECT_LE(sizeof(Node), 2048U);
}

TEST(Node, ItsFirstRequestWithRecordsTakesAllThatLaterOnesNeed) {
    Config config;
    config.linger = {};
    config.batch_records = 1;
    CoreWorld world({.partitions = limits::request_partitions_max}, config, 16 << 20);
    world.add_topic(0, "t");
    ASSERT_TRUE(world.produce(0, 0, "x", 0));
    world.pass(second);
    ASSERT_EQ(world.told(0).error, Errc::none);
    const Node& leader = *world.core->find_topic(0)->partitions[0]->node;
    std::uint32_t slot = 1;
    // As many requests as may be under way; then each with as many batches as one may carry.
    for (const std::int32_t partitions : {51, 256}) {
        world.hold_requests(true);
        const std::size_t before = allocator_counts().library_calls;
        for (std::int32_t i = 0; i < 5; ++i) {
            const std::int32_t first = partitions == 51 ? i * partitions : 0;
            for (std::int32_t p = first; p < first + partitions; ++p) {
                ASSERT_TRUE(world.produce(0, slot++, "x", p));
            }
            world.settle();
        }
        EXPECT_EQ(allocator_counts().library_calls, before) << partitions;
        EXPECT_GE(leader.connection.requests_unanswered(), 5U);
        world.hold_requests(false);
        world.pass(second);
    }
    EXPECT_EQ(world.count(Errc::none), slot);
}

TEST(Node, AWarmUpTakesThatRoomBeforeTheFirstRecord) {
    CoreWorld world;
    world.add_topic(0, "t");
    const std::uint32_t topics[] = {0};
    world.core->begin_warm_up(topics, world.now);
    const auto warm = [&] {
        WarmUpLook look;
        while (!world.core->look_at_warm_up(look, topics, world.now)) {}
        return !look.first.any();
    };
    for (int i = 0; i < 10 && !warm(); ++i) world.settle();
    ASSERT_TRUE(warm());
    world.hold_requests(true);
    const std::size_t before = allocator_counts().library_calls;
    ASSERT_TRUE(world.produce(0, 1, "x"));
    world.pass(second);
    EXPECT_EQ(world.core->find_topic(0)->partitions[0]->in_flight, 1U);
    EXPECT_EQ(allocator_counts().library_calls, before);
}

}  // namespace
}  // namespace ringpost::produce
#else
TEST(Node, IsMeasuredWithoutSanitizers) {
    GTEST_SKIP() << "sanitizers bring an allocator of their own";
}
#endif
