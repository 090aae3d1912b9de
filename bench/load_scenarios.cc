// SPDX-License-Identifier: Apache-2.0
// Many callers, a cold burst, a slow broker, a wide topic's metadata.
#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <thread>

#include "load_run.h"

namespace ringpost::bench {

namespace {

constexpr std::int32_t partitions = 8;
const Seconds warm_up_time{0.3};

double us(std::chrono::nanoseconds time) { return static_cast<double>(time.count()) / 1e3; }

void for_a_while(Seconds time) {
    std::this_thread::sleep_for(std::chrono::duration_cast<std::chrono::nanoseconds>(time));
}

struct Crowd {
    double per_second = 0;
    double least_to_most = 0;
};

/// So many threads, each with a lane of its own, on one shard.
Crowd crowd(const std::string& brokers, unsigned threads, Seconds lasts) {
    Loaded loaded(load_options(brokers));
    std::atomic<bool> stop{false};
    std::atomic<unsigned> up{0};
    std::vector<std::atomic<std::uint64_t>> delivered(threads);
    std::vector<std::thread> callers;
    for (unsigned i = 0; i < threads; ++i) {
        callers.emplace_back([&, i] {
            Caller caller(loaded, partitions);
            ++up;
            while (!stop.load(std::memory_order_relaxed)) {
                for (int n = 0; n < 256; ++n) caller.step();
                delivered[i].store(caller.delivered(), std::memory_order_relaxed);
            }
            caller.finish();
        });
    }
    while (up != threads) std::this_thread::yield();
    for_a_while(warm_up_time);
    std::vector<std::uint64_t> before(delivered.begin(), delivered.end());
    const auto begin = Clock::now();
    for_a_while(lasts);
    std::vector<std::uint64_t> after(delivered.begin(), delivered.end());
    const double seconds = seconds_since(begin);
    stop = true;
    for (std::thread& caller : callers) caller.join();
    std::uint64_t sum = 0;
    for (unsigned i = 0; i < threads; ++i) sum += after[i] -= before[i];
    const auto [least, most] = std::minmax_element(after.begin(), after.end());
    return {static_cast<double>(sum) / seconds,
            static_cast<double>(*least) / static_cast<double>(std::max<std::uint64_t>(*most, 1))};
}

}  // namespace

Rows many_callers(Seconds lasts) {
    Child broker(broker_command("127.0.0.1:0", partitions));
    const std::string address = address_said(broker);
    Rows rows;
    double alone = 0;
    for (const unsigned threads : {1U, 8U, 64U}) {
        const Crowd c = crowd(address, threads, lasts);
        const std::string name = fmt::format("{} callers", threads);
        rows.push_back({name, "throughput", c.per_second, "records/s", ""});
        if (threads == 1) alone = c.per_second;
        if (threads == 1) continue;
        rows.push_back({name, "of one caller's", c.per_second / alone, "", ""});
        rows.push_back({name, "least served to most served", c.least_to_most, "", ""});
    }
    return rows;
}

int run_cold_burst(const std::string& brokers, std::uint64_t records) {
    const auto begin = Clock::now();
    Loaded loaded(load_options(brokers));
    Caller caller(loaded, partitions);
    while (caller.accepted() < records) caller.step();
    caller.finish();
    const ShardStatistics s = loaded.total();
    fmt::print("{}\n", nlohmann::json({{"seconds", seconds_since(begin)},
                                       {"delivered", caller.delivered()},
                                       {"longest_us", us(s.turn_time.max())},
                                       {"p999_us", us(s.turn_time.at(0.999))}})
                           .dump());
    return caller.failed() == 0 ? 0 : 1;
}

Rows cold_burst(std::uint64_t records) {
    std::vector<double> seconds, longest, process;
    for (int i = 0; i < 3; ++i) {
        Child broker(broker_command("127.0.0.1:0", partitions));
        const std::string address = address_said(broker);
        const auto begin = Clock::now();
        Child burst({own_path(), "--cold-burst", address, "--records", std::to_string(records)});
        const auto said = nlohmann::json::parse(burst.line());
        if (burst.wait() != 0) throw std::runtime_error("the burst failed");
        const double scale = 1e6 / said["delivered"].get<double>();
        process.push_back(seconds_since(begin));
        seconds.push_back(said["seconds"].get<double>() * scale);
        longest.push_back(said["longest_us"]);
    }
    const std::string name = "a million from cold";
    return {{name, "first call to last report", median(seconds), "s a million", ""},
            {name, "the whole process", median(process), "s", ""},
            {name, "longest turn", median(longest), "us", ""}};
}

namespace {

struct Served {
    double others = 0;   ///< records a second by brokers 1 and 3
    double second = 0;   ///< and by broker 2
};

Served serve(unsigned delay_ms, std::uint32_t lane_records_max, Seconds lasts) {
    Child cluster({own_path(), "--slow-cluster", std::to_string(delay_ms)});
    Options options = load_options(address_said(cluster));
    options.lane_records_max = lane_records_max;
    Loaded loaded(options);
    Caller caller(loaded, 9);
    std::uint64_t others = 0, second = 0;
    Clock::time_point begin;
    // Until the slow one holds all that it gets, and then.
    for (const Seconds time : {Seconds(1.5), lasts}) {
        others = caller.delivered_by(1) + caller.delivered_by(3);
        second = caller.delivered_by(2);
        begin = Clock::now();
        while (seconds_since(begin) < time.count()) {
            for (int n = 0; n < 256; ++n) caller.step();
        }
    }
    const double seconds = seconds_since(begin);
    others = caller.delivered_by(1) + caller.delivered_by(3) - others;
    second = caller.delivered_by(2) - second;
    loaded->purge(Purge::all, 5s);
    caller.finish();
    return {static_cast<double>(others) / seconds, static_cast<double>(second) / seconds};
}

}  // namespace

Rows slow_broker(Seconds lasts) {
    Rows rows;
    // By default a lane's hundred thousand records are fewer than the memory has room for.
    for (const std::uint32_t records : {100'000U, 1'000'000U}) {
        const Served fast = serve(0, records, lasts);
        const Served slow = serve(1'000, records, lasts);
        const std::string name =
            fmt::format("a broker of three answers 1 s late, {} records a lane", records);
        rows.push_back({name, "the others' partitions, without", fast.others, "records/s", ""});
        rows.push_back({name, "the others' partitions, with", slow.others, "records/s", ""});
        rows.push_back({name, "with to without", slow.others / fast.others, "", ""});
        rows.push_back({name, "the slow one's partitions", slow.second, "records/s", ""});
    }
    return rows;
}

namespace {

constexpr unsigned wide = 10'000;

/// A refresh every so often: a topic's age is the same for all it says.
Options wide_options(const std::string& address, std::chrono::milliseconds age) {
    Options options = load_options(address);
    options.metadata_max_age = age;
    return options;
}

struct Turns {
    Histogram times;
    double per_second = 0;
};

Turns turns_at(const std::string& address, std::chrono::milliseconds age, Seconds lasts) {
    Loaded loaded(wide_options(address, age));
    Caller caller(loaded, partitions);
    Histogram earlier;
    std::uint64_t delivered = 0;
    Clock::time_point begin;
    for (const Seconds time : {warm_up_time, lasts}) {
        earlier = loaded.total().turn_time;
        delivered = caller.delivered();
        begin = Clock::now();
        while (seconds_since(begin) < time.count()) {
            for (int n = 0; n < 256; ++n) caller.step();
        }
    }
    const double seconds = seconds_since(begin);
    Turns turns{loaded.total().turn_time.since(earlier),
                static_cast<double>(caller.delivered() - delivered) / seconds};
    caller.finish();
    return turns;
}

/// Inline the loop is its caller's: CPU time a poll, which no other process can lengthen. A poll
/// without room for reports is a turn, or a few that have nothing to do.
double longest_cpu_us(const std::string& address, std::chrono::milliseconds age, Seconds lasts) {
    Options options = wide_options(address, age);
    options.mode = Mode::inline_;
    options.max_block = 0ms;
    Loaded loaded(options);
    Lane lane = *loaded->open_lane();
    const std::string value(100, 'x');
    std::vector<DeliveryReport> reports(4096);
    std::int64_t longest = 0;
    const auto begin = Clock::now();
    std::int32_t next = 0;
    while (seconds_since(begin) < (warm_up_time + lasts).count()) {
        for (int i = 0; i < 256; ++i) {
            next = (next + 1) % partitions;
            (void)lane.produce({.topic = loaded.topic(), .value = value, .partition = next});
        }
        const std::int64_t before = thread_cpu_ns();
        lane.poll({});
        const std::int64_t spent = thread_cpu_ns() - before;
        if (seconds_since(begin) > warm_up_time.count()) longest = std::max(longest, spent);
        while (lane.poll(reports) == reports.size()) {}
    }
    loaded->purge(Purge::all, 5s);
    return static_cast<double>(longest) / 1e3;
}

}  // namespace

Rows wide_metadata(Seconds lasts) {
    Child broker(broker_command("127.0.0.1:0", wide));
    const std::string address = address_said(broker);
    const Turns still = turns_at(address, 300s, lasts);
    const Turns often = turns_at(address, 100ms, lasts);
    const std::string name = "10,000 partitions, 10 refreshes/s";
    return {{name, "throughput without refreshes", still.per_second, "records/s", ""},
            {name, "throughput to that without", often.per_second / still.per_second, "", ""},
            {name, "longest turn without refreshes", us(still.times.max()), "us", ""},
            {name, "longest turn", us(often.times.max()), "us", "1000"},
            {name, "p99.9 turn without refreshes", us(still.times.at(0.999)), "us", ""},
            {name, "p99.9 turn", us(often.times.at(0.999)), "us", ""},
            {name, "longest CPU time of an inline poll without",
             longest_cpu_us(address, 300s, lasts), "us", ""},
            {name, "longest CPU time of an inline poll", longest_cpu_us(address, 100ms, lasts),
             "us", "1000"}};
}

}  // namespace ringpost::bench
