// SPDX-License-Identifier: Apache-2.0
// paced_load BROKERS TOPIC PARTITIONS RATE SECONDS: one lane that offers each partition RATE
// records a second of 1,000 bytes, whatever becomes of them, and goes on where a limit is reached.
// Every tenth of a second it writes how many of each partition's records have been delivered:
//   MILLISECONDS DELIVERED...
// Then it flushes, and writes how many it accepted, how many were delivered and how many failed.

#include <ringpost/ringpost.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

namespace {

using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;

struct Counts {
    std::vector<std::uint64_t> delivered;
    std::uint64_t accepted = 0;
    std::uint64_t failed = 0;
};

void take_reports(ringpost::Lane& lane, Counts& counts, Clock::time_point until) {
    std::vector<ringpost::DeliveryReport> reports(1024);
    for (bool again = true; again;) {
        const auto left = std::max<std::chrono::nanoseconds>(until - Clock::now(), 0ns);
        const std::size_t count = lane.poll_for(reports, left);
        for (std::size_t i = 0; i < count; ++i) {
            const auto& report = reports[i];
            if (report.ok()) ++counts.delivered[static_cast<std::size_t>(report.partition)];
            counts.failed += !report.ok();
        }
        again = count == reports.size() || left > 0ns;
    }
}

void write(const Counts& counts, Clock::duration since) {
    std::printf("%ld", static_cast<long>(since / 1ms));
    for (const std::uint64_t delivered : counts.delivered) std::printf(" %lu", delivered);
    std::printf("\n");
    std::fflush(stdout);
}

}  // namespace

int main(int argc, char** argv) {
    if (argc != 6) {
        std::fprintf(stderr, "paced_load BROKERS TOPIC PARTITIONS RATE SECONDS\n");
        return 2;
    }
    ringpost::Options options;
    options.bootstrap_servers = argv[1];
    options.buffer_memory = 8 << 20;
    options.lane_ring_bytes = 1 << 20;
    options.message_max_bytes = 100'000;
    options.log_level = ringpost::LogLevel::off;
    ringpost::Producer producer(options);
    if (const auto up = producer.start(); !up) {
        std::fprintf(stderr, "%s\n", up.error().text.c_str());
        return 1;
    }
    ringpost::Lane lane = *producer.open_lane();
    const ringpost::Topic topic = *producer.topic(argv[2]);
    Counts counts;
    counts.delivered.resize(static_cast<std::size_t>(std::atoi(argv[3])));
    const auto pause = std::chrono::nanoseconds(1s) / std::atol(argv[4]);
    const std::string value(1000, 'v');
    const auto begin = Clock::now();
    const auto end = begin + std::chrono::seconds(std::atol(argv[5]));
    auto written = begin;
    for (auto due = begin; due < end; due += pause) {
        take_reports(lane, counts, due);
        for (std::size_t partition = 0; partition < counts.delivered.size(); ++partition) {
            const ringpost::Record record{.topic = topic,
                                          .value = value,
                                          .partition = static_cast<std::int32_t>(partition)};
            counts.accepted += lane.produce(record) == ringpost::Errc::none;
        }
        if (due - written >= 100ms) write(counts, (written = due) - begin);
    }
    lane.flush(120s);
    take_reports(lane, counts, Clock::now());
    std::uint64_t delivered = 0;
    for (const std::uint64_t of_partition : counts.delivered) delivered += of_partition;
    std::printf("%lu %lu %lu\n", counts.accepted, delivered, counts.failed);
}
