// SPDX-License-Identifier: Apache-2.0
// The shard's side of its lanes: draining records, writing reports, letting lanes go.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <vector>

#include "base/fifo.h"
#include "base/histogram.h"
#include "base/limits.h"
#include "produce/producer_core.h"
#include "shard/lane_channel.h"

namespace ringpost::shard {

/// Thread:    the shard's, but for `add`.
/// Owns:      its references to the channels.
/// Bounds:    limits::lanes_max lanes; lent memory: half of the arena, then reports come without
///            their records' bytes.
class Lanes final : public produce::ReportSink {
public:
    /// Any thread. The caller then wakes the shard.
    void add(LaneChannelRef channel);

    /// What time the reports that follow are written at.
    void at(Instant now) { now_ = now; }

    /// `latency`: gets that of each delivered batch; null: nobody wants it.
    void bind(produce::ProducerCore& core, Duration delivery_timeout,
              SharedHistogram* latency = nullptr) {
        core_ = &core;
        delivery_timeout_ = delivery_timeout;
        latency_ = latency;
    }

    struct Drained {
        std::uint64_t bytes = 0; ///< of the rings, that were taken
        bool blocked = false;    ///< there was no memory for a record
        bool more = false;       ///< a lane has more than its share of a turn
    };
    /// Takes records from every lane, `ProducerCore::turn_bytes` at most of each. `created` is when
    /// they count as having come.
    Drained drain(Instant now, Instant created);
    /// When a record that finds no memory times out in its ring, or the rings are to be looked at.
    Instant next_deadline() const;
    /// Takes back what lanes have polled past, and forgets lanes that are closed and done.
    void collect();

    /// Marks the lanes' present ends; drained_to_marks says whether all of it has been taken.
    void mark();
    bool drained_to_marks() const;
    /// Reports what is left in front of the marks as purged, without its bytes.
    void purge_to_marks(Instant now);
    bool empty() const;
    /// Sets each lane's wake-up threshold: so many more bytes; none, where one waits for memory.
    void set_wake_thresholds(std::uint64_t bytes);
    /// Whether a caller has come to a limit: then nothing lingers.
    bool take_pressed();
    /// Something lies beyond a threshold: do not sleep.
    bool beyond_threshold() const;
    /// Whoever waits for room is to look again.
    void notify_all();
    /// No lane's records are read any more; waiters are told.
    void finish();

    std::size_t count() const { return open_count_; }
    /// How many lanes' places a turn looks at.
    std::size_t places() const { return lanes_.size(); }
    /// Adds what is known here: what was taken, and what failed before there was memory for it.
    std::uint64_t records_taken() const { return records_taken_; }
    void count(ShardCounters& counters) const;

    std::uint32_t on_resolved(const produce::Batch& batch,
                              const produce::Outcome& outcome) override;

private:
    struct Lent {
        produce::Batch* batch;
        std::uint64_t until;          ///< the report ring's position that ends the loan
    };
    /// Everything before `position` had been published by then.
    struct Waiting {
        std::uint64_t position;
        Instant since;
    };
    struct Lane {
        LaneChannelRef channel;
        std::uint64_t taken = 0;      ///< records
        std::uint64_t reported = 0;
        std::uint64_t failed = 0;
        std::uint64_t mark = 0;
        Fifo<Lent> lent;
        Fifo<Waiting> waiting;   ///< while there is no memory: since when, up to where
        Instant look_at = Instant::never();
        bool blocked = false;    ///< the last drain found no memory for its next record
        // The entry under way while a batch is walked.
        std::byte* entry = nullptr;
        std::uint32_t entry_runs = 0;
        std::uint32_t next_index = 0; ///< first record of the batch not covered by runs so far
        std::uint32_t in_batch = 0;   ///< records
        bool touched = false;         ///< has records in the batch
        bool told = false;            ///< somebody reads its reports
        bool lend = false;            ///< with their records' bytes
    };

    void meet_new();
    void meet_topic(const produce::Entry& entry, Instant now);
    void trim();
    Duration timeout_of(const produce::Entry& entry) const;
    static Instant accepted_by(Lane& lane, Instant created);
    void note_waiting(Lane& lane, bool blocked, Instant created, Instant now);
    void report_from_ring(Lane& lane, const produce::Entry& entry, Instant accepted, Errc error);
    static void count_reported(Lane& lane, std::uint32_t records, bool failed);
    static bool collectable(const Lane& lane);
    void drain_lane(Lane& lane, std::uint16_t number, Instant now, Instant created,
                    Drained& drained);
    Lane& touch(std::uint16_t number, bool failed, bool room);
    void add_run(Lane& lane, const produce::Batch& batch, const produce::Outcome& outcome,
                 const produce::Run& run, std::uint32_t index);
    void begin_entry(Lane& lane, const produce::Batch& batch, const produce::Outcome& outcome,
                     std::uint32_t index);
    void end_entry(Lane& lane);

    produce::ProducerCore* core_ = nullptr;
    std::vector<std::unique_ptr<Lane>> lanes_;     ///< by number; null: free
    std::vector<std::uint16_t> free_numbers_;
    std::vector<Lane*> touched_;                   ///< lanes of the batch being walked
    std::size_t open_count_ = 0;
    std::size_t first_ = 0;                        ///< the lane that a drain begins with
    std::uint64_t records_taken_ = 0;
    std::uint64_t bytes_taken_ = 0;
    std::uint64_t bytes_left_ = 0;                 ///< in the rings, by the last drain
    std::uint64_t records_without_memory_ = 0;
    std::uint64_t bytes_without_memory_ = 0;
    SharedHistogram* latency_ = nullptr;
    Duration delivery_timeout_;
    Instant now_;
    std::size_t lent_bytes_ = 0;

    std::mutex new_mutex_;                         ///< cold: taken when a lane is opened
    std::vector<LaneChannelRef> new_;
    std::atomic<bool> has_new_{false};             ///< written under new_mutex_
};

}  // namespace ringpost::shard
