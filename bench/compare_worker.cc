// SPDX-License-Identifier: Apache-2.0
// The same work through ringpost and through librdkafka: one caller thread, keyless records that
// are spread over 8 partitions, each record's report looked at.
#include "compare_worker.h"

#include <fmt/format.h>
#include <librdkafka/rdkafka.h>
#include <ringpost/ringpost.h>
#include <sys/resource.h>

#include <array>
#include <chrono>
#include <cstdlib>
#include <string>
#include <vector>

namespace ringpost::bench {

namespace {

using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;
constexpr std::uint32_t partitions = 8;
constexpr std::uint32_t queue_records = 100'000;   ///< librdkafka's default, for both

[[noreturn]] void die(const std::string& text) {
    fmt::print(stderr, "compare: {}\n", text);
    std::exit(1);
}

double seconds(const timeval& t) {
    return static_cast<double>(t.tv_sec) + 1e-6 * static_cast<double>(t.tv_usec);
}

/// CPU and time between its making and `stop`.
class Meter {
public:
    Meter() {
        getrusage(RUSAGE_SELF, &process_);
        getrusage(RUSAGE_THREAD, &thread_);
    }
    Measured stop(std::uint64_t failed) const {
        rusage process{};
        rusage thread{};
        getrusage(RUSAGE_SELF, &process);
        getrusage(RUSAGE_THREAD, &thread);
        const auto cpu = [](const rusage& u) { return seconds(u.ru_utime) + seconds(u.ru_stime); };
        Measured m;
        m.seconds = std::chrono::duration<double>(Clock::now() - start_).count();
        m.caller_cpu_s = cpu(thread) - cpu(thread_);
        m.other_cpu_s = cpu(process) - cpu(process_) - m.caller_cpu_s;
        m.system_cpu_s = seconds(process.ru_stime) - seconds(process_.ru_stime);
        m.rss_kb = static_cast<std::uint64_t>(process.ru_maxrss);
        m.failed = failed;
        return m;
    }

private:
    rusage process_{};
    rusage thread_{};
    Clock::time_point start_ = Clock::now();
};

void set(rd_kafka_conf_t* conf, const char* name, const std::string& value) {
    char error[256];
    if (rd_kafka_conf_set(conf, name, value.c_str(), error, sizeof error) != RD_KAFKA_CONF_OK) {
        die(error);
    }
}

struct Reports {
    std::uint64_t seen = 0;
    std::uint64_t failed = 0;
};

}  // namespace

Measured run_ringpost(const Work& work) {
    Options options;
    options.bootstrap_servers = work.brokers;
    options.acks = work.acks == 1 ? Acks::leader : work.acks == 0 ? Acks::none : Acks::all;
    options.linger = std::chrono::microseconds(static_cast<std::int64_t>(work.linger_ms * 1000));
    options.queue_records_max = queue_records;
    options.log_sink = [](LogLevel, std::string_view line) { fmt::print(stderr, "{}\n", line); };
    Producer producer(options);
    if (auto started = producer.start(); !started) die(started.error().text);
    const Topic topic = *producer.topic("compare");
    Lane lane = *producer.open_lane();
    const std::string value(work.value_bytes, 'x');
    std::vector<DeliveryReport> reports(4096);
    std::uint64_t seen = 0;
    std::uint64_t failed = 0;
    const auto take = [&](Timeout wait) {
        const std::size_t n = lane.poll_for(reports, wait);
        for (std::size_t i = 0; i < n; ++i) failed += !reports[i].ok();
        seen += n;
    };
    // Warm: connection, metadata and the first batches are not what is compared.
    Record record{.topic = topic, .value = value};
    for (std::uint32_t i = 0; i < partitions; ++i) {
        record.partition = static_cast<std::int32_t>(i);
        if (lane.produce(record) != Errc::none) die("warm-up");
    }
    while (seen < partitions) take(1s);
    seen = 0;
    const Meter meter;
    for (std::uint64_t i = 0; i < work.records; ++i) {
        record.partition = static_cast<std::int32_t>(i % partitions);
        record.tag = i;
        Errc error = lane.produce(record);
        while (error != Errc::none && is_retriable(error)) {
            take(10ms);
            error = lane.produce(record);
        }
        if (error != Errc::none) die(std::string(message(error)));
        if ((i & 1023) == 0) take(Timeout::zero());
    }
    lane.flush(Timeout::zero());
    while (seen < work.records) take(1s);
    return meter.stop(failed);
}

Measured run_librdkafka(const Work& work) {
    rd_kafka_conf_t* conf = rd_kafka_conf_new();
    set(conf, "bootstrap.servers", work.brokers);
    set(conf, "acks", std::to_string(work.acks));
    set(conf, "linger.ms", fmt::format("{}", work.linger_ms));
    set(conf, "queue.buffering.max.messages", std::to_string(queue_records));
    rd_kafka_conf_set_dr_msg_cb(conf, [](rd_kafka_t*, const rd_kafka_message_t* m, void* opaque) {
        auto& reports = *static_cast<Reports*>(opaque);
        ++reports.seen;
        reports.failed += m->err != RD_KAFKA_RESP_ERR_NO_ERROR;
    });
    Reports reports;
    rd_kafka_conf_set_opaque(conf, &reports);
    char error[256];
    rd_kafka_t* rk = rd_kafka_new(RD_KAFKA_PRODUCER, conf, error, sizeof error);
    if (rk == nullptr) die(error);
    rd_kafka_topic_t* topic = rd_kafka_topic_new(rk, "compare", nullptr);
    std::string value(work.value_bytes, 'x');
    const auto produce = [&](std::uint64_t i) {
        return rd_kafka_produce(topic, static_cast<std::int32_t>(i % partitions),
                                RD_KAFKA_MSG_F_COPY, value.data(), value.size(), nullptr, 0,
                                reinterpret_cast<void*>(i)) == 0;
    };
    for (std::uint32_t i = 0; i < partitions; ++i) {
        if (!produce(i)) die("warm-up");
    }
    rd_kafka_flush(rk, 30'000);
    reports = {};
    const Meter meter;
    for (std::uint64_t i = 0; i < work.records; ++i) {
        while (!produce(i)) rd_kafka_poll(rk, 10);
        if ((i & 1023) == 0) rd_kafka_poll(rk, 0);
    }
    while (reports.seen < work.records) rd_kafka_poll(rk, 1000);
    const Measured measured = meter.stop(reports.failed);
    rd_kafka_topic_destroy(topic);
    rd_kafka_destroy(rk);
    return measured;
}

std::string librdkafka_version() { return rd_kafka_version_str(); }

}  // namespace ringpost::bench
