// SPDX-License-Identifier: Apache-2.0
// The only broker goes away under full load and comes back at the same address.
#include <fmt/format.h>
#include <signal.h>

#include <algorithm>
#include <optional>
#include <stdexcept>

#include "load_run.h"

namespace ringpost::bench {

namespace {

constexpr double window = 0.1;   ///< seconds, of a rate
constexpr double back = 0.9;     ///< of the rate before

/// Drives the caller, and tells the rate of each window.
class Watch {
public:
    Watch(Loaded& loaded, Caller& caller) : loaded_(loaded), caller_(caller) {}

    /// Delivered a second, for `time`; or until a window reaches `enough`.
    std::vector<double> windows(Seconds time, double enough = 1e300) {
        std::vector<double> rates;
        const auto begin = Clock::now();
        while (seconds_since(begin) < time.count() && (rates.empty() || rates.back() < enough)) {
            const auto start = Clock::now();
            const std::uint64_t before = caller_.delivered();
            while (seconds_since(start) < window) {
                for (int n = 0; n < 64; ++n) caller_.step();
            }
            rates.push_back(static_cast<double>(caller_.delivered() - before) /
                            seconds_since(start));
        }
        return rates;
    }
    /// What an outage costs: CPU of the shard, its turns, its sleeps.
    struct Spent {
        double cpu_s;
        std::uint64_t turns, sleeps, retried;
    };
    Spent spent() const {
        const ShardStatistics s = loaded_.total();
        return {shard_cpu_seconds(), s.turns, s.sleeps, s.batches_retried};
    }

private:
    Loaded& loaded_;
    Caller& caller_;
};

void away(std::optional<Child>& broker, bool killed) {
    broker->signal(killed ? SIGKILL : SIGSTOP);
    if (killed) broker.reset();
}

void come_back(std::optional<Child>& broker, bool killed, const std::string& address) {
    if (!killed) return broker->signal(SIGCONT);
    broker.emplace(broker_command(address, 8));
    if (address_said(*broker) != address) throw std::runtime_error("not at the same address");
}

}  // namespace

Rows outage(Seconds lasts, bool killed) {
    std::optional<Child> broker(std::in_place, broker_command("127.0.0.1:0", 8));
    const std::string address = address_said(*broker);
    Loaded loaded(load_options(address));
    Caller caller(loaded, 8);
    Watch watch(loaded, caller);
    watch.windows(Seconds(0.5));
    const Watch::Spent at_first = watch.spent();
    const double before = median(watch.windows(Seconds(1)));
    const Watch::Spent loaded_second = watch.spent();

    away(broker, killed);
    watch.windows(Seconds(0.5));   // until the queues are full
    const Watch::Spent begun = watch.spent();
    const auto since = Clock::now();
    watch.windows(lasts);
    const double gone_s = seconds_since(since);
    const Watch::Spent ended = watch.spent();

    come_back(broker, killed, address);
    const auto returned = Clock::now();
    watch.windows(Seconds(30), 1);
    const double resumed_s = seconds_since(returned);
    watch.windows(Seconds(30), before * back);
    const double recovered_s = seconds_since(returned);
    const Watch::Spent recovered = watch.spent();
    const std::vector<double> after = watch.windows(Seconds(1));
    const Watch::Spent at_last = watch.spent();
    caller.finish();

    const auto rate = [&](std::uint64_t from, std::uint64_t to) {
        return static_cast<double>(to - from) / gone_s;
    };
    const std::string name = fmt::format("the broker {} for {:.0f} s", killed ? "dead" : "frozen",
                                         lasts.count());
    return {{name, "rate before", before, "records/s", ""},
            {name, "first delivered after", resumed_s, "s", ""},
            {name, "back to 0.9 of that after", recovered_s, "s", "2"},
            {name, "rate in the second after", median(after) / before, "of before", ""},
            {name, "shard's CPU while away", (ended.cpu_s - begun.cpu_s) / gone_s * 1e4,
             "ms a 10 s", ""},
            {name, "turns while away", rate(begun.turns, ended.turns), "a second", ""},
            {name, "sleeps while away", rate(begun.sleeps, ended.sleeps), "a second", ""},
            {name, "shard's CPU under load, before", loaded_second.cpu_s - at_first.cpu_s, "s a s",
             ""},
            {name, "and after", at_last.cpu_s - recovered.cpu_s, "s a s", ""},
            {name, "batches sent again", static_cast<double>(at_last.retried), "", ""},
            {name, "records failed", static_cast<double>(caller.failed()), "", ""}};
}

}  // namespace ringpost::bench
