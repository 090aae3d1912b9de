// SPDX-License-Identifier: Apache-2.0
// What the leader of one partition remembers of the idempotent producers that wrote to it. KIP-98.
#pragma once

#include <tsl/robin_map.h>

#include <array>
#include <cstdint>
#include <optional>

#include <ringpost/error.h>

#include "wire/record_batch.h"

namespace ringpost::fake {

/// Batches that a leader remembers of one producer id: ProducerStateEntry.NUM_BATCHES_TO_RETAIN.
inline constexpr std::uint32_t batches_remembered = 5;

/// The sequence that follows `sequence` by `increment`: after INT32_MAX comes 0.
std::int32_t add_to_sequence(std::int32_t sequence, std::int32_t increment);

/// One partition's table of producer ids, with ProducerStateManager's rules for plain (not
/// transactional) idempotent batches.
///
/// Allocates: an entry a producer id; it has no bound but `forget`.
class ProducerStates {
public:
    struct Verdict {
        Errc error = Errc::none;
        /// The offset at which this very batch stands already.
        std::optional<std::int64_t> duplicate_of;
    };

    /// What is to be done with a batch. One without a producer id may always be appended.
    Verdict check(const wire::BatchHeader& batch) const;

    /// The batch was appended; `check` had nothing against it.
    void on_append(const wire::BatchHeader& batch, std::int64_t base_offset);

    void forget(std::int64_t producer_id) { states_.erase(producer_id); }
    void forget_all() { states_.clear(); }
    std::size_t size() const { return states_.size(); }

private:
    struct Known {
        std::int32_t first_sequence;
        std::int32_t last_sequence;
        std::int64_t base_offset;
    };
    /// Invariant: `count` is at least 1: an entry is made by a batch.
    struct State {
        std::int16_t epoch = 0;
        std::uint32_t count = 0;
        std::uint32_t newest = 0;  ///< Index of the batch that came last.
        std::array<Known, batches_remembered> batches{};
    };

    tsl::robin_map<std::int64_t, State> states_;
};

}  // namespace ringpost::fake
