// SPDX-License-Identifier: Apache-2.0
#include "shard/shard_thread.h"

#include <dirent.h>
#include <gtest/gtest.h>
#include <sched.h>
#include <unistd.h>

#include <chrono>
#include <cstdlib>
#include <fstream>
#include <string>

namespace ringpost::shard {
namespace {

ShardOptions small_shard() {
    ShardOptions options;
    options.produce.seeds = {{"127.0.0.1", 1}};  // nobody connects before a record comes
    options.memory_bytes = 1 << 20;
    return options;
}

struct Running {
    explicit Running(const ShardOptions& options = small_shard()) : shard(options), thread(shard) {}
    ~Running() {
        shard.request_stop(Duration{});
        thread.join();
    }
    Shard shard;
    ShardThread thread;
};

/// The id of this process's thread of that name, or 0.
pid_t thread_named(const std::string& name) {
    DIR* tasks = opendir("/proc/self/task");
    pid_t found = 0;
    while (const dirent* task = readdir(tasks)) {
        std::ifstream comm("/proc/self/task/" + std::string(task->d_name) + "/comm");
        std::string line;
        if (std::getline(comm, line) && line == name) found = std::atoi(task->d_name);
    }
    closedir(tasks);
    return found;
}

/// The kernel may tell of a thread for an instant after it has been joined.
bool is_gone(const std::string& name) {
    const auto until = std::chrono::steady_clock::now() + std::chrono::seconds(10);
    while (thread_named(name) != 0 && std::chrono::steady_clock::now() < until) sched_yield();
    return thread_named(name) == 0;
}

std::string status_line(pid_t thread, const std::string& field) {
    std::ifstream status("/proc/self/task/" + std::to_string(thread) + "/status");
    for (std::string line; std::getline(status, line);) {
        if (line.starts_with(field + ":")) return line.substr(field.size() + 1);
    }
    return "";
}

TEST(ShardThread, IsNamedAndGoneAfterItsJoin) {
    {
        Running running;
        ASSERT_TRUE(running.thread.start("kafka-0", std::nullopt));
        EXPECT_NE(thread_named("kafka-0"), 0);
        running.shard.request_stop(Duration{});
        running.thread.join();
        EXPECT_TRUE(running.shard.stopped());
        running.thread.join();  // a second join has nothing to wait for
    }
    EXPECT_TRUE(is_gone("kafka-0"));
}

TEST(ShardThread, CutsItsNameToWhatTheKernelTakes) {
    Running running;
    ASSERT_TRUE(running.thread.start("a-name-of-more-than-fifteen-bytes", std::nullopt));
    EXPECT_NE(thread_named("a-name-of-more-"), 0);
}

TEST(ShardThread, IsPinnedToItsCpuAlone) {
    cpu_set_t allowed;
    ASSERT_EQ(sched_getaffinity(0, sizeof allowed, &allowed), 0);
    std::uint32_t cpu = 0;
    while (!CPU_ISSET(cpu, &allowed)) ++cpu;
    Running running;
    ASSERT_TRUE(running.thread.start("pinned", cpu));
    cpu_set_t pinned;
    ASSERT_EQ(sched_getaffinity(thread_named("pinned"), sizeof pinned, &pinned), 0);
    EXPECT_EQ(CPU_COUNT(&pinned), 1);
    EXPECT_TRUE(CPU_ISSET(cpu, &pinned));
    ASSERT_EQ(sched_getaffinity(0, sizeof pinned, &pinned), 0);
    EXPECT_TRUE(CPU_EQUAL(&pinned, &allowed)) << "the starting thread keeps its own CPUs";
}

TEST(ShardThread, SaysWhichCpuThereIsNot) {
    for (const std::uint32_t cpu : {1023U, 1024U, 1'000'000U}) {
        Running running;
        const Result<void> started = running.thread.start("nowhere", cpu);
        ASSERT_FALSE(started);
        EXPECT_EQ(started.error().code, Errc::invalid_option);
        EXPECT_NE(started.error().text.find("cpu.affinity"), std::string::npos);
        EXPECT_NE(started.error().text.find(std::to_string(cpu)), std::string::npos);
        EXPECT_TRUE(is_gone("nowhere"));
    }
}

TEST(ShardThread, SaysWhyItsShardCouldNotOpen) {
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
    GTEST_SKIP() << "a sanitizer ends the program for such a request";
#endif
    ShardOptions options = small_shard();
    options.memory_bytes = std::uint64_t{1} << 56;
    Running running(options);
    const Result<void> started = running.thread.start("large", std::nullopt);
    ASSERT_FALSE(started);
    EXPECT_EQ(started.error().code, Errc::out_of_memory);
    EXPECT_TRUE(is_gone("large"));
}

TEST(ShardThread, LeavesTheProgramsSignalsToTheProgram) {
    sigset_t before;
    pthread_sigmask(SIG_SETMASK, nullptr, &before);
    Running running;
    ASSERT_TRUE(running.thread.start("quiet", std::nullopt));
    const std::string blocked = status_line(thread_named("quiet"), "SigBlk");
    const std::uint64_t mask = std::stoull(blocked, nullptr, 16);
    for (const int signal : {SIGINT, SIGTERM, SIGHUP, SIGUSR1, SIGCHLD, SIGALRM}) {
        EXPECT_NE(mask & (std::uint64_t{1} << (signal - 1)), 0U) << signal;
    }
    sigset_t after;
    pthread_sigmask(SIG_SETMASK, nullptr, &after);
    for (int signal = 1; signal < 32; ++signal) {
        EXPECT_EQ(sigismember(&before, signal), sigismember(&after, signal));
    }
}

TEST(ShardThread, OneThatNeverStartedNeedsNoEnd) {
    Shard shard(small_shard());
    ShardThread thread(shard);
    thread.join();
}

TEST(ShardThread, ManyComeAndGo) {
    for (int i = 0; i < 50; ++i) {
        Running running;
        ASSERT_TRUE(running.thread.start("brief", std::nullopt));
        running.shard.wake_if_parked();
    }
}

}  // namespace
}  // namespace ringpost::shard
