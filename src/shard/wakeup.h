// SPDX-License-Identifier: Apache-2.0
// Sleeping without losing a wake-up, in both directions: a shard that waits for records, a caller
// that waits for reports or room.
#pragma once

#include <atomic>
#include <cstdint>

#include "base/time.h"

namespace ringpost::shard {

/// The shard's side of "I am about to sleep" (Dekker's protocol).
///
///   shard:   wake_at of each lane; parked = 1; fence; look at every lane again; sleep
///   caller:  publish the record;               fence; if parked and far enough: wake
///
/// One of the two sees the other: either the shard finds the record, or the caller finds the flag.
/// The wake itself costs the caller 10 us and more, so one sleep takes one wake (the exchange).
class Parking {
public:
    // Shard.
    void announce() {
        parked_.store(1, std::memory_order_relaxed);
        // pairs with the fence in should_wake
        std::atomic_thread_fence(std::memory_order_seq_cst);
    }
    void end() { parked_.store(0, std::memory_order_relaxed); }

    // Callers, after publishing.
    /// True for exactly one caller a sleep: the one that has to wake the shard.
    bool should_wake(std::uint64_t written, const std::atomic<std::uint64_t>& wake_at) {
        // pairs with the fence in announce: the published tail comes before the look at parked_
        std::atomic_thread_fence(std::memory_order_seq_cst);
        if (parked_.load(std::memory_order_relaxed) == 0) [[likely]] return false;
        if (written < wake_at.load(std::memory_order_relaxed)) return false;
        return take_turn();
    }
    /// The same, for a request that can't wait for a threshold.
    bool should_wake() {
        std::atomic_thread_fence(std::memory_order_seq_cst);
        return take_turn();
    }
    /// After the wake that should_wake asked for.
    void woke() { wakers_.fetch_sub(1, std::memory_order_release); }

    /// Shard, at its end: true once no caller is between should_wake and woke. It never announces a
    /// sleep again, so none comes after.
    bool deserted() {
        parked_.store(0, std::memory_order_seq_cst);
        return wakers_.load(std::memory_order_seq_cst) == 0;
    }

private:
    bool take_turn() {
        // Counted before the flag is taken: deserted() sees every caller who may yet wake.
        wakers_.fetch_add(1, std::memory_order_seq_cst);
        if (parked_.exchange(0, std::memory_order_seq_cst) == 1) return true;
        woke();
        return false;
    }

    alignas(128) std::atomic<std::uint32_t> parked_{0};  ///< set by the shard, cleared by either
    std::atomic<std::uint32_t> wakers_{0};               ///< written by the callers
};

/// Callers wait for something that a shard does. The same protocol, with a futex at its end.
///
///   caller:  seen = prepare(); if the condition holds: cancel(); else wait(seen, until)
///   shard:   make the condition true; notify()
class Signal {
public:
    std::uint32_t prepare() {
        waiters_.fetch_add(1, std::memory_order_relaxed);
        const std::uint32_t seen = word_.load(std::memory_order_relaxed);
        // pairs with the fence in notify: waiters_ before the look at the condition
        std::atomic_thread_fence(std::memory_order_seq_cst);
        return seen;
    }
    void cancel() { waiters_.fetch_sub(1, std::memory_order_relaxed); }
    /// Returns after a notify since `prepare`, at the timeout, or for no reason.
    void wait(std::uint32_t seen, Duration timeout);

    void notify() {
        // pairs with the fence in prepare: the condition before the look at waiters_
        std::atomic_thread_fence(std::memory_order_seq_cst);
        if (waiters_.load(std::memory_order_relaxed) != 0) [[unlikely]] wake_all();
    }

private:
    void wake_all();

    alignas(128) std::atomic<std::uint32_t> word_{0};     ///< counts notifies that had waiters
    std::atomic<std::uint32_t> waiters_{0};               ///< written by the callers
};

}  // namespace ringpost::shard
