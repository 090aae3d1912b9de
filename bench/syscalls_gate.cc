// SPDX-License-Identifier: Apache-2.0
#include "syscalls_gate.h"

#include <fmt/format.h>

#include <cstdio>
#include <fstream>
#include <sstream>
#include <vector>

namespace ringpost::bench {

namespace {

constexpr const char* prefix = "syscalls.";
constexpr double growth_max = 1.05;
constexpr int skipped = 77;

std::vector<std::string> lines() {
    std::ifstream file(GATES_FILE);
    std::vector<std::string> all;
    for (std::string line; std::getline(file, line);) all.push_back(line);
    return all;
}

}  // namespace

int compare_with_gates(const Figures& figures) {
    int grown = 0;
    int missing = 0;
    fmt::print("{:<44}{:>11}{:>11}\n", "a million messages", "committed", "now");
    for (const std::string& line : lines()) {
        if (!line.starts_with(prefix)) continue;
        std::istringstream text(line);
        std::string name;
        double committed = 0;
        text >> name >> committed;
        const auto now = figures.find(name);
        if (now == figures.end()) {
            fmt::print("{:<44}{:>11.1f}{:>11}\n", name, committed, "not counted");
            ++missing;
            continue;
        }
        const double allowed = committed * growth_max;
        const bool bad = now->second > allowed;
        grown += bad;
        fmt::print("{:<44}{:>11.1f}{:>11.1f}{}\n", name, committed, now->second,
                   bad ? fmt::format("  more than {:.1f}", allowed) : "");
    }
    if (grown != 0) {
        fmt::print("\nIf it is meant to be: build/bench/syscalls --gate --update, and say why in "
                   "the commit.\n");
        return 1;
    }
    return missing != 0 ? skipped : 0;
}

int update_gates(const Figures& figures) {
    const std::vector<std::string> before = lines();
    std::ofstream file(GATES_FILE);
    for (const std::string& line : before) {
        if (!line.starts_with(prefix)) file << line << '\n';
    }
    for (const auto& [name, figure] : figures) file << fmt::format("{} {:.1f}\n", name, figure);
    fmt::print("{} figures written to {}\n", figures.size(), GATES_FILE);
    return file.flush() ? 0 : 1;
}

}  // namespace ringpost::bench
