// SPDX-License-Identifier: Apache-2.0
// A refused batch, taken apart: its records go on in batches of their own, at its place.
#pragma once

#include <array>
#include <cstdint>
#include <span>

#include "produce/batch_pool.h"
#include "produce/delivery.h"
#include "produce/partition.h"

namespace ringpost::produce {

/// Thread: one. Borrows everything. The batch must be out of flight and unreported; what stood in
/// it keeps its age, its flush and its attempts.
///
/// Allocates: never; without memory in the pool nothing changes, and the answer says so.
class Rebatch {
public:
    Rebatch(BatchPool& pool, Delivery& delivery) : pool_(pool), delivery_(delivery) {}

    /// Two batches of about half the bytes, under the numbers that the whole one had. The batch has
    /// two records or more. False: no memory.
    bool halve(Batch& batch);

    /// Moves the named records to a batch of their own, which stands before that of the others, and
    /// returns it; null: no memory. Neither has numbers any more. `named`: indexes in the batch,
    /// rising; not none and not all.
    Batch* take_out(Batch& batch, std::span<const std::uint32_t> named);

private:
    using Parts = std::array<Batch*, 2>;
    /// `part_of(index)` says which of the two parts a record goes to, `bytes` what each comes to.
    template <typename PartOf>
    bool divide(Batch& batch, std::array<std::size_t, 2> bytes, Parts& parts, PartOf&& part_of);
    bool copy(Batch*& to, std::size_t bytes, ByteSpan tail, std::int64_t timestamp_ms,
              std::uint16_t lane, std::uint32_t slot);

    BatchPool& pool_;
    Delivery& delivery_;
};

}  // namespace ringpost::produce
