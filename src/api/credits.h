// SPDX-License-Identifier: Apache-2.0
// The producer's hard limit on records accepted and not yet reported, over all of its lanes.
#pragma once

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <deque>
#include <mutex>

#include "base/limits.h"
#include "shard/wakeup.h"

namespace ringpost::api {

/// Lanes draw credits in small lots, so that the one counter is touched once in many records, and
/// give them back as reports are polled. What a lane has drawn and not used is at most a lot less
/// one, and lots get smaller the more lanes there are; the limit itself is never passed.
///
/// Thread: any. Fair: while somebody waits, credits go to whoever has waited longest, and newcomers
///         are refused.
class Credits {
public:
    /// On the waiter's stack, or in its lane.
    struct Waiter {
        shard::Signal* signal = nullptr;
        std::atomic<std::uint32_t> granted{0};
    };

    explicit Credits(std::uint32_t limit) : free_(limit), limit_(limit) {}
    Credits(const Credits&) = delete;
    Credits& operator=(const Credits&) = delete;

    /// Up to a lot; 0: there are none, or others wait for them.
    std::uint32_t try_take() {
        return waiting_.load(std::memory_order_seq_cst) == 0 ? take() : 0;
    }
    void give(std::uint32_t count) {
        if (count == 0) return;
        free_.fetch_add(count, std::memory_order_seq_cst);
        // pairs with begin_wait: either it finds these credits, or we find the waiter
        if (waiting_.load(std::memory_order_seq_cst) != 0) [[unlikely]] grant();
    }

    /// Queues up; then `granted` tells. To be ended by end_wait.
    void begin_wait(Waiter& waiter) {
        {
            const std::lock_guard lock(mutex_);
            waiters_.push_back(&waiter);
            waiting_.fetch_add(1, std::memory_order_seq_cst);
        }
        grant();
    }
    /// What the waiter has been granted is its own.
    void end_wait(Waiter& waiter) {
        const std::lock_guard lock(mutex_);
        if (std::erase(waiters_, &waiter) != 0) waiting_.fetch_sub(1, std::memory_order_seq_cst);
    }

    bool anyone_waits() const { return waiting_.load(std::memory_order_relaxed) != 0; }

    void on_lane_opened() { lanes_.fetch_add(1, std::memory_order_relaxed); }
    void on_lane_closed() { lanes_.fetch_sub(1, std::memory_order_relaxed); }

private:
    std::uint32_t take() {
        const std::uint32_t shares = std::max(16 * lanes_.load(std::memory_order_relaxed), 256U);
        const std::uint32_t lot = std::clamp(limit_ / shares, 1U, limits::credit_lot_max);
        std::uint32_t now = free_.load(std::memory_order_relaxed);
        std::uint32_t some = 0;
        do {
            some = std::min(now, lot);
            if (some == 0) return 0;
        } while (!free_.compare_exchange_weak(now, now - some, std::memory_order_seq_cst));
        return some;
    }
    /// Wakes as many as there are credits for.
    void grant() {
        const std::lock_guard lock(mutex_);
        while (!waiters_.empty()) {
            const std::uint32_t some = take();
            if (some == 0) return;
            Waiter& first = *waiters_.front();
            waiters_.pop_front();
            waiting_.fetch_sub(1, std::memory_order_seq_cst);
            // pairs with the waiter's acquire load; it does not leave before end_wait has the lock
            first.granted.store(some, std::memory_order_release);
            first.signal->notify();
        }
    }

    alignas(128) std::atomic<std::uint32_t> free_;
    alignas(128) std::atomic<std::uint32_t> waiting_{0};  ///< waiters_.size(); written under mutex_
    const std::uint32_t limit_;
    std::atomic<std::uint32_t> lanes_{0};
    std::mutex mutex_;                             ///< cold: taken where somebody waits
    std::deque<Waiter*> waiters_;                  ///< who has waited longest is first
};

}  // namespace ringpost::api
