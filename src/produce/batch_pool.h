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
/// Bounds:    half of the arena for parked batches: what they hold moves on to batches of its own,
///            which need memory, too; `headroom` bytes only to take batches apart, which may have
///            to be before any memory comes free; `packing` bytes only for compressed records.
///            As many batches as the arena has smallest slabs. At the end try_take and try_grow
///            answer null or false, and the shard takes no more from its lanes.
/// Allocates: in the constructor only.
class BatchPool {
public:
    enum class Use : std::uint8_t {
        frugal,        ///< leaves a sixteenth: for a partition that has its share
        ordinary,
        packing,       ///< what was kept for compressed records, too
        headroom_too,  ///< to take a batch apart
    };

    /// `packing`: bytes that only compressed records may have.
    BatchPool(Arena& arena, std::size_t headroom, std::size_t packing = 0);

    /// An open batch with a first slab of `wish` bytes, or less but at least `need`; or null.
    Batch* try_take(std::size_t wish, std::size_t need, Use use = Use::ordinary);
    /// The same for a batch of raw entries.
    Batch* try_take_parked(std::size_t need);
    /// One more slab of at least `bytes`; false when there is no memory or the batch has its fill.
    bool try_grow(Batch& batch, std::size_t bytes, Use use = Use::ordinary);
    /// One more piece for compressed records, of `bytes` or what there is above `need`; false as
    /// above.
    bool try_add_piece(Batch& batch, std::size_t wish, std::size_t need);
    /// Gives the compressed records' memory back.
    void drop_pieces(Batch& batch);
    void give_back(Batch& batch);

    std::size_t taken() const { return taken_; }
    /// Half of what is kept for compressed records is taken by some.
    bool packing_is_scarce() const { return packed_bytes_ > packing_ / 2; }
    const Arena& arena() const { return arena_; }

private:
    bool may_park(std::size_t bytes) const {
        return parked_bytes_ + arena_.rounded(bytes) <= arena_.bytes_total() / 2;
    }
    bool has_batch() const { return !free_.empty() || made_ != count_max_; }
    Batch& next_batch();
    std::byte* allocate(std::size_t bytes, Use use);
    void add_slab(Batch& batch, std::byte* memory);

    Arena& arena_;
    const std::size_t headroom_;
    const std::size_t packing_;
    const std::size_t count_max_;
    Block batches_;                  ///< not touched before they are needed: most never are
    std::size_t made_ = 0;           ///< of these
    List<Batch, &Batch::queue_hook> free_;
    std::size_t taken_ = 0;
    std::size_t parked_bytes_ = 0;   ///< of the slabs of parked batches
    std::size_t packed_bytes_ = 0;   ///< of the pieces of compressed records
};

}  // namespace ringpost::produce
