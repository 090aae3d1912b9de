// SPDX-License-Identifier: Apache-2.0
// Asking for metadata and for a producer id.
#include "produce/housekeeping.h"

#include <algorithm>

#include "wire/api.h"
#include "wire/init_producer_id.h"
#include "wire/metadata.h"

namespace ringpost::produce {

using ConnectionState = broker::Connection::State;

Housekeeping::Housekeeping(const Config& config, Cluster& cluster, ProducerIdentity& identity,
                           Prng& prng)
    : config_(config), cluster_(cluster), identity_(identity), prng_(prng),
      metadata_(config.retry_backoff, config.retry_backoff_max),
      producer_id_(config.retry_backoff, config.retry_backoff_max) {
    identity_.wanted = config.idempotent;
}

void Housekeeping::want_producer_id(Instant now) {
    if (cluster_.topics_in_use().empty()) return;  // nothing is produced yet
    if (identity_.wanted && !producer_id_.outstanding()) producer_id_.want(now);
}

void Housekeeping::fill(Instant now) {
    TopicsInUse& topics = cluster_.topics_in_use();
    auto due = TopicsInUse::Due::no;
    if (question_at() <= now) due = topics.look(now);
    if (topics.empty()) rest();
    look_again_ = due == TopicsInUse::Due::look_again;
    const bool metadata_due = due == TopicsInUse::Due::yes;
    if (metadata_due) watch_recovery(now);
    const bool id_due = producer_id_.due(now);
    if (!metadata_due && !id_due) return;
    Node* node = ready_node(now);
    if (node == nullptr) {
        wake_a_node(now);
        return;
    }
    if (metadata_due) {
        if (auto* slot = node->connection.try_begin(wire::ApiKey::metadata, now)) {
            send_metadata(*node, *slot, now);
        }
    }
    if (id_due) {
        if (node->connection.version(wire::ApiKey::init_producer_id) < 0) {
            refuse_producer_id(Errc::unsupported_broker, now);
        } else if (auto* slot = node->connection.try_begin(wire::ApiKey::init_producer_id, now)) {
            send_producer_id(*node, *slot, now);
        }
    }
}

/// Nothing is produced: the next record will ask.
void Housekeeping::rest() {
    producer_id_.unwant();
    rebootstrap_at_ = Instant::never();
}

/// KIP-1102. The time runs from the first question that is due until an answer is of use: whether
/// nobody can be reached or everybody answers in vain is the same.
void Housekeeping::watch_recovery(Instant now) {
    if (config_.metadata_recovery != MetadataRecovery::rebootstrap) return;
    if (rebootstrap_at_.is_never()) rebootstrap_at_ = now + config_.rebootstrap_trigger;
    if (now < rebootstrap_at_) return;
    rebootstrap_at_ = now + config_.rebootstrap_trigger;
    config_.log.warn("no known broker has given metadata for {} ms: back to the bootstrap servers",
                     config_.rebootstrap_trigger.count_ms());
    cluster_.rebootstrap(now);
}

Instant Housekeeping::next_deadline(Instant now) const {
    if (refusal_ != Errc::none || look_again_) return now;
    Instant next = question_at();
    const bool question_due = next <= now;
    if (question_due) next = rebootstrap_at_;
    const bool id_due = producer_id_.next_deadline() <= now;
    if (!id_due) next = std::min(next, producer_id_.next_deadline());
    // What is due waits for a connection, whose own events wake the loop; the end of a throttle is
    // none.
    if (question_due || id_due) next = std::min(next, end_of_throttle(now));
    return next;
}

Instant Housekeeping::question_at() const {
    if (metadata_.outstanding()) return Instant::never();
    return std::max(cluster_.topics_in_use().question_at(), metadata_.not_before());
}

/// When the first of those that are ready may be asked something again.
Instant Housekeeping::end_of_throttle(Instant now) const {
    Instant first = Instant::never();
    for (const auto& node : cluster_.nodes()) {
        const auto& c = node->connection;
        if (c.ready() && !node->gone && c.throttled(now)) first = std::min(first, c.muted_until());
    }
    return first;
}

/// The ready connection with the fewest unanswered requests: an answer behind a slow acks=all would
/// come late.
Node* Housekeeping::ready_node(Instant now) {
    Node* best = nullptr;
    for (const auto& node : cluster_.nodes()) {
        const auto& c = node->connection;
        if (!c.ready() || node->gone || c.throttled(now)) continue;
        if (best == nullptr || c.requests_unanswered() < best->connection.requests_unanswered()) {
            best = node.get();
        }
    }
    return best;
}

/// Nobody is ready, or only who is throttled. One that is on its way will do; else the next in turn
/// starts, and the bootstrap addresses come in again when every known broker is out of reach.
void Housekeeping::wake_a_node(Instant now) {
    auto& nodes = cluster_.nodes();
    bool all_failing = true;
    for (const auto& node : nodes) {
        if (node->gone) continue;  // a connection to it is nobody's answer
        if (node->connection.on_its_way()) return;
        const auto state = node->connection.state();
        all_failing &= state == ConnectionState::backoff || state == ConnectionState::closing;
    }
    if (all_failing && config_.metadata_recovery == MetadataRecovery::rebootstrap) {
        cluster_.add_seeds();
    }
    for (std::size_t i = 0; i < nodes.size(); ++i) {
        Node& node = *nodes[next_node_++ % nodes.size()];
        if (node.gone || node.connection.ready()) continue;
        const bool idle = node.connection.state() == ConnectionState::idle;
        node.connection.want(now);
        if (idle) return;
    }
}

void Housekeeping::send_metadata(Node& node, broker::RequestSlot& slot, Instant now) {
    wire::MetadataRequest request;
    request.allow_auto_topic_creation = config_.allow_auto_create_topics;
    for (const Topic* topic : cluster_.topics_in_use().next_question(now)) {
        request.topics.push_back({{}, topic->name});
    }
    broker::encode_request(slot, config_.connection.client_id, request);
    node.in_flight[node.connection.slot_number(slot)].metadata = true;
    node.connection.submit(slot, now);
    metadata_.on_sent();
}

void Housekeeping::send_producer_id(Node& node, broker::RequestSlot& slot, Instant now) {
    wire::InitProducerIdRequest request;
    request.transaction_timeout_ms = INT32_MAX;
    broker::encode_request(slot, config_.connection.client_id, request);
    node.in_flight[node.connection.slot_number(slot)].producer_id = true;
    node.connection.submit(slot, now);
    producer_id_.on_sent();
}

bool Housekeeping::on_metadata(std::int16_t version, ByteSpan body, Instant now,
                               Cluster::Change& change) {
    wire::MetadataResponse response;
    if (!wire::decode(body, version, response)) {
        last_error_ = Errc::malformed_response;
        on_metadata_failed(now);
        return false;
    }
    const auto error = static_cast<Errc>(response.error_code);
    if (error == Errc::rebootstrap_required &&
        config_.metadata_recovery == MetadataRecovery::rebootstrap) {
        config_.log.warn("the cluster asks its clients to start again from the bootstrap servers");
        cluster_.rebootstrap(now);
    }
    if (error != Errc::none || !cluster_.apply(response, change)) {
        last_error_ = error == Errc::none ? Errc::no_metadata : error;
        on_metadata_failed(now);
        return true;
    }
    last_error_ = Errc::none;
    rebootstrap_at_ = Instant::never();
    metadata_.on_success();
    cluster_.topics_in_use().on_answered(now);
    return true;
}

void Housekeeping::on_metadata_failed(Instant now) {
    metadata_.on_failure(now, prng_);
    cluster_.topics_in_use().on_failed();
}

bool Housekeeping::on_producer_id(std::int16_t version, ByteSpan body, Instant now) {
    wire::InitProducerIdResponse response;
    if (!wire::decode(body, version, response)) {
        producer_id_.on_failure(now, prng_);
        return false;
    }
    const auto error = static_cast<Errc>(response.error_code);
    if (error == Errc::none && response.producer_id >= 0) {
        identity_ = {response.producer_id, response.producer_epoch, false};
        id_refused_ = Errc::none;
        producer_id_.on_success();
        return true;
    }
    if (error == Errc::cluster_authorization_failed || error == Errc::invalid_request ||
        error == Errc::unsupported_version) {
        refuse_producer_id(error, now);
        return true;
    }
    last_error_ = error;
    producer_id_.on_failure(now, prng_);
    return true;
}

/// What waits fails; whatever comes later asks again, for somebody may have granted it meanwhile.
void Housekeeping::refuse_producer_id(Errc error, Instant now) {
    if (last_error_ != error && error == Errc::unsupported_broker) {
        const wire::ApiInfo& ours = wire::api_info(wire::ApiKey::init_producer_id);
        config_.log.error("no producer id: {}: the broker offers no {} in a version of {} to {}; "
                          "idempotence needs one: Kafka 2.1 or later, or enable.idempotence=false",
                          to_string(error), ours.name, ours.min, ours.max);
    } else if (last_error_ != error) {
        config_.log.error("no producer id: {}: {}; grant IDEMPOTENT_WRITE or WRITE, or set "
                          "enable.idempotence=false", to_string(error), message(error));
    }
    last_error_ = refusal_ = id_refused_ = error;
    producer_id_.on_refusal(now, prng_);
}

void Housekeeping::on_lost(const InFlight& what, Instant now) {
    if (what.metadata) on_metadata_failed(now);
    if (what.producer_id) producer_id_.on_failure(now, prng_);
}

}  // namespace ringpost::produce
