// SPDX-License-Identifier: Apache-2.0
// What a running producer takes: no allocation a record, no memory beyond its limits, no wake-up
// while idle. Every allocator call of this process is counted, mimalloc's and malloc's alike; the
// broker is another process.
#include "running.h"

#include <dirent.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fstream>
#include <thread>

#include "allocator_counts.h"
#include "base/sanitized.h"

namespace ringpost {
namespace {

/// A broker in a process of its own.
class BrokerProcess {
public:
    explicit BrokerProcess(bool discard) {
        int ends[2];
        EXPECT_EQ(pipe(ends), 0);
        pid_ = fork();
        if (pid_ == 0) {
            fake::ClusterOptions cluster{.partitions = 4};
            cluster.discard = discard;
            auto server = tools::BrokerServer::open({.cluster = std::move(cluster)});
            if (!server) _exit(1);
            if (!discard) {
                (*server)->cluster().faults().on_request = [](const fake::RequestAttempt& attempt) {
                    return attempt.header.key == wire::ApiKey::produce ? fake::RequestFate::swallow
                                                                       : fake::RequestFate::handle;
                };
            }
            const std::string address = (*server)->bootstrap() + "\n";
            if (write(ends[1], address.data(), address.size()) < 0) _exit(1);
            (*server)->run();
            _exit(0);
        }
        char c = 0;
        while (read(ends[0], &c, 1) == 1 && c != '\n') bootstrap += c;
        close(ends[0]);
        close(ends[1]);
    }
    ~BrokerProcess() {
        kill(pid_, SIGKILL);
        waitpid(pid_, nullptr, 0);
    }
    std::string bootstrap;

private:
    pid_t pid_ = -1;
};

/// Voluntary context switches of the shard's thread: how often it went to sleep.
std::uint64_t sleeps_of_the_shard() {
    DIR* tasks = opendir("/proc/self/task");
    std::uint64_t sleeps = UINT64_MAX;
    while (const dirent* task = readdir(tasks)) {
        const std::string folder = std::string("/proc/self/task/") + task->d_name;
        std::string name;
        std::getline(std::ifstream(folder + "/comm") >> std::ws, name);
        if (name != "ringpost-0") continue;
        std::ifstream status(folder + "/status");
        for (std::string line; std::getline(status, line);) {
            if (line.starts_with("voluntary_ctxt_switches:")) sleeps = std::stoull(line.substr(24));
        }
    }
    closedir(tasks);
    return sleeps;
}

TEST(RunningProducer, AllocatesNothingForAMillionRecords) {
#ifdef RINGPOST_SANITIZED
    GTEST_SKIP() << "sanitizers bring an allocator of their own";
#endif
    BrokerProcess server(true);
    Producer producer(options_for(server.bootstrap));
    ASSERT_TRUE(producer.start());
    Lane lane = *producer.open_lane();
    const Topic topic = *producer.topic("t");
    const std::string value(100, 'x');
    std::vector<DeliveryReport> reports(4096);
    std::uint64_t seen = 0;
    std::uint64_t sent = 0;
    const auto send = [&](std::uint64_t records) {
        for (std::uint64_t i = 0; i < records; ++i, ++sent) {
            const auto partition = static_cast<std::int32_t>(i % 4);
            while (lane.produce({.topic = topic, .value = value, .partition = partition,
                                 .tag = sent}) != Errc::none) {
                seen += lane.poll_for(reports, 10ms);
            }
        }
        while (seen < sent) seen += lane.poll_for(reports, 1s);
    };
    send(300'000);  // warm-up
    const std::uint64_t before = allocator_counts().calls;
    send(1'000'000);
    EXPECT_EQ(allocator_counts().calls, before);
    EXPECT_EQ(seen, 1'300'000U);
}

TEST(RunningProducer, TakesNoMoreMemoryWhileTheBrokerIsSilent) {
#ifdef RINGPOST_SANITIZED
    GTEST_SKIP() << "sanitizers bring an allocator of their own";
#endif
    BrokerProcess server(false);
    Options options = options_for(server.bootstrap);
    options.buffer_memory = 8 << 20;
    options.lane_records_max = 1'000'000;
    options.delivery_timeout = 60s;
    Producer producer(options);
    ASSERT_TRUE(producer.start());
    Lane lane = *producer.open_lane();
    const std::string value(1000, 'x');
    // Until the cluster is known, its buffers made, and everything is full.
    std::uint64_t accepted = 0;
    while (lane.produce_for({.topic_name = "t", .value = value}, 500ms) == Errc::none) ++accepted;
    const std::uint64_t before = allocator_counts().calls;
    for (int i = 0; i < 100'000; ++i) {
        accepted += lane.produce({.topic_name = "t", .value = value}) == Errc::none;
    }
    EXPECT_EQ(allocator_counts().calls, before);
    EXPECT_LE(accepted * value.size(), options.buffer_memory + options.lane_ring_bytes);
    EXPECT_GT(accepted * value.size(), options.buffer_memory / 2);
    producer.stop(Timeout::zero());
}

TEST(RunningProducer, DoesNotWakeUpWhileIdle) {
    BrokerProcess server(true);
    Producer producer(options_for(server.bootstrap));
    ASSERT_TRUE(producer.start());
    Lane lane = *producer.open_lane();
    ASSERT_EQ(lane.produce({.topic_name = "t", .value = "v"}), Errc::none);
    ASSERT_EQ(poll_all(lane, 1).size(), 1U);
    // The last acknowledgement's own after-work; then the three seconds that are measured.
    std::uint64_t before = sleeps_of_the_shard();
    for (int i = 0; i < 50; ++i) {
        std::this_thread::sleep_for(20ms);
        if (sleeps_of_the_shard() == before) break;
        before = sleeps_of_the_shard();
    }
    ASSERT_NE(before, UINT64_MAX);
    std::this_thread::sleep_for(3s);
    EXPECT_EQ(sleeps_of_the_shard(), before);
}

}  // namespace
}  // namespace ringpost
