// SPDX-License-Identifier: Apache-2.0
// What a lane remembers of its records on the caller's own side: the tags never cross cores.
#pragma once

#include <bit>
#include <cstdint>

#include "base/assert.h"
#include "base/memory.h"

namespace ringpost::api {

/// A slot for each record without a polled report. Slots are given out in turn, skipping those
/// still taken, so that records produced together have neighbouring slots and are reported as a
/// run.
///
/// Thread: the lane's. Bounds: `slots_max`; try_take answers none at the end.
class TagLog {
public:
    struct Kept {
        std::uint64_t tag;
        std::int64_t timestamp_ms;
    };
    static constexpr std::uint32_t none = UINT32_MAX;

    explicit TagLog(std::uint32_t slots_max)
        : slots_max_(slots_max),
          size_(std::bit_ceil(slots_max < 64 ? 64 : slots_max)),
          kept_(std::size_t{size_} * sizeof(Kept), 64),
          taken_((size_ / 64) * sizeof(std::uint64_t), 64) {
        for (std::uint32_t i = 0; usable() && i < size_ / 64; ++i) bits()[i] = 0;
    }
    bool usable() const { return kept_ && taken_; }

    /// The slot that commit would take; none when all are taken.
    std::uint32_t next() {
        if (used_ == slots_max_) [[unlikely]] return none;
        while ((bits()[cursor_ / 64] >> (cursor_ % 64) & 1) != 0) [[unlikely]] {
            // To the next free bit of this word, or to the next word.
            const std::uint64_t free = ~bits()[cursor_ / 64] >> (cursor_ % 64);
            const std::uint32_t step =
                free == 0 ? 64 - cursor_ % 64 : static_cast<std::uint32_t>(std::countr_zero(free));
            cursor_ = (cursor_ + step) & (size_ - 1);
        }
        return cursor_;
    }
    /// Takes the slot that next() returned.
    void commit(const Kept& kept) {
        slots()[cursor_] = kept;
        bits()[cursor_ / 64] |= std::uint64_t{1} << (cursor_ % 64);
        cursor_ = (cursor_ + 1) & (size_ - 1);
        ++used_;
    }
    /// Reads a slot and gives it back.
    Kept release(std::uint32_t slot) {
        const std::uint64_t bit = std::uint64_t{1} << (slot % 64);
        RINGPOST_ASSERT(slot < size_ && (bits()[slot / 64] & bit) != 0);  // reported twice?
        bits()[slot / 64] &= ~bit;
        --used_;
        return slots()[slot];
    }
    std::uint32_t used() const { return used_; }

private:
    Kept* slots() const { return reinterpret_cast<Kept*>(kept_.data()); }
    std::uint64_t* bits() const { return reinterpret_cast<std::uint64_t*>(taken_.data()); }

    const std::uint32_t slots_max_;
    const std::uint32_t size_;
    Block kept_;
    Block taken_;
    std::uint32_t cursor_ = 0;
    std::uint32_t used_ = 0;
};

}  // namespace ringpost::api
