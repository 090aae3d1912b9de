// SPDX-License-Identifier: Apache-2.0
// The same work as bench/compare's, linger 5 ms, counted between two moments of a steady state.
#include "syscalls_worker.h"

#include <fmt/format.h>
#include <librdkafka/rdkafka.h>
#include <ringpost/ringpost.h>

#include <chrono>
#include <cstdlib>
#include <string>
#include <thread>
#include <vector>

namespace ringpost::bench {

namespace {

using namespace std::chrono_literals;
constexpr std::uint32_t partitions = 8;
constexpr std::uint32_t queue_records = 100'000;  ///< librdkafka's default, for both
/// After the last record, until connections and first metadata have come to rest.
constexpr auto settle = 1s;

[[noreturn]] void die(const std::string& text) {
    fmt::print(stderr, "syscalls: {}\n", text);
    std::exit(1);
}

void set(rd_kafka_conf_t* conf, const char* name, const std::string& value) {
    char error[256];
    if (rd_kafka_conf_set(conf, name, value.c_str(), error, sizeof error) != RD_KAFKA_CONF_OK) {
        die(error);
    }
}

/// `send(n)` sends n records and has all their reports; `idle(d)` lets the time pass.
template <typename Send, typename Idle>
Counts count(const CountedWork& work, const KernelCounts& counter, const Send& send,
             const Idle& idle) {
    if (work.idle_s <= 0) {
        send(work.warm_up);
        const KernelCounts::Snapshot before = counter.now();
        send(work.records);
        return counter.between(before, counter.now(), static_cast<double>(work.records) / 1e6);
    }
    idle(settle);
    const KernelCounts::Snapshot before = counter.now();
    idle(std::chrono::duration_cast<std::chrono::nanoseconds>(
        std::chrono::duration<double>(work.idle_s)));
    return counter.between(before, counter.now(), 1);
}

}  // namespace

Counts count_ringpost(const CountedWork& work, const KernelCounts& counter) {
    Options options;
    options.bootstrap_servers = work.brokers;
    options.acks = Acks::leader;
    options.queue_records_max = queue_records;
    if (work.client == "ringpost-inline") options.mode = Mode::inline_;
    Producer producer(options);
    if (auto started = producer.start(); !started) die(started.error().text);
    const Topic topic = *producer.topic("syscalls");
    Lane lane = *producer.open_lane();
    const std::string value(100, 'x');
    std::vector<DeliveryReport> reports(4096);
    std::uint64_t seen = 0;
    const auto take = [&](Timeout wait) {
        const std::size_t n = lane.poll_for(reports, wait);
        for (std::size_t i = 0; i < n; ++i) {
            if (!reports[i].ok()) die("a record failed");
        }
        seen += n;
    };
    const auto send = [&](std::uint64_t records) {
        seen = 0;
        Record record{.topic = topic, .value = value};
        for (std::uint64_t i = 0; i < records; ++i) {
            record.partition = static_cast<std::int32_t>(i % partitions);
            Errc error = lane.produce(record);
            while (error != Errc::none && is_retriable(error)) {
                take(10ms);
                error = lane.produce(record);
            }
            if (error != Errc::none) die(std::string(message(error)));
            if ((i & 1023) == 0) take(Timeout::zero());
        }
        lane.flush(30s);
        while (seen < records) take(1s);
    };
    // Who drives the loop himself has to wait in it.
    const bool drives = options.mode == Mode::inline_;
    const auto idle = [&](std::chrono::nanoseconds time) {
        if (drives) {
            take(time);
        } else {
            std::this_thread::sleep_for(time);
        }
    };
    if (work.waiting_record) {
        if (lane.produce({.topic = topic, .value = value}) != Errc::none) die("produce");
    } else if (work.idle_s > 0 && work.warm_up > 0) {
        send(partitions);
    }
    const Counts counted = count(work, counter, send, idle);
    producer.purge(Purge::all, 1s);
    return counted;
}

Counts count_librdkafka(const CountedWork& work, const KernelCounts& counter) {
    rd_kafka_conf_t* conf = rd_kafka_conf_new();
    set(conf, "bootstrap.servers", work.brokers);
    set(conf, "acks", "1");
    set(conf, "linger.ms", "5");
    set(conf, "queue.buffering.max.messages", std::to_string(queue_records));
    set(conf, "log_level", "0");
    std::uint64_t seen = 0;
    rd_kafka_conf_set_dr_msg_cb(conf, [](rd_kafka_t*, const rd_kafka_message_t*, void* opaque) {
        ++*static_cast<std::uint64_t*>(opaque);
    });
    rd_kafka_conf_set_opaque(conf, &seen);
    char error[256];
    rd_kafka_t* rk = rd_kafka_new(RD_KAFKA_PRODUCER, conf, error, sizeof error);
    if (rk == nullptr) die(error);
    rd_kafka_topic_t* topic = rd_kafka_topic_new(rk, "syscalls", nullptr);
    std::string value(100, 'x');
    const auto produce = [&](std::int32_t partition) {
        return rd_kafka_produce(topic, partition, RD_KAFKA_MSG_F_COPY, value.data(), value.size(),
                                nullptr, 0, nullptr) == 0;
    };
    const auto send = [&](std::uint64_t records) {
        seen = 0;
        for (std::uint64_t i = 0; i < records; ++i) {
            while (!produce(static_cast<std::int32_t>(i % partitions))) rd_kafka_poll(rk, 10);
            if ((i & 1023) == 0) rd_kafka_poll(rk, 0);
        }
        while (seen < records) rd_kafka_poll(rk, 1000);
    };
    if (work.waiting_record) {
        if (!produce(RD_KAFKA_PARTITION_UA)) die("produce");
    } else if (work.idle_s > 0 && work.warm_up > 0) {
        send(partitions);
    }
    const Counts counted = count(work, counter, send, [](std::chrono::nanoseconds time) {
        std::this_thread::sleep_for(time);
    });
    rd_kafka_purge(rk, RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT);
    rd_kafka_topic_destroy(topic);
    rd_kafka_destroy(rk);
    return counted;
}

std::string librdkafka_version() { return rd_kafka_version_str(); }

}  // namespace ringpost::bench
