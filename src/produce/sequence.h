// SPDX-License-Identifier: Apache-2.0
// The idempotent producer's numbers: producer id, epochs, sequences (KIP-98, KIP-360).
#pragma once

#include <cstdint>

#include "produce/batch.h"
#include "produce/config.h"
#include "produce/partition.h"
#include "produce/readiness.h"

namespace ringpost::produce {

/// The id that the cluster gave us. Partitions adopt it when they first send, and keep what they
/// have when a new one comes.
struct ProducerIdentity {
    std::int64_t id = -1;
    std::int16_t epoch = -1;
    bool wanted = false;          ///< none, or used up by a partition whose epoch ran out

    bool known() const { return id >= 0 && !wanted; }
};

/// Sequences wrap from 2^31 - 1 to 0.
constexpr std::int32_t sequence_after(std::int32_t sequence, std::uint32_t records) {
    return static_cast<std::int32_t>((static_cast<std::uint32_t>(sequence) + records) &
                                     0x7fff'ffffU);
}

/// Gives a batch its numbers, if it has none and the producer is idempotent. From here on it stays
/// as it is.
inline void assign_sequence(Partition& partition, Batch& batch, const ProducerIdentity& identity) {
    if (batch.sequenced) return;
    if (partition.producer_id < 0) {
        partition.producer_id = identity.id;
        partition.producer_epoch = identity.epoch;
        partition.next_sequence = 0;
    }
    batch.producer_id = partition.producer_id;
    batch.producer_epoch = partition.producer_epoch;
    batch.base_sequence = partition.next_sequence;
    partition.next_sequence = sequence_after(partition.next_sequence, batch.record_count);
    batch.sequenced = true;
    batch.written = false;
}

/// Begins a new epoch, locally: a sequence was given to a batch that will never be appended, or the
/// broker's state is lost. Batches that wait get new numbers when they are sent, unless they
/// would_come_twice. Nothing may be in flight.
void bump_epoch(Partition& partition, ProducerIdentity& identity);

/// After a batch has left the partition, or waits to go again: an epoch that is due begins if
/// nothing is in flight, and the partition may be ready or not any more.
void settle(Partition& partition, ProducerIdentity& identity, Readiness& readiness, Instant now);

/// Whether the batch may stand in its topic's log under numbers that it has no more: new ones would
/// let it in again. What a deleted topic of that name holds does not matter.
bool would_come_twice(const Batch& batch);

}  // namespace ringpost::produce
