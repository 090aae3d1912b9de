// SPDX-License-Identifier: Apache-2.0
// Drawing a world. Swarm testing: each seed leaves most faults out, so that a rare pair meets.
#include "plan.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <iterator>

#include "base/format.h"
#include "own_partitioner.h"

namespace ringpost::sim {

namespace {

constexpr std::string_view fault_names[] = {"reset",
                                            "cut_frame",
                                            "half_open",
                                            "block_requests",
                                            "block_answers",
                                            "refuse",
                                            "slow_connect",
                                            "dns_fails",
                                            "crash",
                                            "crash_lossy",
                                            "crash_silent",
                                            "pause",
                                            "slow_disk",
                                            "new_address",
                                            "move_leader",
                                            "stale_metadata",
                                            "odd_metadata",
                                            "delete_topic",
                                            "add_partitions",
                                            "upgrade",
                                            "request_error",
                                            "error_after_append",
                                            "swallow",
                                            "close_request",
                                            "close_after_append",
                                            "throttle",
                                            "idle_close",
                                            "forget_producers",
                                            "garbage",
                                            "producer_id_error",
                                            "invalid_records",
                                            "freeze"};
static_assert(std::size(fault_names) == fault_kinds);

constexpr std::chrono::milliseconds idle_often{60'000};

void draw_compression(Dice& dice, ProducerPlan& p) {
    if (dice.one_in(2)) return;
    const auto codec = [&] { return static_cast<CompressionType>(dice.below(5)); };
    p.options.compression_type = codec();
    p.options.compression_gzip_level = 1 + static_cast<int>(dice.below(9));
    if (dice.one_in(2)) p.options.topic_compression = {{"topic-0", codec(), {}}};
    // Batches here are small: with slices as they are, none would take more than one.
    if (dice.one_in(2)) {
        p.slice_bytes_max = static_cast<std::uint32_t>(dice.magnitude(20, 5'000));
    }
}

ProducerPlan draw_producer(Dice& dice, const Plan& plan) {
    using Ms = std::chrono::milliseconds;
    using Us = std::chrono::microseconds;
    ProducerPlan p;
    Options& o = p.options;
    p.is_inline = dice.one_in(4);
    p.lanes = 1 + dice.below(6);
    o.mode = p.is_inline ? Mode::inline_ : Mode::threaded;
    o.shards = p.is_inline ? 1 : 1 + dice.below(dice.one_in(3) ? 3 : 1);
    for (std::uint32_t i = 1; i <= plan.nodes; ++i) {
        if (i != 1 && !dice.one_in(2)) continue;
        if (!o.bootstrap_servers.empty()) o.bootstrap_servers += ',';
        o.bootstrap_servers += fmt::format("node{}.sim:9092", i);
    }
    if (dice.one_in(3)) {
        o.acks = dice.one_in(2) ? Acks::leader : Acks::none;
    } else if (dice.one_in(4)) {
        o.enable_idempotence = false;
    }
    o.partitioner =
        static_cast<Partitioner>(dice.below(static_cast<std::uint32_t>(Partitioner::sticky) + 1));
    if (dice.one_in(8)) {
        o.own_partitioner = std::make_shared<SimPartitioner>();
    } else {
        o.partitioner_ignore_keys = dice.one_in(8);
    }
    o.adaptive_partitioning = !dice.one_in(4);
    o.availability_timeout = Ms{dice.one_in(3) ? 0 : dice.magnitude(10, 5'000)};
    o.max_in_flight = 1 + dice.below(5);
    o.linger = Us{dice.one_in(4) ? 0 : dice.magnitude(100, 500'000)};
    o.linger_adaptive = dice.one_in(3);
    o.batch_bytes = static_cast<std::uint32_t>(dice.magnitude(1024, 64 * 1024));
    o.batch_records = static_cast<std::uint32_t>(dice.magnitude(1, 2000));
    o.message_max_bytes = static_cast<std::uint32_t>(dice.magnitude(16 * 1024, 256 * 1024));
    o.request_bytes_max =
        o.message_max_bytes + static_cast<std::uint32_t>(dice.magnitude(1024, 1 << 20));
    o.buffer_memory = 2U << 20;
    o.lane_ring_bytes = std::bit_ceil(o.message_max_bytes * 2 + 4096) << dice.below(3);
    o.lane_records_max = static_cast<std::uint32_t>(dice.magnitude(4, 3000));
    o.queue_records_max = static_cast<std::uint32_t>(dice.magnitude(4, 20'000));
    o.delivery_reports_with_records = dice.one_in(4);
    o.delivery_timeout = Ms{dice.magnitude(1'000, 60'000)};
    o.request_timeout = Ms{dice.magnitude(200, 10'000)};
    o.retries = dice.one_in(8) ? dice.below(4) : o.retries;
    o.retry_backoff = Ms{dice.magnitude(1, 300)};
    o.retry_backoff_max = Ms{dice.between(o.retry_backoff.count(), 1'000)};
    o.connection_setup_timeout = Ms{dice.magnitude(100, 5'000)};
    o.reconnect_backoff = Ms{dice.magnitude(1, 200)};
    o.reconnect_backoff_max = Ms{dice.between(o.reconnect_backoff.count(), 1'000)};
    o.connections_max_idle = Ms{dice.one_in(3) ? dice.magnitude(100, 5'000) : 540'000};
    o.metadata_max_age = Ms{dice.one_in(3) ? dice.magnitude(100, 5'000) : 300'000};
    o.topic_wait = Ms{dice.magnitude(500, 20'000)};
    o.spin = Us{dice.one_in(4) ? dice.between(1, 50) : 0};
    o.metadata_max_idle = Ms{dice.one_in(3) ? dice.magnitude(50, 5'000) : 300'000};
    o.rebootstrap_trigger = Ms{dice.one_in(3) ? dice.magnitude(100, 20'000) : 300'000};
    if (dice.one_in(8)) o.metadata_recovery = MetadataRecovery::none;
    if (dice.one_in(2)) p.turn_items_max = static_cast<std::uint32_t>(dice.magnitude(1, 100));
    draw_compression(dice, p);
    // Requests here are small, too. By dice of its own: the worlds of seeds stay what they were.
    Dice own(plan.seed + 1);
    if (own.one_in(3)) p.turn_bytes_max = static_cast<std::uint32_t>(own.magnitude(10, 10'000));
    return p;
}

void draw_faults(Dice& dice, Plan& plan) {
    if (dice.one_in(10)) return;  // a world without faults: then the promises are sharper
    const double presence = 0.05 + 0.45 * dice.unit();
    for (std::size_t i = 0; i < fault_kinds; ++i) {
        if (dice.chance(presence)) plan.rate[i] = std::pow(10.0, -1.5 + 1.8 * dice.unit());
    }
    if (plan.nodes == 1) plan.rate[static_cast<std::size_t>(Fault::move_leader)] = 0;
}

}  // namespace

std::int64_t Dice::between(std::int64_t low, std::int64_t high) {
    if (high <= low) return low;
    return low +
           static_cast<std::int64_t>(prng_.next() % static_cast<std::uint64_t>(high - low + 1));
}

std::int64_t Dice::magnitude(std::int64_t low, std::int64_t high) {
    if (high <= low) return low;
    const double ratio = static_cast<double>(high) / static_cast<double>(low);
    return static_cast<std::int64_t>(static_cast<double>(low) * std::pow(ratio, unit()));
}

Duration Dice::gap(double per_second) {
    const double seconds = -std::log(1.0 - unit()) / per_second;
    return Duration::ns(static_cast<std::int64_t>(std::min(seconds, 1e6) * 1e9));
}

std::string_view name_of(Fault fault) { return fault_names[static_cast<std::size_t>(fault)]; }

Plan draw_plan(std::uint64_t seed, bool idle) {
    Dice dice(seed);
    Plan plan;
    plan.seed = seed;
    plan.nodes = 1 + dice.below(5);
    plan.topics = 1 + dice.below(4);
    plan.partitions = 1 + dice.below(dice.one_in(2) ? 3 : 8);
    plan.topics_exist = !dice.one_in(3);
    const std::uint32_t producers = 1 + dice.below(3);
    for (std::uint32_t i = 0; i < producers; ++i) {
        plan.producers.push_back(draw_producer(dice, plan));
    }
    plan.faults_last = Duration::ms(dice.magnitude(500, 30'000));
    draw_faults(dice, plan);
    plan.latency = Duration::us(dice.magnitude(20, 20'000));
    if (dice.one_in(3)) plan.latency_tail = 0.1 * dice.unit();
    plan.piece_bytes_max =
        static_cast<std::uint32_t>(dice.one_in(4) ? dice.magnitude(1, 2'000) : INT32_MAX);
    plan.socket_buffer_bytes =
        static_cast<std::uint32_t>(dice.one_in(2) ? dice.magnitude(1'000, 1 << 20) : 4 << 20);
    plan.process_time = Duration::us(dice.magnitude(5, 2'000));
    plan.replication_time = Duration::us(dice.magnitude(10, 50'000));
    plan.turn_time = Duration::us(dice.magnitude(2, 50));
    plan.records_per_second = static_cast<double>(dice.magnitude(5, 3'000));
    plan.value_bytes_max =
        static_cast<std::uint32_t>(dice.magnitude(20, dice.one_in(8) ? 60'000 : 2'000));
    plan.records_max = static_cast<std::uint32_t>(dice.magnitude(50, 5'000));
    plan.flush_share = dice.one_in(2) ? 0.2 * dice.unit() : 0;
    plan.reopen_share = dice.one_in(3) ? 0.1 * dice.unit() : 0;
    plan.purge_share = dice.one_in(6) ? 0.02 * dice.unit() : 0;
    plan.own_timeout_share = dice.one_in(4) ? 0.3 * dice.unit() : 0;
    plan.stop_early = dice.one_in(4);
    plan.kafka_is_old = dice.one_in(4);
    // Once or twice at most: a minute in which nothing happens shows no more than one does.
    const bool frozen = dice.one_in(8);
    plan.rate[static_cast<std::size_t>(Fault::freeze)] =
        frozen ? 1e9 / static_cast<double>(plan.faults_last.count_ns()) : 0;
    for (ProducerPlan& p : plan.producers) {
        if (!idle) break;
        Options& o = p.options;
        o.connections_max_idle = std::max(o.connections_max_idle, idle_often);
        o.metadata_max_age = std::max(o.metadata_max_age, idle_often);
    }
    return plan;
}

bool Plan::has_snappy() const {
    return std::ranges::any_of(producers, [](const ProducerPlan& p) {
        return p.options.compression_type == CompressionType::snappy ||
               std::ranges::count(p.options.topic_compression, CompressionType::snappy,
                                  &TopicCompression::type) != 0;
    });
}

std::string Plan::text() const {
    std::string out = fmt::format(
        "nodes {}, topics {} ({}), partitions {}, faults for {} ms, latency {} us (tail {:.3f}), "
        "pieces {}, socket buffer {}, process {} us, replication {} us, turn {} us\n"
        "records/s of a lane {:.0f}, value up to {} B, {} records at most, flush {:.3f}, "
        "reopen {:.3f}, purge {:.3f}, own timeouts {:.3f}{}{}\n",
        nodes, topics, topics_exist ? "there" : "auto-created", partitions, faults_last.count_ms(),
        latency.count_us(), latency_tail, piece_bytes_max, socket_buffer_bytes,
        process_time.count_us(), replication_time.count_us(), turn_time.count_us(),
        records_per_second, value_bytes_max, records_max, flush_share, reopen_share, purge_share,
        own_timeout_share, stop_early ? ", stops early" : "", kafka_is_old ? ", old Kafka" : "");
    for (const ProducerPlan& p : producers) {
        const Options& o = p.options;
        out += fmt::format(
            "producer: {} shards {}, lanes {}, {}, acks {}{}, partitioner {}{}{} {} ms, "
            "in flight {}, linger {} us{}, batch {} B / {}, "
            "message {}, ring {}, queue {} of {}, delivery {} ms, request {} ms, retries {}, "
            "backoff {}..{} ms, setup {} ms, reconnect {}..{} ms, idle {} ms, metadata {} ms, "
            "topic wait {} ms, spin {} us, forgets after {} ms, {} {} ms, {} items a turn, "
            "codec {}{}, slices of {} B, {} B a turn\n",
            p.is_inline ? "inline" : "threaded", o.shards, p.lanes, o.bootstrap_servers,
            static_cast<int>(o.acks),
            o.enable_idempotence && o.acks == Acks::all ? " idempotent" : "",
            static_cast<int>(o.partitioner),
            o.own_partitioner != nullptr ? " (the program's own instead)"
            : o.partitioner_ignore_keys  ? " without keys"
                                         : "",
            o.adaptive_partitioning ? " adaptive" : "", o.availability_timeout.count(),
            o.max_in_flight, o.linger.count(), o.linger_adaptive ? " at most" : "", o.batch_bytes,
            o.batch_records, o.message_max_bytes,
            o.lane_ring_bytes, o.lane_records_max, o.queue_records_max, o.delivery_timeout.count(),
            o.request_timeout.count(), o.retries, o.retry_backoff.count(),
            o.retry_backoff_max.count(), o.connection_setup_timeout.count(),
            o.reconnect_backoff.count(), o.reconnect_backoff_max.count(),
            o.connections_max_idle.count(), o.metadata_max_age.count(), o.topic_wait.count(),
            o.spin.count(), o.metadata_max_idle.count(),
            o.metadata_recovery == MetadataRecovery::none ? "no rebootstrap" : "rebootstrap after",
            o.rebootstrap_trigger.count(), p.turn_items_max, static_cast<int>(o.compression_type),
            o.topic_compression.empty() ? "" : " (topic 0: another)", p.slice_bytes_max,
            p.turn_bytes_max);
    }
    out += "faults a second:";
    for (std::size_t i = 0; i < fault_kinds; ++i) {
        if (rate[i] > 0) out += fmt::format(" {} {:.2f}", fault_names[i], rate[i]);
    }
    return out + "\n";
}

}  // namespace ringpost::sim
