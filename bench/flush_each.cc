// SPDX-License-Identifier: Apache-2.0
// What it costs to flush after each record: the mistake that every producer's users make once.
#include <ringpost/ringpost.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <string>
#include <vector>

namespace {

using Clock = std::chrono::steady_clock;
using namespace std::chrono_literals;

/// Records a second of `run`, which sends so many.
double rate(std::size_t records, const std::function<bool()>& run) {
    const auto begin = Clock::now();
    if (!run()) {
        std::fprintf(stderr, "flush_each: not every record was delivered\n");
        std::exit(1);
    }
    const std::chrono::duration<double> took = Clock::now() - begin;
    return static_cast<double>(records) / took.count();
}

}  // namespace

int main(int argc, char** argv) {
    if (argc != 2) {
        std::fprintf(stderr, "flush_each BROKERS: 100 B records, one thread, linger 5 ms\n");
        return 2;
    }
    ringpost::Options options;
    options.bootstrap_servers = argv[1];
    options.delivery_reports = ringpost::Reports::none;
    options.max_block = -1ms;
    ringpost::Producer producer(options);
    const auto topic = producer.topic("flush-each");
    auto lane = producer.open_lane();
    if (!topic || !lane) return std::fprintf(stderr, "flush_each: can't start\n"), 1;
    const std::string value(100, 'x');
    const ringpost::Record record{.topic = *topic, .value = value};
    if (!lane->produce_sync(record, 10s).ok()) {
        return std::fprintf(stderr, "flush_each: no broker answers\n"), 1;
    }

    constexpr std::size_t few = 5'000;
    constexpr std::size_t many = 5'000'000;
    constexpr std::size_t some = 1'000;
    const double each = rate(few, [&] {
        bool ok = true;
        for (std::size_t i = 0; i < few; ++i) {
            ok &= lane->produce(record) == ringpost::Errc::none && lane->flush(10s).ok();
        }
        return ok;
    });
    const double sync = rate(few, [&] {
        bool ok = true;
        for (std::size_t i = 0; i < few; ++i) ok &= lane->produce_sync(record, 10s).ok();
        return ok;
    });
    const std::vector<ringpost::Record> records(some, record);
    std::vector<ringpost::DeliveryReport> reports(some);
    const double sync_many = rate(some * 200, [&] {
        bool ok = true;
        for (int i = 0; i < 200; ++i) ok &= lane->produce_sync(records, reports, 10s) == some;
        return ok;
    });
    const double once = rate(many, [&] {
        bool ok = true;
        for (std::size_t i = 0; i < many; ++i) ok &= lane->produce(record) == ringpost::Errc::none;
        return ok && lane->flush(60s).ok();
    });
    std::printf("| 100 B records a second, one thread | |\n|---|---|\n");
    std::printf("| flush after each record | %.0f |\n", each);
    std::printf("| produce_sync, one record a call | %.0f |\n", sync);
    std::printf("| produce_sync, 1,000 records a call | %.0f |\n", sync_many);
    std::printf("| produce, and one flush at the end | %.0f |\n", once);
    return producer.stop(10s) ? 0 : 1;
}
