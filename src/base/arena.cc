// SPDX-License-Identifier: Apache-2.0
// The buddy allocator: split on the way down, merge on the way up.
#include "base/arena.h"

#include <algorithm>
#include <bit>

#include "base/assert.h"

namespace ringpost {

Arena::Arena(std::span<std::byte> region, std::uint32_t block_bytes_min,
             std::uint32_t block_bytes_max)
    : region_(region),
      min_shift_(static_cast<std::uint32_t>(std::countr_zero(block_bytes_min))),
      order_max_(static_cast<std::uint32_t>(std::countr_zero(block_bytes_max)) - min_shift_) {
    RINGPOST_ASSERT(std::has_single_bit(block_bytes_min));
    RINGPOST_ASSERT(std::has_single_bit(block_bytes_max));
    RINGPOST_ASSERT(block_bytes_min <= block_bytes_max);
    RINGPOST_ASSERT(order_max_ < orders_max);
    RINGPOST_ASSERT(region.size() % block_bytes_max == 0);
    std::fill_n(free_heads_, orders_max, none);
    const std::size_t count = region.size() >> min_shift_;
    RINGPOST_ASSERT(count < none);
    states_.assign(count, State::interior);
    orders_.assign(count, 0);
    next_.assign(count, none);
    previous_.assign(count, none);
    const std::uint32_t step = 1U << order_max_;
    // From the back, so that the region is used from its front.
    for (std::size_t i = count; i != 0; i -= step) {
        push_free(static_cast<std::uint32_t>(i - step), order_max_);
    }
}

std::uint32_t Arena::order_of(std::size_t bytes) const {
    // One less than the units that `bytes` takes, rounded up, without an overflow near SIZE_MAX.
    const std::size_t last_unit = (std::max<std::size_t>(bytes, 1) - 1) >> min_shift_;
    return static_cast<std::uint32_t>(std::bit_width(last_unit));
}

std::size_t Arena::rounded(std::size_t bytes) const {
    return std::size_t{1} << (min_shift_ + order_of(bytes));
}

std::uint32_t Arena::index_of(const std::byte* block) const {
    RINGPOST_ASSERT(block >= region_.data());
    RINGPOST_ASSERT(block < region_.data() + region_.size());
    return static_cast<std::uint32_t>(static_cast<std::size_t>(block - region_.data()) >>
                                      min_shift_);
}

std::size_t Arena::block_bytes(const std::byte* block) const {
    const std::uint32_t index = index_of(block);
    RINGPOST_ASSERT(states_[index] == State::used);
    return std::size_t{1} << (min_shift_ + orders_[index]);
}

void Arena::push_free(std::uint32_t index, std::uint32_t order) {
    states_[index] = State::free;
    orders_[index] = static_cast<std::uint8_t>(order);
    next_[index] = free_heads_[order];
    previous_[index] = none;
    if (free_heads_[order] != none) previous_[free_heads_[order]] = index;
    free_heads_[order] = index;
}

void Arena::unlink_free(std::uint32_t index, std::uint32_t order) {
    const std::uint32_t next = next_[index];
    const std::uint32_t previous = previous_[index];
    if (next != none) previous_[next] = previous;
    if (previous != none) {
        next_[previous] = next;
    } else {
        free_heads_[order] = next;
    }
    states_[index] = State::interior;
}

std::byte* Arena::allocate(std::size_t bytes) {
    const std::uint32_t order = order_of(bytes);
    std::uint32_t from = order;
    while (from <= order_max_ && free_heads_[from] == none) ++from;
    if (from > order_max_) return nullptr;
    const std::uint32_t index = free_heads_[from];
    unlink_free(index, from);
    while (from > order) {
        --from;
        push_free(index + (1U << from), from);
    }
    states_[index] = State::used;
    orders_[index] = static_cast<std::uint8_t>(order);
    bytes_used_ += std::size_t{1} << (min_shift_ + order);
    return region_.data() + (static_cast<std::size_t>(index) << min_shift_);
}

void Arena::free(std::byte* block) {
    std::uint32_t index = index_of(block);
    RINGPOST_ASSERT(states_[index] == State::used);
    std::uint32_t order = orders_[index];
    bytes_used_ -= std::size_t{1} << (min_shift_ + order);
    states_[index] = State::interior;
    while (order < order_max_) {
        const std::uint32_t buddy = index ^ (1U << order);
        if (states_[buddy] != State::free || orders_[buddy] != order) break;
        unlink_free(buddy, order);
        index = std::min(index, buddy);
        ++order;
    }
    push_free(index, order);
}

void Arena::check_invariants() const {
    std::size_t used = 0;
    for (std::uint32_t i = 0; i < states_.size();) {
        RINGPOST_ASSERT(states_[i] != State::interior);
        const std::uint32_t order = orders_[i];
        const std::uint32_t buddy = i ^ (1U << order);
        if (states_[i] == State::used) used += std::size_t{1} << (min_shift_ + order);
        if (states_[i] == State::free && order < order_max_) {
            RINGPOST_ASSERT(!(states_[buddy] == State::free && orders_[buddy] == order));
        }
        i += 1U << order;
    }
    RINGPOST_ASSERT(used == bytes_used_);
}

}  // namespace ringpost
