// SPDX-License-Identifier: Apache-2.0
#include "scale_worker.h"

#include <fmt/format.h>
#include <ringpost/ringpost.h>
#include <sys/resource.h>

#include <barrier>
#include <chrono>
#include <string>
#include <thread>
#include <vector>

#include "lane_sender.h"

namespace ringpost::bench {

namespace {

using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;

Options options_of(const Shape& shape, const std::string& brokers) {
    Options options;
    options.bootstrap_servers = brokers;
    options.acks = Acks::leader;
    options.shards = shape.shards;
    // For 10,000 open batches, too; the same for all shapes.
    options.buffer_memory = 128ULL << 20;
    options.log_sink = [](LogLevel, std::string_view line) { fmt::print(stderr, "{}\n", line); };
    return options;
}

double cpu_s() {
    rusage usage{};
    getrusage(RUSAGE_SELF, &usage);
    const auto seconds = [](const timeval& t) {
        return static_cast<double>(t.tv_sec) + 1e-6 * static_cast<double>(t.tv_usec);
    };
    return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

std::vector<Topic> topics_of(Producer& producer, std::uint32_t count) {
    std::vector<std::string> names;
    std::vector<Topic> topics;
    for (std::uint32_t i = 0; i < count; ++i) {
        names.push_back(fmt::format("scale-{}-{}", count, i));
        topics.push_back(*producer.topic(names.back()));
    }
    const std::vector<std::string_view> views(names.begin(), names.end());
    if (auto warm = producer.warm_up(views, 60s); !warm) die(warm.error().text);
    return topics;
}

}  // namespace

Scaled run_shape(const Shape& shape, const std::string& brokers, std::uint64_t records) {
    Producer producer(options_of(shape, brokers));
    if (auto started = producer.start(); !started) die(started.error().text);
    const std::vector<Topic> topics = topics_of(producer, shape.topics);
    const std::string value(100, 'x');
    const std::uint64_t each = records / shape.lanes;
    const std::uint64_t warm_up = std::uint64_t{shape.topics} * shape.partitions / shape.lanes + 1;
    // Lanes begin at different partitions, as threads of a program would.
    const auto place = [&](std::uint64_t first) {
        return [&, first](Record& record, std::uint64_t i) {
            const std::uint64_t at = first + i;
            record.topic = topics[at % topics.size()];
            if (shape.named) {
                record.partition =
                    static_cast<std::int32_t>(at / topics.size() % shape.partitions);
            }
        };
    };
    std::barrier begins(static_cast<std::ptrdiff_t>(shape.lanes) + 1);
    std::vector<std::thread> threads;
    for (std::uint32_t i = 0; i < shape.lanes; ++i) {
        auto lane = producer.open_lane();
        if (!lane) die(lane.error().text);
        threads.emplace_back([&, i, sender = LaneSender(std::move(*lane))]() mutable {
            const Record record{.value = value};
            const auto mine = place(std::uint64_t{i} * warm_up);
            sender.send(record, warm_up, mine);
            begins.arrive_and_wait();
            sender.send(record, each, mine);
        });
    }
    begins.arrive_and_wait();
    const double cpu = cpu_s();
    const auto begin = Clock::now();
    for (std::thread& thread : threads) thread.join();
    const std::chrono::duration<double> took = Clock::now() - begin;
    const auto sent = static_cast<double>(each * shape.lanes);
    return {sent / took.count(), (cpu_s() - cpu) / (sent / 1e6)};
}

}  // namespace ringpost::bench
