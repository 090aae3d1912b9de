// SPDX-License-Identifier: Apache-2.0
#include "peers.h"

#include <fmt/format.h>
#include <sys/resource.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <regex>

#include "child.h"
#include "kernel_counts.h"

namespace ringpost::bench {

namespace {

using Path = std::filesystem::path;
/// As ringpost's own default: Java's is 16 KB, which would have it send eight times the requests.
constexpr int batch_bytes = 128 * 1024;

Path franz_go_program() { return Path(own_path()).parent_path() / "franz_go"; }

/// Its exit status; `last` is its last line, errors included.
int run(const std::string& command, std::string& last) {
    Child child({"/bin/sh", "-c", command + " 2>&1"});
    for (std::string line = child.line(); !line.empty(); line = child.line()) last = line;
    return child.wait();
}

bool on_path(const std::string& program) {
    std::string last;
    return run("command -v " + program, last) == 0;
}

/// Where tools/kafka keeps the newest Kafka that it has got; empty: it has got none.
Path newest_kafka() {
    const char* cache = std::getenv("XDG_CACHE_HOME");
    const char* home = std::getenv("HOME");
    Path newest;
    std::error_code error;
    const Path folder = (cache != nullptr && *cache != '\0' ? Path(cache)
                         : Path(home == nullptr ? "/" : home) / ".cache") / "ringpost";
    for (const auto& entry : std::filesystem::directory_iterator(folder, error)) {
        const std::string name = entry.path().filename();
        if (name.starts_with("kafka-") && entry.is_directory() && entry.path() > newest) {
            newest = entry.path();
        }
    }
    return newest;
}

Peer find_java() {
    Peer peer{"java", "", ""};
    const Path kafka = newest_kafka();
    if (!on_path("java")) {
        peer.skipped = "java is not installed";
    } else if (kafka.empty()) {
        peer.skipped = "no Kafka has been downloaded; tools/kafka start does it";
    } else {
        peer.version = kafka.filename();
    }
    return peer;
}

Peer find_franz_go() {
    Peer peer{"franz-go", "", ""};
    if (!on_path("go")) {
        peer.skipped = "go is not installed";
        return peer;
    }
    std::string last;
    if (run(fmt::format("cd '{}/franz_go' && timeout 300 go build -o '{}' .", BENCH_DIR,
                        franz_go_program().string()), last) != 0) {
        peer.skipped = "go build: " + last;
        return peer;
    }
    std::ifstream module(BENCH_DIR "/franz_go/go.mod");
    for (std::string word; module >> word;) {
        if (word == "github.com/twmb/franz-go") module >> peer.version;
    }
    return peer;
}

std::vector<std::string> java_command(const Work& work) {
    const ClientOptions& client = work.client;
    return {"/usr/bin/env", "java", "-Xmx512m", "-Dorg.slf4j.simpleLogger.defaultLogLevel=error",
            "-cp", (newest_kafka() / "*").string(), "org.apache.kafka.tools.ProducerPerformance",
            "--topic", client.topic, "--num-records", std::to_string(work.records),
            "--record-size", std::to_string(client.value_bytes), "--throughput", "-1",
            "--producer-props", "bootstrap.servers=" + client.brokers,
            fmt::format("acks={}", client.acks), fmt::format("linger.ms={:.0f}", client.linger_ms),
            fmt::format("batch.size={}", batch_bytes), "enable.idempotence=false"};
}

std::vector<std::string> franz_go_command(const Work& work) {
    const ClientOptions& client = work.client;
    return {franz_go_program().string(), "-brokers", client.brokers, "-topic", client.topic,
            "-records", std::to_string(work.records), "-size", std::to_string(client.value_bytes),
            "-partitions", std::to_string(client.partitions), "-acks", std::to_string(client.acks),
            "-linger-ms", fmt::format("{:.0f}", client.linger_ms),
            "-queued", std::to_string(client.queue_records_max)};
}

/// Of "1000000 records sent, 512345.6 records/sec (...": the last such line counts all of them.
double rate_of(Child& child) {
    static const std::regex pattern(R"(^\d+ records sent, ([0-9.]+) records/sec.*)");
    double rate = 0;
    for (std::string line = child.line(); !line.empty(); line = child.line()) {
        std::smatch found;
        if (std::regex_match(line, found, pattern)) rate = std::stod(found[1]);
    }
    return rate;
}

}  // namespace

std::vector<Peer> find_peers() { return {find_java(), find_franz_go()}; }

Measured run_peer(const Work& work) {
    const bool java = work.client.client == "java";
    const KernelCounts counter;
    const KernelCounts::Snapshot before = counter.now();
    Child child(java ? java_command(work) : franz_go_command(work));
    const double rate = rate_of(child);
    if (child.wait() != 0 || rate == 0) die(work.client.client + " failed");
    const double millions = static_cast<double>(work.records) / 1e6;
    Counts counts = counter.between(before, counter.now(), millions);
    rusage used{};
    getrusage(RUSAGE_CHILDREN, &used);
    const auto per_million = [&](const timeval& t) {
        return (static_cast<double>(t.tv_sec) + 1e-6 * static_cast<double>(t.tv_usec)) / millions;
    };
    Measured m;
    m.figures = {{"messages_per_second", rate},
                 {"cpu_s_per_million", per_million(used.ru_utime) + per_million(used.ru_stime)},
                 {"user_cpu_s_per_million", per_million(used.ru_utime)},
                 {"system_cpu_s_per_million", per_million(used.ru_stime)},
                 {"rss_mb", static_cast<double>(used.ru_maxrss) / 1024}};
    if (counts.contains("system_calls")) {
        m.figures["system_calls_per_million"] = counts["system_calls"];
    }
    return m;
}

}  // namespace ringpost::bench
