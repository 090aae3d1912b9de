// SPDX-License-Identifier: Apache-2.0
// Threads that just call the producer.
#include "api/thread_lanes.h"

#include <fstream>
#include <set>
#include <thread>

#include "running.h"

namespace ringpost {
namespace {

std::vector<DeliveryReport> poll_all_of(Producer& producer, std::size_t count) {
    std::vector<DeliveryReport> all;
    std::array<DeliveryReport, 64> some;
    const auto until = std::chrono::steady_clock::now() + 10s;
    while (all.size() < count && std::chrono::steady_clock::now() < until) {
        const std::size_t n = producer.poll_for(some, 1s);
        all.insert(all.end(), some.begin(), some.begin() + static_cast<std::ptrdiff_t>(n));
    }
    return all;
}

TEST(ThreadLanes, EachThreadGetsTheReportsOfItsOwnRecords) {
    auto server = start_broker();
    Producer producer(options_for(server->bootstrap()));  // started by the first call
    std::vector<std::thread> threads;
    for (std::uint64_t t = 0; t < 6; ++t) {
        threads.emplace_back([&, t] {
            for (std::uint64_t i = 0; i < 1000; ++i) {
                ASSERT_EQ(producer.produce_for({.topic_name = "t", .value = "v",
                                                .tag = t * 1000 + i}, 10s), Errc::none);
            }
            std::set<std::uint64_t> tags;
            for (const auto& report : poll_all_of(producer, 1000)) {
                EXPECT_TRUE(report.ok());
                tags.insert(report.tag);
            }
            EXPECT_EQ(tags.size(), 1000U);
            EXPECT_EQ(*tags.begin(), t * 1000);
            EXPECT_EQ(*tags.rbegin(), t * 1000 + 999);
        });
    }
    for (std::thread& thread : threads) thread.join();
    EXPECT_EQ(producer.state(), Producer::State::running);
}

TEST(ThreadLanes, WhatAnEndedThreadLeavesGoesToTheNextThatPolls) {
    auto server = start_broker();
    Producer producer(options_for(server->bootstrap()));
    for (std::uint64_t t = 0; t < 5; ++t) {
        std::thread([&, t] {
            for (std::uint64_t i = 0; i < 100; ++i) {
                ASSERT_EQ(producer.produce({.topic_name = "t", .value = "v", .tag = t * 100 + i}),
                          Errc::none);
            }
        }).join();
    }
    ASSERT_TRUE(producer.flush(10s).ok());
    const auto reports = poll_all_of(producer, 500);
    expect_each_tag_once(reports, 500);
    std::array<DeliveryReport, 4> more;
    EXPECT_EQ(producer.poll(more), 0U);
    // Each of the five lanes held credits and its place in a shard: a thousand more threads.
    for (int t = 0; t < 1000; ++t) {
        std::thread([&] {
            EXPECT_TRUE(producer.produce_sync({.topic_name = "t", .value = "v"}, 10s).ok());
        }).join();
    }
    EXPECT_EQ(producer.poll(more), 0U);
}

TEST(ThreadLanes, AFailedRecordsBytesAreHandedOverToo) {
    auto server = start_broker();
    server->call([](fake::Cluster& cluster) {
        cluster.faults().on_produce = [](const fake::ProduceAttempt&) {
            return fake::ProduceFault{Errc::policy_violation};
        };
    });
    Producer producer(options_for(server->bootstrap()));
    std::thread([&] {
        ASSERT_EQ(producer.produce({.topic_name = "t", .value = "precious"}), Errc::none);
    }).join();
    const auto reports = poll_all_of(producer, 1);
    ASSERT_EQ(reports.size(), 1U);
    ASSERT_TRUE(reports[0].has_record);
    EXPECT_EQ(reports[0].value.text(), "precious");
}

TEST(ThreadLanes, SeveralProducersInOneThread) {
    auto server = start_broker();
    Options options = options_for(server->bootstrap());
    options.buffer_memory = 4 << 20;
    for (int round = 0; round < 3; ++round) {
        Producer a(options);
        Producer b(options);
        ASSERT_EQ(a.produce({.topic_name = "t", .value = "v", .tag = 1}), Errc::none);
        ASSERT_EQ(b.produce({.topic_name = "t", .value = "v", .tag = 2}), Errc::none);
        const auto of_b = poll_all_of(b, 1);
        ASSERT_EQ(of_b.size(), 1U);
        EXPECT_EQ(of_b[0].tag, 2U);
        const auto of_a = poll_all_of(a, 1);
        ASSERT_EQ(of_a.size(), 1U);
        EXPECT_EQ(of_a[0].tag, 1U);
    }
}

TEST(ThreadLanes, AThreadMayOutliveTheProducer) {
    auto server = start_broker();
    auto producer = std::make_unique<Producer>(options_for(server->bootstrap()));
    std::atomic<int> stage{0};
    std::thread thread([&] {
        ASSERT_EQ(producer->produce({.topic_name = "t", .value = "v"}), Errc::none);
        stage = 1;
        stage.notify_one();
        stage.wait(1);
    });
    stage.wait(0);
    producer.reset();
    stage = 2;
    stage.notify_one();
    thread.join();
}

TEST(ThreadLanes, StartsAgainAfterAStop) {
    auto server = start_broker();
    Producer producer(options_for(server->bootstrap()));
    const Topic topic = *producer.topic("t");
    Lane old = *producer.open_lane();
    for (std::uint64_t round = 0; round < 3; ++round) {
        ASSERT_TRUE(producer.start());
        ASSERT_TRUE(producer.start()) << "it is up";
        EXPECT_EQ(producer.state(), Producer::State::running);
        ASSERT_EQ(producer.produce({.topic = topic, .value = "v", .tag = round}), Errc::none);
        const auto reports = poll_all_of(producer, 1);
        ASSERT_EQ(reports.size(), 1U);
        EXPECT_EQ(reports[0].tag, round);
        EXPECT_EQ(producer.topic_name(reports[0].topic), "t");
        EXPECT_TRUE(producer.stop(10s));
        EXPECT_EQ(producer.produce({.topic = topic, .value = "v"}), Errc::stopped);
    }
    EXPECT_EQ(old.produce({.topic = topic, .value = "v"}), Errc::stopped);
}

TEST(ThreadLanes, AStartThatFailsIsToldByTheCallThatNeededIt) {
    Options options = options_for("127.0.0.1:1");
    options.batch_bytes = 1;
    Producer producer(options);
    EXPECT_EQ(producer.produce({.topic_name = "t", .value = "v"}), Errc::invalid_option);
    const auto lane = producer.open_lane();
    ASSERT_FALSE(lane);
    EXPECT_NE(lane.error().text.find("batch.size"), std::string::npos) << lane.error().text;
    EXPECT_EQ(producer.produce_sync({.topic_name = "t", .value = "v"}, 1s).error,
              Errc::invalid_option);
}

TEST(ThreadLanes, APollThatWaitsIsWokenForAThreadThatEnds) {
    Producer producer(options_for_nobody());
    ASSERT_TRUE(producer.start());
    const auto leave_a_report = [&] {
        std::thread([&] {
            ASSERT_EQ(producer.produce({.topic_name = "t", .value = "v"}), Errc::none);
            std::this_thread::sleep_for(50ms);  // so that the poll has begun
            ASSERT_TRUE(producer.purge(Purge::all, 10s));
        }).join();
    };
    std::array<DeliveryReport, 4> reports;
    for (const bool with_a_lane : {false, true}) {
        if (with_a_lane) {
            ASSERT_EQ(producer.produce({.topic_name = "t", .value = "v"}), Errc::none);
            ASSERT_TRUE(producer.purge(Purge::all, 10s));
            ASSERT_EQ(poll_all_of(producer, 1).size(), 1U);
        }
        std::thread worker(leave_a_report);
        EXPECT_EQ(producer.poll_for(reports, 60s), 1U);
        worker.join();
    }
    // It ends before its record does: the waiting poll has adopted the lane by then.
    std::thread([&] {
        ASSERT_EQ(producer.produce({.topic_name = "t", .value = "v"}), Errc::none);
    }).join();
    std::thread purges([&] {
        std::this_thread::sleep_for(50ms);
        ASSERT_TRUE(producer.purge(Purge::all, 10s));
    });
    const auto begin = std::chrono::steady_clock::now();
    EXPECT_EQ(producer.poll_for(reports, 60s), 1U);
    EXPECT_LT(std::chrono::steady_clock::now() - begin, 30s);
    purges.join();
}

/// The thread's lanes are gone by then; the last records go out all the same.
TEST(ThreadLanesDeathTest, MayBeUsedByAStaticObjectsDestructor) {
    testing::FLAGS_gtest_death_test_style = "threadsafe";
    const auto leave = [] {
        static Producer producer(options_for_nobody());
        struct AtExit {
            ~AtExit() {
                std::array<DeliveryReport, 8> reports;
                const bool accepted =
                    producer.produce({.topic_name = "t", .value = "bye"}) == Errc::none;
                const bool purged = producer.purge(Purge::all, 10s);
                const std::size_t polled = producer.poll(reports) + producer.poll(reports);
                _exit(accepted && purged && polled == 2 ? 0 : 3);
            }
        };
        static AtExit at_exit;
        if (producer.produce({.topic_name = "t", .value = "v"}) != Errc::none) _exit(4);
        std::exit(5);
    };
    EXPECT_EXIT(leave(), testing::ExitedWithCode(0), "");
}

TEST(ThreadLanes, ACallbackThatPollsLeavesItsOwnLaneAlone) {
    Producer producer(options_for_nobody());
    std::size_t polled = 99;
    const auto polls = [&](const DeliveryReport& report) {
        std::array<DeliveryReport, 4> reports;
        polled = producer.poll(reports);
        EXPECT_EQ(report.tag, 5U);
    };
    std::thread([&] {
        ASSERT_EQ(producer.produce({.topic_name = "t", .value = "v", .tag = 5},
                                   on_delivery(polls)), Errc::none);
    }).join();
    ASSERT_TRUE(producer.purge(Purge::all, 10s));
    EXPECT_EQ(producer.serve(), 1U);
    EXPECT_EQ(polled, 0U);
}

TEST(ThreadLanes, AFirstProduceDoesNotWaitForAStop) {
    Producer producer(options_for_nobody());
    ASSERT_EQ(producer.produce({.topic_name = "t", .value = "v"}), Errc::none);
    std::thread stops([&] { producer.stop(30s); });
    while (producer.state() != Producer::State::stopping) std::this_thread::yield();
    std::thread([&] {
        EXPECT_EQ(producer.produce({.topic_name = "t", .value = "v"}), Errc::stopped);
        EXPECT_EQ(producer.produce_sync({.topic_name = "t", .value = "v"}, 100ms).error,
                  Errc::stopped);
        EXPECT_EQ(producer.state(), Producer::State::stopping);
    }).join();
    EXPECT_TRUE(producer.purge(Purge::all, 10s));  // with nothing left, the stop ends
    stops.join();
}

/// Reports that nobody need poll do not keep the lanes of threads that come and go.
TEST(ThreadLanes, OfEndedThreadsThatOnlyWantErrorsAreLetGo) {
    auto server = start_broker();
    Options options = options_for(server->bootstrap());
    options.delivery_reports = Reports::errors;
    Producer producer(options);
    const auto count_maps = [] {
        std::ifstream in("/proc/self/statm");
        std::size_t pages = 0;
        in >> pages;
        return pages;
    };
    std::size_t after_some = 0;
    for (int i = 0; i < 200; ++i) {
        std::thread([&] {
            ASSERT_EQ(producer.produce_for({.topic_name = "t", .value = "v"}, 10s), Errc::none);
        }).join();
        ASSERT_TRUE(producer.flush(10s).ok());
        if (i == 20) after_some = count_maps();
    }
    EXPECT_LT(count_maps(), after_some + 20 * (options.lane_ring_bytes / 4096));
}

}  // namespace
}  // namespace ringpost
