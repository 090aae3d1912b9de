// SPDX-License-Identifier: Apache-2.0
// The end of a batch: its lanes are told, its memory goes back. One place, so that each record gets
// exactly one report.
#pragma once

#include <cstdint>

#include <ringpost/delivery.h>

#include "produce/batch_pool.h"
#include "produce/flush_tracker.h"
#include "produce/partition.h"
#include "produce/readiness.h"
#include "produce/shares.h"

namespace ringpost::produce {

/// What became of a batch's records.
struct Outcome {
    Errc error = Errc::none;
    Errc last_error = Errc::none;
    std::int64_t base_offset = -1;
    std::int64_t log_append_time_ms = -1;
    bool may_have_been_written = false;
    Stage stage = Stage::none;

    static constexpr Outcome refused(Errc error, bool may_have_been_written = false) {
        return {.error = error, .last_error = error,
                .may_have_been_written = may_have_been_written};
    }
};

/// Where reports go: the shard's lanes.
class ReportSink {
public:
    virtual ~ReportSink() = default;
    /// Tells every lane with records in the batch. Returns how many of them will read the batch's
    /// bytes; each gives it back through ProducerCore::release_lent.
    virtual std::uint32_t on_resolved(const Batch& batch, const Outcome& outcome) = 0;
};

/// Thread: one. Borrows everything.
class Delivery {
public:
    Delivery(BatchPool& pool, FlushTracker& flushes, Shares& shares, ReportSink& sink)
        : pool_(pool), flushes_(flushes), shares_(shares), sink_(sink) {}

    /// Takes a new batch into the list of the unresolved. `parked`: whose records it takes over,
    /// and so its place; or null.
    void on_created(Batch& batch, Batch* parked = nullptr);
    /// The batch has taken another slab.
    void on_grown(const Batch& batch) {
        shares_.charge(*batch.partition, batch.slabs[batch.slab_count - 1].capacity);
    }
    /// The batch takes no more records.
    void on_sealed(Batch& batch) {
        batch.charged_records = batch.record_count;
        shares_.charge_records(*batch.partition, batch.charged_records);
    }
    /// A record joins the batch that is older than all in it: linger and timeouts count from there.
    void on_older(Batch& batch, Instant created);
    /// Reports the batch and takes it off every list; its memory goes as soon as nobody reads it.
    /// A batch in flight keeps its place and its memory until on_out_of_flight.
    void resolve(Batch& batch, const Outcome& outcome);
    /// The kernel and the broker are done with a batch that was reported while in flight.
    void drop_reported(Batch& batch);
    /// Gives a batch back that no record went into, or whose records moved on to other batches.
    void discard(Batch& batch);
    void release_lent(Batch& batch);

    /// The oldest unresolved batch, or null.
    Batch* oldest() const { return ages_.front(); }
    static Batch* next_oldest(const Batch& batch) { return decltype(ages_)::next(batch); }
    bool idle() const { return ages_.empty(); }
    /// Of those with a timeout of their own, the one that ends next; or null.
    Batch* next_to_time_out() const { return timeouts_.front(); }
    /// Open and not due, oldest first.
    List<Batch, &Batch::linger_hook>& lingering() { return lingering_; }
    void linger(Batch& batch);
    /// To be compressed; a batch leaves the list with its end, too.
    List<Batch, &Batch::pack_hook>& to_pack() { return to_pack_; }
    const List<Batch, &Batch::pack_hook>& to_pack() const { return to_pack_; }
    /// The batch has taken a piece for compressed records, or gives all of them back.
    void on_piece(const Batch& batch) {
        shares_.charge(*batch.partition, batch.pieces[batch.piece_count - 1].capacity);
    }
    void drop_pieces(Batch& batch) {
        shares_.discharge(*batch.partition, batch.packed_memory_bytes(), 0);
        pool_.drop_pieces(batch);
    }

    /// What has been reported so far, of one kind.
    struct Sum {
        std::uint64_t records = 0, batches = 0, bytes = 0;
    };
    const Sum& delivered() const { return delivered_; }
    const Sum& failed() const { return failed_; }

private:
    void insert_by_age(Batch& batch);
    void remove_by_age(Batch& batch);
    void unlink(Batch& batch);

    BatchPool& pool_;
    FlushTracker& flushes_;
    Shares& shares_;
    ReportSink& sink_;
    List<Batch, &Batch::age_hook> ages_;
    List<Batch, &Batch::timeout_hook> timeouts_;
    List<Batch, &Batch::linger_hook> lingering_;   ///< open and not due
    List<Batch, &Batch::pack_hook> to_pack_;       ///< sealed; see Packer
    Sum delivered_;
    Sum failed_;
};

}  // namespace ringpost::produce
