// SPDX-License-Identifier: Apache-2.0
// Who holds how much of the shard's memory, and who holds more than is good for the others.
#pragma once

#include <cstddef>
#include <cstdint>

#include "base/arena.h"
#include "base/memory.h"
#include "produce/node.h"
#include "produce/partition.h"
#include "produce/share_board.h"

namespace ringpost::produce {

/// A partition, or a broker (or nobody, where there is no leader), is full once it holds more than
/// four times what is free: a dynamic threshold, as switches have it for the ports that share their
/// memory (Choudhury and Hahne, 1998). So one alone may have four fifths, two that are stuck four
/// ninths each, and there is always something left for those who hold little. Callers keep records
/// for a full one back; what is in the rings already is still taken, but for the pool's reserve.
/// The records that callers may have under way are shared by the same rule: small ones run out
/// before the memory does.
///
/// Thread:    one. Borrows everything.
/// Bounds:    work is done where a batch takes or gives memory, and a turn for those that are full:
///            at most `total / batch_bytes` partitions and as many nodes.
/// Allocates: when it is made.
class Shares {
public:
    Shares(const Arena& arena, std::size_t headroom, std::uint32_t batch_bytes, ShareBoard& board);

    void charge(Partition& partition, std::size_t bytes);
    void discharge(Partition& partition, std::size_t bytes, std::uint32_t records);
    void charge_records(Partition& partition, std::uint32_t records);
    /// What all callers together may have under way.
    void set_records_max(std::uint64_t records) { records_max_ = records; }
    /// The partition is led by another, or by none.
    void on_leader(Partition& partition, Node* before);
    void on_partition_count(const Topic& topic) {
        board_.set_partition_count(topic.id, topic.partition_count,
                                   static_cast<std::uint32_t>(topic.partitions.size()));
    }

    /// Once a turn: looks again at who is full. True: one of them is not any more.
    bool look();

private:
    std::size_t limit() const;
    std::uint64_t records_limit() const;
    bool is_over(const Share& share) const {
        return share.held > limit() || share.records > records_limit();
    }
    void judge(Partition& partition);
    void judge_leader(Node* node);
    Share& share_of(Node* node) { return node == nullptr ? leaderless_ : node->share; }

    const Arena& arena_;
    const std::size_t usable_;           ///< of the arena, by ordinary batches
    const std::size_t batch_bytes_;
    std::uint64_t records_max_ = UINT32_MAX;
    std::uint64_t records_held_ = 0;     ///< of all partitions
    ShareBoard& board_;
    Vector<Partition*> full_partitions_;
    Share leaderless_;
    struct FullLeader {
        Share* share;
        std::int32_t node;               ///< its index; -1: nobody
    };
    Vector<FullLeader> full_leaders_;
};

}  // namespace ringpost::produce
