// SPDX-License-Identifier: Apache-2.0
// Exponential backoff with full jitter.
#pragma once

#include <algorithm>
#include <cstdint>

#include "base/prng.h"
#include "base/time.h"

namespace ringpost::broker {

/// Doubling from `base` to `max`; each wait is drawn from (0, bound], so that clients that lost a
/// broker together don't return together.
class Backoff {
public:
    Backoff(Duration base, Duration max) : base_(base), max_(std::max(base, max)) {}

    /// The bound of the wait after one more failure.
    Duration bound() const {
        Duration bound = base_;
        for (std::uint32_t i = 0; i < failures_ && bound < max_; ++i) bound = bound * 2;
        return std::min(bound, max_);
    }
    /// Counts a failure and draws the wait before the next attempt.
    Duration next(Prng& prng) {
        const std::int64_t bound_us = std::max<std::int64_t>(bound().count_us(), 1);
        if (failures_ < 63) ++failures_;
        const auto drawn = static_cast<std::int64_t>(
            prng.next() % static_cast<std::uint64_t>(bound_us));
        return Duration::us(drawn + 1);
    }
    void reset() { failures_ = 0; }
    std::uint32_t failures() const { return failures_; }

private:
    Duration base_;
    Duration max_;
    std::uint32_t failures_ = 0;
};

}  // namespace ringpost::broker
