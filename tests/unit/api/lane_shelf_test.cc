// SPDX-License-Identifier: Apache-2.0
// Reports of all lanes in one queue.
#include "api/lane_shelf.h"

#include <sys/wait.h>
#include <unistd.h>

#include <thread>

#include "running.h"

namespace ringpost {
namespace {

class SharedReports : public testing::TestWithParam<Mode> {
protected:
    Options options() {
        Options o = options_for(server->bootstrap(), GetParam());
        o.delivery_reports_shared = true;
        return o;
    }
    std::vector<DeliveryReport> poll_shared(Producer& producer, std::size_t count) {
        std::vector<DeliveryReport> all;
        std::array<DeliveryReport, 64> some;
        const auto until = std::chrono::steady_clock::now() + 10s;
        while (all.size() < count && std::chrono::steady_clock::now() < until) {
            const std::size_t n = producer.poll_for(some, 1s);
            all.insert(all.end(), some.begin(), some.begin() + static_cast<std::ptrdiff_t>(n));
        }
        return all;
    }
    std::unique_ptr<tools::BrokerThread> server = start_broker();
};

TEST_P(SharedReports, OfEveryLaneAreReadByWhoeverPolls) {
    Producer producer(options());
    Lane a = *producer.open_lane();
    Lane b = *producer.open_lane();
    for (std::uint64_t i = 0; i < 100; ++i) {
        ASSERT_EQ((i % 2 ? a : b).produce({.topic_name = "t", .value = "v", .tag = i}),
                  Errc::none);
    }
    std::array<DeliveryReport, 4> none;
    EXPECT_EQ(a.poll_for(none, 10s), 0U) << "a lane's own poll reads none";
    ASSERT_TRUE(producer.flush(10s).ok());
    expect_each_tag_once(poll_shared(producer, 100), 100);
    EXPECT_EQ(a.produce_sync({.topic_name = "t", .value = "v"}, 1s).error,
              Errc::invalid_argument);
}

TEST_P(SharedReports, OutliveTheLane) {
    Producer producer(options());
    for (std::uint64_t i = 0; i < 50; ++i) {
        Lane lane = *producer.open_lane();
        ASSERT_EQ(lane.produce({.topic_name = "t", .value = "v", .tag = i}), Errc::none);
    }
    expect_each_tag_once(poll_shared(producer, 50), 50);
    std::array<DeliveryReport, 4> none;
    EXPECT_EQ(producer.poll(none), 0U);
}

TEST_P(SharedReports, RunCallbacksWhichMayProduceThroughTheProducer) {
    Producer producer(options());
    int ran = 0;
    const auto again = [&](const DeliveryReport&) {
        std::array<DeliveryReport, 4> none;
        EXPECT_EQ(producer.poll(none), 0U) << "not from within";
        if (++ran < 10) {
            EXPECT_EQ(producer.produce({.topic_name = "t", .value = "v", .tag = 7}), Errc::none);
        }
    };
    Lane lane = *producer.open_lane();
    ASSERT_EQ(lane.produce({.topic_name = "t", .value = "v"}, on_delivery(again)), Errc::none);
    EXPECT_EQ(producer.serve_for(10s), 1U);
    const auto reports = poll_shared(producer, 1);
    ASSERT_EQ(reports.size(), 1U);
    EXPECT_EQ(reports[0].tag, 7U);
}

TEST_P(SharedReports, ALaneMayOutliveItsProducer) {
    Lane lane;
    {
        Producer producer(options());
        lane = *producer.open_lane();
        ASSERT_EQ(lane.produce({.topic_name = "t", .value = "v"}), Errc::none);
    }
    EXPECT_EQ(lane.produce({.topic_name = "t", .value = "v"}), Errc::stopped);
    EXPECT_EQ(lane.outstanding(), 1U);
}

INSTANTIATE_TEST_SUITE_P(Modes, SharedReports, testing::Values(Mode::threaded, Mode::inline_),
                         [](const auto& i) {
                             return i.param == Mode::threaded ? "threaded" : "inline";
                         });

TEST(SharedReportsThreads, ManyProduceAndOnePolls) {
    constexpr std::uint64_t each = 3000;
    auto server = start_broker();
    Options options = options_for(server->bootstrap());
    options.delivery_reports_shared = true;
    options.lane_records_max = 64;  // they wait for the one that polls
    options.max_block = Options::Millis(-1);
    Producer producer(options);
    ASSERT_TRUE(producer.start());
    std::vector<std::thread> threads;
    for (std::uint64_t t = 0; t < 6; ++t) {
        threads.emplace_back([&, t] {
            for (std::uint64_t i = 0; i < each; ++i) {
                ASSERT_EQ(producer.produce({.topic_name = "t", .value = "v", .tag = t * each + i}),
                          Errc::none);
            }
        });
    }
    std::vector<DeliveryReport> all;
    std::array<DeliveryReport, 64> some;
    while (all.size() < 6 * each) {
        const std::size_t n = producer.poll_for(some, 10s);
        ASSERT_NE(n, 0U) << all.size();
        all.insert(all.end(), some.begin(), some.begin() + static_cast<std::ptrdiff_t>(n));
    }
    for (std::thread& thread : threads) thread.join();
    expect_each_tag_once(all, 6 * each);
}

/// A callback that runs until it is told to end.
struct SlowCallback {
    explicit SlowCallback(Producer& producer) : lane(*producer.open_lane()) {
        EXPECT_EQ(lane.produce({.topic_name = "t", .value = "v"}, on_delivery(callback)),
                  Errc::none);
        EXPECT_TRUE(producer.purge(Purge::all, 10s));
        thread = std::thread([&producer] { producer.serve(); });
        running.wait(false);
    }
    ~SlowCallback() {
        end = true;
        end.notify_all();
        thread.join();
    }
    /// Borrowed while it runs, which is longer than the constructor does.
    struct {
        SlowCallback& owner;
        void operator()(const DeliveryReport&) {
            owner.running = true;
            owner.running.notify_all();
            owner.end.wait(false);
        }
    } callback{*this};
    Lane lane;
    std::atomic<bool> running{false};
    std::atomic<bool> end{false};
    std::thread thread;
};

TEST(SharedReportsThreads, APollDoesNotWaitForAnothersCallbacks) {
    Options options = options_for_nobody();
    options.delivery_reports_shared = true;
    Producer producer(options);
    std::array<DeliveryReport, 4> reports;
    Lane other = *producer.open_lane();
    {
        SlowCallback callback(producer);
        EXPECT_EQ(producer.poll(reports), 0U);
        EXPECT_EQ(producer.poll_for(reports, 10ms), 0U);
        ASSERT_EQ(other.produce({.topic_name = "t", .value = "v"}), Errc::none);
        ASSERT_TRUE(producer.purge(Purge::all, 10s));
    }
    EXPECT_EQ(producer.poll_for(reports, 10s), 1U);
}

TEST(SharedReportsThreads, WhoFoundAnotherReadingIsWokenWhenThatHasDone) {
    Options options = options_for_nobody();
    options.delivery_reports_shared = true;
    Producer producer(options);
    std::thread waits;
    {
        SlowCallback callback(producer);
        Lane other = *producer.open_lane();
        ASSERT_EQ(other.produce({.topic_name = "t", .value = "v"}), Errc::none);
        ASSERT_TRUE(producer.purge(Purge::all, 10s));
        waits = std::thread([&] {
            std::array<DeliveryReport, 4> reports;
            EXPECT_EQ(producer.poll_for(reports, 60s), 1U);
        });
        std::this_thread::sleep_for(20ms);
    }
    const auto begin = std::chrono::steady_clock::now();
    waits.join();
    EXPECT_LT(std::chrono::steady_clock::now() - begin, 30s);
}

/// Whoever held a lock in the parent is not there to give it back.
TEST(SharedReportsThreads, AForkedChildCanDestroyTheProducerThoughSomebodyReads) {
    Options options = options_for_nobody();
    options.delivery_reports_shared = true;
    auto producer = std::make_unique<Producer>(options);
    SlowCallback callback(*producer);
    const pid_t child = fork();
    if (child == 0) {
        alarm(20);
        producer.reset();
        _exit(0);
    }
    int status = -1;
    ASSERT_EQ(waitpid(child, &status, 0), child);
    EXPECT_TRUE(WIFEXITED(status)) << "hung until the alarm";
}

}  // namespace
}  // namespace ringpost
