// SPDX-License-Identifier: Apache-2.0
// A record on its way from a lane to its batch: a fixed header, then the record's tail, encoded by
// the caller in the wire's own bytes (wire/record.h), so that a shard copies it once and parses
// nothing.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>

#include "base/bytes.h"
#include "base/limits.h"
#include "wire/record.h"

namespace ringpost::produce {

/// Stands in front of each tail in a lane's ring and in parked memory. Eight-byte aligned.
struct Entry {
    std::uint32_t size;          ///< of header and tail, rounded up to eight; never zero
    std::uint32_t topic;         ///< Topic::id()
    std::int32_t partition;      ///< or any_partition
    std::uint32_t key_hash;      ///< what places it, modulo the partitions: see place_by_key
    std::int64_t timestamp_ms;
    std::uint32_t slot;          ///< where the lane keeps the record's tag
    std::uint32_t tail_bytes;    ///< with the flags in the top bits

    static constexpr std::uint32_t flag_hashed = 1U << 31;  ///< `key_hash` places it
    /// No record: the tail is the name of `topic`, which this lane uses for the first time.
    static constexpr std::uint32_t flag_topic_name = 1U << 30;
    /// Somebody waits for this very record: its batch does not linger.
    static constexpr std::uint32_t flag_urgent = 1U << 29;
    /// A timeout of its own stands in the entry's last eight bytes.
    static constexpr std::uint32_t flag_timeout = 1U << 28;
    static constexpr std::uint32_t flags = 0xfU << 28;

    bool is_hashed() const { return (tail_bytes & flag_hashed) != 0; }
    bool is_topic_name() const { return (tail_bytes & flag_topic_name) != 0; }
    bool is_urgent() const { return (tail_bytes & flag_urgent) != 0; }
    std::uint32_t tail_size() const { return tail_bytes & ~flags; }
    const std::byte* tail() const { return reinterpret_cast<const std::byte*>(this + 1); }

    /// Zero: the producer's.
    std::uint32_t timeout_ms() const {
        if ((tail_bytes & flag_timeout) == 0) [[likely]] return 0;
        std::uint32_t ms;
        std::memcpy(&ms, reinterpret_cast<const std::byte*>(this) + size - 8, sizeof ms);
        return ms;
    }

    static constexpr std::size_t size_for(std::size_t tail_size, bool own_timeout = false) {
        return ((sizeof(Entry) + tail_size + 7) & ~std::size_t{7}) + (own_timeout ? 8 : 0);
    }
};
static_assert(sizeof(Entry) == 32);
static_assert(limits::record_bytes_limit + 16 * 1024 < 1U << 28, "sizes stay below the flags");

/// The largest encoded size that a record with this tail can have, alone in a batch: what
/// Options::message_max_bytes is compared with.
constexpr std::size_t record_bytes_bound(std::size_t tail_size) {
    return 61 + wire::record_prefix_bytes_max + tail_size;
}

}  // namespace ringpost::produce
