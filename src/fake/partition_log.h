// SPDX-License-Identifier: Apache-2.0
// One partition's log in memory: what its leader checks, keeps and reads back.
#pragma once

#include <cstdint>
#include <deque>
#include <string_view>
#include <vector>

#include <ringpost/error.h>

#include "base/bytes.h"
#include "base/memory.h"
#include "fake/producer_states.h"

namespace ringpost::fake {

/// Kafka's max.message.bytes: a 1 MiB batch and what stands in front of its length.
inline constexpr std::uint32_t message_bytes_default = 1'048'588;

/// The answer to one batch.
struct Appended {
    Errc error = Errc::none;
    std::int64_t base_offset = -1;  ///< -1 on an error.
    bool duplicate = false;         ///< It stood in the log already, at `base_offset`.
    std::string_view reason;        ///< For a person; a literal. Empty when there is no error.
};

/// Where a record stands, and when it was made.
struct OffsetAndTimestamp {
    std::int64_t offset = -1;
    std::int64_t timestamp = -1;
};

/// Owns:      a copy of every batch, with base offset and leader epoch filled in.
/// Bounds:    none: everything is kept until `truncate` or `delete_before`.
/// Invariant: 1. offsets are dense from batch to batch; 2. `start_offset` <= `end_offset`.
class PartitionLog {
public:
    /// Checks `records` as a Kafka leader does and appends it. Exactly one batch of magic 2 is
    /// accepted. Records that are compressed are looked into, and kept as they came.
    Appended append(ByteSpan records, std::int32_t leader_epoch,
                    std::size_t message_bytes_max = message_bytes_default);

    /// Whole batches from the one that holds `offset` on: as many as fit `bytes_max` and lie in
    /// one piece of memory; at least one if `at_least_one`. Borrowed until the log changes; empty
    /// at the end.
    ByteSpan read(std::int64_t offset, std::size_t bytes_max, bool at_least_one) const;

    std::int64_t start_offset() const { return start_offset_; }
    std::int64_t end_offset() const { return end_offset_; }
    std::size_t stored_bytes() const { return stored_bytes_; }

    /// The first record with that timestamp or a later one, and the one with the largest. Offset
    /// -1 if there is none.
    OffsetAndTimestamp find_timestamp(std::int64_t timestamp) const;
    OffsetAndTimestamp find_max_timestamp() const;

    /// Loses every batch that reaches `offset` or beyond, as a new leader that had not replicated
    /// them yet. What is known of producers is what the rest of the log tells.
    void truncate(std::int64_t offset);
    /// Retention: drops what lies before `offset`.
    void delete_before(std::int64_t offset);
    /// The leader's memory of a producer id expires, or of all.
    void forget_producer(std::int64_t producer_id) { producers_.forget(producer_id); }
    void forget_producers();

    void check_invariants() const;

private:
    struct Batch {
        std::int64_t base_offset = 0;
        std::int64_t max_timestamp = 0;
        std::uint32_t position = 0;
        std::uint32_t bytes = 0;
    };
    /// Memory is taken once and never moves, so that what was read stays where it is.
    struct Segment {
        Block memory;
        std::uint32_t used = 0;
        std::vector<Batch> batches;

        ByteSpan bytes_of(const Batch& batch) const {
            return ByteSpan(memory.span()).subspan(batch.position, batch.bytes);
        }
    };

    Errc check(ByteSpan records, std::size_t message_bytes_max, wire::BatchHeader& header,
               std::string_view& reason) const;
    bool store(ByteSpan batch, const wire::BatchHeader& header, std::int32_t leader_epoch);
    Segment* room_for(std::size_t bytes);
    void rebuild_producers();

    std::deque<Segment> segments_;
    std::int64_t start_offset_ = 0;
    std::int64_t end_offset_ = 0;
    std::size_t stored_bytes_ = 0;
    ProducerStates producers_;
    std::int64_t producers_from_ = 0;  ///< Batches before it are forgotten as a source of state.
};

}  // namespace ringpost::fake
