// SPDX-License-Identifier: Apache-2.0
// What a million messages ask of the kernel and the allocator, in a steady state; with --idle, what
// nothing at all asks of them.
#include <CLI/CLI.hpp>
#include <arpa/inet.h>
#include <fmt/format.h>
#include <netinet/in.h>
#include <ringpost/producer.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <functional>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "child.h"
#include "client.h"
#include "syscalls_gate.h"
#include "syscalls_worker.h"

namespace ringpost::bench {
namespace {

using Json = nlohmann::json;
using Runs = std::map<std::string, std::vector<Json>>;  ///< by client

const std::vector<std::string> clients = {"ringpost", "ringpost-inline", "librdkafka"};

const std::vector<std::pair<std::string, std::string>> rows = {
    {"system_calls", "system calls"},
    {"io_uring_enter", "  io_uring_enter"},
    {"futex", "  futex"},
    {"poll", "  poll"},
    {"sendmsg", "  sendmsg"},
    {"recvmsg", "  recvmsg"},
    {"read", "  read"},
    {"write", "  write"},
    {"voluntary_switches", "voluntary switches"},
    {"involuntary_switches", "involuntary switches"},
    {"minor_faults", "minor page faults"},
    {"major_faults", "major page faults"},
    {"allocations", "allocations"},
    {"locks", "mutexes locked"},
    {"cpu_ms", "CPU, ms"},
};

std::unique_ptr<Child> start(const CountedWork& work) {
    std::vector<std::string> arguments = {own_path(), "--worker", work.client, "-b", work.brokers,
                                          "--warm-up", std::to_string(work.warm_up), "--records",
                                          std::to_string(work.records), "--burst",
                                          std::to_string(work.burst), "--idle-s",
                                          std::to_string(work.idle_s)};
    if (work.waiting_record) arguments.emplace_back("--waiting-record");
    return std::make_unique<Child>(arguments);
}

Json finish(Child& child, const std::string& client) {
    const std::string text = child.line();
    if (child.wait() != 0 || text.empty()) throw std::runtime_error(client + " failed");
    return Json::parse(text);
}

/// Medians of each client's runs, printed as a table and returned.
Json tell(const std::string& title, Runs& runs, bool quiet) {
    Json result = {{"what", title}};
    if (!quiet) {
        fmt::print("\n{}\n{:<24}", title, "");
        for (const std::string& client : clients) fmt::print("{:>17}", client);
        fmt::print("\n");
    }
    for (const auto& [key, name] : rows) {
        if (!quiet) fmt::print("{:<24}", name);
        for (const std::string& client : clients) {
            std::vector<double> values;
            for (const Json& run : runs[client]) {
                if (run["counts"].contains(key)) values.push_back(run["counts"][key]);
            }
            if (!values.empty()) result[client][key] = median(values);
            if (quiet) continue;
            fmt::print("{:>17}", values.empty() ? "-" : fmt::format("{:.1f}", median(values)));
        }
        if (!quiet) fmt::print("\n");
    }
    const std::string refused = runs[clients.front()].front()["refused"];
    if (!refused.empty()) {
        result["skipped"] = "system calls: " + refused;
        if (!quiet) fmt::print("system calls were not counted: {}\n", refused);
    }
    return result;
}

Json count_steady(CountedWork work, int rounds, bool quiet) {
    Runs runs;
    std::vector<std::string> order = clients;
    for (int i = 0; i < rounds; ++i) {
        for (const std::string& client : order) {
            work.client = client;
            runs[client].push_back(finish(*start(work), client));
        }
        std::reverse(order.begin(), order.end());
    }
    return tell(fmt::format("a million messages of 100 B; {} counted after {} to warm up, medians "
                            "of {} rounds", work.records, work.warm_up, rounds), runs, quiet);
}

/// All clients at the same time: they sleep.
Json count_idle(const std::string& title, CountedWork work, bool quiet) {
    std::vector<std::unique_ptr<Child>> children;
    for (const std::string& client : clients) {
        work.client = client;
        children.push_back(start(work));
    }
    Runs runs;
    for (std::size_t i = 0; i < clients.size(); ++i) {
        Json run = finish(*children[i], clients[i]);
        // The caller's own sleep is one.
        run["counts"]["voluntary_switches"] = run["counts"]["voluntary_switches"].get<double>() - 1;
        runs[clients[i]].push_back(run);
    }
    return tell(fmt::format("{:.0f} s {}", work.idle_s, title), runs, quiet);
}

/// An address of this host that refuses connections for as long as this lives: it is bound, and
/// nobody listens.
class NobodyListens {
public:
    NobodyListens() {
        sockaddr_in address{};
        address.sin_family = AF_INET;
        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        socklen_t size = sizeof address;
        auto* at = reinterpret_cast<sockaddr*>(&address);
        if (bind(socket_, at, size) != 0 || getsockname(socket_, at, &size) != 0) {
            throw std::runtime_error("no port");
        }
        address_ = fmt::format("127.0.0.1:{}", ntohs(address.sin_port));
    }
    NobodyListens(const NobodyListens&) = delete;
    NobodyListens& operator=(const NobodyListens&) = delete;
    ~NobodyListens() { close(socket_); }
    const std::string& address() const { return address_; }

private:
    int socket_ = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    std::string address_;
};

void run(CountedWork work, int rounds, bool idle, bool json) {
    const BrokerChild broker;
    const std::uint64_t steal = steal_ticks();
    work.brokers = broker.address();
    Json result = {{"ringpost", std::string(version())}, {"librdkafka", librdkafka_version()},
                   {"machine", machine()}};
    if (!json) {
        fmt::print("ringpost {}, librdkafka {}; {}; linger 5 ms, acks=1\n", version(),
                   librdkafka_version(), machine());
    }
    if (idle) {
        result["runs"].push_back(count_idle("idle, connected", work, json));
        const NobodyListens nobody;
        work.brokers = nobody.address();
        work.warm_up = 0;
        result["runs"].push_back(count_idle("idle, nobody listening", work, json));
        work.waiting_record = true;
        result["runs"].push_back(count_idle("with one record and nobody listening", work, json));
    } else {
        result["runs"].push_back(count_steady(work, rounds, json));
    }
    result["steal_ticks"] = steal_ticks() - steal;
    if (json) {
        fmt::print("{}\n", result.dump(2));
    } else {
        fmt::print("\nsteal during the run: {} ticks of 10 ms\n", steal_ticks() - steal);
    }
}

/// What is the same each time: of bursts of 1,000, each with one flush, what a million ask for.
const std::vector<std::pair<std::string, std::vector<std::string>>> gated = {
    {"ringpost", {"minor_faults", "major_faults", "allocations", "locks"}},
    {"ringpost-inline", {"minor_faults", "major_faults", "allocations", "locks", "system_calls"}},
};

int run_gate(CountedWork work, bool update) {
    constexpr int rounds = 3;
    const BrokerChild broker;
    work.brokers = broker.address();
    work.warm_up = 1'000'000;
    work.records = 1'000'000;
    work.burst = 1'000;
    Figures figures;
    for (const auto& [client, names] : gated) {
        work.client = client;
        std::map<std::string, std::vector<double>> values;
        std::string refused;
        for (int i = 0; i < rounds; ++i) {
            const Json run = finish(*start(work), client);
            refused = run["refused"];
            if (refused.empty() && client == "ringpost-inline" &&
                run["counts"]["io_uring_enter"] == 0) {
                refused = "there is no io_uring here, and the committed figure is its";
            }
            for (const std::string& name : names) {
                if (name == "system_calls" && !refused.empty()) continue;
                if (run["counts"].contains(name)) values[name].push_back(run["counts"][name]);
            }
        }
        for (const auto& [name, of_rounds] : values) {
            figures[fmt::format("syscalls.{}.{}", client, name)] = median(of_rounds);
        }
        if (!refused.empty()) fmt::print("system calls are not compared: {}\n", refused);
    }
    return update ? update_gates(figures) : compare_with_gates(figures);
}

int run_worker(const CountedWork& work) {
    const KernelCounts counter;
    const Counts counts = count_client(work, counter);
    fmt::print("{}\n", Json{{"counts", counts}, {"refused", counter.refused()}}.dump());
    return 0;
}

}  // namespace
}  // namespace ringpost::bench

int main(int argc, char** argv) {
    using namespace ringpost::bench;
    CLI::App app{"System calls, allocations, faults and switches a million messages"};
    CountedWork work;
    int rounds = 5;
    bool quick = false;
    bool idle = false;
    bool json = false;
    bool gate = false;
    bool update = false;
    app.add_option("--rounds", rounds, "Rounds")->check(CLI::Range(1, 1000));
    app.add_flag("--quick", quick, "Three rounds of 500,000; 3 s of idleness (under 30 s)");
    app.add_flag("--idle", idle, "10 s without work: connected, and with nobody listening");
    app.add_flag("--json", json, "For machines");
    app.add_flag("--gate", gate, "Compare with bench/gates.txt; 1 if a figure has grown");
    app.add_flag("--update", update, "With --gate: write it instead");
    app.add_option("--worker", work.client, "One run of this client, for the driver itself");
    app.add_option("-b,--brokers", work.brokers, "With --worker");
    app.add_option("--warm-up", work.warm_up, "With --worker");
    app.add_option("--records", work.records, "With --worker");
    app.add_option("--burst", work.burst, "With --worker");
    app.add_option("--idle-s", work.idle_s, "With --worker");
    app.add_flag("--waiting-record", work.waiting_record, "With --worker");
    CLI11_PARSE(app, argc, argv);
    try {
        if (!work.client.empty()) return run_worker(work);
        if (gate) return run_gate(work, update);
        if (quick) {
            rounds = 3;
            work.warm_up = 1'000'000;
            work.records = 500'000;
        }
        if (idle) work.idle_s = quick ? 3 : 10;
        run(work, rounds, idle, json);
    } catch (const std::exception& error) {
        fmt::print(stderr, "syscalls: {}\n", error.what());
        return 1;
    }
}
