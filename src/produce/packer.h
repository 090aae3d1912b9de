// SPDX-License-Identifier: Apache-2.0
// Compression of batches on their way to a request, a slice a turn.
#pragma once

#include <memory>
#include <utility>
#include <vector>

#include "produce/batch_pool.h"
#include "produce/config.h"
#include "produce/delivery.h"
#include "produce/partition.h"
#include "produce/readiness.h"
#include "wire/codec.h"

namespace ringpost::produce {

/// A batch that a request would take is compressed first: at once if this turn has time for it,
/// else it queues here, and its partition is ready again when it is done. One batch is under way at
/// a time, so a codec and level need one compressor, however many partitions there are.
///
/// Thread:    one. Borrows everything.
/// Bounds:    work of one slice a turn, of one batch or several: some 100 us
///            (wire::Compressor::slice_bytes). Memory for what comes out is the pool's; where there
///            is none, or where it does not pay, a batch goes as it is.
/// Allocates: in open.
class Packer {
public:
    Packer(const Config& config, BatchPool& pool, Delivery& delivery, Readiness& readiness);

    /// Takes the compressors' memory, for all that the options name. Errors: out_of_memory.
    Result<void> open();
    /// A topic's codec and level, by its name.
    void set_up(Topic& topic) const;

    /// The batch takes no more records. True: it is as it goes to the broker.
    bool pack(Batch& batch, Instant now) {
        if (batch.topic->packing.codec == wire::Codec::none) [[likely]] return true;
        return batch.packing != Batch::Packing::not_yet || queue(batch, now);
    }
    /// Once a turn, before requests are made.
    void work(Instant now) {
        if (has_work()) run(now);
    }
    /// What the next turn finds in its events counts as its work already.
    void end_turn() {
        budget_ = 1;
        if (turns_since_ != UINT32_MAX) ++turns_since_;
    }
    /// Something compresses, and there is time in this turn for more, and memory for what need not
    /// be now.
    bool has_room() const {
        return !made_.empty() && !has_work() && budget_ > 0 && !pool_.packing_is_scarce();
    }
    bool has_work() const { return !delivery_.to_pack().empty(); }
    /// Turns have slices, or have had them just now.
    bool is_busy() const { return turns_since_ < 8 || has_work(); }

    /// A batch was too large for its broker: the estimate was wrong, or batch.size is too much.
    void forget_ratio(Topic& topic) const { expect(topic.packing, 1); }

private:
    struct Made {
        Compression what;
        std::unique_ptr<wire::Compressor> compressor;
    };

    bool queue(Batch& batch, Instant now);
    void run(Instant now);
    wire::Compressor& compressor_for(const Batch& batch) const;
    std::size_t slice_bytes(const Batch& batch) const;
    double cost_of_next(const Batch& batch) const;
    void step(Batch& batch);
    bool put(Batch& batch, ByteSpan bytes);
    void does_not_pay(TopicPacking& packing) const;
    void end_packed(Batch& batch) const;
    void end_plain(Batch& batch);
    void expect(TopicPacking& packing, float ratio) const;
    const Compression& asked_for(const Topic& topic) const;

    const Config& config_;
    BatchPool& pool_;
    Delivery& delivery_;
    Readiness& readiness_;
    std::vector<Made> made_;
    Block room_;          ///< for a slice that stands in several slabs
    double budget_ = 1;   ///< of this turn, in slices
    std::uint32_t turns_since_ = UINT32_MAX;   ///< since the last slice
};

}  // namespace ringpost::produce
