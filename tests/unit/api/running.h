// SPDX-License-Identifier: Apache-2.0
// A running producer and its broker, for tests of the public API.
#pragma once

#include <gtest/gtest.h>
#include <ringpost/ringpost.h>
#include <sys/resource.h>

#include <fstream>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "broker_thread.h"
#include "io/raw_peer.h"

namespace ringpost {

using namespace std::chrono_literals;

inline Options options_for(const std::string& brokers, Mode mode = Mode::threaded) {
    Options options;
    options.bootstrap_servers = brokers;
    options.mode = mode;
    options.linger = 1ms;
    options.delivery_timeout = 10s;
    options.stop_timeout = 5s;
    return options;
}

/// Nobody listens there: what is produced stays in memory until it is purged.
inline Options options_for_nobody() {
    Options options = options_for("127.0.0.1:1");
    options.log_level = LogLevel::off;
    options.delivery_timeout = 120s;
    options.stop_timeout = 0s;
    return options;
}

inline std::unique_ptr<tools::BrokerThread> start_broker(fake::ClusterOptions cluster = {
                                                       .partitions = 4}) {
    auto started = tools::BrokerThread::start({.cluster = std::move(cluster)});
    EXPECT_TRUE(started) << started.error().text;
    return std::move(*started);
}

/// As io::run_in_child. The broker's thread waits at the moment of the fork: a lock that it held in
/// the allocator would stay locked in the child, where clang 14's sanitizers look after no fork.
template <typename Body>
std::string run_in_child(tools::BrokerThread& broker, Body body) {
    return broker.call_while_it_waits([&] { return io::Child(std::move(body)); }).wait();
}

/// Takes away what is left of addresses but for `spare` bytes.
inline bool limit_addresses(rlim_t spare) {
    rlim_t pages = 0;
    std::ifstream("/proc/self/statm") >> pages;
    const rlimit limit{pages * static_cast<rlim_t>(::sysconf(_SC_PAGESIZE)) + spare, RLIM_INFINITY};
    return ::setrlimit(RLIMIT_AS, &limit) == 0;
}

/// An error for want of addresses tells what to change.
inline bool names_memory(const std::string& said) {
    return said.find("buffer.memory") != std::string::npos ||
           said.find("lane.ring.bytes") != std::string::npos ||
           said.find("RLIMIT") != std::string::npos;
}

/// Polls until `count` reports have come or ten seconds have passed.
inline std::vector<DeliveryReport> poll_all(Lane& lane, std::size_t count) {
    std::vector<DeliveryReport> all;
    std::array<DeliveryReport, 100> some;
    const auto until = std::chrono::steady_clock::now() + 10s;
    while (all.size() < count && std::chrono::steady_clock::now() < until) {
        const std::size_t n = lane.poll_for(some, 1s);
        all.insert(all.end(), some.begin(), some.begin() + static_cast<std::ptrdiff_t>(n));
    }
    return all;
}

/// Every tag from 0 to count-1 exactly once.
inline void expect_each_tag_once(const std::vector<DeliveryReport>& reports, std::size_t count) {
    std::map<std::uint64_t, int> seen;
    for (const DeliveryReport& report : reports) ++seen[report.tag];
    EXPECT_EQ(seen.size(), count);
    for (const auto& [tag, times] : seen) EXPECT_EQ(times, 1) << "tag " << tag;
}

}  // namespace ringpost
