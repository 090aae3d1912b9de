// SPDX-License-Identifier: Apache-2.0
// What loads are like that no steady stream shows: crowds, bursts, a slow broker, a wide cluster's
// metadata, an outage. README.md tells what each row is.
#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include <functional>
#include <nlohmann/json.hpp>

#include "load_run.h"
#include "slow_cluster.h"

namespace ringpost::bench {
namespace {

struct Scenario {
    std::string name;
    std::function<Rows()> run;
};

std::vector<Scenario> scenarios(bool quick) {
    const Seconds lasts(quick ? 0.5 : 4);
    const Seconds away(quick ? 2 : 60);
    return {{"callers", [=] { return many_callers(lasts); }},
            {"burst", [=] { return cold_burst(1'000'000); }},
            {"slow", [=] { return slow_broker(lasts); }},
            {"metadata", [=] { return wide_metadata(lasts); }},
            {"compression", [=] { return compressing(lasts); }},
            {"dead", [=] { return outage(away, true); }},
            {"frozen", [=] { return outage(away, false); }}};
}

void print(const Rows& rows) {
    std::string scenario;
    for (const Row& row : rows) {
        if (row.scenario != scenario) fmt::print("\n{}\n", scenario = row.scenario);
        const std::string goal = row.goal.empty() ? "" : fmt::format("   (goal: {})", row.goal);
        fmt::print("  {:<46}{:>12.{}f} {}{}\n", row.what, row.value, row.value < 100 ? 2 : 0,
                   row.unit, goal);
    }
    std::fflush(stdout);
}

int run(bool quick, bool json, const std::string& only) {
    const std::uint64_t steal = steal_ticks();
    auto all = nlohmann::json::array();
    if (!json) fmt::print("{}\n", machine());
    for (const Scenario& scenario : scenarios(quick)) {
        if (!only.empty() && scenario.name != only) continue;
        const Rows rows = scenario.run();
        if (!json) print(rows);
        for (const Row& row : rows) {
            all.push_back({{"scenario", row.scenario}, {"what", row.what}, {"value", row.value},
                           {"unit", row.unit}, {"goal", row.goal}});
        }
    }
    if (json) {
        const nlohmann::json whole = {{"machine", machine()},
                                      {"steal_ticks", steal_ticks() - steal}, {"rows", all}};
        fmt::print("{}\n", whole.dump(2));
    } else {
        fmt::print("\nsteal during the run: {} ticks of 10 ms\n", steal_ticks() - steal);
    }
    return 0;
}

}  // namespace
}  // namespace ringpost::bench

int main(int argc, char** argv) {
    using namespace ringpost::bench;
    CLI::App app{"ringpost under loads that are not steady"};
    bool quick = false;
    bool json = false;
    std::string only, cold_burst_at;
    std::uint64_t records = 0;
    int slow_cluster_ms = -1;
    app.add_flag("--quick", quick, "Shorter phases, outages of 2 s (under 30 s)");
    app.add_flag("--json", json, "For machines");
    app.add_option("--only", only, "One scenario")
        ->check(CLI::IsMember({"callers", "burst", "slow", "metadata", "compression", "dead",
                               "frozen"}));
    app.add_option("--cold-burst", cold_burst_at, "For the driver itself");
    app.add_option("--records", records, "With --cold-burst");
    app.add_option("--slow-cluster", slow_cluster_ms, "For the driver itself");
    CLI11_PARSE(app, argc, argv);
    try {
        if (!cold_burst_at.empty()) return run_cold_burst(cold_burst_at, records);
        if (slow_cluster_ms >= 0) return serve_slow_cluster(static_cast<unsigned>(slow_cluster_ms));
        return run(quick, json, only);
    } catch (const std::exception& error) {
        fmt::print(stderr, "under_load: {}\n", error.what());
        return 1;
    }
}
