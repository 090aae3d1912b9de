// SPDX-License-Identifier: Apache-2.0
// A producer's statistics: gathered, added up, as text.
#include <ringpost/statistics.h>

#include <algorithm>
#include <iterator>

#include "api/producer_impl.h"
#include "base/format.h"

namespace ringpost {

namespace {

struct Field {
    std::string_view name;
    std::uint64_t ShardCounters::*at;
};
constexpr Field fields[] = {
    {"records_taken", &ShardCounters::records_taken},
    {"records_delivered", &ShardCounters::records_delivered},
    {"records_failed", &ShardCounters::records_failed},
    {"bytes_taken", &ShardCounters::bytes_taken},
    {"bytes_delivered", &ShardCounters::bytes_delivered},
    {"bytes_failed", &ShardCounters::bytes_failed},
    {"ring_bytes_queued", &ShardCounters::ring_bytes_queued},
    {"batches_sent", &ShardCounters::batches_sent},
    {"batches_retried", &ShardCounters::batches_retried},
    {"batch_records_sent", &ShardCounters::batch_records_sent},
    {"batch_bytes_sent", &ShardCounters::batch_bytes_sent},
    {"plain_bytes_sent", &ShardCounters::plain_bytes_sent},
    {"batches_delivered", &ShardCounters::batches_delivered},
    {"batches_failed", &ShardCounters::batches_failed},
    {"requests_sent", &ShardCounters::requests_sent},
    {"request_bytes_sent", &ShardCounters::request_bytes_sent},
    {"requests_in_flight", &ShardCounters::requests_in_flight},
    {"memory_used", &ShardCounters::memory_used},
    {"memory_total", &ShardCounters::memory_total},
    {"batches_held", &ShardCounters::batches_held},
    {"connections_up", &ShardCounters::connections_up},
    {"turns", &ShardCounters::turns},
    {"sleeps", &ShardCounters::sleeps},
};
static_assert(std::size(fields) * sizeof(std::uint64_t) == sizeof(ShardCounters));

void add(BrokerStatistics& sum, const BrokerStatistics& one) {
    sum.requests_sent += one.requests_sent;
    sum.requests_answered += one.requests_answered;
    sum.requests_lost += one.requests_lost;
    sum.answers_throttled += one.answers_throttled;
    sum.throttled += one.throttled;
    sum.round_trip.add(one.round_trip);
}

void add(ShardStatistics& sum, const ShardStatistics& one) {
    for (const Field& field : fields) sum.*field.at += one.*field.at;
    sum.turn_time.add(one.turn_time);
    sum.latency.add(one.latency);
    for (const BrokerStatistics& broker : one.brokers) {
        const auto same = std::find_if(sum.brokers.begin(), sum.brokers.end(),
                                       [&](const auto& b) { return b.id == broker.id; });
        if (same != sum.brokers.end()) {
            add(*same, broker);
        } else {
            sum.brokers.push_back(broker);
        }
    }
}

void write(std::string& out, std::string_view name, const Histogram& histogram) {
    const auto us = [](std::chrono::nanoseconds time) {
        return static_cast<double>(time.count()) / 1'000;
    };
    fmt::format_to(std::back_inserter(out),
                   R"("{}":{{"count":{},"p50":{:.3f},"p90":{:.3f},"p99":{:.3f},"p999":{:.3f},)"
                   R"("max":{:.3f}}})",
                   name, histogram.total(), us(histogram.at(0.5)), us(histogram.at(0.9)),
                   us(histogram.at(0.99)), us(histogram.at(0.999)), us(histogram.max()));
}

void write(std::string& out, const BrokerStatistics& broker) {
    fmt::format_to(std::back_inserter(out),
                   R"({{"id":{},"requests_sent":{},"requests_answered":{},"requests_lost":{},)"
                   R"("requests_in_flight":{},"answers_throttled":{},"throttled_ms":{},)",
                   broker.id, broker.requests_sent, broker.requests_answered, broker.requests_lost,
                   broker.requests_in_flight(), broker.answers_throttled,
                   broker.throttled.count());
    write(out, "round_trip_us", broker.round_trip);
    out += '}';
}

void write(std::string& out, const ShardStatistics& shard) {
    out += '{';
    for (const Field& field : fields) {
        fmt::format_to(std::back_inserter(out), R"("{}":{},)", field.name, shard.*field.at);
    }
    fmt::format_to(std::back_inserter(out),
                   R"("records_queued":{},"records_per_batch":{:.1f},"bytes_per_request":{:.1f},)",
                   shard.records_queued(), shard.records_per_batch(), shard.bytes_per_request());
    write(out, "turn_time_us", shard.turn_time);
    out += ',';
    write(out, "latency_us", shard.latency);
    out += R"(,"brokers":[)";
    for (const BrokerStatistics& broker : shard.brokers) {
        if (&broker != shard.brokers.data()) out += ',';
        write(out, broker);
    }
    out += "]}";
}

}  // namespace

ShardStatistics Statistics::total() const {
    ShardStatistics sum;
    for (const ShardStatistics& shard : shards) add(sum, shard);
    return sum;
}

std::string to_json(const Statistics& statistics) {
    const auto unix_time =
        std::chrono::duration_cast<std::chrono::milliseconds>(statistics.at.time_since_epoch());
    std::string out = fmt::format(R"({{"timestamp_ms":{},"shards":[)", unix_time.count());
    for (const ShardStatistics& shard : statistics.shards) {
        if (&shard != statistics.shards.data()) out += ',';
        write(out, shard);
    }
    return out + "]}";
}

namespace api {

Statistics ProducerImpl::statistics() const {
    Statistics all;
    all.at = std::chrono::system_clock::now();
    const Host& host = *host_;
    if (host.fork_mark.forked() || !host.ever_ran()) return all;
    all.shards.resize(host.shards.size());
    for (std::size_t i = 0; i < all.shards.size(); ++i) host.shards[i]->shard.read(all.shards[i]);
    return all;
}

}  // namespace api
}  // namespace ringpost
