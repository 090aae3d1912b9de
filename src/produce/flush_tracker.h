// SPDX-License-Identifier: Apache-2.0
// Which batches a flush waits for: those that began before it.
#pragma once

#include <array>
#include <cstdint>

#include "base/assert.h"

namespace ringpost::produce {

/// Each batch carries the epoch in which its first record came. A flush ends an epoch, and is done
/// when no unresolved batch of that epoch or an earlier one is left.
///
/// Bounds: `epochs_max` epochs with unresolved batches; can_begin() is false at the end.
class FlushTracker {
public:
    std::uint64_t epoch() const { return epoch_; }
    bool can_begin() const { return epoch_ + 1 - oldest_ < epochs_max; }
    /// Returns the epoch to wait for; later batches are not part of it.
    std::uint64_t begin() {
        RINGPOST_ASSERT(can_begin());
        const std::uint64_t ended = epoch_++;
        advance();
        return ended;
    }
    bool done(std::uint64_t epoch) const { return epoch < oldest_; }
    bool ended(std::uint64_t epoch) const { return epoch < epoch_; }

    void on_batch(std::uint64_t epoch) {
        RINGPOST_ASSERT(epoch >= oldest_ && epoch <= epoch_);
        ++unresolved_[epoch % epochs_max];
    }
    void on_resolved(std::uint64_t epoch) {
        RINGPOST_ASSERT(epoch >= oldest_ && epoch <= epoch_);
        RINGPOST_ASSERT(unresolved_[epoch % epochs_max] != 0);
        --unresolved_[epoch % epochs_max];
        advance();
    }
    void advance() {
        while (oldest_ < epoch_ && unresolved_[oldest_ % epochs_max] == 0) ++oldest_;
    }

private:
    static constexpr std::uint64_t epochs_max = 64;
    std::uint64_t epoch_ = 0;
    std::uint64_t oldest_ = 0;   ///< the oldest epoch that may have unresolved batches
    std::array<std::uint32_t, epochs_max> unresolved_{};
};

}  // namespace ringpost::produce
