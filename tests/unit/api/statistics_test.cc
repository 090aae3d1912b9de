// SPDX-License-Identifier: Apache-2.0
// What a producer tells of itself, through the public calls.
#include <ringpost/statistics.h>

#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <nlohmann/json.hpp>
#include <thread>

#include "running.h"

namespace ringpost {
namespace {

using Json = nlohmann::json;

class StatisticsOf : public testing::TestWithParam<Mode> {
protected:
    void start(Options options) {
        producer = std::make_unique<Producer>(std::move(options));
        ASSERT_TRUE(producer->start());
        auto opened = producer->open_lane();
        ASSERT_TRUE(opened);
        lane = std::move(*opened);
    }
    void start() { start(options_for(server->bootstrap(), GetParam())); }
    void produce(std::uint64_t count) {
        for (std::uint64_t i = 0; i < count; ++i) {
            ASSERT_EQ(lane.produce({.topic = *producer->topic("t"), .value = "value", .tag = i}),
                      Errc::none);
        }
    }

    std::unique_ptr<tools::BrokerThread> server = start_broker();
    std::unique_ptr<Producer> producer;
    Lane lane;
};

TEST_P(StatisticsOf, CountEveryRecordOnItsWay) {
    start();
    produce(1'000);
    ASSERT_TRUE(lane.flush(10s).ok());
    poll_all(lane, 1'000);
    ASSERT_TRUE(producer->stop(5s));
    const Statistics all = producer->statistics();
    ASSERT_EQ(all.shards.size(), 1U);
    const ShardStatistics& s = all.shards[0];
    EXPECT_EQ(s.records_taken, 1'000U);
    EXPECT_EQ(s.records_delivered, 1'000U);
    EXPECT_EQ(s.records_failed, 0U);
    EXPECT_EQ(s.records_queued(), 0U);
    EXPECT_EQ(s.ring_bytes_queued, 0U);
    EXPECT_GE(s.bytes_taken, 1'000U * (5 + 32));
    EXPECT_EQ(s.bytes_delivered, s.batch_bytes_sent);
    EXPECT_EQ(s.batch_records_sent, 1'000U);
    EXPECT_EQ(s.batches_sent, s.batches_delivered);
    EXPECT_EQ(s.batches_retried, 0U);
    EXPECT_GT(s.request_bytes_sent, s.batch_bytes_sent);
    EXPECT_EQ(s.requests_in_flight, 0U);
    EXPECT_EQ(s.memory_used, 0U);
    EXPECT_GE(s.memory_total, 30U << 20);
    EXPECT_EQ(s.connections_up, 0U);
    EXPECT_GE(s.turns, s.sleeps);
    EXPECT_EQ(s.turn_time.total(), s.turns);
    EXPECT_EQ(s.latency.total(), s.batches_delivered);
    EXPECT_GT(s.latency.max(), s.latency.max().zero());
    ASSERT_EQ(s.brokers.size(), 1U);
    EXPECT_EQ(s.brokers[0].id, 1);
    EXPECT_EQ(s.brokers[0].requests_sent, s.requests_sent);
    EXPECT_EQ(s.brokers[0].round_trip.total(), s.requests_sent);
    EXPECT_DOUBLE_EQ(s.records_per_batch() * static_cast<double>(s.batches_sent), 1'000);
}

TEST_P(StatisticsOf, WithoutThemOnlyTheHistogramsAreEmpty) {
    Options options = options_for(server->bootstrap(), GetParam());
    ASSERT_TRUE(options.set("statistics.enable", "false"));
    start(options);
    produce(10);
    ASSERT_TRUE(producer->flush(10s).ok());   // a lane's may end in the middle of a turn
    const ShardStatistics s = producer->statistics().total();
    EXPECT_EQ(s.records_delivered, 10U);
    EXPECT_GT(s.turns, 0U);
    EXPECT_EQ(s.turn_time.total(), 0U);
    EXPECT_EQ(s.latency.total(), 0U);
    ASSERT_EQ(s.brokers.size(), 1U);
    EXPECT_GT(s.brokers[0].requests_answered, 0U);
    EXPECT_EQ(s.brokers[0].round_trip.total(), 0U);
}

TEST_P(StatisticsOf, SayWhatWaitsForABroker) {
    start(options_for_nobody());
    produce(100);
    const auto until = std::chrono::steady_clock::now() + 10s;
    while (producer->statistics().total().records_taken < 100) {
        ASSERT_LT(std::chrono::steady_clock::now(), until);
        lane.poll({});   // inline, this turns the loop
    }
    const ShardStatistics s = producer->statistics().total();
    EXPECT_EQ(s.records_queued(), 100U);
    EXPECT_GT(s.memory_used, 0U);
    EXPECT_GT(s.batches_held, 0U);
    EXPECT_EQ(s.connections_up, 0U);
    EXPECT_TRUE(s.brokers.empty());
    EXPECT_FALSE(producer->stop(0s));
    const ShardStatistics end = producer->statistics().total();
    EXPECT_EQ(end.records_failed, 100U);
    EXPECT_GT(end.bytes_failed, 0U);
    EXPECT_EQ(end.batches_sent, 0U);
}

INSTANTIATE_TEST_SUITE_P(Modes, StatisticsOf, testing::Values(Mode::threaded, Mode::inline_),
                         [](const auto& tested) {
                             return tested.param == Mode::threaded ? "threaded" : "inline";
                         });

TEST(Statistics, BeforeAStartAndInAForkedChildThereAreNone) {
    const auto server = start_broker();
    Producer producer(options_for(server->bootstrap()));
    EXPECT_TRUE(producer.statistics().shards.empty());
    ASSERT_TRUE(producer.start());
    EXPECT_EQ(producer.statistics().shards.size(), 1U);
    const pid_t child = fork();
    if (child == 0) _exit(producer.statistics().shards.empty() ? 0 : 1);
    int status = -1;
    ASSERT_EQ(waitpid(child, &status, 0), child);
    EXPECT_EQ(status, 0);
}

TEST(Statistics, AnyThreadReadsThemWhileOthersProduceAndTheyAlwaysAddUp) {
    constexpr std::uint64_t records = 20'000;
    const auto server = start_broker();
    Options options = options_for(server->bootstrap());
    options.shards = 2;
    Producer producer(options);
    ASSERT_TRUE(producer.start());
    std::atomic<bool> done{false};
    std::atomic<std::uint64_t> looks{0};
    const auto look = [&] {
        std::uint64_t delivered = 0;
        while (!done.load()) {
            const Statistics all = producer.statistics();
            const ShardStatistics s = all.total();
            for (const ShardStatistics& shard : all.shards) {
                ASSERT_GE(shard.records_taken, shard.records_delivered + shard.records_failed);
                ASSERT_GE(shard.batch_records_sent, shard.records_delivered);
                ASSERT_LE(shard.sleeps, shard.turns);
                ASSERT_LE(shard.memory_used, shard.memory_total);
            }
            ASSERT_GE(s.records_delivered, delivered);
            delivered = s.records_delivered;
            ASSERT_FALSE(to_json(all).empty());
            ++looks;
        }
    };
    std::thread reader(look);
    std::thread another(look);
    std::vector<std::thread> callers;
    for (int i = 0; i < 2; ++i) {
        callers.emplace_back([&] {
            const Topic topic = *producer.topic("t");
            for (std::uint64_t n = 0; n < records; ++n) {
                ASSERT_EQ(producer.produce_for({.topic = topic, .value = "v"}, 10s), Errc::none);
                if (n % 100 == 0) {
                    std::array<DeliveryReport, 200> reports;
                    producer.poll(reports);
                }
            }
        });
    }
    for (std::thread& caller : callers) caller.join();
    EXPECT_TRUE(producer.flush(20s).ok());
    const std::uint64_t before = looks;
    while (looks < before + 2) std::this_thread::yield();
    done = true;
    reader.join();
    another.join();
    EXPECT_EQ(producer.statistics().total().records_delivered, 2 * records);
}

TEST(Statistics, ShardsAddUpAndBrokersById) {
    Statistics all;
    all.shards.resize(2);
    all.shards[0].turns = 3;
    all.shards[1].turns = 4;
    all.shards[0].brokers.resize(1);
    all.shards[0].brokers[0].id = 1;
    all.shards[0].brokers[0].requests_sent = 10;
    all.shards[1].brokers.resize(2);
    all.shards[1].brokers[0].id = 2;
    all.shards[1].brokers[1].id = 1;
    all.shards[1].brokers[1].requests_sent = 20;
    all.shards[1].latency.counts[5] = 7;
    const ShardStatistics sum = all.total();
    EXPECT_EQ(sum.turns, 7U);
    EXPECT_EQ(sum.latency.total(), 7U);
    ASSERT_EQ(sum.brokers.size(), 2U);
    EXPECT_EQ(sum.brokers[0].id, 1);
    EXPECT_EQ(sum.brokers[0].requests_sent, 30U);
}

TEST(Statistics, AsJsonTheyHaveOneNameForEachNumber) {
    Statistics all;
    all.at = std::chrono::system_clock::time_point(1'700'000'000'123ms);
    EXPECT_EQ(Json::parse(to_json(all)),
              Json({{"timestamp_ms", 1'700'000'000'123}, {"shards", Json::array()}}));
    all.shards.resize(2);
    all.shards[1].records_taken = 12;
    all.shards[1].records_delivered = 9;
    all.shards[1].batches_sent = 2;
    all.shards[1].batch_records_sent = 9;
    all.shards[1].turn_time.counts[Histogram::bucket_of(2'500)] = 3;
    all.shards[1].turn_time.max_ns = 2'500;
    all.shards[1].brokers.resize(2);
    all.shards[1].brokers[1].id = 5;
    all.shards[1].brokers[1].throttled = 40ms;
    const std::string text = to_json(all);
    EXPECT_EQ(text.find('\n'), std::string::npos);
    const Json json = Json::parse(text);
    ASSERT_EQ(json["shards"].size(), 2U);
    const Json& shard = json["shards"][1];
    EXPECT_EQ(shard["records_taken"], 12);
    EXPECT_EQ(shard["records_queued"], 3);
    EXPECT_EQ(shard["records_per_batch"], 4.5);
    EXPECT_EQ(shard["turn_time_us"]["count"], 3);
    EXPECT_EQ(shard["turn_time_us"]["max"], 2.5);
    EXPECT_EQ(shard["latency_us"]["p99"], 0.0);
    EXPECT_EQ(shard["brokers"][1]["id"], 5);
    EXPECT_EQ(shard["brokers"][1]["throttled_ms"], 40);
    EXPECT_EQ(shard["brokers"][1]["round_trip_us"]["count"], 0);
}

}  // namespace
}  // namespace ringpost
