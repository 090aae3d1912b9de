// SPDX-License-Identifier: Apache-2.0
#include "produce/sender.h"

#include "core_world.h"

namespace ringpost::produce {
namespace {

const Duration second = Duration::seconds(1);

TEST(Sender, SendsAllReadyPartitionsOfABrokerInOneRequest) {
    CoreWorld world({.partitions = 8});
    world.add_topic(0, "t");
    for (std::int32_t p = 0; p < 8; ++p) {
        ASSERT_TRUE(world.produce(0, static_cast<std::uint32_t>(p), "warm", p));
    }
    world.pass(second);
    const std::size_t before = world.requests;
    for (std::int32_t p = 0; p < 8; ++p) {
        ASSERT_TRUE(world.produce(0, 10 + static_cast<std::uint32_t>(p), "x", p));
    }
    world.pass(second);
    EXPECT_EQ(world.requests, before + 1);
    EXPECT_EQ(world.count(Errc::none), 16U);
}

TEST(Sender, ANodeIsBlockedWhileItHasBatchesAndTakesNone) {
    Config config;
    config.linger = {};
    config.max_in_flight = 1;
    config.connection.inflight_max = 1;
    CoreWorld world({.partitions = 2}, config);
    world.add_topic(0, "t");
    ASSERT_TRUE(world.produce(0, 1, "warm", 0));
    world.pass(second);
    const Node& node = *world.core->find_topic(0)->partitions[0]->node;
    EXPECT_TRUE(node.blocked_since.is_never());
    world.hold_answers(true);
    ASSERT_TRUE(world.produce(0, 2, "in flight", 0));
    world.settle();
    EXPECT_TRUE(node.blocked_since.is_never()) << "it has taken all that there is";
    world.now = world.now + second;
    const Instant since = world.now;
    ASSERT_TRUE(world.produce(0, 3, "waits", 1));
    world.settle();
    world.now = world.now + second;
    world.settle();
    EXPECT_EQ(node.blocked_since, since);
    world.hold_answers(false);
    EXPECT_TRUE(node.blocked_since.is_never());
    EXPECT_EQ(world.count(Errc::none), 3U);
}

TEST(Sender, KeepsARequestWithinItsBytes) {
    Config config;
    config.request_bytes_max = 10'000;
    CoreWorld world({.partitions = 8}, config);
    world.add_topic(0, "t");
    const std::string value(4000, 'x');
    for (std::uint32_t i = 0; i < 64; ++i) {
        ASSERT_TRUE(world.produce(0, i, value, static_cast<std::int32_t>(i % 8)));
    }
    std::size_t largest = 0;
    world.cluster.faults().on_request = [&](const fake::RequestAttempt& attempt) {
        largest = std::max(largest, attempt.body.size());
        return fake::RequestFate::handle;
    };
    world.pass(second);
    EXPECT_EQ(world.count(Errc::none), 64U);
    EXPECT_LT(largest, 34'000U) << "one batch always goes, more only if they fit";
}

TEST(Sender, ServesManyTopicsWithLongNames) {
    CoreWorld world({.partitions = 2}, {}, 8 << 20);
    for (std::uint32_t t = 0; t < 300; ++t) {
        std::string name(249, 'n');
        name.replace(0, 5, std::to_string(10'000 + t));
        world.add_topic(t, name);
        ASSERT_TRUE(world.produce(t, t, "x"));
    }
    world.pass(second * 5);
    EXPECT_EQ(world.count(Errc::none), 300U);
}

TEST(Sender, HasFiveRequestsOutAtMostAndOneUntilTheLeaderHasAnswered) {
    Config config;
    config.linger = Duration{};
    config.batch_records = 1;
    CoreWorld world({.partitions = 1}, config);
    world.add_topic(0, "t");
    ASSERT_TRUE(world.produce(0, 1000, "warm"));
    world.pass(second);
    world.hold_answers(true);
    for (std::uint32_t i = 0; i < 20; ++i) ASSERT_TRUE(world.produce(0, i, "x"));
    const std::size_t before = world.requests;
    world.settle();
    EXPECT_EQ(world.requests, before + 5);
    world.hold_answers(false);
    world.pass(second);
    EXPECT_EQ(world.count(Errc::none), 21U);
}

class OlderBroker : public testing::TestWithParam<std::int16_t> {};

TEST_P(OlderBroker, IsSpokenToInItsOwnVersion) {
    fake::ClusterOptions options{.partitions = 2};
    const std::int16_t produce = GetParam();
    options.apis = {{wire::ApiKey::produce, 3, produce},
                    {wire::ApiKey::metadata, 0, std::int16_t(produce >= 13 ? 12 : 7)},
                    {wire::ApiKey::api_versions, 0, 2},
                    {wire::ApiKey::init_producer_id, 0, 1}};
    CoreWorld world(options);
    world.add_topic(0, "t");
    world.add_topic(1, "u");
    for (std::uint32_t i = 0; i < 10; ++i) ASSERT_TRUE(world.produce(i % 2, i, "x"));
    world.pass(second);
    EXPECT_EQ(world.count(Errc::none), 10U);
}

INSTANTIATE_TEST_SUITE_P(Versions, OlderBroker, testing::Range<std::int16_t>(3, 14));

}  // namespace
}  // namespace ringpost::produce
