// SPDX-License-Identifier: Apache-2.0
// Topics and their partitions: where records wait. A queue belongs to the partition, not to the
// broker that happens to lead it.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include <ringpost/error.h>

#include "base/list.h"
#include "base/memory.h"
#include "base/time.h"
#include "produce/batch.h"
#include "wire/codec.h"
#include "wire/uuid.h"

namespace ringpost::produce {

struct Node;

/// What a partition, or a node, holds of the shard's memory and records; kept by Shares.
struct Share {
    std::size_t held = 0;              ///< bytes of batches that are queued or in flight
    std::uint64_t records = 0;         ///< in these, but for the open one
    bool full = false;
};

/// One partition's queue and its place in the idempotent sequence.
///
/// Invariant 1: `queue` is in sequence order: in flight and retry first, then sealed, the open one
///              last.
/// Invariant 2: on its node's ready list exactly if Readiness says so; never without a node.
struct alignas(64) Partition {
    Topic* topic = nullptr;
    std::int32_t index = 0;
    Node* node = nullptr;              ///< the leader; null: none known
    std::int32_t leader_epoch = -1;

    List<Batch, &Batch::queue_hook> queue;
    Batch* open = nullptr;             ///< the queue's last, if it takes records
    Share share;
    std::uint32_t in_flight = 0;
    std::uint32_t slab_wish = limits::slab_bytes_min;  ///< what the last batch came to

    /// One batch at a time until this leader has acknowledged one since the last trouble: a leader
    /// without state takes any base sequence, so a second batch could pass a refused first.
    bool gate_open = false;
    Instant retry_at;                  ///< no send before
    std::uint32_t failures = 0;        ///< since the last acknowledgement
    bool in_backoff = false;           ///< stands in Readiness' heap

    // Idempotence. Each partition has an epoch of its own: the broker keeps them apart by
    // partition, so one partition's trouble costs the others nothing.
    std::int64_t producer_id = -1;
    std::int16_t producer_epoch = 0;
    std::int32_t next_sequence = 0;
    bool bump_due = false;             ///< start a new epoch once nothing is in flight

    ListHook<Partition> ready_hook;    ///< Node::ready
    ListHook<Partition> filling_hook;  ///< Node::filling
    ListHook<Partition> id_hook;       ///< Readiness: waits for a producer id

    /// The batch that goes next, or null.
    Batch* next_batch() const {
        for (Batch* b = queue.front(); b != nullptr; b = queue.next(*b)) {
            if (b->state == Batch::State::in_flight) continue;
            if (b->state == Batch::State::open) return b->due ? b : nullptr;
            return b;
        }
        return nullptr;
    }
};

/// What Sticky keeps of a topic.
struct StickyState {
    std::int32_t partition = -1;     ///< -1: to be drawn
    std::uint64_t bytes = 0;         ///< that have gone there since it was drawn
    Vector<std::uint64_t> weights;   ///< of the partitions that are led, summed up; empty: unknown
    Instant weighed_at;
};

/// How a topic's batches are compressed, and what comes of it. Kept by Packer.
struct TopicPacking {
    wire::Codec codec = wire::Codec::none;
    std::uint32_t compressor = 0;    ///< Packer's number of the one with the codec and the level
    std::uint32_t batch_bytes = 0;   ///< plain ones that come to batch.size compressed
    float ratio = 1;                 ///< compressed to plain, of late
    std::uint32_t plain_left = 0;    ///< batches that go as they are until it is tried again
    std::uint32_t plain_next = 0;    ///< how many those will be, if it does not pay again
};

/// Everything known of a topic that this shard was asked to produce to.
struct Topic {
    enum class State : std::uint8_t {
        unknown,   ///< not answered for, or forgotten as unused: records are parked
        known,     ///< `partitions` says where records go
        missing,   ///< the cluster does not have it (yet): records are parked, for a while
        refused,   ///< the cluster won't have it: records fail with `error`, until `refused_until`
    };

    std::uint32_t id = 0;
    std::string name;
    State state = State::unknown;
    Errc error = Errc::none;
    Instant refused_until;                   ///< after it, a record asks the cluster again
    wire::Uuid uuid;
    std::uint32_t incarnation = 0;           ///< counts changes of `uuid`
    std::vector<std::unique_ptr<Partition>> partitions;
    std::uint32_t partition_count = 0;       ///< less than those, if it was made again with fewer
    std::vector<std::int32_t> with_leader;   ///< indexes of partitions that have a leader
    std::uint64_t view = 0;                  ///< of the cluster's, that this one is part of
    Instant used_at;                         ///< its last batch began, or later

    // What TopicsInUse keeps of it.
    enum class Asked : std::uint8_t {
        never,     ///< not in use
        first,     ///< something waits for an answer
        again,     ///< the last answer was not all that is needed
        in_turn,   ///< when a refresh comes to it
    };
    Asked asked = Asked::never;
    ListHook<Topic> use_hook;
    std::uint64_t question = 0;              ///< the last that asked for it
    Instant asked_at;
    bool pending = false;                    ///< no answer to that, or one that is not enough
    bool in_use() const { return asked != Asked::never; }

    /// Batches of raw entries, in order. While there are any, new records queue behind them.
    List<Batch, &Batch::queue_hook> parked;
    bool watched = false;                    ///< ProducerCore::missing_ has it
    bool to_unpark = false;                  ///< is in ProducerCore::to_unpark_
    std::uint32_t unpark_at = 0;             ///< bytes of the first parked slab already moved on
    std::uint32_t unpark_slab = 0;
    std::uint32_t unpark_run = 0;            ///< run and record within the run, likewise
    std::uint32_t unpark_run_used = 0;

    TopicPacking packing;
    StickyState sticky;                      ///< for records without a place of their own
    std::uint64_t turn = 0;                  ///< of round robin
};

}  // namespace ringpost::produce
