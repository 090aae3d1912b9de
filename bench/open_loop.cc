// SPDX-License-Identifier: Apache-2.0
// The same open loop through ringpost and through librdkafka: acks=1, one caller thread, 8
// partitions in turn; linger 0 where nothing else is said. A record's tag is its number, from which
// its intended time follows.
#include "open_loop.h"

#include <fmt/format.h>
#include <librdkafka/rdkafka.h>
#include <poll.h>
#include <ringpost/ringpost.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <chrono>
#include <cstdlib>
#include <functional>
#include <string>
#include <vector>

#include "generator.h"

namespace ringpost::bench {

namespace {

using namespace std::chrono_literals;
constexpr std::uint32_t partitions = 8;
constexpr std::uint32_t queue_records = 100'000;  ///< librdkafka's default, for both
/// Of the connection, the metadata, and each partition's first batch.
constexpr std::uint64_t warm_up_records = 200;

[[noreturn]] void die(const std::string& text) {
    fmt::print(stderr, "latency: {}\n", text);
    std::exit(1);
}

void set(rd_kafka_conf_t* conf, const char* name, const std::string& value) {
    char error[256];
    if (rd_kafka_conf_set(conf, name, value.c_str(), error, sizeof error) != RD_KAFKA_CONF_OK) {
        die(error);
    }
}

/// The histograms. There is one broker.
ShardStatistics since(const ShardStatistics& before, ShardStatistics after) {
    after.turn_time = after.turn_time.since(before.turn_time);
    after.latency = after.latency.since(before.latency);
    BrokerStatistics& broker = after.brokers.at(0);
    broker.round_trip = broker.round_trip.since(before.brokers.at(0).round_trip);
    return after;
}

}  // namespace

Latencies run_ringpost(const Slice& slice, Caller caller, Reactor reactor, Linger linger) {
    Options options;
    options.bootstrap_servers = slice.brokers;
    options.acks = Acks::leader;
    options.linger = Options::Micros(static_cast<std::int64_t>(linger.ms * 1000));
    options.linger_adaptive = linger.adaptive;
    options.queue_records_max = queue_records;
    if (reactor == Reactor::polls) options.spin = -1us;
    if (reactor == Reactor::sleeps) options.spin = 0us;
    if (reactor == Reactor::inline_) options.mode = Mode::inline_;
    options.log_sink = [](LogLevel, std::string_view line) { fmt::print(stderr, "{}\n", line); };
    Producer producer(options);
    if (auto started = producer.start(); !started) die(started.error().text);
    const Topic topic = *producer.topic("latency");
    Lane lane = *producer.open_lane();
    const std::string value(slice.value_bytes, 'x');
    std::vector<DeliveryReport> reports(256);
    Record record{.topic = topic, .value = value};
    const auto send = [&](std::uint64_t index) {
        record.partition = static_cast<std::int32_t>(index % partitions);
        record.tag = index;
        const Errc error = lane.produce(record);
        if (error != Errc::none && !is_retriable(error)) die(std::string(message(error)));
        return error == Errc::none;
    };
    for (std::uint64_t i = 0; i < warm_up_records; ++i) {
        if (!send(i)) die("warm-up");
        while (lane.outstanding() != 0) lane.poll_for(reports, 1s);
    }
    const ShardStatistics warm = producer.statistics().total();
    Generator generator(slice);
    std::uint64_t batches = 0;
    const bool is_inline = reactor == Reactor::inline_;
    const auto poll = [&](std::int64_t wait_ns) {
        const std::int64_t before = is_inline ? now_ns() : 0;
        const std::size_t n = lane.poll_for(reports, Timeout(wait_ns));
        if (n == 0 && !is_inline) return;
        const std::int64_t now = now_ns();
        if (is_inline && wait_ns == 0) generator.on_turn(now - before);
        for (std::size_t i = 0; i < n; ++i) {
            generator.on_answer(reports[i].tag, reports[i].ok(), now);
            batches += reports[i].offset == 0;  // a broker that discards counts in each batch anew
        }
    };
    drive(generator, caller, send, poll);
    Latencies latencies = generator.take();
    latencies.batches = batches;
    latencies.shard = since(warm, producer.statistics().total());
    return latencies;
}

Latencies run_librdkafka(const Slice& slice, Caller caller) {
    rd_kafka_conf_t* conf = rd_kafka_conf_new();
    set(conf, "bootstrap.servers", slice.brokers);
    set(conf, "acks", "1");
    set(conf, "linger.ms", "0");
    set(conf, "socket.nagle.disable", "true");
    set(conf, "queue.buffering.max.messages", std::to_string(queue_records));
    using OnAnswer = std::function<void(std::uint64_t, bool)>;
    rd_kafka_conf_set_dr_msg_cb(conf, [](rd_kafka_t*, const rd_kafka_message_t* m, void* opaque) {
        const bool ok = m->err == RD_KAFKA_RESP_ERR_NO_ERROR;
        (*static_cast<OnAnswer*>(opaque))(reinterpret_cast<std::uint64_t>(m->_private), ok);
    });
    std::uint64_t warm = 0;
    OnAnswer on_answer = [&](std::uint64_t, bool) { ++warm; };
    rd_kafka_conf_set_opaque(conf, &on_answer);
    char error[256];
    rd_kafka_t* rk = rd_kafka_new(RD_KAFKA_PRODUCER, conf, error, sizeof error);
    if (rk == nullptr) die(error);
    rd_kafka_topic_t* topic = rd_kafka_topic_new(rk, "latency", nullptr);
    // Its own waits are of whole milliseconds; through a descriptor they end when they should.
    const int event = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    rd_kafka_queue_t* queue = rd_kafka_queue_get_main(rk);
    if (caller == Caller::sleeps) {
        const std::uint64_t one = 1;
        rd_kafka_queue_io_event_enable(queue, event, &one, sizeof one);
    }
    std::string value(slice.value_bytes, 'x');
    const auto send = [&](std::uint64_t index) {
        return rd_kafka_produce(topic, static_cast<std::int32_t>(index % partitions),
                                RD_KAFKA_MSG_F_COPY, value.data(), value.size(), nullptr, 0,
                                reinterpret_cast<void*>(index)) == 0;
    };
    for (std::uint64_t i = 0; i < warm_up_records; ++i) {
        if (!send(i)) die("warm-up");
        while (warm <= i) rd_kafka_poll(rk, 1000);
    }
    Generator generator(slice);
    on_answer = [&](std::uint64_t index, bool ok) { generator.on_answer(index, ok, now_ns()); };
    const auto poll = [&](std::int64_t wait_ns) {
        if (rd_kafka_poll(rk, 0) != 0 || wait_ns == 0) return;
        pollfd events{.fd = event, .events = POLLIN, .revents = 0};
        const timespec wait{wait_ns / 1'000'000'000, wait_ns % 1'000'000'000};
        std::uint64_t count = 0;
        if (ppoll(&events, 1, &wait, nullptr) > 0 && read(event, &count, sizeof count) > 0) {
            rd_kafka_poll(rk, 0);
        }
    };
    drive(generator, caller, send, poll);
    Latencies latencies = generator.take();
    rd_kafka_queue_destroy(queue);
    rd_kafka_topic_destroy(topic);
    rd_kafka_destroy(rk);
    close(event);
    return latencies;
}

std::string librdkafka_version() { return rd_kafka_version_str(); }

}  // namespace ringpost::bench
