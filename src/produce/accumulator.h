// SPDX-License-Identifier: Apache-2.0
// From records to batches: the partition, the batch, the linger.
#pragma once

#include <cstdint>
#include <utility>

#include "base/prng.h"
#include "produce/batch_pool.h"
#include "produce/chooser.h"
#include "produce/cluster.h"
#include "produce/config.h"
#include "produce/delivery.h"
#include "produce/entry.h"
#include "produce/flush_tracker.h"
#include "produce/readiness.h"

namespace ringpost::produce {

/// Thread:    one.
/// Borrows:   everything.
/// Bounds:    the pool's memory; at its end append refuses and changes nothing.
/// Allocates: never.
class Accumulator {
public:
    enum class Appended : std::uint8_t {
        yes,
        no_memory,
        not_yet,   ///< what was parked for the topic moves first; parked behind it, it would be
                   ///< copied twice, and under load there would be no end of that
    };

    Accumulator(const Config& config, Cluster& cluster, BatchPool& pool, Delivery& delivery,
                Readiness& readiness, FlushTracker& flushes, Prng& prng)
        : config_(config), cluster_(cluster), pool_(pool), delivery_(delivery),
          readiness_(readiness), flushes_(flushes), chooser_(config, prng) {}

    /// Takes a record of `lane` into its batch, or parks it while its topic is unknown. A record
    /// that can't be sent at all (no such partition, a topic just refused) is taken, too, and
    /// reported as failed at the next `end_of_drain`.
    Appended append(const Entry& entry, std::uint16_t lane, Instant now);

    /// To be called where append had no memory, apart from it: it is the hottest of all.
    void on_refused(const Entry& entry);

    /// After a run of appends: partitions that got something to send become ready.
    void end_of_drain(Instant now);

    /// Moves what was parked for a topic that is known now, `records` at most, of which it takes
    /// off what it has moved. False: some are left, call again.
    bool unpark(Topic& topic, std::uint32_t& records, Instant now);
    /// Reports everything parked for the topic as failed.
    void fail_parked(Topic& topic, const Outcome& outcome);
    /// Reports one parked batch, or what is left of it, as failed.
    void fail_parked_batch(Batch& batch, const Outcome& outcome);
    /// Ends an open batch: it takes no more records.
    void seal(Partition& partition, Batch& batch, Instant now);

    /// Every open batch may leave: linger is over for all. For flush, stop and memory pressure.
    void make_all_due(Instant now) { due_until_ = now; }
    /// Whether callers have more for us than a turn takes: batches that are not full then leave a
    /// few at a time, the oldest first, and the others go on filling.
    void set_backlog(bool backlog) { backlog_ = backlog; }
    /// Open batches whose linger has passed, a bounded number of them.
    void on_deadline(Instant now);
    /// With linger.adaptive: if nothing is in flight to the node, linger is over for its batches,
    /// a bounded number of them; the others then have something to wait for.
    void look_if_idle(Node& node, Instant now);
    Instant next_deadline() const;

    /// Records that come until then fail at once, with `error`.
    void refuse_until(Instant until, Errc error) {
        refused_until_ = until;
        refusal_ = error;
    }

    /// A node that has taken nothing for too long gets no more records that may go elsewhere.
    void look_at_node(Node& node, Instant now);

private:
    struct Origin {                  ///< where a record counts from: now, or when it was parked
        Instant created;
        std::uint64_t flush_epoch;
        Batch* parked = nullptr;     ///< where it was
    };
    Appended append_to(Partition& partition, const Entry& entry, std::uint16_t lane,
                       const Origin& origin, Instant now);
    Appended place(Topic& topic, const Entry& entry, std::uint16_t lane, const Origin& origin,
                   Instant now);
    Appended park(Topic& topic, const Entry& entry, std::uint16_t lane, const Origin& origin,
                  Errc reject);
    Batch* batch_with_room(Partition& partition, const Entry& entry, const Origin& origin,
                           Instant now);
    Batch* open_batch(Partition& partition, const Entry& entry, const Origin& origin, Instant now);
    static void drop_moved(Topic& topic, Batch& batch);
    template <typename TakeEntry>
    bool walk_parked(Topic& topic, Batch& batch, TakeEntry&& take);
    void make_due(Batch& batch, Instant now);
    bool is_asked_for(Instant created, std::uint64_t flush_epoch) const;
    bool is_due(Instant created, std::uint64_t flush_epoch, Instant now) const;

    const Config& config_;
    Cluster& cluster_;
    BatchPool& pool_;
    Delivery& delivery_;
    Readiness& readiness_;
    FlushTracker& flushes_;
    Chooser chooser_;
    bool backlog_ = false;
    Errc refusal_ = Errc::none;
    Instant refused_until_;
    Instant due_until_;                          ///< what began until then does not linger
    List<Batch, &Batch::queue_hook> rejected_;   ///< parked-style batches to fail at end_of_drain
};

}  // namespace ringpost::produce
