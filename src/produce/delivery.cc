// SPDX-License-Identifier: Apache-2.0
// Resolving batches.
#include "produce/delivery.h"

#include <utility>

#include "base/assert.h"

namespace ringpost {

std::string_view to_string(Stage stage) noexcept {
    switch (stage) {
        case Stage::none: return "none";
        case Stage::memory: return "memory";
        case Stage::metadata: return "metadata";
        case Stage::leader: return "leader";
        case Stage::producer_id: return "producer_id";
        case Stage::connection: return "connection";
        case Stage::backing_off: return "backing_off";
        case Stage::linger: return "linger";
        case Stage::queue: return "queue";
        case Stage::in_flight: return "in_flight";
    }
    return "unknown_stage";
}

namespace produce {

void Delivery::on_created(Batch& batch, Batch* parked) {
    if (parked == nullptr) {
        insert_by_age(batch);
    } else {
        RINGPOST_ASSERT(parked->created == batch.created);
        RINGPOST_ASSERT(parked->timeout_ms == batch.timeout_ms);
        ages_.insert_before(batch, parked);
        if (batch.timeout_ms != 0) timeouts_.insert_before(batch, parked);
    }
    flushes_.on_batch(batch.flush_epoch);
    if (batch.partition != nullptr) shares_.charge(*batch.partition, batch.memory_bytes());
}

/// What waited in its ring for memory is older than what came since; everything else is the newest.
void Delivery::insert_by_age(Batch& batch) {
    Batch* place = nullptr;
    for (Batch* b = ages_.back(); b != nullptr && b->created > batch.created;
         b = b->age_hook.previous) {
        place = b;
    }
    ages_.insert_before(batch, place);
    if (batch.timeout_ms == 0) return;
    Batch* later = nullptr;
    for (Batch* b = timeouts_.back(); b != nullptr && b->deadline() > batch.deadline();
         b = b->timeout_hook.previous) {
        later = b;
    }
    timeouts_.insert_before(batch, later);
}

void Delivery::remove_by_age(Batch& batch) {
    ages_.remove(batch);
    if (batch.timeout_hook.linked) timeouts_.remove(batch);
}

void Delivery::linger(Batch& batch) {
    Batch* place = nullptr;
    for (Batch* b = lingering_.back(); b != nullptr && b->created > batch.created;
         b = b->linger_hook.previous) {
        place = b;
    }
    lingering_.insert_before(batch, place);
}

void Delivery::on_older(Batch& batch, Instant created) {
    remove_by_age(batch);
    const bool lingers = batch.linger_hook.linked;
    if (lingers) lingering_.remove(batch);
    batch.created = created;
    insert_by_age(batch);
    if (lingers) linger(batch);
}

void Delivery::unlink(Batch& batch) {
    if (batch.linger_hook.linked) lingering_.remove(batch);
    if (batch.pack_hook.linked) to_pack_.remove(batch);
    if (!batch.queue_hook.linked) return;
    if (batch.partition == nullptr) {
        batch.topic->parked.remove(batch);
        return;
    }
    if (batch.partition->open == &batch) batch.partition->open = nullptr;
    batch.partition->queue.remove(batch);
    shares_.discharge(*batch.partition, batch.memory_bytes(),
                      std::exchange(batch.charged_records, 0));
}

void Delivery::resolve(Batch& batch, const Outcome& outcome) {
    RINGPOST_ASSERT(!batch.reported);
    RINGPOST_ASSERT(batch.record_count != 0);
    const std::uint32_t lenders = sink_.on_resolved(batch, outcome);
    Sum& sum = outcome.error == Errc::none ? delivered_ : failed_;
    sum.records += batch.record_count;
    sum.batches += 1;
    sum.bytes += batch.wire_bytes();
    remove_by_age(batch);
    flushes_.on_resolved(batch.flush_epoch);
    batch.lenders = lenders;
    batch.reported = true;
    if (batch.state == Batch::State::in_flight) return;
    unlink(batch);
    batch.state = Batch::State::lent;
    if (batch.lenders == 0) pool_.give_back(batch);
}

void Delivery::drop_reported(Batch& batch) {
    RINGPOST_ASSERT(batch.reported);
    RINGPOST_ASSERT(batch.state != Batch::State::in_flight);
    unlink(batch);
    batch.state = Batch::State::lent;
    if (batch.lenders == 0) pool_.give_back(batch);
}

void Delivery::discard(Batch& batch) {
    RINGPOST_ASSERT(!batch.reported);
    RINGPOST_ASSERT(batch.state != Batch::State::in_flight);
    remove_by_age(batch);
    flushes_.on_resolved(batch.flush_epoch);
    unlink(batch);
    pool_.give_back(batch);
}

void Delivery::release_lent(Batch& batch) {
    RINGPOST_ASSERT(batch.lenders != 0);
    --batch.lenders;
    if (batch.lenders == 0 && batch.state == Batch::State::lent) pool_.give_back(batch);
}

}  // namespace produce
}  // namespace ringpost
