// SPDX-License-Identifier: Apache-2.0
// A ring of variable-sized entries between exactly one writer and one reader.
#pragma once

#include <atomic>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>

#include "base/assert.h"

namespace ringpost {

/// Entries are contiguous, a multiple of eight bytes, and begin with their own size as a non-zero
/// u32 of host order. Where an entry would cross the end of the memory, a zero marker sends the
/// reader to the front.
///
/// Thread:    one writer (try_reserve, commit) and one reader (front, peek, pop, release).
/// Borrows:   the memory, a power of two of bytes, eight-byte aligned.
/// Bounds:    an entry is at most `entry_bytes_max()`; a full ring refuses, it never grows.
/// Invariant: 0 <= tail - head <= capacity, both counting bytes since the beginning.
class SpscRing {
public:
    explicit SpscRing(std::span<std::byte> memory)
        : memory_(memory.data()), capacity_(memory.size()), mask_(memory.size() - 1) {
        RINGPOST_ASSERT(std::has_single_bit(memory.size()));
        RINGPOST_ASSERT(reinterpret_cast<std::uintptr_t>(memory.data()) % 8 == 0);
    }
    SpscRing(const SpscRing&) = delete;
    SpscRing& operator=(const SpscRing&) = delete;

    /// Half of the memory: an entry plus the gap in front of it then always fit an empty ring.
    std::size_t entry_bytes_max() const { return capacity_ / 2; }
    std::size_t capacity() const { return capacity_; }

    // Writer.

    /// Room for an entry of `bytes` (a multiple of eight), or null when the ring is full. Nothing
    /// is visible before commit; a second call before it forgets the first.
    std::byte* try_reserve(std::size_t bytes) {
        if (tail_local_ + bytes > reserve_end_) [[unlikely]] {
            if (!find_room(bytes)) return nullptr;
        }
        return memory_ + (tail_local_ & mask_);
    }

    /// Publishes the entry reserved last. `bytes` may be less than what was reserved.
    void commit(std::size_t bytes) {
        append(bytes);
        publish();
    }
    /// commit in two steps: several entries may be published at once.
    void append(std::size_t bytes) { tail_local_ += bytes; }
    void publish() {
        // pairs with the reader's acquire load of tail_: the entries' bytes come first
        tail_.store(tail_local_, std::memory_order_release);
    }

    /// Bytes ever appended, gaps included.
    std::uint64_t written() const { return tail_local_; }
    /// Bytes that the reader has given back, as the writer sees it now.
    std::uint64_t released() const { return head_.load(std::memory_order_acquire); }

    // Reader.

    /// The next entry, or null. Stays valid until release().
    const std::byte* front() {
        for (;;) {
            if (head_local_ == tail_seen_) {
                // pairs with the writer's release store of tail_
                tail_seen_ = tail_.load(std::memory_order_acquire);
                if (head_local_ == tail_seen_) return nullptr;
            }
            const std::size_t at = head_local_ & mask_;
            std::uint32_t size;
            std::memcpy(&size, memory_ + at, sizeof size);
            if (size != 0) [[likely]] return memory_ + at;
            head_local_ += capacity_ - at;
        }
    }

    /// The entry at `position`, which is read() or behind an entry that peek returned; or null. The
    /// next one is its size further. Moves `position` over a gap.
    const std::byte* peek(std::uint64_t& position) {
        for (;;) {
            if (position == tail_seen_) {
                // pairs with the writer's release store of tail_
                tail_seen_ = tail_.load(std::memory_order_acquire);
                if (position == tail_seen_) return nullptr;
            }
            const std::size_t at = position & mask_;
            std::uint32_t size;
            std::memcpy(&size, memory_ + at, sizeof size);
            if (size != 0) [[likely]] return memory_ + at;
            position += capacity_ - at;
        }
    }

    /// Steps past the entry at the front, which keeps its room until release().
    void pop(std::size_t bytes) { head_local_ += bytes; }

    /// Gives everything that was popped back to the writer.
    void release() {
        // pairs with the writer's acquire load of head_
        if (head_.load(std::memory_order_relaxed) != head_local_) {
            head_.store(head_local_, std::memory_order_release);
        }
    }

    /// Bytes popped since the beginning, gaps included.
    std::uint64_t read() const { return head_local_; }
    /// What the writer has published; for "drain up to here".
    std::uint64_t published() const { return tail_.load(std::memory_order_acquire); }
    bool empty() const { return head_local_ == tail_.load(std::memory_order_acquire); }

private:
    /// Looks at how far the reader is, and steps over the end of the memory where `bytes` would
    /// cross it: the marker there is published with the entry.
    [[gnu::noinline]] bool find_room(std::size_t bytes) {
        const std::size_t at = tail_local_ & mask_;
        const std::size_t gap = bytes <= capacity_ - at ? 0 : capacity_ - at;
        // pairs with the reader's release store of head_: what it read is finished with
        const std::uint64_t full = head_.load(std::memory_order_acquire) + capacity_;
        if (tail_local_ + gap + bytes > full) return false;
        if (gap != 0) {
            const std::uint32_t marker = 0;
            std::memcpy(memory_ + at, &marker, sizeof marker);
            tail_local_ += gap;
        }
        const std::uint64_t end = (tail_local_ & ~std::uint64_t{mask_}) + capacity_;
        reserve_end_ = end < full ? end : full;
        return true;
    }

    // 128 bytes apart: the adjacent-line prefetcher pulls lines in pairs.
    std::byte* const memory_;
    const std::size_t capacity_;
    const std::size_t mask_;

    alignas(128) std::atomic<std::uint64_t> tail_{0};  ///< written by the writer only
    std::uint64_t tail_local_ = 0;                     ///< the writer's own copy
    std::uint64_t reserve_end_ = 0;                    ///< no reserved entry reaches beyond

    alignas(128) std::atomic<std::uint64_t> head_{0};  ///< written by the reader only
    std::uint64_t head_local_ = 0;                     ///< the reader's own position
    std::uint64_t tail_seen_ = 0;                      ///< the reader's last look at tail_
};

}  // namespace ringpost
