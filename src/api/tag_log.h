// SPDX-License-Identifier: Apache-2.0
// What a lane remembers of its records on the caller's own side: the tags never cross cores.
#pragma once

#include <algorithm>
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
/// run. Free ones are found a *stretch* at a time, up to 64: then a record costs its slot's store
/// and a step.
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
        if (cursor_ == stretch_end_ && !find_stretch()) [[unlikely]] return none;
        return cursor_;
    }
    /// next() has an answer at hand.
    bool has_next() const { return cursor_ != stretch_end_; }
    /// Takes the slot that next() returned.
    void commit(const Kept& kept) { slots()[cursor_++] = kept; }
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
    /// Gives a slot back, with its Extra: it is not read any more.
    void release(std::uint32_t slot) {
        if (any_extra_.load(std::memory_order_acquire)) [[unlikely]] has_extra(slot) = false;
        release_plain(slot, 1);
        count_released(1);
    }
    /// Neighbouring slots, while none has had an Extra; they are to be counted later.
    void release_plain(std::uint32_t slot, std::uint32_t count) {
        RINGPOST_ASSERT(slot < size_ && count <= size_ - slot);
        while (count > 64 - slot % 64) [[unlikely]] {
            const std::uint32_t some = 64 - slot % 64;
            release_word(slot, some);
            slot += some;
            count -= some;
        }
        release_word(slot, count);
    }
    void count_released(std::uint32_t count) {
        // pairs with the acquire load in used
        released_count_.store(released_count_.load(std::memory_order_relaxed) + count,
                              std::memory_order_release);
    }
    /// For the lane; for others once it is done with it.
    std::uint32_t used() const {
        return found_count_ - (stretch_end_ - cursor_) -
               released_count_.load(std::memory_order_acquire);
    }
    /// Some record has had a callback, or somebody who waited.
    bool any_extra() const { return any_extra_.load(std::memory_order_acquire); }
    /// For whoever releases.
    std::uint32_t released() const { return released_count_.load(std::memory_order_relaxed); }
    Kept kept(std::uint32_t slot) const { return slots()[slot]; }
    /// The slot's, and behind it its neighbours'.
    const Kept* kept_from(std::uint32_t slot) const { return slots() + slot; }
    std::uint32_t slots_max() const { return slots_max_; }

private:
    void release_word(std::uint32_t slot, std::uint32_t count) {
        const std::uint64_t bits = (UINT64_MAX >> (64 - count)) << (slot % 64);
        RINGPOST_ASSERT((word(slot) & bits) == bits);  // reported twice?
        change(slot, bits, false);
    }
    /// The next free slots in turn, all of one word, are taken at once. False: there are none.
    [[gnu::noinline]] bool find_stretch() {
        const std::uint32_t room = slots_max_ - used();
        if (room == 0) return false;
        std::uint64_t free;
        for (;;) {
            cursor_ &= size_ - 1;
            free = ~word(cursor_) >> (cursor_ % 64);
            if (free != 0) break;
            cursor_ += 64 - cursor_ % 64;
        }
        cursor_ += static_cast<std::uint32_t>(std::countr_zero(free));
        free >>= std::countr_zero(free);
        const std::uint32_t count =
            std::min(static_cast<std::uint32_t>(std::countr_one(free)), room);
        change(cursor_, (UINT64_MAX >> (64 - count)) << (cursor_ % 64), true);
        stretch_end_ = cursor_ + count;
        found_count_ += count;
        return true;
    }
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
    /// `bits`: of the slot's word.
    void change(std::uint32_t slot, std::uint64_t bits, bool taken) {
        std::atomic_ref word(words()[slot / 64]);
        if (shared_) [[unlikely]] {
            // The neighbours' bits are the other thread's.
            taken ? word.fetch_or(bits, std::memory_order_relaxed)
                  : word.fetch_and(~bits, std::memory_order_release);
            return;
        }
        const std::uint64_t now = word.load(std::memory_order_relaxed);
        word.store(taken ? now | bits : now & ~bits, std::memory_order_relaxed);
    }

    const std::uint32_t slots_max_;
    const std::uint32_t size_;
    const bool shared_;
    Block kept_;
    Block taken_;
    Block extras_;                              ///< an Extra a slot, then whether it has one
    std::uint32_t cursor_ = 0;                  ///< the next slot, if it is not stretch_end_
    std::uint32_t stretch_end_ = 0;             ///< up to there the slots are the lane's
    std::uint32_t found_count_ = 0;             ///< slots of all stretches so far
    std::atomic<bool> any_extra_{false};        ///< set by the lane, once
    std::atomic<std::uint32_t> released_count_{0};  ///< written by the reader of reports only
};

}  // namespace ringpost::api
