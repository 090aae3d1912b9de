// SPDX-License-Identifier: Apache-2.0
// Records of one partition on their way: open, sealed, in flight, resolved.
#pragma once

#include <array>
#include <cstdint>
#include <span>

#include <ringpost/error.h>

#include "base/assert.h"
#include "base/bytes.h"
#include "base/crc32c.h"
#include "base/limits.h"
#include "base/list.h"
#include "base/time.h"
#include "wire/uuid.h"

namespace ringpost::produce {

struct Partition;
struct Topic;

/// Consecutive records of one lane whose tags lie in consecutive slots.
struct Run {
    std::uint32_t first_slot;
    std::uint16_t count;
    std::uint16_t lane;
};
static_assert(sizeof(Run) == 8);

/// One piece of a batch's memory: records grow from its front, runs from its back.
struct Slab {
    std::byte* memory = nullptr;
    std::uint32_t capacity = 0;
    std::uint32_t used = 0;
    std::uint32_t run_count = 0;

    std::uint32_t room() const {
        return capacity - used - run_count * static_cast<std::uint32_t>(sizeof(Run));
    }
    ByteSpan bytes() const { return {memory, used}; }
    /// The i-th run in the order of the records.
    Run& run(std::uint32_t i) const {
        return *reinterpret_cast<Run*>(memory + capacity - (i + 1) * sizeof(Run));
    }
};

/// A piece of the memory for a batch's records as they were compressed.
struct PackedPiece {
    std::byte* memory = nullptr;
    std::uint32_t capacity = 0;
    std::uint32_t used = 0;

    std::uint32_t room() const { return capacity - used; }
    ByteSpan bytes() const { return {memory, used}; }
};

/// A record batch under way, in the bytes that go to the broker, in one slab or several. A *parked*
/// batch (partition null) holds raw entries instead, of a topic whose partitions aren't known.
///
/// A *packed* batch has its records a second time, compressed, and these go to the broker; the
/// plain ones stay for reports, and to be taken apart.
///
/// Invariant 1: from its first send on, records, order, base sequence, producer id and epoch stay.
/// Invariant 2: its memory is given back when it is resolved, its bytes are out of the kernel's
///              hands, and no lane still reads it.
struct alignas(64) Batch {
    enum class State : std::uint8_t {
        free,
        open,       ///< takes records
        sealed,     ///< takes no more; waits for a request
        in_flight,  ///< named by a request
        retry,      ///< was in flight; waits to be sent again, byte for byte
        lent,       ///< resolved; lanes read its records' bytes
    };

    enum class Packing : std::uint8_t {
        not_yet,  ///< nobody has asked; while it stands in a Packer's queue, it is under way
        plain,    ///< it goes as it is
        packed,
    };

    State state = State::free;
    Packing packing = Packing::not_yet;
    bool due = false;            ///< open, but may be taken: linger is over, or somebody flushes
    bool sequenced = false;      ///< has a producer id, epoch and base sequence
    bool maybe_written = false;  ///< see mark_maybe_written
    bool reported = false;       ///< in flight, but its lanes have been told that it timed out
    bool parked = false;         ///< holds raw entries; counts against the pool's share for those
    bool written = false;        ///< header and CRC stand in the memory
    std::uint8_t attempts = 0;
    Errc last_error = Errc::none;

    std::uint32_t slab_count = 0;
    std::uint32_t record_count = 0;
    std::uint32_t bytes = 0;         ///< of all slabs' records, batch header included
    std::uint32_t bytes_max = 0;     ///< a record that makes it more than that belongs to the next
    std::uint32_t timeout_ms = 0;    ///< of all its records, if they have one of their own; else 0
    std::int64_t base_timestamp_ms = 0;
    std::int64_t max_timestamp_ms = 0;
    Instant created;  ///< when its first record came; linger and timeouts count from it
    std::array<Slab, limits::batch_slabs_max> slabs;

    Partition* partition = nullptr;
    Topic* topic = nullptr;
    std::uint32_t packed_bytes = 0;  ///< so far: of all packed pieces, batch header included
    Crc32c packed_crc;               ///< of them without the header
    std::uint32_t packed_from = 0;   ///< of `bytes` without the header: compressed so far
    std::uint32_t piece_count = 0;   ///< packed ones
    std::uint32_t lenders = 0;       ///< lanes that still read it
    std::uint32_t charged_records = 0;   ///< to its partition's share

    std::int64_t producer_id = -1;
    std::int32_t base_sequence = -1;
    std::int16_t producer_epoch = -1;

    std::int32_t node = -1;          ///< in flight: the node's index and the slot's number
    std::uint32_t slot = 0;
    std::int32_t broker = -1;        ///< Kafka's id of the node that it was last sent to

    std::uint32_t incarnation = 0;   ///< Topic::incarnation at the last request
    wire::Uuid sent_to;              ///< the topic's id in the last request; zero: by name
    wire::Uuid maybe_in;             ///< which topic it was maybe written to; zero: any of its name

    std::uint64_t flush_epoch = 0;

    ListHook<Batch> queue_hook;      ///< Partition::queue, or Topic::parked
    ListHook<Batch> linger_hook;     ///< open batches, oldest first
    ListHook<Batch> age_hook;        ///< all unresolved batches, oldest first
    ListHook<Batch> timeout_hook;    ///< those with a timeout of their own, the next to end first
    ListHook<Batch> pack_hook;       ///< to be compressed, in turn

    std::array<PackedPiece, limits::packed_pieces_max> pieces;

    Slab& last_slab() {
        RINGPOST_ASSERT(slab_count != 0);
        return slabs[slab_count - 1];
    }
    std::span<const Slab> used_slabs() const { return {slabs.data(), slab_count}; }
    std::span<const PackedPiece> packed_pieces() const { return {pieces.data(), piece_count}; }
    /// Of the arena: what stays taken while a lane reads the batch.
    std::size_t memory_bytes() const {
        std::size_t sum = packed_memory_bytes();
        for (const Slab& slab : used_slabs()) sum += slab.capacity;
        return sum;
    }
    std::size_t packed_memory_bytes() const {
        std::size_t sum = 0;
        for (const PackedPiece& piece : packed_pieces()) sum += piece.capacity;
        return sum;
    }

    // As it goes to the broker: header and records, compressed or not.

    bool is_packed() const { return packing == Packing::packed; }
    std::uint32_t wire_bytes() const { return is_packed() ? packed_bytes : bytes; }
    std::uint32_t wire_piece_count() const { return is_packed() ? piece_count : slab_count; }
    std::byte* wire_header() const { return is_packed() ? pieces[0].memory : slabs[0].memory; }
    ByteSpan wire_piece(std::uint32_t i) const {
        return is_packed() ? pieces[i].bytes() : slabs[i].bytes();
    }

    /// Only with a timeout of its own.
    Instant deadline() const { return created + Duration::ms(timeout_ms); }

    /// An attempt may have been appended without our knowing.
    void mark_maybe_written() {
        const bool one_place = !maybe_written || maybe_in == sent_to;
        maybe_in = one_place ? sent_to : wire::Uuid{};
        maybe_written = true;
    }

    /// Notes who produced the record just appended. The caller has checked for a Run's room.
    void add_run(std::uint16_t lane, std::uint32_t slot_number) {
        Slab& slab = last_slab();
        if (slab.run_count != 0) {
            Run& last = slab.run(slab.run_count - 1);
            if (last.lane == lane && last.first_slot + last.count == slot_number &&
                last.count != UINT16_MAX) {
                ++last.count;
                return;
            }
        }
        RINGPOST_ASSERT(slab.room() >= sizeof(Run));
        slab.run(slab.run_count++) = {slot_number, 1, lane};
    }
};

}  // namespace ringpost::produce
