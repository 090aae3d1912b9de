// SPDX-License-Identifier: Apache-2.0
// A log-linear histogram of durations, as HdrHistogram's: no value is off by more than 1/64 of
// itself, and recording one is a shift and an increment.
#pragma once

#include <algorithm>
#include <bit>
#include <cstdint>
#include <vector>

namespace ringpost::bench {

/// Owns:      its buckets, touched at the start so that recording never faults.
/// Bounds:    2^40 ns (18 minutes); what is longer counts as that, but for max().
class Histogram {
public:
    void record(std::int64_t ns) {
        const auto value = static_cast<std::uint64_t>(std::max<std::int64_t>(ns, 0));
        ++counts_[bucket_of(std::min(value, value_max))];
        ++total_;
        max_ = std::max(max_, value);
    }
    void clear() {
        std::fill(counts_.begin(), counts_.end(), 0);
        total_ = 0;
        max_ = 0;
    }
    std::uint64_t total() const { return total_; }
    std::uint64_t max() const { return max_; }

    /// The smallest value that `fraction` of all are no larger than, to its bucket's upper end, and
    /// never above max(). 0 if there is none.
    std::uint64_t at(double fraction) const {
        const auto wanted = static_cast<std::uint64_t>(fraction * static_cast<double>(total_));
        std::uint64_t seen = 0;
        for (std::size_t i = 0; i < counts_.size(); ++i) {
            seen += counts_[i];
            if (counts_[i] != 0 && (seen > wanted || seen == total_)) {
                return std::min(upper_end(i), max_);
            }
        }
        return 0;
    }

private:
    static constexpr unsigned linear_bits = 6;    ///< 64 buckets a power of two
    static constexpr unsigned value_bits = 40;
    static constexpr std::uint64_t value_max = (1ULL << value_bits) - 1;
    static constexpr std::uint64_t linear = 1ULL << linear_bits;

    /// Below 64 the value itself; above, its power of two and the six bits after the first.
    static std::size_t bucket_of(std::uint64_t value) {
        if (value < linear) return value;
        const unsigned shift = static_cast<unsigned>(std::bit_width(value)) - linear_bits - 1;
        return shift * linear + (value >> shift);
    }
    static std::uint64_t upper_end(std::size_t bucket) {
        if (bucket < linear) return bucket;
        const std::size_t shift = bucket / linear - 1;
        return ((bucket - shift * linear + 1) << shift) - 1;
    }

    std::vector<std::uint64_t> counts_ =
        std::vector<std::uint64_t>((value_bits - linear_bits + 1) * linear);
    std::uint64_t total_ = 0;
    std::uint64_t max_ = 0;
};

}  // namespace ringpost::bench
