// SPDX-License-Identifier: Apache-2.0
// What it costs to flush after each record: the mistake that every producer's users make once.
#include <CLI/CLI.hpp>
#include <fmt/format.h>
#include <ringpost/ringpost.h>

#include <chrono>
#include <cstdio>
#include <memory>
#include <nlohmann/json.hpp>
#include <stdexcept>
#include <string>
#include <vector>

#include "child.h"

namespace ringpost::bench {
namespace {

using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;

struct Row {
    std::string name;
    double records_per_second;
};

/// Records a second of `run`, which sends so many and says whether all were delivered.
template <typename Run>
double rate(std::size_t records, const Run& run) {
    const auto begin = Clock::now();
    if (!run()) throw std::runtime_error("not every record was delivered");
    const std::chrono::duration<double> took = Clock::now() - begin;
    return static_cast<double>(records) / took.count();
}

std::vector<Row> measure(const std::string& brokers, std::size_t scale) {
    Options options;
    options.bootstrap_servers = brokers;
    options.delivery_reports = Reports::none;
    options.max_block = -1ms;
    Producer producer(options);
    const auto topic = producer.topic("flush-each");
    auto lane = producer.open_lane();
    if (!topic || !lane) throw std::runtime_error("can't start");
    const std::string value(100, 'x');
    const Record record{.topic = *topic, .value = value};
    if (!lane->produce_sync(record, 10s).ok()) throw std::runtime_error("no broker answers");

    const std::size_t few = 500 * scale;
    const std::size_t many = 500'000 * scale;
    const std::size_t calls = 20 * scale;
    constexpr std::size_t some = 1'000;
    std::vector<Row> rows;
    rows.push_back({"flush after each record", rate(few, [&] {
        bool ok = true;
        for (std::size_t i = 0; i < few; ++i) {
            ok &= lane->produce(record) == Errc::none && lane->flush(10s).ok();
        }
        return ok;
    })});
    rows.push_back({"produce_sync, one record a call", rate(few, [&] {
        bool ok = true;
        for (std::size_t i = 0; i < few; ++i) ok &= lane->produce_sync(record, 10s).ok();
        return ok;
    })});
    const std::vector<Record> records(some, record);
    std::vector<DeliveryReport> reports(some);
    rows.push_back({"produce_sync, 1,000 records a call", rate(some * calls, [&] {
        bool ok = true;
        for (std::size_t i = 0; i < calls; ++i) {
            ok &= lane->produce_sync(records, reports, 10s) == some;
        }
        return ok;
    })});
    rows.push_back({"produce, and one flush at the end", rate(many, [&] {
        bool ok = true;
        for (std::size_t i = 0; i < many; ++i) ok &= lane->produce(record) == Errc::none;
        return ok && lane->flush(60s).ok();
    })});
    if (!producer.stop(10s)) throw std::runtime_error("not everything was delivered at the end");
    return rows;
}

int run(const std::string& brokers, bool quick, bool json) {
    std::unique_ptr<BrokerChild> own;
    if (brokers.empty()) own = std::make_unique<BrokerChild>();
    const std::uint64_t steal = steal_ticks();
    const std::vector<Row> rows = measure(own ? own->address() : brokers, quick ? 1 : 10);
    if (json) {
        nlohmann::json result = {{"machine", machine()}, {"steal_ticks", steal_ticks() - steal}};
        for (const Row& row : rows) {
            result["rows"].push_back({{"name", row.name},
                                      {"records_per_second", row.records_per_second}});
        }
        fmt::print("{}\n", result.dump(2));
        return 0;
    }
    fmt::print("ringpost {}; {}; broker: {}\n\n{:<40}{:>12}\n", version(), machine(),
               own ? "ringpost broker --discard" : brokers, "100 B records, one thread",
               "a second");
    for (const Row& row : rows) fmt::print("{:<40}{:>12.0f}\n", row.name, row.records_per_second);
    fmt::print("\nsteal during the run: {} ticks of 10 ms\n", steal_ticks() - steal);
    return 0;
}

}  // namespace
}  // namespace ringpost::bench

int main(int argc, char** argv) {
    CLI::App app{"What flushing after each record costs"};
    std::string brokers;
    bool quick = false;
    bool json = false;
    app.add_option("BROKERS", brokers, "HOST:PORT,... (default: one of its own)");
    app.add_flag("--quick", quick, "A tenth of the work (under 30 s)");
    app.add_flag("--json", json, "For machines");
    CLI11_PARSE(app, argc, argv);
    try {
        return ringpost::bench::run(brokers, quick, json);
    } catch (const std::exception& error) {
        fmt::print(stderr, "flush_each: {}\n", error.what());
        return 1;
    }
}
