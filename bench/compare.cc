// SPDX-License-Identifier: Apache-2.0
// ringpost against librdkafka, and against Java's and Go's clients where they can be had: the same
// work in the same run, interleaved A B B A, each slice in a process of its own.
#include <CLI/CLI.hpp>
#include <fmt/format.h>
#include <ringpost/producer.h>

#include <algorithm>
#include <cstdio>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "child.h"
#include "compare_worker.h"
#include "peers.h"

namespace ringpost::bench {
namespace {

using Json = nlohmann::json;

struct Asked {
    std::string broker;           ///< an existing one; empty: `ringpost broker --discard`
    std::uint64_t records = 4'000'000;
    int pairs = 10;
    int peer_pairs = 3;           ///< of the others: a virtual machine's start each
    int acks = 1;
    std::uint32_t bytes = 0;      ///< of a value; 0: 100 and 1000
    std::string payload = "same";
    std::string compression = "none";
    std::uint32_t batch_bytes = 0;
    bool quick = false;
    bool json = false;

    /// All that is compared then is ringpost with librdkafka.
    bool of_codecs() const { return payload != "same" || compression != "none"; }
};

struct Row {
    std::string key;
    std::string title;
};

const std::vector<Row> work_rows = {
    {"messages_per_second", "messages/s"},
    {"cpu_s_per_million", "CPU-s/M messages"},
    {"user_cpu_s_per_million", "  user"},
    {"system_cpu_s_per_million", "  system"},
    {"caller_cpu_s_per_million", "  caller thread"},
    {"other_cpu_s_per_million", "  other threads"},
    {"system_calls_per_million", "system calls/M"},
    {"rss_mb", "peak RSS, MB"},
    {"wire_bytes_per_message", "bytes on the wire a message"},
    {"compression_ratio", "bytes of values a byte there"},
};
const std::vector<Row> memory_rows = {
    {"queued", "messages queued"},
    {"empty_mb", "RSS of the empty process, MB"},
    {"full_mb", "RSS with them, MB"},
    {"growth_mb", "growth, MB (goal: 140)"},
};

/// What the broker has received in all; values are all that a program has given.
void add_bytes(Json& figures, const Work& work, std::uint64_t received) {
    const double each = static_cast<double>(received) / static_cast<double>(work.records);
    figures["wire_bytes_per_message"] = each;
    figures["compression_ratio"] = static_cast<double>(work.client.value_bytes) / each;
}

/// Where no broker is named, this run gets one of its own, which counts its bytes.
Json run_child(const std::string& worker, Work work) {
    ClientOptions& client = work.client;
    std::optional<BrokerChild> own;
    if (client.brokers.empty()) client.brokers = own.emplace().address();
    Child child({own_path(), "--worker", worker, "--client", client.client, "--broker",
                 client.brokers, "--topic", client.topic, "--records", std::to_string(work.records),
                 "--size", std::to_string(client.value_bytes), "--partitions",
                 std::to_string(client.partitions), "--acks", std::to_string(client.acks),
                 "--queued", std::to_string(client.queue_records_max), "--queue-bytes",
                 std::to_string(client.queue_bytes_max), "--payload",
                 std::string(to_string(client.payload)), "--compression", client.compression,
                 "--batch-size", std::to_string(client.batch_bytes)});
    const std::string text = child.line();
    if (child.wait() != 0 || text.empty()) throw std::runtime_error(client.client + " failed");
    Json run = Json::parse(text);
    if (own) add_bytes(run["figures"], work, own->end());
    return run;
}

/// Pairs of runs of one piece of work.
class Pairs {
public:
    Pairs(std::string worker, Work work, std::string other, int count)
        : other_(std::move(other)) {
        for (int i = 0; i < count; ++i) {
            std::vector<std::string> order = {"ringpost", other_};
            if (i % 2 == 1) std::swap(order[0], order[1]);
            for (const std::string& client : order) {
                work.client.client = client;
                const bool peer = client != "ringpost" && client != "librdkafka";
                runs_[client].push_back(run_child(peer ? "peer" : worker, work));
            }
        }
    }

    /// Prints the rows, and puts them into what is returned.
    Json tell(const std::vector<Row>& rows, bool quiet) {
        Json result;
        if (!quiet) {
            fmt::print("{:<30}{:>14}{:>14}{:>8}{:>18}\n", "", "ringpost", other_, "ratio",
                       "spread of ratio");
        }
        for (const Row& row : rows) {
            const std::vector<double> ours = values("ringpost", "figures", row.key);
            const std::vector<double> theirs = values(other_, "figures", row.key);
            if (ours.empty() || theirs.empty()) continue;
            std::vector<double> ratios;
            for (std::size_t i = 0; i < ours.size(); ++i) ratios.push_back(ours[i] / theirs[i]);
            const auto [low, high] = std::minmax_element(ratios.begin(), ratios.end());
            result[row.key] = {{"ringpost", median(ours)}, {other_, median(theirs)},
                               {"ratio", median(ratios)}, {"ratio_min", *low},
                               {"ratio_max", *high}};
            if (quiet) continue;
            const int digits = median(theirs) < 100 ? 3 : 0;
            fmt::print("{:<30}{:>14.{}f}{:>14.{}f}{:>8.2f}{:>9.2f} to {:.2f}\n", row.title,
                       median(ours), digits, median(theirs), digits, median(ratios), *low, *high);
        }
        for (const auto& [client, all] : runs_) tell_threads(client, all, result, quiet);
        return result;
    }

private:
    std::vector<double> values(const std::string& client, const char* where,
                               const std::string& key) {
        std::vector<double> all;
        for (const Json& run : runs_[client]) {
            if (run[where].contains(key)) all.push_back(run[where][key]);
        }
        return all;
    }

    void tell_threads(const std::string& client, const std::vector<Json>& all, Json& result,
                      bool quiet) {
        std::string line;
        for (const auto& [thread, cpu] : all.front()["threads"].items()) {
            const double middle = median(values(client, "threads", thread));
            result["threads"][client][thread] = middle;
            line += fmt::format("{}{} {:.3f}", line.empty() ? "" : ", ", thread, middle);
        }
        if (!quiet && !line.empty()) fmt::print("CPU-s/M by thread, {}: {}\n", client, line);
    }

    std::string other_;
    std::map<std::string, std::vector<Json>> runs_;  ///< by client
};

/// The address of a broker that says nothing to produce requests.
class SilentBroker {
public:
    SilentBroker() : child_({own_path(), "--worker", "silent-broker"}), address_(child_.line()) {}
    const std::string& address() const { return address_; }

private:
    Child child_;
    std::string address_;
};

Json compare_sizes(const Asked& asked, const std::string& other, int pairs) {
    Json runs;
    for (const std::uint32_t bytes : asked.bytes == 0 ? std::vector{100U, 1000U}
                                                      : std::vector{asked.bytes}) {
        Work work;
        work.client.brokers = asked.broker;
        work.client.payload = parse_payload(asked.payload).value_or(PayloadKind::same);
        work.client.compression = asked.compression;
        work.client.batch_bytes = asked.batch_bytes;
        work.client.topic = "compare";
        work.client.acks = asked.acks;
        work.client.value_bytes = bytes;
        work.records = bytes <= 100 ? asked.records : asked.records / 4;
        if (asked.quick && other != "librdkafka") {
            if (bytes > 100) continue;
            work.records /= 2;
        }
        if (!asked.json) {
            fmt::print("\n{} B values ({}), {} messages a run, {} pairs, acks={}, {}\n", bytes,
                       asked.payload, work.records, pairs, asked.acks,
                       asked.compression == "none" ? "not compressed" : asked.compression);
        }
        Json run = Pairs("client", work, other, pairs).tell(work_rows, asked.json);
        run.update({{"bytes", bytes}, {"records", work.records}, {"pairs", pairs},
                    {"other", other}, {"payload", asked.payload},
                    {"compression", asked.compression}, {"batch_bytes", asked.batch_bytes}});
        runs.push_back(run);
    }
    return runs;
}

Json compare_memory(const Asked& asked) {
    const SilentBroker broker;
    Work work;
    work.records = 1'000'000;
    work.client.brokers = broker.address();
    work.client.topic = "compare";
    work.client.partitions = 0;
    work.client.queue_records_max = 1'000'000;
    // Little more than the least that takes them: 110 bytes each, and a sixteenth that is kept.
    work.client.queue_bytes_max = 114ULL << 20;
    const int pairs = asked.quick ? 1 : 3;
    if (!asked.json) {
        fmt::print("\n{} x 100 B queued, none acknowledged: the broker is silent; {} pairs\n",
                   work.records, pairs);
    }
    return Pairs("queue", work, "librdkafka", pairs).tell(memory_rows, asked.json);
}

int run(const Asked& asked) {
    const std::uint64_t steal = steal_ticks();
    Json result = {{"ringpost", std::string(version())}, {"librdkafka", librdkafka_version()},
                   {"machine", machine()}};
    if (!asked.json) {
        fmt::print("ringpost {} and librdkafka {}, interleaved A B B A, medians; {}\nbroker: {}\n",
                   version(), librdkafka_version(), machine(),
                   asked.broker.empty() ? "ringpost broker --discard, for each run its own"
                                        : asked.broker);
    }
    result["runs"] = compare_sizes(asked, "librdkafka", asked.pairs);
    for (const Peer& peer : asked.of_codecs() ? std::vector<Peer>{} : find_peers()) {
        Json told = {{"name", peer.name}, {"version", peer.version}};
        if (!peer.skipped.empty()) {
            told["skipped"] = peer.skipped;
            if (!asked.json) fmt::print("\n{}: skipped, {}\n", peer.name, peer.skipped);
        } else {
            if (!asked.json) {
                fmt::print("\n{} ({}); its CPU and memory are its whole program's, with its start",
                           peer.name, peer.version);
            }
            told["runs"] = compare_sizes(asked, peer.name, asked.peer_pairs);
        }
        result["peers"].push_back(told);
    }
    if (asked.broker.empty() && !asked.of_codecs()) result["memory"] = compare_memory(asked);
    result["steal_ticks"] = steal_ticks() - steal;
    if (asked.json) {
        fmt::print("{}\n", result.dump(2));
    } else {
        fmt::print("\nsteal during the run: {} ticks of 10 ms\n", steal_ticks() - steal);
    }
    return 0;
}

int run_worker(const std::string& worker, const Work& work) {
    if (worker == "silent-broker") return serve_silently();
    const Measured m = worker == "queue" ? queue_client(work)
                       : worker == "peer" ? run_peer(work)
                                          : run_client(work);
    fmt::print("{}\n", Json{{"figures", m.figures}, {"threads", m.threads}}.dump());
    return 0;
}

}  // namespace
}  // namespace ringpost::bench

int main(int argc, char** argv) {
    using namespace ringpost::bench;
    CLI::App app{"ringpost against other clients, interleaved in one run"};
    std::string worker;
    Work work;
    Asked asked;
    app.add_option("--pairs", asked.pairs, "Pairs of runs")->check(CLI::Range(1, 1000));
    app.add_option("--peer-pairs", asked.peer_pairs, "The same with Java and Go")
        ->check(CLI::Range(1, 1000));
    app.add_flag("--quick", asked.quick, "Four pairs of a quarter of the work (under 30 s)");
    app.add_flag("--json", asked.json, "For machines");
    app.add_option("--acks", asked.acks, "1, 0 or -1")->check(CLI::IsMember({-1, 0, 1}));
    app.add_option("--broker", asked.broker,
                   "HOST:PORT of a broker that runs already, where a topic named compare has 8 "
                   "partitions or comes by itself with so many");
    auto* records = app.add_option("--records", asked.records,
                                   "Messages of 100 B a run; of 1 KB it is a quarter")
                        ->check(CLI::Range(1'000, 1'000'000'000));
    app.add_option("--size", asked.bytes, "Bytes of a value (100 and 1000, one after the other)")
        ->check(CLI::Range(1, 1'000'000));
    app.add_option("--payload", asked.payload, "What values are: same, json, repetitive, random")
        ->check(CLI::IsMember({"same", "json", "repetitive", "random"}));
    app.add_option("--compression", asked.compression,
                   "CODEC or CODEC:LEVEL, by librdkafka's numbers, for both");
    app.add_option("--batch-size", asked.batch_bytes, "batch.size of both (each one's default)");
    app.add_option("--worker", worker, "For the driver itself: one run, as the following say");
    app.add_option("--client", work.client.client, "With --worker");
    app.add_option("--topic", work.client.topic, "With --worker");
    app.add_option("--partitions", work.client.partitions, "With --worker");
    app.add_option("--queued", work.client.queue_records_max, "With --worker");
    app.add_option("--queue-bytes", work.client.queue_bytes_max, "With --worker");
    CLI11_PARSE(app, argc, argv);
    try {
        if (!worker.empty()) {
            work.client.brokers = asked.broker;
            work.client.acks = asked.acks;
            work.client.payload = parse_payload(asked.payload).value_or(PayloadKind::same);
            work.client.compression = asked.compression;
            work.client.batch_bytes = asked.batch_bytes;
            if (asked.bytes != 0) work.client.value_bytes = asked.bytes;
            work.records = asked.records;
            return run_worker(worker, work);
        }
        if (asked.quick) {
            asked.pairs = 4;
            asked.peer_pairs = 1;
            if (records->count() == 0) asked.records = 1'000'000;
        }
        return run(asked);
    } catch (const std::exception& error) {
        fmt::print(stderr, "compare: {}\n", error.what());
        return 1;
    }
}
