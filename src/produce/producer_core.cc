// SPDX-License-Identifier: Apache-2.0
// How the parts of a shard's producer work together.
#include "produce/producer_core.h"

#include <algorithm>
#include <utility>

#include "base/assert.h"

namespace ringpost::produce {

using broker::Connection;

namespace {

/// Never of the two blocks that the largest record may need, one parked and one to be sent.
std::size_t spare(const Arena& arena) {
    return arena.bytes_total() - std::min(arena.bytes_total(), 2 * arena.block_bytes_max());
}

/// Two halves of a batch, with what rounding wastes.
std::size_t headroom(const Config& config, const Arena& arena) {
    return std::min({std::size_t{config.batch_bytes} * 2, arena.bytes_total() / 8, spare(arena)});
}

/// For compressed records, of what else would be plain ones': with all memory taken, what leaves
/// would go as it is otherwise, and take longer to leave.
std::size_t packing_room(const Config& config, const Arena& arena) {
    const auto compresses = [](const Compression& one) { return one.codec != wire::Codec::none; };
    const bool any = compresses(config.compression) ||
                     std::ranges::any_of(config.topic_compression, [&](const auto& one) {
                         return compresses(one.second);
                     });
    return any ? std::min(arena.bytes_total() / 8, spare(arena) - headroom(config, arena)) : 0;
}

}  // namespace

ProducerCore::ProducerCore(const Config& config, std::span<std::byte> memory,
                           std::uint32_t block_bytes_max, ReportSink& sink, ShareBoard& board,
                           std::uint64_t seed)
    : config_(config),
      prng_(seed),
      arena_(memory, limits::slab_bytes_min, block_bytes_max),
      pool_(arena_, headroom(config, arena_), packing_room(config, arena_)),
      shares_(arena_, headroom(config, arena_), config.batch_bytes, board),
      delivery_(pool_, flushes_, shares_, sink),
      cluster_(config, shares_, prng_),
      readiness_(config),
      accumulator_(config, cluster_, pool_, delivery_, readiness_, flushes_, prng_),
      packer_(config, pool_, delivery_, readiness_),
      sender_(config, accumulator_, packer_, readiness_, identity_, delivery_),
      answers_(config, cluster_, pool_, delivery_, packer_, readiness_, identity_, prng_),
      housekeeping_(config, cluster_, identity_, prng_),
      warm_up_(config, cluster_, housekeeping_, identity_) {}

// Records
// ------------------------------------------------------------------------------------------

void ProducerCore::add_topic(std::uint32_t id, std::string_view name, Instant now) {
    Topic& topic = cluster_.add_topic(id, name);
    packer_.set_up(topic);
    cluster_.use(topic, now);
    housekeeping_.want_producer_id(now);
}

bool ProducerCore::on_no_memory(const Entry& entry, Instant now) {
    accumulator_.on_refused(entry);
    accumulator_.make_all_due(now);
    return false;
}

// Time
// ---------------------------------------------------------------------------------------------

void ProducerCore::advance(Instant now) {
    if (shut_) return;
    share_eased_ |= shares_.look();
    expire_own(now);
    expire(now);
    expire_missing_topics(now);
    readiness_.on_deadline(now);
    work_on_topics(now);
    cluster_.walk();
    accumulator_.end_of_drain(now);
    if (const Errc refusal = housekeeping_.take_refusal(); refusal != Errc::none) {
        fail_without_id(refusal, now);
    }
    if (!delivery_.idle()) housekeeping_.want_producer_id(now);
    housekeeping_.fill(now);
    packer_.work(now);
    for (const auto& node : cluster_.nodes()) {
        accumulator_.look_if_idle(*node, now);
        const bool was_blocked = !node->blocked_since.is_never();
        if (was_blocked || !node->ready.empty()) sender_.fill(*node, now);
        if (was_blocked) accumulator_.look_at_node(*node, now);
    }
    packer_.end_turn();
    want_connections(now);
}

bool ProducerCore::sends_at_once() const {
    if (!config_.linger_adaptive) return false;
    const auto& nodes = const_cast<ProducerCore&>(*this).cluster_.nodes();
    return std::any_of(nodes.begin(), nodes.end(), [](const auto& node) {
        return node->id >= 0 && !node->gone && node->is_idle();
    });
}

/// A connection to where a broker no longer is ends.
void ProducerCore::follow_address(Node& node, Instant now) {
    if (!node.address_changed) [[likely]] return;
    node.connection.shut(now);
    if (node.connection.state() != Connection::State::idle) return;
    node.address_changed = false;
    node.connection.rename(node.address_text());
}

bool ProducerCore::look_at_warm_up(WarmUpLook& look, std::span<const std::uint32_t> topics,
                                   Instant now) {
    if (look.ended && look.news == news_ && now < look.again_at) return true;
    if (look.ended) look = {};
    if (look.at_beginning()) {
        look.news = news_;
        look.again_at = now + config_.metadata_max_idle / 2;
    }
    // What is wanted below shall not be shut afterwards, when nobody looks.
    for (const auto& node : cluster_.nodes()) follow_address(*node, now);
    if (!warm_up_.go_on(look, topics, now)) return false;
    look.ended = !look.first.any() || look.first.is_final || look.news == news_;
    if (look.ended) return true;
    look = {};  // what was missing may have come meanwhile, and nothing else may ever come
    return false;
}

/// Brokers with something waiting for them connect; the rest may rest.
void ProducerCore::want_connections(Instant now) {
    for (const auto& node : cluster_.nodes()) {
        Connection& connection = node->connection;
        follow_address(*node, now);
        if (!node->ready.empty() && !connection.ready()) connection.want(now);
    }
}

Instant ProducerCore::next_deadline(Instant now) const {
    if (shut_) return Instant::never();
    if (cluster_.walking() || packer_.has_work()) return now;
    if (unpark_left_ != 0 || unparked_) return now;
    Instant next = std::min({readiness_.next_deadline(), accumulator_.next_deadline(),
                             housekeeping_.next_deadline(now)});
    if (const Batch* oldest = delivery_.oldest()) {
        next = std::min(next, oldest->created + config_.delivery_timeout);
    }
    if (const Batch* first = delivery_.next_to_time_out()) next = std::min(next, first->deadline());
    if (!missing_.empty()) next = std::min(next, missing_.top().at);
    auto& self = const_cast<ProducerCore&>(*this);
    for (const auto& node : self.cluster_.nodes()) {
        next = std::min(next, node->connection.next_deadline());
        if (node->connection.throttled(now) && !node->ready.empty()) {
            next = std::min(next, node->connection.muted_until());
        }
    }
    return next;
}

/// What stood in the way of a batch that was never sent.
Errc ProducerCore::why_unsent(const Batch& batch) const {
    if (batch.last_error != Errc::none) return batch.last_error;
    const Node* node = batch.partition == nullptr ? nullptr : batch.partition->node;
    if (node != nullptr && !node->connection.ready()) return node->connection.last_error();
    if (batch.topic->error != Errc::none) return batch.topic->error;
    if (config_.idempotent && !identity_.known() && node != nullptr) return Errc::no_producer_id;
    if (node != nullptr) return Errc::none;
    auto& nodes = const_cast<ProducerCore&>(*this).cluster_.nodes();
    const bool reached = std::any_of(nodes.begin(), nodes.end(), [](const auto& other) {
        return !other->gone && other->connection.ready();
    });
    if (batch.topic->state == Topic::State::known && reached) return Errc::leader_not_available;
    if (const Errc error = cluster_.connection_error(); error != Errc::none) return error;
    return batch.topic->state == Topic::State::known ? Errc::leader_not_available
                                                     : Errc::no_metadata;
}

/// Where a batch stands that has come to its end too early.
Stage ProducerCore::stage_of(const Batch& batch, Instant now) const {
    const Partition* partition = batch.partition;
    if (partition == nullptr) {
        return batch.topic->state == Topic::State::known ? Stage::memory : Stage::metadata;
    }
    if (batch.state == Batch::State::in_flight) return Stage::in_flight;
    if (partition->node == nullptr) return Stage::leader;
    if (config_.idempotent && partition->producer_id < 0 && !identity_.known()) {
        return Stage::producer_id;
    }
    if (!partition->node->connection.ready()) return Stage::connection;
    if (partition->retry_at > now) return Stage::backing_off;
    if (batch.state == Batch::State::open && !batch.due) return Stage::linger;
    return Stage::queue;
}

/// Says once in a while what records have timed out, and what every connection was doing.
void ProducerCore::log_expiry(const Batch& batch, Errc why, Instant now) {
    if (now < next_expiry_log_) return;
    next_expiry_log_ = now + Duration::seconds(10);
    config_.log.warn("{}: {} records were not confirmed within delivery.timeout.ms: {}, {}",
                     batch.topic->name, batch.record_count, to_string(stage_of(batch, now)),
                     to_string(why));
    for (const auto& node : cluster_.nodes()) {
        if (node->connection.ready() || node->gone) continue;
        config_.log.warn("{} is {}, not ready: {}", node->connection.name(),
                         broker::to_string(node->connection.state()),
                         to_string(node->connection.last_error()));
    }
}

void ProducerCore::expire(Instant now) {
    for (std::uint32_t left = config_.turn_items_max; left != 0; --left) {
        Batch* batch = delivery_.oldest();
        if (batch == nullptr || batch->created + config_.delivery_timeout > now) return;
        log_expiry(*batch, why_unsent(*batch), now);
        end_early(*batch, Errc::delivery_timeout, now);
    }
}

/// Those with a timeout of their own end first: what is left is the producer's.
void ProducerCore::expire_own(Instant now) {
    for (std::uint32_t left = config_.turn_items_max; left != 0; --left) {
        Batch* batch = delivery_.next_to_time_out();
        if (batch == nullptr || batch->deadline() > now) return;
        log_expiry(*batch, why_unsent(*batch), now);
        end_early(*batch, Errc::delivery_timeout, now);
    }
}

/// Reported now. The memory of what is in flight waits for the answer, or for the end of its
/// connection.
void ProducerCore::end_early(Batch& batch, Errc error, Instant now) {
    const bool in_flight = batch.state == Batch::State::in_flight;
    const Outcome outcome{.error = error,
                          .last_error = why_unsent(batch),
                          .may_have_been_written = in_flight || batch.maybe_written,
                          .stage = stage_of(batch, now)};
    if (batch.partition == nullptr) {
        accumulator_.fail_parked_batch(batch, outcome);
    } else if (in_flight) {
        delivery_.resolve(batch, outcome);
    } else {
        answers_.fail(batch, outcome, now);
    }
}

void ProducerCore::watch_missing(Topic& topic) {
    if (topic.parked.empty() || std::exchange(topic.watched, true)) return;
    missing_.push({topic.parked.front()->created + config_.topic_wait, &topic});
}

/// A topic that does not exist, and does not appear either: its records need not wait for the whole
/// delivery timeout.
void ProducerCore::expire_missing_topics(Instant now) {
    std::uint32_t left = config_.turn_items_max;
    for (; left != 0 && !missing_.empty() && missing_.top().at <= now; --left) {
        Topic& topic = *missing_.top().topic;
        missing_.pop();
        topic.watched = false;
        if (topic.state != Topic::State::missing) continue;
        while (Batch* batch = topic.parked.front()) {
            if (batch->created + config_.topic_wait > now) break;
            accumulator_.fail_parked_batch(*batch, Outcome::refused(topic.error));
        }
        watch_missing(topic);
    }
}

/// Those that find no memory wait for the next turn that something else makes.
void ProducerCore::work_on_topics(Instant now) {
    // After a round that was in vain there is nothing to try before memory has come free.
    if (unpark_left_ == 0 && arena_.bytes_used() != starved_at_) unpark_left_ = to_unpark_.size();
    unparked_ = false;
    std::uint32_t items = config_.turn_items_max;
    while (unpark_left_ != 0 && items != 0) {
        Topic& topic = *to_unpark_.front();
        bool done = true;
        const std::uint32_t before = items;
        if (topic.state == Topic::State::known) done = accumulator_.unpark(topic, items, now);
        unpark_moves_ |= done || items != before;
        if (!done && items == 0) return;  // it goes on from there
        if (topic.state == Topic::State::refused) {
            accumulator_.fail_parked(topic, Outcome::refused(topic.error));
        }
        to_unpark_.pop_front();
        topic.to_unpark = !done;
        if (!done) to_unpark_.push_back(&topic);
        unparked_ |= done;
        if (items != 0) --items;
        if (--unpark_left_ != 0) continue;
        starved_at_ = unpark_moves_ ? SIZE_MAX : arena_.bytes_used();
        unpark_moves_ = false;
    }
}

// Connections
// --------------------------------------------------------------------------------------

void ProducerCore::pump(Node& node, Instant now) {
    Connection::Event event;
    while (node.connection.poll_event(event, now)) {
        ++news_;
        switch (event.kind) {
            case Connection::Event::Kind::ready: count_connection(node, true); break;
            case Connection::Event::Kind::response: on_response(node, event, now); break;
            case Connection::Event::Kind::lost: on_lost(node, event, now); break;
            case Connection::Event::Kind::down:
                count_connection(node, false);
                // Perhaps another broker leads now. A connection nobody waited for tells nothing.
                if (!node.ready.empty()) cluster_.topics_in_use().want_all();
                node.connection.unwant();
                break;
        }
    }
}

void ProducerCore::on_response(Node& node, const Connection::Event& event, Instant now) {
    InFlight& what = node.in_flight[event.slot];
    const std::int16_t version = node.connection.slot_version(event.slot);
    bool trusted = true;
    if (what.metadata) {
        what.metadata = false;
        Cluster::Change change;
        trusted = housekeeping_.on_metadata(version, event.body, now, change);
        on_change(change, now);
    } else if (what.producer_id) {
        what.producer_id = false;
        trusted = housekeeping_.on_producer_id(version, event.body, now);
        if (identity_.known()) readiness_.set_producer_id_known(true);
    } else if (config_.acks == Acks::none) {
        count_answer(node, event.slot, now);
        answers_.on_sent_unacknowledged(node, event.slot, now);
    } else {
        count_answer(node, event.slot, now);
        const Answers::Todo todo = answers_.on_response(node, event.slot, version, event.body, now);
        if (todo.producer_failed != Errc::none) fail_producer(todo.producer_failed, now);
        if (todo.throttle_ms > 0) {
            const Duration quiet = Duration::ms(todo.throttle_ms);
            node.connection.mute(now + quiet);
            node.counters->on_throttled(quiet);
        }
        trusted = !todo.malformed;
    }
    if (!trusted) node.connection.distrust("a response that can't be read", now);
}

void ProducerCore::on_lost(Node& node, const Connection::Event& event, Instant now) {
    InFlight& what = node.in_flight[event.slot];
    housekeeping_.on_lost(what, now);
    what.metadata = what.producer_id = false;
    if (what.batches.empty()) return;
    ++requests_ended_;
    node.counters->on_lost();
    for (const Batch* batch : what.batches) cluster_.topics_in_use().want(*batch->topic);
    cluster_.topics_in_use().want_all();
    answers_.on_lost(node, event.slot, event.error, event.written, now);
}

// Counting
// -----------------------------------------------------------------------------------------

/// Told of its end, too, though it may never have been up.
void ProducerCore::count_connection(Node& node, bool up) {
    if (std::exchange(node.counted_up, up) == up) return;
    connections_up_ += up ? 1 : std::uint64_t(-1);
}

void ProducerCore::count_answer(Node& node, std::uint32_t slot, Instant now) {
    ++requests_ended_;
    node.counters->on_answered();
    if (!config_.statistics) return;
    node.counters->on_round_trip(now - node.connection.slot_submitted(slot));
}

void ProducerCore::count(ShardCounters& counters) const {
    const Delivery::Sum& delivered = delivery_.delivered();
    const Delivery::Sum& failed = delivery_.failed();
    const Sender::Sent& sent = sender_.sent();
    counters.records_delivered = delivered.records;
    counters.records_failed = failed.records;
    counters.bytes_delivered = delivered.bytes;
    counters.bytes_failed = failed.bytes;
    counters.batches_sent = sent.batches;
    counters.batches_retried = sent.retried;
    counters.batch_records_sent = sent.records;
    counters.batch_bytes_sent = sent.batch_bytes;
    counters.plain_bytes_sent = sent.plain_bytes;
    counters.batches_delivered = delivered.batches;
    counters.batches_failed = failed.batches;
    counters.requests_sent = sent.requests;
    counters.request_bytes_sent = sent.request_bytes;
    counters.requests_in_flight = sent.requests - requests_ended_;
    counters.memory_used = arena_.bytes_used();
    counters.memory_total = arena_.bytes_total();
    counters.batches_held = pool_.taken();
    counters.connections_up = connections_up_;
}

// Metadata
// -----------------------------------------------------------------------------------------

void ProducerCore::on_change(const Cluster::Change& change, Instant now) {
    for (Topic* topic : change.topics) {
        if (topic->state == Topic::State::refused) {
            topic->refused_until = now + config_.retry_backoff_max;
        }
        if (!topic->parked.empty() && !std::exchange(topic->to_unpark, true)) {
            to_unpark_.push_back(topic);
            starved_at_ = SIZE_MAX;
        }
        if (topic->state == Topic::State::missing) watch_missing(*topic);
        for (const auto& partition : topic->partitions) {
            if (partition->bump_due) answers_.want_bump(*partition, now);
        }
    }
    for (Partition* partition : change.moved) readiness_.update(*partition, now);
}

// Flush and the end
// --------------------------------------------------------------------------------

std::uint64_t ProducerCore::begin_flush(Instant now) {
    const std::uint64_t epoch = flushes_.begin();
    accumulator_.make_all_due(now);
    return epoch;
}

/// The cluster gives no producer id: what waits for one fails, what has one goes on.
void ProducerCore::fail_without_id(Errc error, Instant now) {
    fail_waiting(error, [](const Batch& b) { return b.partition->producer_id < 0; }, now);
}

/// What is in flight has an answer of its own to come.
void ProducerCore::fail_producer(Errc error, Instant now) {
    config_.log.error("{}: {}; all records that wait fail with it, and what comes within {} ms",
                      to_string(error), message(error), config_.retry_backoff_max.count_ms());
    accumulator_.refuse_until(now + config_.retry_backoff_max, error);
    fail_waiting(error, [](const Batch& b) { return b.state != Batch::State::in_flight; }, now);
}

/// All that is parked, and of what has a partition that which is meant.
template <typename IsMeant>
void ProducerCore::fail_waiting(Errc error, IsMeant&& is_meant, Instant now) {
    Batch* next = nullptr;
    for (Batch* batch = delivery_.oldest(); batch != nullptr; batch = next) {
        next = Delivery::next_oldest(*batch);
        if (batch->partition == nullptr) {
            accumulator_.fail_parked_batch(*batch, Outcome::refused(error));
        } else if (is_meant(*batch)) {
            answers_.fail(*batch, Outcome::refused(error, batch->maybe_written), now);
        }
    }
    accumulator_.end_of_drain(now);
}

void ProducerCore::purge(Purge what, Instant now) {
    Batch* next = nullptr;
    for (Batch* batch = delivery_.oldest(); batch != nullptr; batch = next) {
        next = Delivery::next_oldest(*batch);
        const bool in_flight = batch->state == Batch::State::in_flight;
        const Purge kind = in_flight ? Purge::in_flight : Purge::queued;
        if (what == Purge::all || what == kind) end_early(*batch, Errc::purged, now);
    }
    accumulator_.end_of_drain(now);
}

void ProducerCore::shut_connections(Instant now) {
    shut_ = true;
    for (const auto& node : cluster_.nodes()) node->connection.shut(now);
}

bool ProducerCore::drained() const {
    if (!delivery_.idle()) return false;
    auto& self = const_cast<ProducerCore&>(*this);
    return std::all_of(self.cluster_.nodes().begin(), self.cluster_.nodes().end(),
                       [](const auto& node) {
                           return node->connection.state() == Connection::State::idle;
                       });
}

}  // namespace ringpost::produce
