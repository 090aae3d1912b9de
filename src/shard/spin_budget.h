// SPDX-License-Identifier: Apache-2.0
// Whether it pays to look for more work for a while before sleeping.
#pragma once

#include <algorithm>
#include <cstdint>

#include "base/time.h"

namespace ringpost::shard {

/// Expects the next event after as long as the last ones took to come, on average. If that is less
/// than the longest spin, it allows one; else the CPU is worth more to others, to a broker on the
/// same machine perhaps, than the wake-up is to the shard.
///
/// Thread: one.
class SpinBudget {
public:
    /// No spin is longer than `most`, which should be about what it costs to fall asleep and be
    /// woken. Zero: none. Negative: there is always something to look for, and never a sleep.
    explicit SpinBudget(Duration most) : most_(most), gap_(longest_gap()) {}

    /// What is left of a spin that was asked for where so many shards may use so many CPUs: none,
    /// unless there is one for each shard, for as many callers, and for those whom both wait for,
    /// the kernel's network or a broker. With less it makes them wait, who then make it wait.
    static constexpr Duration allowed(Duration asked, std::uint32_t shards, std::uint32_t cpus) {
        return asked > Duration{} && cpus <= 2 * shards ? Duration{} : asked;
    }

    /// A turn has found `events` (> 0), each of which would have ended a sleep: a fraction where
    /// it has found only a part of what it takes to do so.
    void on_work(double events, Instant now) {
        const double longest_ns = static_cast<double>(longest_gap().count_ns());
        const double since_ns = static_cast<double>((now - last_).count_ns());
        const double sample_ns = std::min(std::min(since_ns, longest_ns) / events, longest_ns);
        const double weight = std::min(events / events_kept, 1.0);
        const double gap_ns = static_cast<double>(gap_.count_ns());
        gap_ = Duration::ns(static_cast<std::int64_t>(gap_ns + (sample_ns - gap_ns) * weight));
        last_ = now;
        until_ = gap_ < most_ ? now + most_ : now;
    }
    /// Do not sleep yet.
    bool spins(Instant now) const { return now < until_ || most_ < Duration{}; }

private:
    /// The average is over about so many.
    static constexpr double events_kept = 8;
    /// A longer rest counts as this: what follows it is to tell as soon as it may.
    Duration longest_gap() const { return most_ * 8; }

    const Duration most_;
    Duration gap_;                ///< until the next event, as expected
    Instant last_;
    Instant until_;
};

}  // namespace ringpost::shard
