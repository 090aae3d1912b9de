// SPDX-License-Identifier: Apache-2.0
// From the time that was meant for a record to its report: ringpost, librdkafka and a bare TCP
// ping-pong at the same rates, interleaved, each slice in a process of its own.
#include <CLI/CLI.hpp>
#include <fmt/format.h>
#include <ringpost/producer.h>
#include <sched.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <functional>
#include <map>
#include <nlohmann/json.hpp>
#include <set>
#include <string>
#include <vector>

#include "child.h"
#include "open_loop.h"

namespace ringpost::bench {
namespace {

using Json = nlohmann::json;

struct Client {
    std::string name;
    std::string is;
    std::string ping_pong;         ///< whose p50 its own is compared with
    std::string librdkafka;        ///< whose p99 its own is compared with
    std::function<Latencies(const Slice&)> run;
    bool is_ping_pong() const { return name.starts_with("ping-pong"); }
};

/// What --linger shows beside each other.
const std::vector<Client> lingering = {
    {"linger-0", "linger.ms=0", "", "",
     [](const Slice& s) { return run_ringpost(s, Caller::sleeps, Reactor::by_default); }},
    {"linger-5", "linger.ms=5", "", "",
     [](const Slice& s) { return run_ringpost(s, Caller::sleeps, Reactor::by_default, {5}); }},
    {"linger-adaptive", "linger.ms=5, linger.adaptive=true", "", "",
     [](const Slice& s) {
         return run_ringpost(s, Caller::sleeps, Reactor::by_default, {5, true});
     }},
};

const std::vector<Client> clients = {
    {"ping-pong", "both ends block", "", "",
     [](const Slice& s) { return run_ping_pong(s, Caller::sleeps, Caller::sleeps); }},
    {"ping-pong-poll", "the caller polls, the peer blocks as the broker does", "", "",
     [](const Slice& s) { return run_ping_pong(s, Caller::polls, Caller::sleeps); }},
    {"ping-pong-busy", "both ends poll", "", "",
     [](const Slice& s) { return run_ping_pong(s, Caller::polls, Caller::polls); }},
    {"ping-pong-thread", "a thread between caller and socket, all block", "", "",
     [](const Slice& s) { return run_ping_pong_thread(s, Caller::sleeps, Caller::sleeps); }},
    {"ping-pong-thread-busy", "the same, but caller and thread poll", "", "",
     [](const Slice& s) { return run_ping_pong_thread(s, Caller::polls, Caller::polls); }},
    {"ringpost", "threaded, spin.us=20, the caller sleeps", "ping-pong-thread", "librdkafka",
     [](const Slice& s) { return run_ringpost(s, Caller::sleeps, Reactor::by_default); }},
    {"ringpost-sleep", "threaded, spin.us=0, the caller sleeps", "ping-pong-thread", "librdkafka",
     [](const Slice& s) { return run_ringpost(s, Caller::sleeps, Reactor::sleeps); }},
    {"ringpost-busy", "threaded, spin.us=-1, the caller polls", "ping-pong-thread-busy",
     "librdkafka-poll",
     [](const Slice& s) { return run_ringpost(s, Caller::polls, Reactor::polls); }},
    {"ringpost-inline", "inline, the caller polls", "ping-pong-poll", "librdkafka-poll",
     [](const Slice& s) { return run_ringpost(s, Caller::polls, Reactor::inline_); }},
    {"librdkafka", "linger.ms=0, the caller sleeps", "", "",
     [](const Slice& s) { return run_librdkafka(s, Caller::sleeps); }},
    {"librdkafka-poll", "linger.ms=0, the caller polls", "", "",
     [](const Slice& s) { return run_librdkafka(s, Caller::polls); }},
};

const Client& client_of(const std::string& name) {
    for (const auto* table : {&clients, &lingering}) {
        for (const Client& client : *table) {
            if (client.name == name) return client;
        }
    }
    throw std::runtime_error("no client " + name);
}

Json to_json(const Latencies& l) {
    const auto us = [](std::uint64_t ns) { return static_cast<double>(ns) / 1000; };
    Json json = {{"messages", l.open.total()}, {"achieved", l.achieved}, {"failed", l.failed},
                 {"p50", us(l.open.at(0.5))}, {"p90", us(l.open.at(0.9))},
                 {"p99", us(l.open.at(0.99))}, {"p99.9", us(l.open.at(0.999))},
                 {"max", us(l.open.max())}, {"late_p99", us(l.late.at(0.99))},
                 {"closed_p50", us(l.closed.at(0.5))}, {"closed_p99", us(l.closed.at(0.99))},
                 {"closed_max", us(l.closed.max())}};
    if (l.batches != 0) {
        json["batch_records"] =
            static_cast<double>(l.open.total()) / static_cast<double>(l.batches);
    }
    if (!l.shard.brokers.empty()) {
        const auto add = [&](const std::string& name, const ringpost::Histogram& of) {
            json[name + "_p50"] = us(static_cast<std::uint64_t>(of.at(0.5).count()));
            json[name + "_p99"] = us(static_cast<std::uint64_t>(of.at(0.99).count()));
        };
        add("shard_latency", l.shard.latency);
        add("shard_round_trip", l.shard.brokers[0].round_trip);
        add("shard_turn", l.shard.turn_time);
    }
    if (l.turn.total() == 0) return json;
    json["turn_p50"] = us(l.turn.at(0.5));
    json["turn_p99"] = us(l.turn.at(0.99));
    json["turn_max"] = us(l.turn.max());
    return json;
}

Json run_child(const Slice& slice) {
    Child child({own_path(), "--worker", slice.client, "-b", slice.brokers, "--rate",
                 std::to_string(slice.rate), "--seconds", std::to_string(slice.seconds)});
    const std::string text = child.line();
    if (child.wait() != 0 || text.empty()) throw std::runtime_error(slice.client + " failed");
    Json json = Json::parse(text);
    if (json["failed"] != 0) throw std::runtime_error(slice.client + ": records failed");
    return json;
}

/// The medians of a client's rounds at one rate; the maxima are those of all.
Json merge(const std::vector<Json>& rounds) {
    Json merged;
    for (const auto& [key, ignored] : rounds.front().items()) {
        std::vector<double> values;
        for (const Json& round : rounds) values.push_back(round[key]);
        merged[key] = key.ends_with("max") ? *std::max_element(values.begin(), values.end())
                                           : median(values);
    }
    return merged;
}

/// Round by round: one's figure over the other's.
Json ratio(const std::vector<Json>& ours, const std::vector<Json>& theirs, const char* key) {
    std::vector<double> ratios;
    for (std::size_t i = 0; i < ours.size(); ++i) {
        ratios.push_back(ours[i][key].get<double>() / theirs[i][key].get<double>());
    }
    const auto [low, high] = std::minmax_element(ratios.begin(), ratios.end());
    return {{"ratio", median(ratios)}, {"min", *low}, {"max", *high}};
}

double round_to_two_digits(double rate) {
    const double unit = std::pow(10, std::floor(std::log10(rate)) - 1);
    return std::round(rate / unit) * unit;
}

struct Plan {
    int rounds = 5;
    double seconds = 1;
    std::vector<double> shares = {0.1, 0.5, 0.9};     ///< of the saturation of each of `of`
    std::set<double> rates = {1000, 10'000};          ///< besides
    std::vector<std::string> of = {"ringpost", "librdkafka"};
    const std::vector<Client>* clients = &bench::clients;
    bool one_cpu = false;
    bool json = false;
};

class Run {
public:
    explicit Run(const Plan& plan) : plan_(plan) { find_saturations(); }

    Json sweep() {
        std::set<double> rates = plan_.rates;
        for (const std::string& name : plan_.of) {
            for (const double share : plan_.shares) {
                rates.insert(round_to_two_digits(saturation_[name] * share));
            }
        }
        Json result = {{"ringpost", std::string(version())}, {"librdkafka", librdkafka_version()},
                       {"machine", machine()}, {"rounds", plan_.rounds},
                       {"seconds", plan_.seconds}, {"saturation", saturation_}};
        for (const double rate : rates) result["rates"].push_back(at_rate(rate));
        return result;
    }

private:
    Slice slice(const std::string& client, double rate, double seconds) const {
        return {.client = client, .brokers = broker_.address(), .rate = rate, .seconds = seconds};
    }
    bool takes_part(const Client& client) const {
        return !plan_.one_cpu || client.name.find("busy") == std::string::npos;
    }
    void find_saturations() {
        for (const Client& client : *plan_.clients) {
            if (client.is_ping_pong() || !takes_part(client)) continue;
            std::vector<double> found;
            for (int i = 0; i < 3; ++i) {
                found.push_back(run_child(slice(client.name, 0, plan_.seconds / 2))["achieved"]);
            }
            saturation_[client.name] = median(found);
            if (plan_.json) continue;
            fmt::print("{:<17}{:<52}{:>12.0f}/s flat out\n", client.name, client.is,
                       saturation_[client.name]);
        }
    }
    bool keeps_up(const Client& client, double rate) const {
        if (!takes_part(client)) return false;
        // A ping-pong has one message under way: only low rates say anything of it.
        return client.is_ping_pong() ? rate <= 10'000 : rate <= 0.92 * saturation_.at(client.name);
    }
    Json at_rate(double rate) {
        std::vector<std::string> names;
        for (const Client& client : *plan_.clients) {
            if (keeps_up(client, rate)) names.push_back(client.name);
        }
        std::map<std::string, std::vector<Json>> rounds;
        for (int i = 0; i < plan_.rounds; ++i) {
            for (const std::string& name : names) {
                rounds[name].push_back(run_child(slice(name, rate, plan_.seconds)));
            }
            std::reverse(names.begin(), names.end());
        }
        Json result = {{"rate", rate}};
        if (!plan_.json) print_head(rate);
        for (const Client& client : *plan_.clients) {
            if (!rounds.contains(client.name)) continue;
            Json figures = merge(rounds[client.name]);
            if (rounds.contains(client.ping_pong)) {
                figures["p50_to_ping_pong"] =
                    ratio(rounds[client.name], rounds[client.ping_pong], "p50");
            }
            if (rounds.contains(client.librdkafka)) {
                figures["p99_to_librdkafka"] =
                    ratio(rounds[client.name], rounds[client.librdkafka], "p99");
            }
            if (!plan_.json) print(client, figures);
            result["clients"][client.name] = figures;
        }
        return result;
    }
    static void print_head(double rate) {
        fmt::print("\n{:.0f} messages/s; microseconds\n", rate);
        fmt::print("{:<17}{:>9}{:>8}{:>8}{:>8}{:>8}{:>9}{:>9}{:>9}{:>8}{:>8}\n", "", "achieved",
                   "p50", "p90", "p99", "p99.9", "max", "late p99", "closed99", "p50/pp",
                   "p99/lrk");
    }
    static void print(const Client& client, const Json& f) {
        const auto n = [&](const char* key) { return f[key].get<double>(); };
        const auto ratio = [&](const char* key) {
            return f.contains(key) ? fmt::format("{:.2f}", f[key]["ratio"].get<double>()) : "";
        };
        fmt::print("{:<17}{:>9.0f}{:>8.1f}{:>8.1f}{:>8.1f}{:>8.0f}{:>9.0f}{:>9.1f}{:>9.1f}"
                   "{:>8}{:>8}\n", client.name, n("achieved"), n("p50"), n("p90"), n("p99"),
                   n("p99.9"), n("max"), n("late_p99"), n("closed_p99"), ratio("p50_to_ping_pong"),
                   ratio("p99_to_librdkafka"));
        if (f.contains("batch_records")) {
            fmt::print("{:<17}records a batch: {:.1f}\n", "", n("batch_records"));
        }
        if (f.contains("shard_latency_p50")) {
            const auto both = [&](const std::string& name) {
                return fmt::format("{:.1f}, {:.1f}", f[name + "_p50"].get<double>(),
                                   f[name + "_p99"].get<double>());
            };
            fmt::print("{:<17}batches, p50, p99: taken to acknowledged {}; request to answer {}; a "
                       "turn {}\n", "", both("shard_latency"), both("shard_round_trip"),
                       both("shard_turn"));
        }
        if (f.contains("turn_p50")) {
            fmt::print("{:<17}turn of the loop: p50 {:.2f}, p99 {:.2f}, max {:.0f}\n", "",
                       n("turn_p50"), n("turn_p99"), n("turn_max"));
        }
        (void)std::fflush(stdout);
    }

    const Plan plan_;
    const BrokerChild broker_;
    std::map<std::string, double> saturation_;
};

/// This process and all that it starts.
void stay_on_one_cpu() {
    cpu_set_t cpus;
    CPU_ZERO(&cpus);
    CPU_SET(static_cast<unsigned>(sched_getcpu()), &cpus);
    if (sched_setaffinity(0, sizeof cpus, &cpus) != 0) {
        throw std::runtime_error("sched_setaffinity");
    }
}

void run(const Plan& plan) {
    if (plan.one_cpu) stay_on_one_cpu();
    const std::uint64_t steal = steal_ticks();
    if (!plan.json) {
        fmt::print("ringpost {}, librdkafka {}; {}{}\n", version(), librdkafka_version(), machine(),
                   plan.one_cpu ? ", all on one CPU" : "");
        fmt::print("100 B, {}acks=1; {} rounds of {} s, interleaved, medians of rounds\n\n",
                   plan.clients == &clients ? "linger 0, " : "", plan.rounds, plan.seconds);
    }
    Json result = Run(plan).sweep();
    result["one_cpu"] = plan.one_cpu;
    result["steal_ticks"] = steal_ticks() - steal;
    if (plan.json) {
        fmt::print("{}\n", result.dump(2));
        return;
    }
    fmt::print("\nsteal during the run: {} ticks of 10 ms. late: how long after its time a message "
               "was sent.\nclosed99: the p99 that counting from the call would have shown. pp: the "
               "ping-pong of the same\nmode; lrk: librdkafka, whose caller does the same.\n",
               result["steal_ticks"].get<std::uint64_t>());
}

}  // namespace
}  // namespace ringpost::bench

int main(int argc, char** argv) {
    using namespace ringpost::bench;
    CLI::App app{"Latency in an open loop: ringpost, librdkafka and a TCP ping-pong"};
    Slice slice;
    Plan plan;
    bool quick = false;
    bool linger = false;
    app.add_option("--rounds", plan.rounds, "Rounds")->check(CLI::Range(1, 1000));
    app.add_option("--seconds", plan.seconds, "Length of a slice")->check(CLI::Range(0.05, 60.0));
    app.add_flag("--quick", quick, "Two rounds of 0.2 s at fewer rates (under 30 s)");
    app.add_flag("--one-cpu", plan.one_cpu, "All on one CPU, where no wake-up crosses CPUs");
    app.add_flag("--linger", linger,
                 "Linger 0, 5 ms and adaptive at 1, 10, 50 and 90 % of the saturation");
    app.add_flag("--json", plan.json, "For machines");
    app.add_option("--worker", slice.client, "One slice of this client, for the driver itself");
    app.add_option("-b,--brokers", slice.brokers, "With --worker");
    app.add_option("--rate", slice.rate, "With --worker");
    CLI11_PARSE(app, argc, argv);
    try {
        if (!slice.client.empty()) {
            slice.seconds = plan.seconds;
            fmt::print("{}\n", to_json(client_of(slice.client).run(slice)).dump());
            return 0;
        }
        if (linger) {
            plan.clients = &lingering;
            plan.rates = {};
            plan.of = {"linger-adaptive"};  // the slowest: all keep up
            plan.shares = {0.01, 0.1, 0.5, 0.9};
        }
        if (quick) {
            plan.rounds = 2;
            plan.seconds = 0.2;
            plan.shares = {0.5};
        }
        run(plan);
    } catch (const std::exception& error) {
        fmt::print(stderr, "latency: {}\n", error.what());
        return 1;
    }
}
