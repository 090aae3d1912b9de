// SPDX-License-Identifier: Apache-2.0
// What goes wrong with the network and the nodes, and how it is mended.
#include <algorithm>

#include "base/format.h"
#include "oracle.h"
#include "sim_io.h"
#include "wire/produce.h"
#include "wire/record_batch.h"
#include "world.h"

namespace ringpost::sim {

namespace {

/// What a broker may answer for a partition of whose batch it has written nothing.
constexpr Errc refusals[] = {Errc::unknown_server_error,
                             Errc::corrupt_message,
                             Errc::unknown_topic_or_partition,
                             Errc::leader_not_available,
                             Errc::not_leader_or_follower,
                             Errc::request_timed_out,
                             Errc::broker_not_available,
                             Errc::replica_not_available,
                             Errc::message_too_large,
                             Errc::network_exception,
                             Errc::coordinator_load_in_progress,
                             Errc::invalid_topic_exception,
                             Errc::record_list_too_large,
                             Errc::not_enough_replicas,
                             Errc::topic_authorization_failed,
                             Errc::cluster_authorization_failed,
                             Errc::invalid_timestamp,
                             Errc::invalid_request,
                             Errc::unsupported_for_message_format,
                             Errc::policy_violation,
                             Errc::kafka_storage_error,
                             Errc::listener_not_found,
                             Errc::fenced_leader_epoch,
                             Errc::unknown_leader_epoch,
                             Errc::invalid_record,
                             Errc::throttling_quota_exceeded,
                             Errc::unknown_topic_id,
                             Errc::inconsistent_topic_id};

/// What a broker whose idea of the sequence differs may answer; never for what it has appended.
constexpr Errc sequence_refusals[] = {Errc::out_of_order_sequence_number, Errc::unknown_producer_id,
                                      Errc::invalid_producer_epoch,
                                      Errc::invalid_producer_id_mapping};

/// What it may answer though the batch stands in the log.
constexpr Errc doubts[] = {Errc::not_enough_replicas_after_append,
                           Errc::request_timed_out,
                           Errc::network_exception,
                           Errc::unknown_server_error,
                           Errc::kafka_storage_error,
                           Errc::not_leader_or_follower};

/// What a broker or a cluster may answer for a topic that it is asked for.
constexpr Errc topic_errors[] = {Errc::unknown_topic_or_partition, Errc::leader_not_available,
                                 Errc::unknown_server_error,       Errc::topic_authorization_failed,
                                 Errc::invalid_topic_exception,    Errc::request_timed_out,
                                 Errc::unknown_topic_id,           Errc::kafka_storage_error};

/// And for a partition of it.
constexpr Errc leader_errors[] = {Errc::leader_not_available, Errc::listener_not_found,
                                  Errc::replica_not_available, Errc::kafka_storage_error,
                                  Errc::unknown_server_error};

constexpr Errc producer_id_errors[] = {Errc::coordinator_load_in_progress,
                                       Errc::coordinator_not_available,
                                       Errc::not_coordinator,
                                       Errc::concurrent_transactions,
                                       Errc::request_timed_out,
                                       Errc::unknown_server_error,
                                       Errc::cluster_authorization_failed,
                                       Errc::invalid_request};

}  // namespace

void World::begin_faults() {
    faults_on_ = true;
    for (std::size_t i = 0; i < fault_kinds; ++i) {
        if (plan_.rate[i] > 0) schedule(static_cast<Fault>(i));
    }
}

void World::schedule(Fault fault) {
    after(dice_.gap(plan_.rate[static_cast<std::size_t>(fault)]), [this, fault] {
        if (!faults_on_) return;
        strike(fault);
        schedule(fault);
    });
}

Duration World::outage() { return Duration::ms(dice_.magnitude(5, 8'000)); }

bool World::armed(Fault fault) {
    std::uint32_t& left = armed_[static_cast<std::size_t>(fault)];
    if (!faults_on_ || left == 0 || !dice_.one_in(2)) return false;
    --left;
    ++struck_[static_cast<std::size_t>(fault)];
    note(name_of(fault).data(), static_cast<std::int64_t>(fault));
    return true;
}

/// A connection that both sides know; the number of wires if there is none.
std::uint32_t World::any_wire() {
    const auto count = static_cast<std::uint32_t>(wires_.size());
    const std::uint32_t from = std::max(count, 64U) - 64;  // the newest
    const std::uint32_t start = from + dice_.below(count - from + 1);
    for (std::uint32_t i = 0; i < count - from; ++i) {
        const std::uint32_t number = from + (start - from + i) % (count - from);
        if (wires_[number]->io != nullptr && wires_[number]->open_at_node) return number;
    }
    return count;
}

/// 0 if none is.
std::int32_t World::any_node_up() {
    const std::uint32_t start = dice_.below(plan_.nodes);
    for (std::uint32_t i = 0; i < plan_.nodes; ++i) {
        const auto id = static_cast<std::int32_t>((start + i) % plan_.nodes + 1);
        if (cluster_.is_up(id)) return id;
    }
    return 0;
}

void World::strike(Fault fault) {
    const std::int32_t node = any_node_up();
    const std::uint32_t number = any_wire();
    const bool has_wire = number < wires_.size();
    const auto any_producer = dice_.below(static_cast<std::uint32_t>(plan_.producers.size()));
    const auto any_node = static_cast<std::int32_t>(1 + dice_.below(plan_.nodes));
    note(name_of(fault).data(), node, has_wire ? number : -1);
    const auto counted = [&](bool struck) { struck_[static_cast<std::size_t>(fault)] += struck; };
    switch (fault) {
        case Fault::reset:
            if (has_wire) end_at_node(number, true);
            return counted(has_wire);
        case Fault::half_open:
            if (has_wire) wires_[number]->silent = true;
            return counted(has_wire);
        case Fault::block_requests:
            requests_blocked_[{any_producer, any_node}] = now_ + outage();
            return counted(true);
        case Fault::block_answers:
            answers_blocked_[{any_producer, any_node}] = now_ + outage();
            return counted(true);
        case Fault::refuse:
            host(any_node).refuses_until = now_ + outage();
            return counted(true);
        case Fault::slow_connect:
            host(any_node).slow_connect_until = now_ + outage();
            return counted(true);
        case Fault::dns_fails:
            dns_fails_until_ = now_ + outage();
            return counted(true);
        case Fault::crash:
        case Fault::crash_lossy:
        case Fault::crash_silent:
        case Fault::new_address:
        case Fault::upgrade:
            if (node != 0) crash(fault, node);
            return counted(node != 0);
        case Fault::pause:
            host(any_node).paused_until = now_ + outage();
            return counted(true);
        case Fault::slow_disk:
            host(any_node).slow_until = now_ + outage();
            return counted(true);
        case Fault::move_leader:
            return counted(node != 0 && move_leader(node));
        case Fault::stale_metadata:
            return counted(make_stale(any_node));
        case Fault::delete_topic:
            return counted(delete_topic());
        case Fault::add_partitions: {
            const std::string name = topic_name(dice_.below(plan_.topics));
            const bool there = cluster_.find_topic(name) != nullptr;
            if (there) cluster_.add_partitions(name, 1 + dice_.below(2));
            return counted(there);
        }
        case Fault::throttle:
            cluster_.faults().produce_throttle_ms =
                static_cast<std::int32_t>(dice_.magnitude(1, 2'000));
            after(outage(), [this] { cluster_.faults().produce_throttle_ms = 0; });
            return counted(true);
        case Fault::idle_close:
            for (std::uint32_t i = 0; i < wires_.size(); ++i) {
                const Wire& w = *wires_[i];
                if (!w.open_at_node || w.handling || now_ - w.quiet_since < Duration::ms(100))
                    continue;
                end_at_node(i, false);
                counted(true);
            }
            return;
        case Fault::forget_producers:
            return counted(forget_producers());
        case Fault::freeze:
            on_freeze(Duration::ms(dice_.magnitude(10, 600'000)));
            return counted(true);
        // These wait for the next requests that they can strike.
        case Fault::cut_frame:
        case Fault::odd_metadata:
        case Fault::request_error:
        case Fault::error_after_append:
        case Fault::swallow:
        case Fault::close_request:
        case Fault::close_after_append:
        case Fault::garbage:
        case Fault::producer_id_error:
            armed_[static_cast<std::size_t>(fault)] += 1 + dice_.below(3);
            return;
        case Fault::invalid_records:  // the programs make them
        case Fault::count:
            return;
    }
}

void World::crash(Fault fault, std::int32_t node) {
    Host& h = host(node);
    // Only what no replica but this one has is lost, and only if another takes over.
    const bool loses = fault == Fault::crash_lossy;
    for (const auto& topic : cluster_.topics()) {
        std::int32_t index = -1;
        for (fake::Partition& partition : topic->partitions) {
            ++index;
            if (partition.leader != node || !loses) continue;
            truncate(*topic, index, partition);
        }
    }
    cluster_.stop_node(node);
    ++h.life;
    for (std::uint32_t i = 0; i < wires_.size(); ++i) {
        Wire& w = *wires_[i];
        if (w.node != node || !w.open_at_node) continue;
        if (fault == Fault::crash_silent) {
            w.silent = true;
            w.open_at_node = false;
        } else {
            end_at_node(i, true);
        }
    }
    after(Duration::ms(dice_.magnitude(1, 3'000)), [this] { cluster_.elect_leaders(); });
    const std::uint32_t life = h.life;
    after(outage(), [this, node, fault, life] {
        if (host(node).life != life || cluster_.is_up(node)) return;
        if (fault == Fault::new_address) {
            ++host(node).address;
            if (dice_.one_in(2)) {
                cluster_.set_address(node, fmt::format("node{}.again{}.sim", node, life), 9092);
            }
        }
        if (fault == Fault::upgrade) {
            const bool old = dice_.one_in(2);
            host(node).broker->set_apis(old ? old_apis()
                                            : std::vector<wire::ApiVersionsResponse::Api>{});
        }
        restart(node);
    });
}

void World::truncate(const fake::Topic& topic, std::int32_t index, fake::Partition& partition) {
    const LogKey key = key_of(topic, index);
    const auto known = replicated_.find(key);
    const std::int64_t end =
        std::max(known == replicated_.end() ? 0 : known->second, partition.log.start_offset());
    if (end >= partition.log.end_offset()) return;
    note("truncated", index, end, partition.log.end_offset());
    lossy_crashes_ = true;
    partition.log.truncate(end);
    std::erase_if(appended_, [&](const auto& batch) {
        return std::get<0>(batch.first) == key && batch.second >= end;
    });
}

void World::restart(std::int32_t node) {
    note("node is back", node);
    cluster_.start_node(node);
    if (dice_.one_in(2)) cluster_.elect_leaders();
}

bool World::move_leader(std::int32_t to) {
    fake::Topic* topic = cluster_.find_topic(topic_name(dice_.below(plan_.topics)));
    if (topic == nullptr) return false;
    const auto partition = static_cast<std::int32_t>(
        dice_.below(static_cast<std::uint32_t>(topic->partitions.size())));
    return cluster_.move_leader(topic->name, partition, to);
}

bool World::make_stale(std::int32_t node) {
    Host& h = host(node);
    h.stale.topics.clear();
    for (const auto& topic : cluster_.topics()) {
        wire::MetadataResponse::Topic t{.name = topic->name};
        std::memcpy(&t.id, &topic->id, sizeof t.id);
        std::int32_t index = 0;
        for (const fake::Partition& p : topic->partitions) {
            t.partitions.push_back({.index = index++,
                                    .leader_id = cluster_.leader_of(p),
                                    .leader_epoch = p.leader_epoch});
        }
        h.stale.topics.push_back(std::move(t));
    }
    h.stale_until = now_ + outage();
    return !h.stale.topics.empty();
}

bool World::delete_topic() {
    fake::Topic* topic = cluster_.find_topic(topic_name(dice_.below(plan_.topics)));
    if (topic == nullptr) return false;
    bury(*topic);
    const std::string name = topic->name;
    const auto partitions = static_cast<std::uint32_t>(topic->partitions.size());
    cluster_.delete_topic(name);
    after(outage(), [this, name, partitions] {
        if (cluster_.find_topic(name) == nullptr) (void)cluster_.create_topic(name, partitions);
    });
    return true;
}

/// Keeps what stood in a topic's logs.
void World::bury(fake::Topic& topic) {
    std::int32_t index = 0;
    for (const fake::Partition& partition : topic.partitions) {
        graveyard_.push_back({topic.name, index++, read_all(partition.log)});
    }
}

std::vector<std::byte> World::read_all(const fake::PartitionLog& log) {
    std::vector<std::byte> out;
    for (std::int64_t at = log.start_offset(); at < log.end_offset();) {
        const ByteSpan batch = log.read(at, 1, true);
        wire::BatchHeader header;
        if (!wire::decode_batch_header(batch, header)) fail("a log can't be read");
        out.insert(out.end(), batch.begin(), batch.end());
        at = header.base_offset + header.last_offset_delta + 1;
    }
    return out;
}

/// As a broker does after producer.id.expiration.ms: never while a producer may still send again
/// what the partition has appended, or has done so and the request is still on its way.
bool World::forget_producers() {
    const bool late = std::ranges::any_of(wires_, [](const auto& w) {
        const bool holds = w->handling || !w->requests.empty() || !w->requests_under_way.empty();
        return w->io == nullptr && w->open_at_node && holds;
    });
    if (late) return false;
    Duration longest;
    for (const ProducerPlan& p : plan_.producers) {
        longest = std::max(longest, Duration::from(p.options.delivery_timeout) +
                                        Duration::from(p.options.request_timeout));
    }
    bool any = false;
    for (const auto& topic : cluster_.topics()) {
        std::int32_t index = 0;
        for (fake::Partition& partition : topic->partitions) {
            const auto last = last_append_.find(key_of(*topic, index++));
            if (last == last_append_.end() || now_ - last->second < longest) continue;
            partition.log.forget_producers();
            any = true;
        }
    }
    return any;
}

fake::RequestFate World::fate_of(const fake::RequestAttempt& attempt) {
    acks_all_ = false;
    if (attempt.header.key == wire::ApiKey::produce) {
        wire::ProduceRequest request;
        if (!wire::decode(attempt.body, attempt.header.version, request)) {
            fail("a produce request can't be decoded");
        }
        acks_all_ = request.acks == -1;
    }
    if (armed(Fault::swallow)) return fake::RequestFate::swallow;
    if (armed(Fault::close_request)) return fake::RequestFate::close;
    if (armed(Fault::close_after_append)) return fake::RequestFate::handle_and_close;
    return fake::RequestFate::handle;
}

/// As a broker that looks at each record; it does so before it looks at sequences.
std::vector<wire::ProduceResponse::RecordError> World::invalid_in(
    const fake::ProduceAttempt& attempt) {
    std::vector<wire::ProduceResponse::RecordError> named;
    wire::RecordsBuffer buffer;
    wire::RecordBatchReader reader(attempt.records, buffer);
    wire::RecordView record;
    while (reader.next(record)) {
        if (!Oracle::is_invalid(as_text(record.value))) continue;
        named.push_back(
            {static_cast<std::int32_t>(record.offset_delta), "it is marked as invalid"});
        ++struck_[static_cast<std::size_t>(Fault::invalid_records)];
    }
    return named;
}

fake::ProduceFault World::fault_of(const fake::ProduceAttempt& attempt) {
    fake::Topic* topic = cluster_.find_topic(attempt.topic);
    if (topic == nullptr) return {};
    Tried tried{
        topic->name, attempt.partition, topic->find(attempt.partition)->log.end_offset(), {}};
    if (!wire::decode_batch_header(attempt.records, tried.header)) fail("a batch has no header");
    touched_.emplace_back(topic->name, attempt.partition);
    tried_.push_back(tried);
    if (plan_.has(Fault::invalid_records)) {
        fake::ProduceFault refusal{.error = Errc::invalid_record, .records = invalid_in(attempt)};
        if (!refusal.records.empty()) return refusal;
    }
    if (armed(Fault::request_error)) {
        const bool is_new =
            !appended_.contains({key_of(*topic, attempt.partition), tried.header.producer_id,
                                 tried.header.producer_epoch, tried.header.base_sequence});
        if (tried.header.producer_id >= 0 && is_new && dice_.one_in(4)) {
            return {sequence_refusals[dice_.below(std::size(sequence_refusals))], false};
        }
        return {refusals[dice_.below(std::size(refusals))], false};
    }
    if (armed(Fault::error_after_append)) return {doubts[dice_.below(std::size(doubts))], true};
    return {};
}

Errc World::producer_id_fault() {
    if (!armed(Fault::producer_id_error)) return Errc::none;
    return producer_id_errors[dice_.below(std::size(producer_id_errors))];
}

template <std::size_t n>
std::int16_t World::code_of(const Errc (&errors)[n]) {
    return static_cast<std::int16_t>(errors[dice_.below(n)]);
}

/// A node that lags behind, or whose answer lacks something.
void World::distort(std::int32_t node, wire::MetadataResponse& response) {
    const Host& h = host(node);
    if (now_ < h.stale_until) {
        for (wire::MetadataResponse::Topic& topic : response.topics) {
            for (const wire::MetadataResponse::Topic& old : h.stale.topics) {
                if (old.name == topic.name && topic.error_code == 0) topic = old;
            }
        }
    }
    if (!armed(Fault::odd_metadata)) return;
    switch (dice_.below(7)) {
        case 0:
            response.controller_id = -1;
            break;
        case 1:
            for (auto& topic : response.topics) {
                for (auto& partition : topic.partitions) {
                    if (!dice_.one_in(2)) continue;
                    partition.leader_id = -1;
                    partition.error_code = code_of(leader_errors);
                }
            }
            break;
        case 2:
            if (!response.brokers.empty()) response.brokers.pop_back();
            break;
        case 3:
            for (auto& topic : response.topics) {
                topic.error_code = code_of(topic_errors);
                topic.partitions.clear();
            }
            break;
        case 4:
            response.error_code = static_cast<std::int16_t>(Errc::unknown_server_error);
            break;
        case 5:
            response.error_code = static_cast<std::int16_t>(Errc::rebootstrap_required);
            break;
        default:
            response.topics.clear();
    }
}

/// Bytes that can't be taken for an answer: TCP lets nothing else through but what a peer means.
void World::spoil(std::vector<std::byte>& answer) {
    switch (dice_.below(4)) {
        case 0:
            store_be<std::int32_t>(answer.data(), -5);
            break;
        case 1:
            store_be<std::int32_t>(answer.data(), 0x7fff'0000);
            break;
        case 2:
            answer[4] ^= std::byte{0x40};
            break;  // the correlation id
        default:
            if (answer.size() < 12) break;
            answer.resize(answer.size() - 1 -
                          dice_.below(static_cast<std::uint32_t>(answer.size() - 9)));
            store_be<std::int32_t>(answer.data(), static_cast<std::int32_t>(answer.size()) - 4);
    }
}

void World::heal() {
    note("healed");
    faults_on_ = false;
    requests_blocked_.clear();
    answers_blocked_.clear();
    dns_fails_until_ = now_;
    cluster_.faults().produce_throttle_ms = 0;
    for (std::uint32_t i = 1; i <= plan_.nodes; ++i) {
        const auto id = static_cast<std::int32_t>(i);
        Host& h = host(id);
        h.paused_until = h.slow_until = h.refuses_until = h.slow_connect_until = h.stale_until =
            now_;
        if (!cluster_.is_up(id)) restart(id);
    }
    for (std::uint32_t t = 0; t < plan_.topics && plan_.has(Fault::delete_topic); ++t) {
        if (cluster_.find_topic(topic_name(t)) == nullptr)
            (void)cluster_.create_topic(topic_name(t));
    }
    cluster_.elect_leaders();
}

/// What Kafka 2.1 tells of itself, of what a producer asks.
std::vector<wire::ApiVersionsResponse::Api> World::old_apis() {
    using wire::ApiKey;
    return {{ApiKey::produce, 0, 7},
            {ApiKey::fetch, 0, 10},
            {ApiKey::metadata, 0, 7},
            {ApiKey::api_versions, 0, 2},
            {ApiKey::init_producer_id, 0, 1}};
}

}  // namespace ringpost::sim
