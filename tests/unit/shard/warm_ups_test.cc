// SPDX-License-Identifier: Apache-2.0
#include "shard/warm_ups.h"

#include "shard_bench.h"

namespace ringpost::shard {
namespace {

WarmUpCallRef call_for(std::uint32_t topic) {
    return std::make_shared<WarmUpCall>(
        std::vector<WarmUpCall::Topic>{{topic, "topic-" + std::to_string(topic)}});
}

TEST(WarmUps, WakeAShardThatSleepsAndTellWhenAllIsThere) {
    ShardBench bench;
    CallerEnd caller = bench.open();
    bench.run(Duration::ms(10));
    const std::uint64_t wakes = bench.script.wakes;
    WarmUpCallRef call;
    // Asked for in the middle of the sleep that the loop has just announced.
    bench.script.on_sleep = [&] {
        if (call != nullptr) return;
        call = call_for(1);
        bench.shard.request_warm_up(call);
    };
    bench.run_until([&] { return call != nullptr && call->done(); });
    EXPECT_GT(bench.script.wakes, wakes);
    EXPECT_EQ(call->outcome().code, Errc::none) << call->outcome().text;

    std::size_t questions = 0;
    bench.script.cluster.faults().on_request = [&](const fake::RequestAttempt& attempt) {
        questions += attempt.header.key != wire::ApiKey::produce;
        return fake::RequestFate::handle;
    };
    ASSERT_TRUE(bench.produce(caller, 0));
    bench.run_until([&] { return caller->reported.load() == 1; });
    EXPECT_EQ(questions, 0U);
    bench.stop(Duration::seconds(1));
}

TEST(WarmUps, SayWhatStandsInTheirWayUntilItDoesNot) {
    ShardBench bench;
    bench.script.cluster.stop_node(1);
    const WarmUpCallRef call = call_for(1);
    EXPECT_EQ(call->outcome().code, Errc::timed_out) << "no turn has come to it";
    bench.shard.request_warm_up(call);
    bench.run(Duration::seconds(2));
    EXPECT_FALSE(call->done());
    EXPECT_EQ(call->outcome().code, Errc::connect_failed);
    EXPECT_NE(call->outcome().text.find("topic topic-1: connect_failed: "), std::string::npos)
        << call->outcome().text;
    bench.script.cluster.start_node(1);
    bench.run_until([&] { return call->done(); });
    EXPECT_EQ(call->outcome().code, Errc::none);
    bench.stop(Duration::seconds(1));
}

TEST(WarmUps, TwoCallsAndOneThatNobodyWaitsForAnyMore) {
    ShardBench bench;
    bench.script.answers_come = false;
    const WarmUpCallRef left = call_for(1);
    const WarmUpCallRef second = call_for(2);
    const WarmUpCallRef third = call_for(2);
    for (const auto& call : {left, second, third}) bench.shard.request_warm_up(call);
    bench.run(Duration::ms(100));
    left->abandon();
    bench.script.answers_come = true;
    bench.run_until([&] { return second->done() && third->done(); });
    EXPECT_FALSE(left->done());
    EXPECT_EQ(left.use_count(), 1) << "the shard has let go of it";
    EXPECT_EQ(second->outcome().code, Errc::none);
    EXPECT_EQ(third->outcome().code, Errc::none);
    bench.stop(Duration::seconds(1));
}

TEST(WarmUps, AStopEndsThem) {
    ShardBench bench;
    bench.script.cluster.stop_node(1);
    const WarmUpCallRef call = call_for(1);
    bench.shard.request_warm_up(call);
    bench.run(Duration::ms(100));
    bench.stop(Duration::seconds(1));
    EXPECT_TRUE(call->done());
    EXPECT_EQ(call->outcome().code, Errc::stopped);
}

}  // namespace
}  // namespace ringpost::shard
