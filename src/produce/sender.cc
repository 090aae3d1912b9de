// SPDX-License-Identifier: Apache-2.0
// Picking, finishing and framing of batches.
#include "produce/sender.h"

#include <algorithm>
#include <utility>

#include "base/assert.h"
#include "wire/produce_request_writer.h"
#include "wire/record_batch.h"

namespace ringpost::produce {

namespace {

/// From this version on a produce request names topics by their ids. KIP-516.
constexpr std::int16_t by_id_since = 13;

/// From this version on zstd may be used, by brokers of Kafka 2.1 and later. KIP-110.
constexpr std::int16_t zstd_since = 7;

/// Its header is written.
std::uint32_t crc_of(Batch& batch) {
    if (batch.is_packed()) {
        return wire::batch_crc(batch.wire_header(), batch.packed_crc.value(),
                               batch.packed_bytes - std::uint32_t{wire::batch_header_bytes});
    }
    std::array<ByteSpan, limits::batch_slabs_max> pieces;
    for (std::uint32_t i = 0; i < batch.slab_count; ++i) pieces[i] = batch.wire_piece(i);
    return wire::batch_crc({pieces.data(), batch.slab_count});
}

/// Writes the batch's header and checksum, once; a retry finds them in place.
void finish(Batch& batch) {
    if (batch.written) return;
    batch.written = true;
    const auto codec = static_cast<std::int16_t>(batch.topic->packing.codec);
    const auto length = batch.wire_bytes() - std::uint32_t{wire::batch_length_overhead_bytes};
    wire::write_batch_header(
        batch.wire_header(),
        {.batch_length = static_cast<std::int32_t>(length),
         .attributes = batch.is_packed() ? codec : std::int16_t{0},
         .last_offset_delta = static_cast<std::int32_t>(batch.record_count - 1),
         .base_timestamp = batch.base_timestamp_ms,
         .max_timestamp = batch.max_timestamp_ms,
         .producer_id = batch.producer_id,
         .producer_epoch = batch.producer_epoch,
         .base_sequence = batch.base_sequence,
         .record_count = static_cast<std::int32_t>(batch.record_count)});
    wire::store_batch_crc(batch.wire_header(), crc_of(batch));
}

}  // namespace

void Sender::fill(Node& node, Instant now) {
    while (!node.ready.empty()) {
        broker::RequestSlot* slot = node.try_begin_produce(now);
        if (slot == nullptr) {
            node.blocked_since = std::min(node.blocked_since, now);
            if (node.connection.ready()) pack_ahead(node, now);
            return;
        }
        node.blocked_since = Instant::never();
        const std::uint32_t number = node.connection.slot_number(*slot);
        if (pick(node, number, now)) {
            encode(node, *slot);
            node.connection.submit(*slot, now);
            if (node.counters == nullptr) [[unlikely]] node.counters = &brokers_.add(node.id);
            node.counters->on_sent();
            ++sent_.requests;
        } else {
            node.connection.abandon(*slot);
        }
    }
    node.blocked_since = Instant::never();
}

/// The node takes no request just now: what is full is compressed meanwhile, and the next request
/// will have all of it.
void Sender::pack_ahead(Node& node, Instant now) {
    Partition* partition = node.ready.front();
    for (std::uint32_t left = config_.turn_items_max; left != 0 && packer_.has_room(); --left) {
        if (partition == nullptr) return;
        Partition& one = *std::exchange(partition, node.ready.next(*partition));
        Batch& batch = *one.next_batch();
        if (batch.state != Batch::State::open && !packer_.pack(batch, now)) {
            readiness_.update(one, now);
        }
    }
}

/// Before it is sent. What had numbers already leaves a gap.
void Sender::refuse(Partition& partition, Batch& batch, Errc error, Instant now) {
    partition.bump_due |= config_.idempotent && batch.sequenced;
    delivery_.resolve(batch, Outcome::refused(error, batch.maybe_written));
    settle(partition, identity_, readiness_, now);
}

bool Sender::prepare(Partition& partition, Batch& batch, std::int16_t version, Instant now) {
    if (config_.idempotent && would_come_twice(batch)) {
        delivery_.resolve(batch, Outcome::refused(batch.last_error, true));
        readiness_.update(partition, now);
        return false;
    }
    const wire::Codec codec = batch.topic->packing.codec;
    if (codec == wire::Codec::zstd && version < zstd_since) [[unlikely]] {
        config_.log.error("{}-{}: {} takes no zstd, which came with Kafka 2.1: choose another "
                          "compression.type",
                          partition.topic->name, partition.index, partition.node->address_text());
        refuse(partition, batch, Errc::unsupported_compression_type, now);
        return false;
    }
    if (codec == wire::Codec::none) [[likely]] return true;
    if (batch.state == Batch::State::open) accumulator_.seal(partition, batch, now);
    packer_.pack(batch, now);
    // It may wait for its turn there, or have waited for a producer id: nobody had looked since.
    readiness_.update(partition, now);
    return partition.ready_hook.linked;
}

bool Sender::pick(Node& node, std::uint32_t slot, Instant now) {
    auto& picked = node.in_flight[slot].batches;
    RINGPOST_ASSERT(picked.empty());
    std::size_t bytes = 0;
    std::size_t pieces = 1;
    std::size_t frame = wire::produce_request_frame_bytes_max(config_.connection.client_id);
    // A partition may be ready again at once, for its next batch; that one goes with another
    // request, so each is looked at once.
    for (std::size_t left = node.ready.size(); left != 0 && !node.ready.empty(); --left) {
        Partition& partition = *node.ready.front();
        Batch& batch = *partition.next_batch();
        if (!prepare(partition, batch, node.connection.slot_version(slot), now)) continue;
        bytes += batch.wire_bytes();
        pieces += batch.wire_piece_count() + 1;
        frame += wire::produce_partition_frame_bytes_max +
                 wire::produce_topic_frame_bytes_max(partition.topic->name);
        const bool fits = bytes <= config_.request_bytes_max && pieces <= limits::send_pieces_max &&
                          frame <= limits::request_frame_bytes &&
                          picked.size() < limits::request_partitions_max;
        if (!fits && !picked.empty()) break;
        node.ready.remove(partition);
        if (batch.state == Batch::State::open) accumulator_.seal(partition, batch, now);
        if (config_.idempotent) assign_sequence(partition, batch, identity_);
        finish(batch);
        batch.state = Batch::State::in_flight;
        batch.node = static_cast<std::int32_t>(node.index);
        batch.slot = slot;
        batch.broker = node.id;
        if (batch.attempts != UINT8_MAX) ++batch.attempts;
        ++partition.in_flight;
        ++sent_.batches;
        sent_.retried += batch.attempts > 1;
        sent_.records += batch.record_count;
        sent_.batch_bytes += batch.wire_bytes();
        sent_.plain_bytes += batch.bytes;
        readiness_.update(partition, now);
        picked.push_back(&batch);
    }
    return !picked.empty();
}

void Sender::encode(Node& node, broker::RequestSlot& slot) {
    auto& picked = node.in_flight[node.connection.slot_number(slot)].batches;
    std::sort(picked.begin(), picked.end(), [](const Batch* a, const Batch* b) {
        return a->topic->id != b->topic->id ? a->topic->id < b->topic->id
                                            : a->partition->index < b->partition->index;
    });
    const auto same_topic = [](const Batch* a, const Batch* b) { return a->topic == b->topic; };
    std::uint32_t topic_count = 0;
    bool by_id = true;
    for (std::size_t i = 0; i < picked.size(); ++i) {
        topic_count += i == 0 || !same_topic(picked[i - 1], picked[i]);
        by_id &= !picked[i]->topic->uuid.is_zero();
    }
    // Not every topic has an id everywhere.
    if (!by_id) slot.version = std::min<std::int16_t>(slot.version, by_id_since - 1);
    slot.expects_response = config_.acks != Acks::none;

    Writer out(slot.frame);
    std::size_t cut = 0;
    std::uint64_t records_bytes = 0;
    wire::ProduceRequestWriter request(
        out, slot.version, slot.correlation_id, config_.connection.client_id,
        static_cast<std::int16_t>(config_.acks),
        static_cast<std::int32_t>(config_.request_timeout.count_ms()), topic_count);
    for (std::size_t i = 0; i < picked.size();) {
        std::size_t end = i;
        while (end < picked.size() && same_topic(picked[i], picked[end])) ++end;
        request.topic(picked[i]->topic->name, picked[i]->topic->uuid,
                      static_cast<std::uint32_t>(end - i));
        for (; i < end; ++i) {
            Batch& batch = *picked[i];
            batch.incarnation = batch.topic->incarnation;
            batch.sent_to = slot.version >= by_id_since ? batch.topic->uuid : wire::Uuid{};
            request.partition(batch.partition->index, batch.wire_bytes());
            slot.pieces.push_back({slot.frame.data() + cut, out.size() - cut});
            cut = out.size();
            for (std::uint32_t p = 0; p < batch.wire_piece_count(); ++p) {
                slot.pieces.push_back(batch.wire_piece(p));
            }
            records_bytes += batch.wire_bytes();
            request.end_partition();
        }
        request.end_topic();
    }
    request.finish(records_bytes);
    RINGPOST_ASSERT(out.ok());
    sent_.request_bytes += out.size() + records_bytes;
    if (out.size() != cut) slot.pieces.push_back({slot.frame.data() + cut, out.size() - cut});
}

}  // namespace ringpost::produce
