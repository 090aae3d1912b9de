// SPDX-License-Identifier: Apache-2.0
// Producers and callers under load.
#include "load_run.h"

#include <fmt/format.h>
#include <time.h>

#include <filesystem>
#include <fstream>
#include <stdexcept>

namespace ringpost::bench {

double seconds_since(Clock::time_point begin) {
    return std::chrono::duration<double>(Clock::now() - begin).count();
}

Options load_options(const std::string& brokers) {
    Options options;
    options.bootstrap_servers = brokers;
    options.lane_ring_bytes = 1 << 20;
    options.message_max_bytes = 100'000;   // what such a ring has room for
    return options;
}

Loaded::Loaded(Options options) : producer_(std::move(options)) {
    if (auto up = producer_.start(); !up) throw std::runtime_error(up.error().text);
    topic_ = *producer_.topic(topic_name);
}

Caller::Caller(Loaded& loaded, std::int32_t partitions, PayloadKind kind, std::size_t bytes)
    : topic_(loaded.topic()), partitions_(partitions), payload_(kind, bytes) {
    auto lane = loaded->open_lane();
    if (!lane) throw std::runtime_error(lane.error().text);
    lane_ = std::move(*lane);
}

void Caller::step() {
    const auto partition = static_cast<std::int32_t>(offered_ % static_cast<std::uint64_t>(
                                                                    partitions_));
    const Errc error =
        lane_.produce({.topic = topic_, .value = payload_.next(), .partition = partition});
    ++offered_;
    if (error == Errc::none) {
        refused_ = 0;
        if (++accepted_ % 1024 == 0) poll({});
        return;
    }
    if (!is_full(error)) throw std::runtime_error(std::string(to_string(error)));
    // A slow partition is passed over; where there is room for none, there is nothing to do.
    const bool none = error != Errc::partition_full || ++refused_ >= partitions_;
    if (none) poll(1ms);
}

void Caller::poll(Timeout wait) {
    std::size_t count = lane_.poll_for(reports_, wait);
    for (; count != 0; count = lane_.poll(reports_)) {
        for (std::size_t i = 0; i < count; ++i) {
            const DeliveryReport& report = reports_[i];
            ++(report.ok() ? delivered_ : failed_);
            if (report.ok()) ++by_broker_[static_cast<std::size_t>(report.broker) & 3];
        }
        if (count < reports_.size()) return;
    }
}

void Caller::finish() {
    lane_.flush(0s);
    while (lane_.outstanding() != 0) poll(100ms);
}

std::int64_t thread_cpu_ns() {
    timespec cpu{};
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &cpu);
    return cpu.tv_sec * 1'000'000'000 + cpu.tv_nsec;
}

double shard_cpu_seconds() {
    for (const auto& task : std::filesystem::directory_iterator("/proc/self/task")) {
        std::string name;
        std::ifstream(task.path() / "comm") >> name;
        if (name != "ringpost-0") continue;
        double ns = 0;
        std::ifstream(task.path() / "schedstat") >> ns;
        return ns * 1e-9;
    }
    throw std::runtime_error("the shard's thread is not to be found");
}

std::string address_said(Child& child) {
    const std::string said = child.line();
    const std::size_t at = said.find("127.0.0.1:");
    if (at == std::string::npos) throw std::runtime_error("no broker");
    return said.substr(at, said.find(' ', at) - at);
}

std::vector<std::string> broker_command(const std::string& address, unsigned partitions) {
    const std::string me = own_path();
    return {me.substr(0, me.rfind('/')) + "/../tools/ringpost", "broker", "--listen", address,
            "--partitions", std::to_string(partitions), "--discard"};
}

}  // namespace ringpost::bench
