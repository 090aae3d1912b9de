// SPDX-License-Identifier: Apache-2.0
// ringpost against librdkafka: the same work in the same run, interleaved A B B A, each slice in a
// process of its own, against `ringpost broker --discard`.
#include <CLI/CLI.hpp>
#include <fmt/format.h>
#include <ringpost/producer.h>

#include <algorithm>
#include <cstdio>
#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "child.h"
#include "compare_worker.h"

namespace ringpost::bench {
namespace {

using Json = nlohmann::json;

Json to_json(const Measured& m, const Work& work) {
    const double millions = static_cast<double>(work.records) / 1e6;
    return {{"messages_per_second", static_cast<double>(work.records) / m.seconds},
            {"cpu_s_per_million", (m.caller_cpu_s + m.other_cpu_s) / millions},
            {"caller_cpu_s_per_million", m.caller_cpu_s / millions},
            {"reactor_cpu_s_per_million", m.other_cpu_s / millions},
            {"system_cpu_s_per_million", m.system_cpu_s / millions},
            {"rss_mb", static_cast<double>(m.rss_kb) / 1024},
            {"failed", m.failed}};
}

Json run_child(const std::string& self, const Work& work) {
    Child child({self, "--worker", work.client, "-b", work.brokers, "--records",
                 std::to_string(work.records), "--size", std::to_string(work.value_bytes),
                 "--acks", std::to_string(work.acks)});
    const std::string text = child.line();
    if (child.wait() != 0 || text.empty()) throw std::runtime_error(work.client + " failed");
    return Json::parse(text);
}

const std::vector<std::pair<std::string, std::string>> rows = {
    {"messages_per_second", "messages/s"},
    {"cpu_s_per_million", "CPU-s/M messages"},
    {"caller_cpu_s_per_million", "  caller thread"},
    {"reactor_cpu_s_per_million", "  other threads"},
    {"system_cpu_s_per_million", "  of it, system"},
    {"rss_mb", "peak RSS, MB"},
};

Json compare(const std::string& self, Work work, int pairs, bool quiet) {
    std::map<std::string, std::map<std::string, std::vector<double>>> figures;
    for (int i = 0; i < pairs; ++i) {
        std::vector<std::string> order = {"ringpost", "librdkafka"};
        if (i % 2 == 1) std::swap(order[0], order[1]);
        for (const std::string& client : order) {
            work.client = client;
            const Json run = run_child(self, work);
            if (run["failed"] != 0) throw std::runtime_error(client + ": records failed");
            for (const auto& [key, title] : rows) figures[client][key].push_back(run[key]);
        }
    }
    Json result = {{"bytes", work.value_bytes}, {"records", work.records}, {"pairs", pairs}};
    if (!quiet) {
        fmt::print("\n{} B values, {} messages a run, {} pairs, acks={}\n", work.value_bytes,
                   work.records, pairs, work.acks);
        fmt::print("{:<20}{:>14}{:>14}{:>10}{:>18}\n", "", "ringpost", "librdkafka", "ratio",
                   "spread of ratio");
    }
    for (const auto& [key, title] : rows) {
        const auto& ours = figures["ringpost"][key];
        const auto& theirs = figures["librdkafka"][key];
        std::vector<double> ratios;
        for (std::size_t i = 0; i < ours.size(); ++i) ratios.push_back(ours[i] / theirs[i]);
        const auto [low, high] = std::minmax_element(ratios.begin(), ratios.end());
        result[key] = {{"ringpost", median(ours)}, {"librdkafka", median(theirs)},
                       {"ratio", median(ratios)}, {"ratio_min", *low}, {"ratio_max", *high}};
        if (quiet) continue;
        const int digits = median(theirs) < 100 ? 3 : 0;
        fmt::print("{:<20}{:>14.{}f}{:>14.{}f}{:>10.2f}{:>10.2f} to {:.2f}\n", title, median(ours),
                   digits, median(theirs), digits, median(ratios), *low, *high);
    }
    return result;
}

int run(const std::string& self, int pairs, double scale, int acks, bool json) {
    const BrokerChild broker;
    Work work;
    work.brokers = broker.address();
    work.acks = acks;
    const std::uint64_t steal = steal_ticks();
    Json result = {{"ringpost", std::string(version())}, {"librdkafka", librdkafka_version()}};
    if (!json) {
        fmt::print("ringpost {} and librdkafka {}, interleaved A B B A, medians\n", version(),
                   librdkafka_version());
    }
    const auto records = [&](double n) { return static_cast<std::uint64_t>(n * scale); };
    work.value_bytes = 100;
    work.records = records(4e6);
    result["runs"].push_back(compare(self, work, pairs, json));
    work.value_bytes = 1000;
    work.records = records(1e6);
    result["runs"].push_back(compare(self, work, pairs, json));
    result["steal_ticks"] = steal_ticks() - steal;
    if (json) {
        fmt::print("{}\n", result.dump(2));
    } else {
        fmt::print("\nsteal during the run: {} ticks of 10 ms\n", steal_ticks() - steal);
    }
    return 0;
}

}  // namespace
}  // namespace ringpost::bench

int main(int argc, char** argv) {
    using namespace ringpost::bench;
    CLI::App app{"ringpost against librdkafka, interleaved in one run"};
    std::string worker;
    Work work;
    int pairs = 10;
    bool quick = false;
    bool json = false;
    app.add_option("--pairs", pairs, "Pairs of runs")->check(CLI::Range(1, 1000));
    app.add_flag("--quick", quick, "Four pairs of a quarter of the work (under 30 s)");
    app.add_flag("--json", json, "For machines");
    app.add_option("--acks", work.acks, "1, 0 or -1")->check(CLI::IsMember({-1, 0, 1}));
    app.add_option("--worker", worker, "One run of this client, for the driver itself");
    app.add_option("-b,--brokers", work.brokers, "With --worker");
    app.add_option("--records", work.records, "With --worker");
    app.add_option("--size", work.value_bytes, "With --worker");
    CLI11_PARSE(app, argc, argv);
    try {
        if (!worker.empty()) {
            const Measured m = worker == "ringpost" ? run_ringpost(work) : run_librdkafka(work);
            fmt::print("{}\n", to_json(m, work).dump());
            return 0;
        }
        return run(own_path(), quick ? 4 : pairs, quick ? 0.25 : 1.0, work.acks, json);
    } catch (const std::exception& error) {
        fmt::print(stderr, "compare: {}\n", error.what());
        return 1;
    }
}
