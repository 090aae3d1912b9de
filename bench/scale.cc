// SPDX-License-Identifier: Apache-2.0
// How throughput and CPU change with partitions, topics, brokers, lanes and shards: each swept by
// itself, in interleaved rounds, against `ringpost broker --discard`.
#include <CLI/CLI.hpp>
#include <fmt/format.h>
#include <ringpost/producer.h>

#include <algorithm>
#include <cstdio>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>
#include <vector>

#include "child.h"
#include "scale_worker.h"

namespace ringpost::bench {
namespace {

using Json = nlohmann::json;

struct Sweep {
    std::string name;
    std::string beside;                ///< what stays the same
    std::uint32_t Shape::*swept;
    std::vector<std::uint32_t> values;
    Shape shape;
    /// Of the first value's throughput that is wanted at another value.
    std::map<std::uint32_t, double> goals;
};

const std::vector<Sweep> sweeps = {
    {"partitions", "1 topic, 3 brokers, 1 lane, 1 shard", &Shape::partitions,
     {8, 100, 1'000, 10'000}, {}, {{1'000, 0.8}, {10'000, 0.6}}},
    {"topics", "8 partitions each, 3 brokers, 1 lane, 1 shard", &Shape::topics,
     {1, 10, 100, 1'000}, {.partitions = 8}, {}},
    {"brokers", "24 partitions, 1 lane, 1 shard", &Shape::brokers, {1, 2, 3}, {}, {}},
    {"lanes", "24 partitions, 3 brokers, 1 shard", &Shape::lanes, {1, 4, 16, 64}, {}, {}},
    {"shards", "24 partitions, 3 brokers, 2 lanes", &Shape::shards, {1, 2}, {.lanes = 2}, {}},
};

struct Runs {
    std::vector<double> rate;
    std::vector<double> cpu;
};
/// By place (named, sticky) and swept value.
using Figures = std::map<bool, std::map<std::uint32_t, Runs>>;

/// A cluster for each shape that wants another one; they sleep while they are not used.
class Clusters {
public:
    const std::string& for_shape(const Shape& shape) {
        auto& cluster = clusters_[{shape.brokers, shape.partitions}];
        if (!cluster) cluster = std::make_unique<BrokerChild>(shape.brokers, shape.partitions);
        return cluster->address();
    }

private:
    std::map<std::pair<std::uint32_t, std::uint32_t>, std::unique_ptr<BrokerChild>> clusters_;
};

Scaled run_child(const Shape& shape, const std::string& brokers, std::uint64_t records) {
    Child child({own_path(), "--worker", brokers, "--records", std::to_string(records),
                 "--brokers", std::to_string(shape.brokers), "--topics",
                 std::to_string(shape.topics), "--partitions", std::to_string(shape.partitions),
                 "--lanes", std::to_string(shape.lanes), "--shards", std::to_string(shape.shards),
                 "--named", shape.named ? "1" : "0"});
    const std::string text = child.line();
    if (child.wait() != 0 || text.empty()) throw std::runtime_error("a run failed");
    const Json told = Json::parse(text);
    return {told["messages_per_second"], told["cpu_s_per_million"]};
}

Figures measure(const Sweep& sweep, Clusters& clusters, int rounds, std::uint64_t records) {
    Figures figures;
    std::vector<std::uint32_t> order = sweep.values;
    for (int round = 0; round < rounds; ++round) {
        for (const bool named : {true, false}) {
            for (const std::uint32_t value : order) {
                Shape shape = sweep.shape;
                shape.*sweep.swept = value;
                shape.named = named;
                const Scaled scaled = run_child(shape, clusters.for_shape(shape), records);
                figures[named][value].rate.push_back(scaled.messages_per_second);
                figures[named][value].cpu.push_back(scaled.cpu_s_per_million);
            }
        }
        std::reverse(order.begin(), order.end());
    }
    return figures;
}

/// The median of the rounds' ratios to the same round's first value.
double of_first(const std::map<std::uint32_t, Runs>& by_value, std::uint32_t first,
                std::uint32_t value) {
    std::vector<double> ratios;
    const std::vector<double>& rates = by_value.at(value).rate;
    for (std::size_t i = 0; i < rates.size(); ++i) {
        ratios.push_back(rates[i] / by_value.at(first).rate[i]);
    }
    return median(ratios);
}

std::string bar(double share) {
    return std::string(static_cast<std::size_t>(std::clamp(share, 0.0, 2.5) * 20 + 0.5), '#');
}

Json tell(const Sweep& sweep, const Figures& figures, bool quiet) {
    Json result = {{"sweep", sweep.name}, {"beside", sweep.beside}};
    if (!quiet) {
        fmt::print("\n{} ({})\n{:<26}{:>11}{:>12}{:>10}\n", sweep.name, sweep.beside, "",
                   "messages/s", "CPU-s/M", "of first");
    }
    for (const bool named : {true, false}) {
        const auto& by_value = figures.at(named);
        const char* place = named ? "partitions in turn" : "none named: sticky";
        for (const std::uint32_t value : sweep.values) {
            const Runs& runs = by_value.at(value);
            const double share = of_first(by_value, sweep.values.front(), value);
            Json row = {{"value", value}, {"place", named ? "named" : "sticky"},
                        {"messages_per_second", median(runs.rate)},
                        {"cpu_s_per_million", median(runs.cpu)}, {"of_first", share}};
            const auto goal = sweep.goals.find(value);
            if (goal != sweep.goals.end()) row["goal"] = goal->second;
            result["rows"].push_back(row);
            if (quiet) continue;
            fmt::print("{:<20}{:>6}{:>11.0f}{:>12.3f}{:>10.2f}  {}{}\n", place, value,
                       median(runs.rate), median(runs.cpu), share, bar(share),
                       goal == sweep.goals.end() ? "" : fmt::format("  (goal {})", goal->second));
        }
    }
    return result;
}

void run(const std::string& only, int rounds, std::uint64_t records, bool json) {
    Clusters clusters;
    const std::uint64_t steal = steal_ticks();
    Json result = {{"ringpost", std::string(version())}, {"machine", machine()},
                   {"rounds", rounds}, {"records", records}};
    if (!json) {
        fmt::print("ringpost {}; {}\n{} messages of 100 B a run, linger 5 ms, acks=1, medians of "
                   "{} interleaved rounds\n", version(), machine(), records, rounds);
    }
    for (const Sweep& sweep : sweeps) {
        if (!only.empty() && only != sweep.name) continue;
        result["sweeps"].push_back(tell(sweep, measure(sweep, clusters, rounds, records), json));
        (void)std::fflush(stdout);
    }
    result["steal_ticks"] = steal_ticks() - steal;
    if (json) {
        fmt::print("{}\n", result.dump(2));
    } else {
        fmt::print("\nsteal during the run: {} ticks of 10 ms\n", steal_ticks() - steal);
    }
}

}  // namespace
}  // namespace ringpost::bench

int main(int argc, char** argv) {
    using namespace ringpost::bench;
    CLI::App app{"Throughput and CPU by partitions, topics, brokers, lanes and shards"};
    std::string worker;
    std::string only;
    Shape shape;
    int rounds = 5;
    std::uint64_t records = 2'000'000;
    bool quick = false;
    bool json = false;
    app.add_option("--sweep", only, "One of them only")
        ->check(CLI::IsMember({"partitions", "topics", "brokers", "lanes", "shards"}));
    app.add_option("--rounds", rounds, "Rounds")->check(CLI::Range(1, 1000));
    app.add_option("--records", records, "Messages a run")->check(CLI::Range(1'000, 1'000'000'000));
    app.add_flag("--quick", quick, "One round of 300,000 (under 30 s)");
    app.add_flag("--json", json, "For machines");
    app.add_option("--worker", worker, "For the driver itself: one run against these brokers");
    app.add_option("--brokers", shape.brokers, "With --worker");
    app.add_option("--topics", shape.topics, "With --worker");
    app.add_option("--partitions", shape.partitions, "With --worker");
    app.add_option("--lanes", shape.lanes, "With --worker");
    app.add_option("--shards", shape.shards, "With --worker");
    app.add_option("--named", shape.named, "With --worker");
    CLI11_PARSE(app, argc, argv);
    try {
        if (!worker.empty()) {
            const Scaled scaled = run_shape(shape, worker, records);
            fmt::print("{}\n", Json{{"messages_per_second", scaled.messages_per_second},
                                    {"cpu_s_per_million", scaled.cpu_s_per_million}}.dump());
            return 0;
        }
        if (quick) {
            rounds = 1;
            records = 300'000;
        }
        run(only, rounds, records, json);
    } catch (const std::exception& error) {
        fmt::print(stderr, "scale: {}\n", error.what());
        return 1;
    }
}
