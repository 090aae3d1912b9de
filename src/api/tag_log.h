// SPDX-License-Identifier: Apache-2.0
// What a lane remembers of its records on the caller's own side: the tags never cross cores.
#pragma once

#include <atomic>
#include <bit>
#include <cstdint>
#include <utility>

#include <ringpost/delivery.h>

#include "base/assert.h"
#include "base/memory.h"

namespace ringpost::api {

/// Somebody who waits for one record's report.
struct Awaited {
    DeliveryReport report;
    bool done = false;
};

/// What a record has besides its tag: a callback, or somebody who waits for it. Neither: its report
/// is nobody's any more.
struct Extra {
    Callback callback;
    Awaited* awaited = nullptr;
};

/// A slot for each record without a polled report. Slots are given out in turn, skipping those
/// still taken, so that records produced together have neighbouring slots and are reported as a
/// run.
///
/// Thread: the lane's; if `shared`, `release` and what it reads belong to another, and a record's
///         way through the shard orders its slot's bytes between the two.
/// Bounds: `slots_max`; next answers none at the end.
/// Allocates: in the constructor, and at the first record that has an Extra.
class TagLog {
public:
    struct Kept {
        std::uint64_t tag;
        std::int64_t timestamp_ms;
    };
    static constexpr std::uint32_t none = UINT32_MAX;

    explicit TagLog(std::uint32_t slots_max, bool shared = false)
        : slots_max_(slots_max),
          size_(std::bit_ceil(slots_max < 64 ? 64 : slots_max)),
          shared_(shared),
          kept_(std::size_t{size_} * sizeof(Kept), 64),
          taken_((size_ / 64) * sizeof(std::uint64_t), 64) {
        for (std::uint32_t i = 0; usable() && i < size_ / 64; ++i) words()[i] = 0;
    }
    TagLog(const TagLog&) = delete;
    TagLog& operator=(const TagLog&) = delete;
    /// Callbacks that have not run are dropped.
    ~TagLog() {
        for (std::uint32_t i = 0; extras_ && i < size_; ++i) std::destroy_at(extras() + i);
    }
    bool usable() const { return kept_ && taken_; }

    /// The slot that commit would take; none when all are taken.
    std::uint32_t next() {
        if (known_free_ == 0) [[unlikely]] {
            known_free_ = slots_max_ - used();
            if (known_free_ == 0) return none;
        }
        std::uint64_t taken;
        while ((taken = word(cursor_) >> (cursor_ % 64), taken & 1) != 0) [[unlikely]] {
            // To the next free bit of this word, or to the next word.
            const std::uint64_t free = ~taken & (UINT64_MAX >> (cursor_ % 64));
            const std::uint32_t step =
                free == 0 ? 64 - cursor_ % 64 : static_cast<std::uint32_t>(std::countr_zero(free));
            cursor_ = (cursor_ + step) & (size_ - 1);
        }
        return cursor_;
    }
    /// Takes the slot that next() returned.
    void commit(const Kept& kept) {
        slots()[cursor_] = kept;
        change(cursor_, true);
        --known_free_;
        cursor_ = (cursor_ + 1) & (size_ - 1);
        taken_count_.store(taken_count_.load(std::memory_order_relaxed) + 1,
                           std::memory_order_relaxed);
    }
    /// Before commit of the slot that next() returned. False: no memory.
    bool attach(Extra&& extra) {
        if (!extras_ && !make_extras()) return false;
        extras()[cursor_] = std::move(extra);
        has_extra(cursor_) = true;
        any_extra_.store(true, std::memory_order_release);  // pairs with the acquire loads
        return true;
    }
    /// Nobody waits for that slot's report any more.
    void abandon(std::uint32_t slot) { extras()[slot].awaited = nullptr; }

    /// Null: the slot has a tag only.
    Extra* extra(std::uint32_t slot) {
        if (!any_extra_.load(std::memory_order_acquire)) [[likely]] return nullptr;
        return has_extra(slot) ? extras() + slot : nullptr;
    }
    /// Reads a slot and gives it back, with its Extra.
    Kept release(std::uint32_t slot) {
        RINGPOST_ASSERT(slot < size_ && (word(slot) >> (slot % 64) & 1) != 0);  // reported twice?
        if (any_extra_.load(std::memory_order_acquire)) [[unlikely]] has_extra(slot) = false;
        const Kept kept = slots()[slot];
        change(slot, false);
        // pairs with the acquire load in used: the slot's bytes are no longer read
        released_count_.store(released_count_.load(std::memory_order_relaxed) + 1,
                              std::memory_order_release);
        return kept;
    }
    std::uint32_t used() const {
        return taken_count_.load(std::memory_order_relaxed) -
               released_count_.load(std::memory_order_acquire);
    }
    /// Some record has had a callback, or somebody who waited.
    bool any_extra() const { return any_extra_.load(std::memory_order_acquire); }
    /// For whoever releases.
    std::uint32_t released() const { return released_count_.load(std::memory_order_relaxed); }
    Kept kept(std::uint32_t slot) const { return slots()[slot]; }
    std::uint32_t slots_max() const { return slots_max_; }

private:
    bool make_extras() {
        extras_ = Block(std::size_t{size_} * (sizeof(Extra) + 1), 64);
        for (std::uint32_t i = 0; extras_ && i < size_; ++i) {
            std::construct_at(extras() + i);
            has_extra(i) = false;
        }
        return static_cast<bool>(extras_);
    }
    Kept* slots() const { return reinterpret_cast<Kept*>(kept_.data()); }
    Extra* extras() const { return reinterpret_cast<Extra*>(extras_.data()); }
    bool& has_extra(std::uint32_t slot) const {
        return *(reinterpret_cast<bool*>(extras() + size_) + slot);
    }
    std::uint64_t* words() const { return reinterpret_cast<std::uint64_t*>(taken_.data()); }
    std::uint64_t word(std::uint32_t slot) const {
        // pairs with the release of the bit: the slot's bytes are no longer read
        return std::atomic_ref(words()[slot / 64]).load(std::memory_order_acquire);
    }
    void change(std::uint32_t slot, bool taken) {
        const std::uint64_t bit = std::uint64_t{1} << (slot % 64);
        std::atomic_ref word(words()[slot / 64]);
        if (shared_) [[unlikely]] {
            // The neighbours' bits are the other thread's.
            taken ? word.fetch_or(bit, std::memory_order_relaxed)
                  : word.fetch_and(~bit, std::memory_order_release);
            return;
        }
        const std::uint64_t now = word.load(std::memory_order_relaxed);
        word.store(taken ? now | bit : now & ~bit, std::memory_order_relaxed);
    }

    const std::uint32_t slots_max_;
    const std::uint32_t size_;
    const bool shared_;
    Block kept_;
    Block taken_;
    Block extras_;                              ///< an Extra a slot, then whether it has one
    std::uint32_t cursor_ = 0;
    std::uint32_t known_free_ = 0;              ///< slots, at least
    std::atomic<bool> any_extra_{false};        ///< set by the lane, once
    std::atomic<std::uint32_t> taken_count_{0};     ///< written by the lane only
    std::atomic<std::uint32_t> released_count_{0};  ///< written by the reader of reports only
};

}  // namespace ringpost::api
