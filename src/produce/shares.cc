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

/// Somewhat below the limits, so that it does not go back and forth with each batch.
bool is_well_below(const Share& share, std::size_t limit, std::uint64_t records_limit) {
    return share.held <= limit / 8 * 7 && share.records <= records_limit / 8 * 7;
}

}  // namespace

Shares::Shares(const Arena& arena, std::size_t headroom, std::uint32_t batch_bytes,
               ShareBoard& board)
    : arena_(arena), usable_(arena.bytes_total() - headroom), batch_bytes_(batch_bytes),
      board_(board) {
    // Each holds about a batch or a sixteenth of the records, or more; those that drain are still
    // there until the next look.
    const std::size_t full_max = 2 * (arena.bytes_total() / batch_bytes + 16) + 1;
    full_partitions_.reserve(full_max);
    full_leaders_.reserve(full_max);
}

std::size_t Shares::limit() const {
    const std::size_t free = usable_ - std::min(usable_, arena_.bytes_used());
    return std::max(free * free_multiple, batch_bytes_);
}

std::uint64_t Shares::records_limit() const {
    const std::uint64_t free = records_max_ - std::min(records_max_, records_held_);
    return std::max(free * free_multiple, records_max_ / 16);
}

void Shares::judge(Partition& partition) {
    if (partition.share.full || !is_over(partition.share)) return;
    partition.share.full = true;
    full_partitions_.push_back(&partition);
    board_.set_partition_full(partition.topic->id, static_cast<std::uint32_t>(partition.index),
                              true);
}

void Shares::judge_leader(Node* node) {
    Share& share = share_of(node);
    if (share.full || !is_over(share)) return;
    share.full = true;
    full_leaders_.push_back({&share, index_of(node)});
    board_.set_node_full(index_of(node), true);
}

void Shares::charge(Partition& partition, std::size_t bytes) {
    partition.share.held += bytes;
    share_of(partition.node).held += bytes;
    judge(partition);
    judge_leader(partition.node);
}

void Shares::charge_records(Partition& partition, std::uint32_t records) {
    records_held_ += records;
    partition.share.records += records;
    share_of(partition.node).records += records;
    judge(partition);
    judge_leader(partition.node);
}

void Shares::discharge(Partition& partition, std::size_t bytes, std::uint32_t records) {
    for (Share* share : {&partition.share, &share_of(partition.node)}) {
        RINGPOST_ASSERT(share->held >= bytes);
        RINGPOST_ASSERT(share->records >= records);
        share->held -= bytes;
        share->records -= records;
    }
    records_held_ -= records;
}

void Shares::on_leader(Partition& partition, Node* before) {
    board_.set_leader(partition.topic->id, static_cast<std::uint32_t>(partition.index),
                      index_of(partition.node));
    const Share& mine = partition.share;
    Share& old = share_of(before);
    RINGPOST_ASSERT(old.held >= mine.held);
    RINGPOST_ASSERT(old.records >= mine.records);
    old.held -= mine.held;
    old.records -= mine.records;
    share_of(partition.node).held += mine.held;
    share_of(partition.node).records += mine.records;
    if (mine.held != 0) judge_leader(partition.node);
}

bool Shares::look() {
    if (full_partitions_.empty() && full_leaders_.empty()) [[likely]] return false;
    const std::size_t now = limit();
    const std::uint64_t records_now = records_limit();
    const std::size_t before = full_partitions_.size() + full_leaders_.size();
    std::erase_if(full_partitions_, [&](Partition* partition) {
        if (!is_well_below(partition->share, now, records_now)) return false;
        partition->share.full = false;
        board_.set_partition_full(partition->topic->id,
                                  static_cast<std::uint32_t>(partition->index), false);
        return true;
    });
    std::erase_if(full_leaders_, [&](const FullLeader& leader) {
        if (!is_well_below(*leader.share, now, records_now)) return false;
        leader.share->full = false;
        board_.set_node_full(leader.node, false);
        return true;
    });
    return full_partitions_.size() + full_leaders_.size() < before;
}

}  // namespace ringpost::produce
