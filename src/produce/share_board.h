// SPDX-License-Identifier: Apache-2.0
// What callers see of a shard's memory shares: which partitions' records are to be kept back.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <memory>
#include <vector>

#include "base/limits.h"

namespace ringpost::produce {

/// A caller may read what was true a moment ago: then a record more gets in, or is kept back once
/// more than it need be. Nothing hangs on either.
///
/// Thread:    `any_full`, `is_full` and `partition_count`: any. The rest: the shard's.
/// Allocates: for topics and partitions that are new.
class ShareBoard {
public:
    ShareBoard();
    ~ShareBoard();
    ShareBoard(const ShareBoard&) = delete;
    ShareBoard& operator=(const ShareBoard&) = delete;

    /// Asked for each record: all else only if so.
    bool any_full() const { return full_.load(std::memory_order_relaxed) != 0; }
    /// The partition, or the broker that leads it, holds more than its share.
    bool is_full(std::uint32_t topic, std::uint32_t partition) const;
    /// 0: not known.
    std::uint32_t partition_count(std::uint32_t topic) const;

    /// `count`: of the partitions that keys are hashed to; `places`: of all that there ever were.
    void set_partition_count(std::uint32_t topic, std::uint32_t count, std::uint32_t places);
    /// `node`: its index; negative: none.
    void set_leader(std::uint32_t topic, std::uint32_t partition, std::int32_t node);
    void set_partition_full(std::uint32_t topic, std::uint32_t partition, bool full);
    /// `node` as above: negative for all partitions together that nobody leads.
    void set_node_full(std::int32_t node, bool full);

private:
    /// A partition's place: its leader's index and one, 0 without a leader; with `full_bit`.
    using Place = std::atomic<std::uint32_t>;
    static constexpr std::uint32_t full_bit = 1U << 31;
    struct Row {
        std::atomic<std::uint32_t> count{0};
        std::uint32_t capacity = 0;
        std::unique_ptr<Place[]> places;
    };
    static constexpr std::uint32_t rows_a_chunk = 1024;
    using Chunk = std::array<std::atomic<Row*>, rows_a_chunk>;

    const Row* row(std::uint32_t topic) const;
    Place& place(std::uint32_t topic, std::uint32_t partition);
    void count_full(bool full);

    alignas(128) std::atomic<std::uint32_t> full_{0};  ///< partitions and nodes
    std::array<std::atomic<Chunk*>, limits::topics_max / rows_a_chunk> chunks_{};
    std::unique_ptr<std::atomic<bool>[]> node_full_;   ///< by index and one
    std::vector<std::unique_ptr<Chunk>> all_chunks_;
    std::vector<std::unique_ptr<Row>> all_rows_;       ///< those outgrown, too: still read
};

}  // namespace ringpost::produce
