// SPDX-License-Identifier: Apache-2.0
// Reading a batch back, and writing its records anew.
#include "produce/rebatch.h"

#include <algorithm>
#include <cstring>

#include "base/assert.h"
#include "produce/sequence.h"
#include "wire/record_batch.h"

namespace ringpost::produce {

namespace {

/// Gives each record's number, timestamp, tail, lane and slot to `take`, in order, until that says
/// false.
template <typename Take>
bool walk(const Batch& batch, Take&& take) {
    std::uint32_t index = 0;
    for (const Slab& slab : batch.used_slabs()) {
        Reader in(slab.bytes().subspan(index == 0 ? wire::batch_header_bytes : 0));
        for (std::uint32_t i = 0; i < slab.run_count; ++i) {
            const Run& run = slab.run(i);
            for (std::uint32_t n = 0; n < run.count; ++n, ++index) {
                const auto size = static_cast<std::size_t>(in.varint());
                const std::size_t end = in.remaining() - size;
                in.take(1);
                const std::int64_t timestamp_ms = batch.base_timestamp_ms + in.varlong();
                in.varint();
                const ByteSpan tail = in.take(in.remaining() - end);
                RINGPOST_ASSERT(in.ok());
                if (!take(index, timestamp_ms, tail, run.lane, run.first_slot + n)) return false;
            }
        }
        RINGPOST_ASSERT(in.at_end());
    }
    RINGPOST_ASSERT(index == batch.record_count);
    return true;
}

}  // namespace

bool Rebatch::copy(Batch*& to, std::size_t bytes, ByteSpan tail, std::int64_t timestamp_ms,
                   std::uint16_t lane, std::uint32_t slot) {
    const std::size_t need = wire::record_prefix_bytes_max + tail.size() + sizeof(Run);
    if (to == nullptr) {
        to = pool_.try_take(bytes, wire::batch_header_bytes + need, BatchPool::Use::headroom_too);
        if (to == nullptr) return false;
        to->slabs[0].used = to->bytes = wire::batch_header_bytes;
        to->base_timestamp_ms = to->max_timestamp_ms = timestamp_ms;
    } else if (to->last_slab().room() < need &&
               !pool_.try_grow(*to, need, BatchPool::Use::headroom_too)) {
        return false;
    }
    Slab& slab = to->last_slab();
    std::byte* const at = slab.memory + slab.used;
    std::byte* const end = wire::write_record_prefix(
        at, tail.size(), timestamp_ms - to->base_timestamp_ms, to->record_count);
    std::memcpy(end, tail.data(), tail.size());
    const auto size =
        static_cast<std::uint32_t>(end - at) + static_cast<std::uint32_t>(tail.size());
    slab.used += size;
    to->bytes += size;
    ++to->record_count;
    to->max_timestamp_ms = std::max(to->max_timestamp_ms, timestamp_ms);
    to->add_run(lane, slot);
    return true;
}

template <typename PartOf>
bool Rebatch::divide(Batch& batch, std::array<std::size_t, 2> bytes, Parts& parts,
                     PartOf&& part_of) {
    RINGPOST_ASSERT(batch.state == Batch::State::retry && !batch.reported);
    parts = {};
    const bool copied = walk(batch, [&](std::uint32_t index, std::int64_t timestamp_ms,
                                        ByteSpan tail, std::uint16_t lane, std::uint32_t slot) {
        const std::size_t part = part_of(index);
        return copy(parts[part], bytes[part], tail, timestamp_ms, lane, slot);
    });
    if (!copied) {
        for (Batch* part : parts) {
            if (part != nullptr) pool_.give_back(*part);
        }
        return false;
    }
    for (Batch* part : parts) {
        RINGPOST_ASSERT(part != nullptr);
        part->state = Batch::State::retry;
        part->partition = batch.partition;
        part->topic = batch.topic;
        part->created = batch.created;
        part->timeout_ms = batch.timeout_ms;
        part->flush_epoch = batch.flush_epoch;
        part->attempts = batch.attempts;
        part->last_error = batch.last_error;
        part->sent_to = batch.sent_to;
        part->maybe_written = batch.maybe_written;
        part->maybe_in = batch.maybe_in;
        batch.partition->queue.insert_before(*part, &batch);
        delivery_.on_created(*part);
    }
    return true;
}

bool Rebatch::halve(Batch& batch) {
    RINGPOST_ASSERT(batch.record_count >= 2);
    // Records are much alike; a half that is too large still is halved again.
    const std::uint32_t cut = batch.record_count / 2;
    // A slab that is a little short would cost another one, of twice the size.
    const std::size_t half = batch.bytes / 2 + limits::slab_bytes_min;
    Parts parts;
    const auto part_of = [cut](std::uint32_t index) { return index < cut ? 0U : 1U; };
    if (!divide(batch, {half, half}, parts, part_of)) return false;
    std::int32_t sequence = batch.base_sequence;
    for (Batch* part : parts) {
        if (!batch.sequenced) break;
        part->sequenced = true;
        part->producer_id = batch.producer_id;
        part->producer_epoch = batch.producer_epoch;
        part->base_sequence = sequence;
        sequence = sequence_after(sequence, part->record_count);
    }
    delivery_.discard(batch);
    return true;
}

Batch* Rebatch::take_out(Batch& batch, std::span<const std::uint32_t> named) {
    RINGPOST_ASSERT(!named.empty() && named.size() < batch.record_count);
    Parts parts;
    const auto part_of = [&named](std::uint32_t index) {
        const bool is_named = !named.empty() && named.front() == index;
        if (is_named) named = named.subspan(1);
        return is_named ? 0U : 1U;
    };
    if (!divide(batch, {0, batch.bytes}, parts, part_of)) return nullptr;
    delivery_.discard(batch);
    return parts[0];
}

}  // namespace ringpost::produce
