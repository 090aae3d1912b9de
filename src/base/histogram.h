// SPDX-License-Identifier: Apache-2.0
// A histogram that one thread fills and any may read.
#pragma once

#include <algorithm>
#include <array>
#include <atomic>
#include <cstdint>

#include <ringpost/statistics.h>

#include "base/time.h"

namespace ringpost {

/// Thread:    record: one; read: any, at any time. A reader may see a value counted and not yet in
///            max_ns, or the other way round.
/// Allocates: never.
class SharedHistogram {
public:
    void record(Duration duration) {
        const auto ns = static_cast<std::uint64_t>(std::max<std::int64_t>(duration.count_ns(), 0));
        add_one(counts_[Histogram::bucket_of(ns)]);
        if (ns > max_ns_.load(std::memory_order_relaxed)) [[unlikely]] {
            max_ns_.store(ns, std::memory_order_relaxed);
        }
    }
    void read(Histogram& out) const {
        for (std::size_t i = 0; i < counts_.size(); ++i) {
            out.counts[i] = counts_[i].load(std::memory_order_relaxed);
        }
        out.max_ns = max_ns_.load(std::memory_order_relaxed);
    }

private:
    /// There is no other writer: nothing to lock the bus for.
    static void add_one(std::atomic<std::uint64_t>& word) {
        word.store(word.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
    }

    std::array<std::atomic<std::uint64_t>, Histogram::bucket_count> counts_{};
    std::atomic<std::uint64_t> max_ns_{0};
};

}  // namespace ringpost
