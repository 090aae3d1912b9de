// SPDX-License-Identifier: Apache-2.0
// Publishing and reading of full shares.
#include "produce/share_board.h"

#include <algorithm>

#include "base/assert.h"

namespace ringpost::produce {

ShareBoard::ShareBoard() : node_full_(new std::atomic<bool>[limits::brokers_max + 1] {}) {}
ShareBoard::~ShareBoard() = default;

const ShareBoard::Row* ShareBoard::row(std::uint32_t topic) const {
    if (topic >= limits::topics_max) return nullptr;
    // acquire, twice: what hangs there was made before it was hung there
    const Chunk* chunk = chunks_[topic / rows_a_chunk].load(std::memory_order_acquire);
    if (chunk == nullptr) return nullptr;
    return (*chunk)[topic % rows_a_chunk].load(std::memory_order_acquire);
}

bool ShareBoard::is_full(std::uint32_t topic, std::uint32_t partition) const {
    const Row* const found = row(topic);
    if (found == nullptr || partition >= found->capacity) return false;
    const std::uint32_t place = found->places[partition].load(std::memory_order_relaxed);
    return (place & full_bit) != 0 || node_full_[place].load(std::memory_order_relaxed);
}

std::uint32_t ShareBoard::partition_count(std::uint32_t topic) const {
    const Row* const found = row(topic);
    return found == nullptr ? 0 : found->count.load(std::memory_order_relaxed);
}

void ShareBoard::set_partition_count(std::uint32_t topic, std::uint32_t count,
                                     std::uint32_t places) {
    std::atomic<Chunk*>& chunk = chunks_[topic / rows_a_chunk];
    if (chunk.load(std::memory_order_relaxed) == nullptr) {
        all_chunks_.push_back(std::make_unique<Chunk>());
        chunk.store(all_chunks_.back().get(), std::memory_order_release);
    }
    std::atomic<Row*>& at = (*chunk.load(std::memory_order_relaxed))[topic % rows_a_chunk];
    Row* old = at.load(std::memory_order_relaxed);
    if (old != nullptr && places <= old->capacity) {
        old->count.store(count, std::memory_order_relaxed);
        return;
    }
    auto made = std::make_unique<Row>();
    // Twice as many each time: outgrown rows come to no more than the last.
    made->capacity = old == nullptr ? places : std::max(places, 2 * old->capacity);
    made->count.store(count, std::memory_order_relaxed);
    made->places.reset(new Place[made->capacity]{});
    for (std::uint32_t i = 0; old != nullptr && i < old->capacity; ++i) {
        made->places[i].store(old->places[i].load(std::memory_order_relaxed),
                              std::memory_order_relaxed);
    }
    at.store(made.get(), std::memory_order_release);
    all_rows_.push_back(std::move(made));
}

ShareBoard::Place& ShareBoard::place(std::uint32_t topic, std::uint32_t partition) {
    const Row* const found = row(topic);
    RINGPOST_ASSERT(found != nullptr && partition < found->capacity);
    return found->places[partition];
}

void ShareBoard::set_leader(std::uint32_t topic, std::uint32_t partition, std::int32_t node) {
    Place& at = place(topic, partition);
    const std::uint32_t full = at.load(std::memory_order_relaxed) & full_bit;
    at.store(full | static_cast<std::uint32_t>(node + 1), std::memory_order_relaxed);
}

void ShareBoard::set_partition_full(std::uint32_t topic, std::uint32_t partition, bool full) {
    Place& at = place(topic, partition);
    const std::uint32_t leader = at.load(std::memory_order_relaxed) & ~full_bit;
    at.store(leader | (full ? full_bit : 0), std::memory_order_relaxed);
    count_full(full);
}

void ShareBoard::set_node_full(std::int32_t node, bool full) {
    node_full_[static_cast<std::uint32_t>(node + 1)].store(full, std::memory_order_relaxed);
    count_full(full);
}

void ShareBoard::count_full(bool full) {
    const std::uint32_t now = full_.load(std::memory_order_relaxed);
    full_.store(full ? now + 1 : now - 1, std::memory_order_relaxed);
}

}  // namespace ringpost::produce
