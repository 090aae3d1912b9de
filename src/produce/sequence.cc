// SPDX-License-Identifier: Apache-2.0
// The local epoch bump.
#include "produce/sequence.h"

#include "base/assert.h"

namespace ringpost::produce {

bool would_come_twice(const Batch& batch) {
    if (!batch.maybe_written || batch.sequenced) return false;
    const wire::Uuid& now = batch.topic->uuid;
    return batch.maybe_in.is_zero() || now.is_zero() || batch.maybe_in == now;
}

void bump_epoch(Partition& partition, ProducerIdentity& identity) {
    RINGPOST_ASSERT(partition.in_flight == 0);
    for (Batch* b = partition.queue.front(); b != nullptr; b = partition.queue.next(*b)) {
        b->sequenced = false;
        b->written = false;
    }
    if (partition.producer_epoch == INT16_MAX) {
        partition.producer_id = -1;  // adopts a fresh one when it next sends
        identity.wanted = true;
    } else {
        ++partition.producer_epoch;
    }
    partition.next_sequence = 0;
    partition.gate_open = false;
    partition.bump_due = false;
}

void settle(Partition& partition, ProducerIdentity& identity, Readiness& readiness, Instant now) {
    if (partition.bump_due && partition.in_flight == 0) {
        bump_epoch(partition, identity);
        readiness.set_producer_id_known(identity.known());
    }
    readiness.update(partition, now);
}

}  // namespace ringpost::produce
