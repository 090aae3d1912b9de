// SPDX-License-Identifier: Apache-2.0
// Asks the cache early for what a ring's next records need.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "base/spsc_ring.h"
#include "produce/chooser.h"
#include "produce/cluster.h"
#include "produce/entry.h"
#include "produce/partition.h"

namespace ringpost::produce {

/// Where many batches linger, a record's partition, its batch and the place in its memory have
/// left the cache since the last record that went there. One is found by way of the other, so each
/// is asked for a few records after the one before it. Changes nothing that anybody could see.
///
/// Borrows: the ring, as its reader, and the cluster, for one drain.
class Lookahead {
public:
    Lookahead(SpscRing& ring, Cluster& cluster, bool on)
        : ring_(ring), cluster_(cluster), position_(ring.read()), on_(on) {
        if (!on) return;
        for (std::size_t i = 0; i < ahead && next(); ++i) {}
    }

    /// To be called for each entry that is read.
    void step() {
        if (on_) [[unlikely]] next();
    }

private:
    /// Entries: to the partition, from there to its batch, and to the place behind its records.
    static constexpr std::size_t ahead = 8, to_batch = 3, to_place = 6;

    /// False: the ring has no more.
    [[gnu::noinline]] bool next() {
        Partition* partition = nullptr;
        const std::byte* const at = ring_.peek(position_);
        if (at != nullptr) {
            const Entry& entry = *reinterpret_cast<const Entry*>(at);
            position_ += entry.size;
            partition = partition_of(entry);
        }
        seen_[count_ % ahead] = partition;
        if (partition != nullptr) __builtin_prefetch(partition);
        if (const Batch* batch = open_batch(to_batch)) {
            for_writing(batch);
            for_writing(reinterpret_cast<const std::byte*>(batch) + 64);
        }
        if (const Batch* batch = open_batch(to_place)) {
            const Slab& slab = batch->slabs[batch->slab_count - 1];
            for_writing(slab.memory + slab.used);
            for_writing(slab.memory + slab.used + 64);
            for_writing(&slab.run(slab.run_count));
        }
        ++count_;
        return at != nullptr;
    }
    /// Null where that takes more than a look at the record.
    Partition* partition_of(const Entry& entry) const {
        const Topic* topic = entry.is_topic_name() ? nullptr : cluster_.topic(entry.topic);
        if (topic == nullptr || !Chooser::is_placed(entry)) return nullptr;
        return Chooser::placed(*topic, entry);
    }
    const Batch* open_batch(std::size_t entries_ago) const {
        const Partition* partition = seen_[(count_ - entries_ago) % ahead];
        return partition == nullptr ? nullptr : partition->open;
    }
    static void for_writing(const void* memory) { __builtin_prefetch(memory, 1); }

    SpscRing& ring_;
    Cluster& cluster_;
    std::uint64_t position_;             ///< in the ring
    const bool on_;
    std::size_t count_ = 0;
    std::array<Partition*, ahead> seen_{};
};

}  // namespace ringpost::produce
