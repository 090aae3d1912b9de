// SPDX-License-Identifier: Apache-2.0
#include "produce/housekeeping.h"

#include "core_world.h"

namespace ringpost::produce {
namespace {

const Duration second = Duration::seconds(1);

TEST(Housekeeping, AsksNobodyWhileNothingIsProduced) {
    CoreWorld world;
    world.pass(second * 100);
    EXPECT_EQ(world.requests, 0U);
}

TEST(Housekeeping, RefreshesTheMetadataWhenItIsOld) {
    Config config;
    config.metadata_max_age = second * 10;
    config.connection.idle_max = Duration{};
    CoreWorld world({.partitions = 1}, config);
    world.add_topic(0, "t");
    ASSERT_TRUE(world.produce(0, 1, "x"));
    world.pass(second);
    const std::size_t before = world.requests;
    world.pass(second * 50);
    EXPECT_GE(world.requests, before + 4);
    EXPECT_LE(world.requests, before + 6);
}

TEST(Housekeeping, AnUnreachableClusterIsAskedLessAndLess) {
    CoreWorld world;
    world.cluster.stop_node(1);
    world.add_topic(0, "t");
    ASSERT_TRUE(world.produce(0, 1, "x"));
    world.pass(second * 60);
    world.cluster.start_node(1);
    world.pass(second * 3);
    EXPECT_EQ(world.told(1).error, Errc::none) << "and found within a few seconds once it is there";
}

TEST(Housekeeping, ARefusedProducerIdFailsTheRecordsWithItsReason) {
    fake::ClusterOptions options{.partitions = 1};
    options.apis = {{wire::ApiKey::produce, 3, 9},
                    {wire::ApiKey::metadata, 0, 12},
                    {wire::ApiKey::api_versions, 0, 3}};
    CoreWorld world(options);
    world.add_topic(0, "t");
    ASSERT_TRUE(world.produce(0, 1, "x"));
    world.pass(second * 2);
    EXPECT_EQ(world.told(1).error, Errc::unsupported_broker);
}

TEST(Housekeeping, WithoutIdempotenceNoProducerIdIsNeeded) {
    fake::ClusterOptions options{.partitions = 1};
    options.apis = {{wire::ApiKey::produce, 3, 9},
                    {wire::ApiKey::metadata, 0, 12},
                    {wire::ApiKey::api_versions, 0, 3}};
    Config config;
    config.idempotent = false;
    CoreWorld world(options, config);
    world.add_topic(0, "t");
    ASSERT_TRUE(world.produce(0, 1, "x"));
    world.pass(second * 2);
    EXPECT_EQ(world.told(1).error, Errc::none);
}

TEST(Errand, WaitsLongerAfterEachFailure) {
    Prng prng(1);
    Errand errand(Duration::ms(100), Duration::ms(400));
    Instant now = Instant::from_ns(1);
    errand.want(now);
    EXPECT_TRUE(errand.due(now));
    errand.on_sent();
    EXPECT_FALSE(errand.due(now));
    for (const int bound : {100, 200, 400, 400}) {
        errand.on_failure(now, prng);
        EXPECT_GT(errand.next_deadline(), now);
        EXPECT_LE(errand.next_deadline(), now + Duration::ms(bound) + Duration::us(1));
        errand.want(now);
        EXPECT_FALSE(errand.due(now)) << "wanting does not shorten the wait";
    }
}

}  // namespace
}  // namespace ringpost::produce
