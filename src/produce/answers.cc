// SPDX-License-Identifier: Apache-2.0
// Answers and losses, a batch at a time.
#include "produce/answers.h"

#include <algorithm>

#include "base/assert.h"
#include "wire/error_codes.h"

namespace ringpost::produce {

using wire::Verdict;

Answers::Todo Answers::on_response(Node& node, std::uint32_t slot, std::int16_t version,
                                   ByteSpan body, Instant now) {
    Todo todo;
    auto& batches = node.in_flight[slot].batches;
    wire::ProduceResponseReader reader(body, version);
    wire::ProducePartitionResult result;
    std::size_t answered = 0;
    bool endpoints_learnt = false;
    while (reader.next(result)) {
        Batch* batch = find(node, slot, answered, result);
        if (batch == nullptr) {
            todo.malformed = true;
            break;
        }
        ++answered;
        if (!endpoints_learnt && cluster_.is_unknown_leader(result.leader_id)) {
            learn_endpoints(body, version);
            endpoints_learnt = true;  // once: the answer may name as many leaders as batches
        }
        on_result(node, *batch, result, version, todo, now);
    }
    todo.malformed |= !reader.ok();
    if (!todo.malformed) todo.throttle_ms = reader.throttle_ms();
    if (answered < batches.size()) {
        // Whatever was not spoken of may stand in the log.
        todo.malformed = true;
        for (Batch* batch : batches) {
            if (batch->state != Batch::State::in_flight || batch->slot != slot ||
                batch->node != static_cast<std::int32_t>(node.index)) {
                continue;
            }
            batch->mark_maybe_written();
            land(*batch);
            retry(*batch, Errc::malformed_response, false, now);
        }
    }
    batches.clear();
    return todo;
}

/// Brokers answer in any order; mostly it is ours.
Batch* Answers::find(Node& node, std::uint32_t slot, std::size_t hint,
                     const wire::ProducePartitionResult& result) {
    const auto& batches = node.in_flight[slot].batches;
    const auto is_it = [&](const Batch* b) {
        if (b->state != Batch::State::in_flight || b->slot != slot ||
            b->node != static_cast<std::int32_t>(node.index)) {
            return false;  // answered already; it may even be somebody else's by now
        }
        if (b->partition->index != result.index) return false;
        return result.topic_name.empty() ? b->sent_to == result.topic_id
                                         : b->topic->name == result.topic_name;
    };
    if (hint < batches.size() && is_it(batches[hint])) return batches[hint];
    const auto found = std::find_if(batches.begin(), batches.end(), is_it);
    return found == batches.end() ? nullptr : *found;
}

/// KIP-951: the addresses of leaders that we don't know stand at the answer's end.
void Answers::learn_endpoints(ByteSpan body, std::int16_t version) {
    wire::ProduceResponseReader reader(body, version);
    wire::ProducePartitionResult passed;
    while (reader.next(passed)) {}
    if (!reader.ok()) return;
    wire::NodeEndpoint endpoint;
    while (reader.next_endpoint(endpoint)) {
        cluster_.apply_endpoint(endpoint.node_id, endpoint.host, endpoint.port);
    }
}

void Answers::on_result(Node& node, Batch& batch, const wire::ProducePartitionResult& result,
                        std::int16_t version, Todo& todo, Instant now) {
    const Errc error = wire::errc_of(result.error_code);
    Partition& partition = *batch.partition;
    land(batch);
    const Verdict verdict = wire::verdict_of(error);
    switch (verdict) {
        case Verdict::acknowledge:
            acknowledge(node, batch, result.base_offset, result.log_append_time_ms, now);
            return;
        case Verdict::acknowledge_unknown_offset:
            acknowledge(node, batch, -1, -1, now);
            return;
        case Verdict::sequence:
            on_sequence_error(batch, error, now);
            return;
        case Verdict::refresh_and_retry:
        case Verdict::retry: {
            if (may_have_been_written(error)) batch.mark_maybe_written();
            // Of a topic that has been deleted and made again since it would stand for good: the
            // other's epochs begin anew.
            const bool hinted =
                batch.incarnation == batch.topic->incarnation &&
                cluster_.apply_leader_hint(partition, result.leader_id, result.leader_epoch);
            if (verdict == Verdict::refresh_and_retry) {
                cluster_.topics_in_use().want(*partition.topic);
            }
            retry(batch, error, hinted, now);
            return;
        }
        case Verdict::split:
            if (batch.record_count == 1 || batch.reported) return refuse(batch, result, now);
            return on_too_large(batch, error, now);
        case Verdict::fail_named:
            if (batch.reported) return refuse(batch, result, now);
            return on_invalid_records(batch, result, version, now);
        case Verdict::fail_producer:
            todo.producer_failed = error;
            return refuse(batch, result, now);
        case Verdict::fail:
            return refuse(batch, result, now);
    }
}

void Answers::refuse(Batch& batch, const wire::ProducePartitionResult& result, Instant now) {
    const Errc error = wire::errc_of(result.error_code);
    config_.log.warn("{}-{}: a batch of {} records was refused: {}{}{}", batch.topic->name,
                     batch.partition->index, batch.record_count, to_string(error),
                     result.error_message.empty() ? "" : ": ", result.error_message);
    fail(batch, Outcome::refused(error, batch.maybe_written || may_have_been_written(error)), now);
}

/// The broker has appended none of it. Its halves share its numbers, so what comes behind it is not
/// disturbed.
void Answers::on_too_large(Batch& batch, Errc error, Instant now) {
    Partition& partition = *batch.partition;
    config_.log.warn("{}-{}: a batch of {} bytes was refused: {}; its {} records go in two halves. "
                     "Lower batch.size to what the topic takes, or raise its max.message.bytes",
                     partition.topic->name, partition.index, batch.wire_bytes(), to_string(error),
                     batch.record_count);
    if (!batch.maybe_written) batch.last_error = error;
    packer_.forget_ratio(*partition.topic);
    if (!rebatch_.halve(batch)) return retry(batch, error, false, now);  // memory may come free
    partition.gate_open = false;
    settle(partition, now);
}

/// KIP-467: an answer names the records that spoil a batch. They fail, the others go again.
void Answers::on_invalid_records(Batch& batch, const wire::ProducePartitionResult& result,
                                 std::int16_t version, Instant now) {
    Partition& partition = *batch.partition;
    Vector<std::uint32_t> named;
    wire::RecordErrorReader errors(result, version);
    wire::ProduceRecordError error;
    while (named.size() < batch.record_count && errors.next(error)) {
        const auto index = static_cast<std::uint32_t>(error.batch_index);
        if (index >= batch.record_count) continue;
        if (named.empty()) {
            config_.log.warn("{}-{}: record {} of a batch of {} was refused: invalid_record{}{}",
                             partition.topic->name, partition.index, index, batch.record_count,
                             error.message.empty() ? "" : ": ", error.message);
        }
        named.push_back(index);
    }
    std::sort(named.begin(), named.end());
    named.erase(std::unique(named.begin(), named.end()), named.end());
    if (named.empty() || named.size() == batch.record_count) return refuse(batch, result, now);
    // Should the others end in doubt, it is for what happened before.
    if (!batch.maybe_written) batch.last_error = Errc::invalid_record;
    Batch* const invalid = rebatch_.take_out(batch, named);
    if (invalid == nullptr) return retry(batch, Errc::invalid_record, false, now);  // as above
    partition.gate_open = false;
    fail(*invalid, Outcome::refused(Errc::invalid_record, invalid->maybe_written), now);
    want_bump(partition, now);
}

/// Out of flight: nobody but us holds the batch now.
void Answers::land(Batch& batch) {
    RINGPOST_ASSERT(batch.state == Batch::State::in_flight);
    RINGPOST_ASSERT(batch.partition->in_flight != 0);
    --batch.partition->in_flight;
    batch.state = Batch::State::retry;
    batch.node = -1;
}

void Answers::acknowledge(Node& node, Batch& batch, std::int64_t base_offset,
                          std::int64_t log_append_time_ms, Instant now) {
    Partition& partition = *batch.partition;
    partition.failures = 0;
    if (partition.node == &node) partition.gate_open = true;
    if (batch.reported) {
        delivery_.drop_reported(batch);
    } else {
        delivery_.resolve(batch, {.base_offset = base_offset,
                                  .log_append_time_ms = log_append_time_ms});
    }
    settle(partition, now);
}

void Answers::retry(Batch& batch, Errc error, bool now_without_backoff, Instant now) {
    Partition& partition = *batch.partition;
    batch.last_error = error;
    partition.gate_open = false;
    if (batch.reported || batch.attempts > config_.retries) {
        fail(batch, Outcome::refused(error, batch.maybe_written), now);
        return;
    }
    if (!now_without_backoff) readiness_.back_off(partition, now + backoff(partition.failures));
    ++partition.failures;
    settle(partition, now);
}

/// Behind a batch that failed, each later one in flight is out of order: they just wait their turn.
/// At the head, the broker has lost its state, or a batch before was given up: a new epoch.
void Answers::on_sequence_error(Batch& batch, Errc error, Instant now) {
    Partition& partition = *batch.partition;
    batch.last_error = error;
    if (!is_head(batch) || partition.bump_due) {
        // The gate is closed: none of them goes before the head has been acknowledged.
        retry(batch, error, !is_head(batch), now);
        return;
    }
    config_.log.info("{}-{}: {} at sequence {}: starting a new epoch", partition.topic->name,
                     partition.index, to_string(error), batch.base_sequence);
    // The id itself is not taken: as if it had no epoch left.
    if (error == Errc::invalid_producer_id_mapping) partition.producer_epoch = INT16_MAX;
    retry(batch, error, false, now);
    want_bump(partition, now);
}

bool Answers::is_head(const Batch& batch) const {
    return batch.partition->queue.front() == &batch;
}

void Answers::fail(Batch& batch, const Outcome& outcome, Instant now) {
    RINGPOST_ASSERT(outcome.error != Errc::none);
    Partition& partition = *batch.partition;
    const bool leaves_a_gap = batch.sequenced;
    if (batch.reported) {
        delivery_.drop_reported(batch);
    } else {
        delivery_.resolve(batch, outcome);
    }
    if (leaves_a_gap) {
        want_bump(partition, now);
    } else {
        settle(partition, now);
    }
}

void Answers::want_bump(Partition& partition, Instant now) {
    partition.bump_due = config_.idempotent;
    settle(partition, now);
}

void Answers::settle(Partition& partition, Instant now) {
    produce::settle(partition, identity_, readiness_, now);
}

Duration Answers::backoff(std::uint32_t failures) {
    Duration bound = config_.retry_backoff;
    for (std::uint32_t i = 0; i < failures && bound < config_.retry_backoff_max; ++i)
        bound = bound * 2;
    bound = std::min(bound, config_.retry_backoff_max);
    // Plus or minus a fifth (KIP-580).
    const auto fifth = static_cast<std::uint32_t>(bound.count_us() / 5);
    return bound - Duration::us(fifth) + Duration::us(prng_.below(2 * fifth + 1));
}

void Answers::on_sent_unacknowledged(Node& node, std::uint32_t slot, Instant now) {
    auto& batches = node.in_flight[slot].batches;
    for (Batch* batch : batches) {
        land(*batch);
        acknowledge(node, *batch, -1, -1, now);
    }
    batches.clear();
}

void Answers::on_lost(Node& node, std::uint32_t slot, Errc error, bool written, Instant now) {
    auto& batches = node.in_flight[slot].batches;
    for (Batch* batch : batches) {
        land(*batch);
        if (written) batch->mark_maybe_written();
        if (written && config_.acks == Acks::none) {
            // Nobody will ever say what became of it, and a second send could double it.
            fail(*batch, Outcome::refused(error, true), now);
        } else {
            retry(*batch, error, false, now);
        }
    }
    batches.clear();
}

}  // namespace ringpost::produce
