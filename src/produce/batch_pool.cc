// SPDX-License-Identifier: Apache-2.0
// Taking and giving back of batches and their slabs.
#include "produce/batch_pool.h"

#include <algorithm>
#include <new>
#include <type_traits>

namespace ringpost::produce {

BatchPool::BatchPool(Arena& arena, std::size_t headroom, std::size_t packing)
    : arena_(arena), headroom_(headroom), packing_(packing),
      count_max_(arena.bytes_total() / limits::slab_bytes_min),
      batches_(count_max_ * sizeof(Batch), alignof(Batch)) {
    static_assert(std::is_trivially_destructible_v<Batch>);
    if (!batches_) out_of_memory();  // a start has seen that there is room
}

Batch& BatchPool::next_batch() {
    if (Batch* batch = free_.pop_front()) return *batch;
    RINGPOST_ASSERT(made_ != count_max_);
    return *new (batches_.data() + made_++ * sizeof(Batch)) Batch;
}

std::byte* BatchPool::allocate(std::size_t bytes, Use use) {
    const std::size_t total = arena_.bytes_total();
    std::size_t spared = use == Use::headroom_too ? 0 : headroom_;
    if (use <= Use::ordinary) spared += packing_;
    if (use == Use::frugal) spared += total / 16;
    if (arena_.bytes_used() + arena_.rounded(bytes) + spared > total) return nullptr;
    return arena_.allocate(bytes);
}

Batch* BatchPool::try_take(std::size_t wish, std::size_t need, Use use) {
    if (!has_batch()) return nullptr;
    wish = std::max(wish, need);
    std::byte* memory = allocate(wish, use);
    while (memory == nullptr && wish / 2 >= need && wish / 2 >= limits::slab_bytes_min) {
        wish /= 2;
        memory = allocate(wish, use);
    }
    if (memory == nullptr) return nullptr;
    Batch& batch = next_batch();
    batch = Batch{};
    batch.state = Batch::State::open;
    add_slab(batch, memory);
    ++taken_;
    return &batch;
}

Batch* BatchPool::try_take_parked(std::size_t need) {
    Batch* batch = may_park(need) ? try_take(need, need) : nullptr;
    if (batch == nullptr) return nullptr;
    batch->parked = true;
    parked_bytes_ += batch->slabs[0].capacity;
    return batch;
}

void BatchPool::add_slab(Batch& batch, std::byte* memory) {
    const auto capacity = static_cast<std::uint32_t>(arena_.block_bytes(memory));
    batch.slabs[batch.slab_count++] = {memory, capacity, 0, 0};
    if (batch.parked) parked_bytes_ += capacity;
}

bool BatchPool::try_grow(Batch& batch, std::size_t bytes, Use use) {
    if (batch.slab_count == batch.slabs.size()) return false;
    const std::size_t doubled = std::min<std::size_t>(std::size_t{batch.last_slab().capacity} * 2,
                                                      limits::slab_bytes_growth_max);
    const std::size_t wish = std::max(bytes, doubled);
    if (batch.parked && !may_park(wish)) return false;
    std::byte* memory = allocate(wish, use);
    if (memory == nullptr) memory = allocate(bytes, use);
    if (memory == nullptr) return false;
    add_slab(batch, memory);
    return true;
}

bool BatchPool::try_add_piece(Batch& batch, std::size_t wish, std::size_t need) {
    if (batch.piece_count == batch.pieces.size()) return false;
    std::byte* memory = allocate(std::max(wish, need), Use::packing);
    if (memory == nullptr) memory = allocate(need, Use::packing);
    if (memory == nullptr) return false;
    const auto capacity = static_cast<std::uint32_t>(arena_.block_bytes(memory));
    batch.pieces[batch.piece_count++] = {memory, capacity, 0};
    packed_bytes_ += capacity;
    return true;
}

void BatchPool::drop_pieces(Batch& batch) {
    for (const PackedPiece& piece : batch.packed_pieces()) {
        arena_.free(piece.memory);
        packed_bytes_ -= piece.capacity;
    }
    batch.piece_count = batch.packed_bytes = batch.packed_from = 0;
}

void BatchPool::give_back(Batch& batch) {
    RINGPOST_ASSERT(batch.state != Batch::State::free);
    RINGPOST_ASSERT(batch.state != Batch::State::in_flight);
    RINGPOST_ASSERT(batch.lenders == 0);
    RINGPOST_ASSERT(!batch.age_hook.linked);
    RINGPOST_ASSERT(!batch.linger_hook.linked);
    RINGPOST_ASSERT(!batch.pack_hook.linked);
    drop_pieces(batch);
    for (const Slab& slab : batch.used_slabs()) {
        arena_.free(slab.memory);
        if (batch.parked) parked_bytes_ -= slab.capacity;
    }
    batch.slab_count = 0;
    batch.state = Batch::State::free;
    free_.push_front(batch);
    --taken_;
}

}  // namespace ringpost::produce
