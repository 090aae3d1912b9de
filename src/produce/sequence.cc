// SPDX-License-Identifier: Apache-2.0
// The local epoch bump.
#include "produce/sequence.h"

#include "base/assert.h"

namespace ringpost::produce {

void bump_epoch(Partition& partition, ProducerIdentity& identity, Delivery& delivery) {
    RINGPOST_ASSERT(partition.in_flight == 0);
    Batch* next = nullptr;
    for (Batch* b = partition.queue.front(); b != nullptr; b = next) {
        next = partition.queue.next(*b);
        if (!b->sequenced) continue;
        // What may stand in this very log must not come again; a deleted topic's doesn't matter.
        const bool may_stand =
            b->maybe_written && (b->maybe_in.is_zero() || partition.topic->uuid.is_zero() ||
                                 b->maybe_in == partition.topic->uuid);
        if (may_stand) {
            delivery.resolve(*b, {.error = b->last_error, .last_error = b->last_error,
                                  .may_have_been_written = true});
            continue;
        }
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

}  // namespace ringpost::produce
