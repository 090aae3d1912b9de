// SPDX-License-Identifier: Apache-2.0
// The memory that batches live in: power-of-two blocks of one region, by the buddy method.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "base/memory.h"

namespace ringpost {

/// Thread:    one.
/// Borrows:   the region; never reads or writes it, so that a test may poison what is free.
/// Bounds:    a block is `block_bytes_min` to `block_bytes_max` bytes, a power of two; null at the
/// end. Allocates: its tables, in the constructor, and nothing afterwards. Invariant: a free
/// block's buddy of the same size is not free (they would be one).
class Arena {
public:
    /// `region.size()` is a multiple of `block_bytes_max`.
    Arena(std::span<std::byte> region, std::uint32_t block_bytes_min,
          std::uint32_t block_bytes_max);

    Arena(const Arena&) = delete;
    Arena& operator=(const Arena&) = delete;

    /// A block of at least `bytes`, or null when none is free or `bytes` exceeds the largest.
    std::byte* allocate(std::size_t bytes);
    void free(std::byte* block);

    /// The size of an allocated block.
    std::size_t block_bytes(const std::byte* block) const;
    /// The block size that `bytes` would take.
    std::size_t rounded(std::size_t bytes) const;

    std::size_t bytes_used() const { return bytes_used_; }
    std::size_t bytes_total() const { return region_.size(); }
    std::size_t block_bytes_max() const { return std::size_t{1} << (min_shift_ + order_max_); }

    /// Walks everything: for tests.
    void check_invariants() const;

private:
    static constexpr std::uint32_t none = UINT32_MAX;
    static constexpr std::uint32_t orders_max = 24;
    enum class State : std::uint8_t { interior, free, used };

    std::uint32_t order_of(std::size_t bytes) const;
    std::uint32_t index_of(const std::byte* block) const;
    void push_free(std::uint32_t index, std::uint32_t order);
    void unlink_free(std::uint32_t index, std::uint32_t order);

    std::span<std::byte> region_;
    std::uint32_t min_shift_;
    std::uint32_t order_max_;
    std::size_t bytes_used_ = 0;
    std::uint32_t free_heads_[orders_max];
    // One entry a smallest block; meaningful at the first one of each block.
    Vector<State> states_;
    Vector<std::uint8_t> orders_;
    Vector<std::uint32_t> next_;
    Vector<std::uint32_t> previous_;
};

}  // namespace ringpost
