// SPDX-License-Identifier: Apache-2.0
// The same work through ringpost and through librdkafka: one caller thread, keyless records that
// are spread over 8 partitions, each record's report looked at.
#include "compare_worker.h"

#include <fmt/format.h>
#include <sys/resource.h>

#include <chrono>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <string>
#include <utility>

#include "broker_server.h"
#include "kernel_counts.h"

namespace ringpost::bench {

namespace {

using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;

double seconds(const timeval& t) {
    return static_cast<double>(t.tv_sec) + 1e-6 * static_cast<double>(t.tv_usec);
}

/// "VmHWM" or "VmRSS", in MB.
double memory_mb(const std::string& name) {
    std::ifstream status("/proc/self/status");
    for (std::string line; std::getline(status, line);) {
        if (line.starts_with(name)) return std::stod(line.substr(line.find(':') + 1)) / 1024;
    }
    return 0;
}

/// By thread id: its name, and the CPU-seconds that it has had.
using Threads = std::map<std::string, std::pair<std::string, double>>;

Threads threads_now() {
    Threads threads;
    for (const auto& task : std::filesystem::directory_iterator("/proc/self/task")) {
        std::string name;
        std::getline(std::ifstream(task.path() / "comm"), name);
        double ns = 0;
        std::ifstream(task.path() / "schedstat") >> ns;
        threads[task.path().filename()] = {name, ns * 1e-9};
    }
    return threads;
}

/// Time, CPU and system calls between its making and `stop`.
class Meter {
public:
    explicit Meter(const KernelCounts& counter)
        : counter_(counter), threads_(threads_now()), counts_(counter.now()) {
        getrusage(RUSAGE_SELF, &process_);
        getrusage(RUSAGE_THREAD, &thread_);
        start_ = Clock::now();
    }

    Measured stop(std::uint64_t records) const {
        const double took = std::chrono::duration<double>(Clock::now() - start_).count();
        rusage process{};
        rusage thread{};
        getrusage(RUSAGE_SELF, &process);
        getrusage(RUSAGE_THREAD, &thread);
        const Threads threads = threads_now();
        const double millions = static_cast<double>(records) / 1e6;
        Counts counts = counter_.between(counts_, counter_.now(), millions);
        const auto per_million = [&](const timeval& before, const timeval& after) {
            return (seconds(after) - seconds(before)) / millions;
        };
        Measured m;
        const double user = per_million(process_.ru_utime, process.ru_utime);
        const double system = per_million(process_.ru_stime, process.ru_stime);
        const double caller = per_million(thread_.ru_utime, thread.ru_utime) +
                              per_million(thread_.ru_stime, thread.ru_stime);
        m.figures = {{"messages_per_second", static_cast<double>(records) / took},
                     {"cpu_s_per_million", user + system},
                     {"user_cpu_s_per_million", user},
                     {"system_cpu_s_per_million", system},
                     {"caller_cpu_s_per_million", caller},
                     {"other_cpu_s_per_million", user + system - caller},
                     {"page_faults", static_cast<double>(process.ru_minflt - process_.ru_minflt)},
                     {"rss_mb", memory_mb("VmHWM")}};
        if (counts.contains("system_calls")) {
            m.figures["system_calls_per_million"] = counts["system_calls"];
        }
        for (const auto& [id, now] : threads) {
            const auto before = threads_.find(id);
            const double had = before == threads_.end() ? 0 : before->second.second;
            m.threads[now.first] += (now.second - had) / millions;
        }
        return m;
    }

private:
    const KernelCounts& counter_;
    Threads threads_;
    KernelCounts::Snapshot counts_;
    rusage process_{};
    rusage thread_{};
    Clock::time_point start_;
};

}  // namespace

Measured run_client(const Work& work) {
    const KernelCounts counter;
    const auto begun = Clock::now();
    const std::unique_ptr<Client> client = make_client(work.client);
    const std::chrono::duration<double, std::milli> start = Clock::now() - begun;
    // Warm: connection, metadata and the first batches are not what is compared.
    client->send(work.client.partitions);
    const Meter meter(counter);
    client->send(work.records);
    Measured measured = meter.stop(work.records);
    measured.figures["start_ms"] = start.count();
    return measured;
}

Measured queue_client(const Work& work) {
    Measured m;
    m.figures["empty_mb"] = memory_mb("VmRSS");
    const std::unique_ptr<Client> client = make_client(work.client);
    m.figures["queued"] = static_cast<double>(client->queue(work.records));
    client->idle(1s);  // what is still on its way inside the client
    m.figures["full_mb"] = memory_mb("VmRSS");
    m.figures["growth_mb"] = m.figures["full_mb"] - m.figures["empty_mb"];
    client->purge();
    return m;
}

int serve_silently() {
    tools::BrokerServerOptions options;
    options.cluster.partitions = 8;
    auto server = tools::BrokerServer::open(options);
    if (!server) die(server.error().text);
    (*server)->cluster().faults().on_request = [](const fake::RequestAttempt& attempt) {
        return attempt.header.key == wire::ApiKey::produce ? fake::RequestFate::swallow
                                                           : fake::RequestFate::handle;
    };
    fmt::print("{}\n", (*server)->bootstrap());
    (void)std::fflush(stdout);
    (*server)->run();
    return 0;
}

}  // namespace ringpost::bench
