// SPDX-License-Identifier: Apache-2.0
// What the scenarios of under_load have in common: brokers that can be killed, callers that produce
// as fast as it goes, the shard's CPU, and rows of figures.
#pragma once

#include <ringpost/ringpost.h>

#include <array>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "child.h"
#include "payload.h"

namespace ringpost::bench {

using Clock = std::chrono::steady_clock;
using namespace std::chrono_literals;

double seconds_since(Clock::time_point begin);

/// One figure of a scenario.
struct Row {
    std::string scenario, what;
    double value = 0;
    std::string unit;
    std::string goal;   ///< in words; empty: none
};
using Rows = std::vector<Row>;

/// Everything by default but who to talk to, and rings of a size that 64 lanes can have.
Options load_options(const std::string& brokers);

/// A producer that has started and knows the topic.
class Loaded {
public:
    static constexpr std::string_view topic_name = "load";

    explicit Loaded(Options options);
    Producer& operator*() { return producer_; }
    Producer* operator->() { return &producer_; }
    Topic topic() const { return topic_; }
    ShardStatistics total() const { return producer_.statistics().total(); }

private:
    Producer producer_;
    Topic topic_;
};

/// Produces 100 bytes at a time, or other values, to `partitions` partitions in turn, and polls.
class Caller {
public:
    Caller(Loaded& loaded, std::int32_t partitions, PayloadKind kind = PayloadKind::same,
           std::size_t bytes = 100);
    /// A record, or, where there is no room, a look at the reports.
    void step();
    /// All reports of what was accepted.
    void finish();

    std::uint64_t accepted() const { return accepted_; }
    std::uint64_t delivered() const { return delivered_; }
    std::uint64_t failed() const { return failed_; }
    /// By the broker that it was sent to, 0 to 3.
    std::uint64_t delivered_by(std::size_t broker) const { return by_broker_[broker]; }

private:
    void poll(Timeout wait);

    Lane lane_;
    const Topic topic_;
    const std::int32_t partitions_;
    Payload payload_;
    std::uint64_t offered_ = 0;
    std::uint64_t accepted_ = 0;
    std::int32_t refused_ = 0;       ///< in a row
    std::uint64_t delivered_ = 0;
    std::uint64_t failed_ = 0;
    std::array<std::uint64_t, 4> by_broker_{};
    std::vector<DeliveryReport> reports_ = std::vector<DeliveryReport>(4096);
};

/// CPU time that the calling thread has used, in nanoseconds.
std::int64_t thread_cpu_ns();

/// CPU time that the shard's thread has used, in seconds.
double shard_cpu_seconds();

/// "listening on ADDRESS (node 1)"
std::string address_said(Child& child);

/// `ringpost broker --discard` on that address (port 0: any).
std::vector<std::string> broker_command(const std::string& address, unsigned partitions);

// The scenarios. `lasts`: each of their phases.
using Seconds = std::chrono::duration<double>;
Rows many_callers(Seconds lasts);
Rows cold_burst(std::uint64_t records);
Rows slow_broker(Seconds lasts);
Rows wide_metadata(Seconds lasts);
Rows outage(Seconds lasts, bool killed);
Rows compressing(Seconds lasts);

/// The process that cold_burst starts: prints its figures as one line.
int run_cold_burst(const std::string& brokers, std::uint64_t records);

}  // namespace ringpost::bench
