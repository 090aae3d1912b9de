// SPDX-License-Identifier: Apache-2.0
// The partition that records without a place of their own go to for a while (KIP-480, KIP-794).
#pragma once

#include <algorithm>
#include <cstdint>

#include "base/prng.h"
#include "produce/config.h"
#include "produce/node.h"
#include "produce/partition.h"

namespace ringpost::produce {

/// Keeps a topic's sticky partition until about `batch.size` bytes have gone there, then draws the
/// next one. A stay is counted in bytes, not in batches: a slow broker fills its batches, a quick
/// one is sent small ones, and the slow one would get the more records for it.
///
/// The draw is weighted: a partition with q batches waiting, where the longest queue has m, counts
/// m + 1 - q. One whose broker could take nothing for the availability timeout counts nothing.
///
/// Thread:    one.
/// Allocates: never; Cluster makes room for the weights.
class Sticky {
public:
    Sticky(const Config& config, Prng& prng)
        : config_(config), prng_(prng),
          worth_min_((config.batch_bytes + config.batch_records - 1) / config.batch_records) {}

    /// The partition for a record of so many bytes.
    std::uint32_t place(Topic& topic, std::uint32_t bytes, Instant now) {
        StickyState& state = topic.sticky;
        if (state.partition < 0) [[unlikely]] move(topic, now);
        state.bytes += worth(bytes);
        return static_cast<std::uint32_t>(state.partition);
    }
    /// The record that was placed there has found no memory, and will be placed again.
    void take_back(Topic& topic, std::uint32_t bytes) const {
        topic.sticky.bytes -= std::min(topic.sticky.bytes, worth(bytes));
    }

    /// The batch takes no more records: if the stay comes closer to `batch.size` by ending here
    /// than by another batch like this one, it ends. So no batch is left behind half full.
    void on_sealed(const Partition& partition, const Batch& batch) const {
        StickyState& state = partition.topic->sticky;
        if (state.partition != partition.index) return;
        if (state.bytes + batch.bytes / 2 >= batch.bytes_max) state.partition = -1;
    }

    /// Whether partitions of this node are left out.
    bool leaves_out(const Node& node, Instant now) const {
        return config_.adaptive_partitioning && config_.availability_timeout > Duration{} &&
               now - node.blocked_since >= config_.availability_timeout;
    }
    /// A node has just become one that is left out: its partitions are not stayed with.
    static void leave_left_out(Topic& topic);

private:
    /// A batch that is full by its number of records is a full one: each counts its share of it.
    std::uint64_t worth(std::uint32_t bytes) const { return std::max(bytes, worth_min_); }
    void move(Topic& topic, Instant now);
    std::int32_t draw(Topic& topic, Instant now);
    void weigh(Topic& topic, Instant now) const;

    const Config& config_;
    Prng& prng_;
    const std::uint32_t worth_min_;
};

}  // namespace ringpost::produce
