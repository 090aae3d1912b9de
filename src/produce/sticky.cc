// SPDX-License-Identifier: Apache-2.0
// Drawing the sticky partition.
#include "produce/sticky.h"

#include "base/assert.h"

namespace ringpost::produce {

namespace {

/// Batches that no request has taken.
std::uint64_t waiting(const Partition& partition) {
    const std::size_t all = partition.queue.size();
    return all - std::min<std::size_t>(all, partition.in_flight);
}

}  // namespace

void Sticky::move(Topic& topic, Instant now) {
    topic.sticky.partition = draw(topic, now);
    topic.sticky.bytes = 0;
    RINGPOST_ASSERT(static_cast<std::size_t>(topic.sticky.partition) < topic.partitions.size());
}

std::int32_t Sticky::draw(Topic& topic, Instant now) {
    const auto& choices = topic.with_leader;
    if (choices.empty()) return static_cast<std::int32_t>(prng_.below(topic.partition_count));
    if (config_.adaptive_partitioning) {
        StickyState& state = topic.sticky;
        const auto good_for = Duration::ns(static_cast<std::int64_t>(
            limits::sticky_weights_good_for_ns_a_partition * choices.size()));
        const bool good = !state.weights.empty() && now - state.weighed_at < good_for;
        if (!good) weigh(topic, now);
        if (const std::uint64_t sum = state.weights.back(); sum != 0) {
            const auto at = std::upper_bound(state.weights.begin(), state.weights.end(),
                                             prng_.next() % sum);
            return choices[static_cast<std::size_t>(at - state.weights.begin())];
        }
    }
    return choices[prng_.below(static_cast<std::uint32_t>(choices.size()))];
}

/// The sums of the weights up to each of the partitions that are led.
void Sticky::weigh(Topic& topic, Instant now) const {
    StickyState& state = topic.sticky;
    const auto counts = [&](const Partition& partition) {
        return partition.node != nullptr && !is_full(partition) &&
               !leaves_out(*partition.node, now);
    };
    const auto partition = [&](std::int32_t index) -> const Partition& {
        return *topic.partitions[static_cast<std::size_t>(index)];
    };
    std::uint64_t longest = 0;
    for (const std::int32_t index : topic.with_leader) {
        const Partition& p = partition(index);
        if (counts(p)) longest = std::max(longest, waiting(p));
    }
    std::uint64_t sum = 0;
    state.weights.clear();
    for (const std::int32_t index : topic.with_leader) {
        const Partition& p = partition(index);
        if (counts(p)) sum += longest + 1 - waiting(p);
        state.weights.push_back(sum);
    }
    state.weighed_at = now;
}

void Sticky::leave_left_out(Topic& topic) {
    StickyState& state = topic.sticky;
    state.weights.clear();
    if (state.partition < 0) return;
    const Node* node = topic.partitions[static_cast<std::size_t>(state.partition)]->node;
    if (node != nullptr && node->left_out) state.partition = -1;
}

}  // namespace ringpost::produce
