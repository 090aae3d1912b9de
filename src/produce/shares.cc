// SPDX-License-Identifier: Apache-2.0
// Counting and judging shares.
#include "produce/shares.h"

#include <algorithm>

#include "base/assert.h"

namespace ringpost::produce {

namespace {

constexpr std::size_t free_multiple = 4;

std::int32_t index_of(const Node* node) {
    return node == nullptr ? -1 : static_cast<std::int32_t>(node->index);
}

/// Somewhat below the limit, so that it does not go back and forth with each batch.
bool is_well_below(const Share& share, std::size_t limit) { return share.held <= limit / 8 * 7; }

}  // namespace

Shares::Shares(const Arena& arena, std::size_t headroom, std::uint32_t batch_bytes,
               ShareBoard& board)
    : arena_(arena), usable_(arena.bytes_total() - headroom), batch_bytes_(batch_bytes),
      board_(board) {
    // Each holds about a batch or more; those that drain are still there until the next look.
    const std::size_t full_max = 2 * arena.bytes_total() / batch_bytes + 1;
    full_partitions_.reserve(full_max);
    full_leaders_.reserve(full_max);
}

std::size_t Shares::limit() const {
    const std::size_t free = usable_ - std::min(usable_, arena_.bytes_used());
    return std::max(free * free_multiple, batch_bytes_);
}

void Shares::charge(Partition& partition, std::size_t bytes) {
    partition.share.held += bytes;
    if (!partition.share.full && partition.share.held > limit()) {
        partition.share.full = true;
        full_partitions_.push_back(&partition);
        board_.set_partition_full(partition.topic->id,
                                  static_cast<std::uint32_t>(partition.index), true);
    }
    charge_leader(partition.node, bytes);
}

void Shares::charge_leader(Node* node, std::size_t bytes) {
    Share& share = node == nullptr ? leaderless_ : node->share;
    share.held += bytes;
    if (share.full || share.held <= limit()) return;
    share.full = true;
    full_leaders_.push_back({&share, index_of(node)});
    board_.set_node_full(index_of(node), true);
}

void Shares::discharge(Partition& partition, std::size_t bytes) {
    RINGPOST_ASSERT(partition.share.held >= bytes);
    partition.share.held -= bytes;
    discharge_leader(partition.node, bytes);
}

void Shares::discharge_leader(Node* node, std::size_t bytes) {
    Share& share = node == nullptr ? leaderless_ : node->share;
    RINGPOST_ASSERT(share.held >= bytes);
    share.held -= bytes;
}

void Shares::on_leader(Partition& partition, Node* before) {
    const std::size_t bytes = partition.share.held;
    board_.set_leader(partition.topic->id, static_cast<std::uint32_t>(partition.index),
                      index_of(partition.node));
    if (bytes == 0) return;
    discharge_leader(before, bytes);
    charge_leader(partition.node, bytes);
}

bool Shares::look() {
    if (full_partitions_.empty() && full_leaders_.empty()) [[likely]] return false;
    const std::size_t now = limit();
    const std::size_t before = full_partitions_.size() + full_leaders_.size();
    std::erase_if(full_partitions_, [&](Partition* partition) {
        if (!is_well_below(partition->share, now)) return false;
        partition->share.full = false;
        board_.set_partition_full(partition->topic->id,
                                  static_cast<std::uint32_t>(partition->index), false);
        return true;
    });
    std::erase_if(full_leaders_, [&](const FullLeader& leader) {
        if (!is_well_below(*leader.share, now)) return false;
        leader.share->full = false;
        board_.set_node_full(leader.node, false);
        return true;
    });
    return full_partitions_.size() + full_leaders_.size() < before;
}

}  // namespace ringpost::produce
