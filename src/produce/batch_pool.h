// SPDX-License-Identifier: Apache-2.0
// All batches of a shard and the arena that their bytes live in.
#pragma once

#include <cstddef>
#include <cstdint>

#include "base/arena.h"
#include "base/memory.h"
#include "produce/batch.h"

namespace ringpost::produce {

/// Thread:    one.
/// Owns:      every Batch. Borrows: the arena.
/// Bounds:    as many batches as the arena has smallest slabs; try_take and try_grow answer null or
///            false at the end, and the shard then takes no more from its lanes.
/// Allocates: in the constructor only.
class BatchPool {
public:
    explicit BatchPool(Arena& arena);

    /// An open batch with a first slab of `wish` bytes, or less but at least `need`; or null.
    Batch* try_take(std::size_t wish, std::size_t need);
    /// One more slab of at least `bytes`; false when there is no memory or the batch has its fill.
    bool try_grow(Batch& batch, std::size_t bytes);
    void give_back(Batch& batch);

    std::size_t taken() const { return taken_; }
    const Arena& arena() const { return arena_; }

private:
    Arena& arena_;
    Vector<Batch> batches_;
    List<Batch, &Batch::queue_hook> free_;
    std::size_t taken_ = 0;
};

}  // namespace ringpost::produce
