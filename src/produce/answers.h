// SPDX-License-Identifier: Apache-2.0
// What comes of a Produce request: acknowledged, sent again in order, or failed.
#pragma once

#include "base/prng.h"
#include "produce/cluster.h"
#include "produce/config.h"
#include "produce/delivery.h"
#include "produce/readiness.h"
#include "produce/packer.h"
#include "produce/rebatch.h"
#include "produce/sequence.h"
#include "wire/produce_response_reader.h"

namespace ringpost::produce {

/// Thread: one. Borrows everything.
class Answers {
public:
    Answers(const Config& config, Cluster& cluster, BatchPool& pool, Delivery& delivery,
            const Packer& packer, Readiness& readiness, ProducerIdentity& identity, Prng& prng)
        : config_(config), cluster_(cluster), rebatch_(pool, delivery), delivery_(delivery),
          packer_(packer), readiness_(readiness), identity_(identity), prng_(prng) {}

    /// What the owner has to do after an answer.
    struct Todo {
        bool malformed = false;          ///< the connection is not to be trusted any further
        Errc producer_failed = Errc::none;  ///< all that waits would fail with this
        std::int32_t throttle_ms = 0;
    };

    Todo on_response(Node& node, std::uint32_t slot, std::int16_t version, ByteSpan body,
                     Instant now);
    /// acks=0: the bytes are the kernel's.
    void on_sent_unacknowledged(Node& node, std::uint32_t slot, Instant now);
    /// No answer will come. `written`: bytes of the request may have reached the broker.
    void on_lost(Node& node, std::uint32_t slot, Errc error, bool written, Instant now);

    /// Ends a batch that is not in flight, with an error.
    void fail(Batch& batch, const Outcome& outcome, Instant now);
    /// A sequence was used up for nothing: a new epoch, as soon as nothing is in flight.
    void want_bump(Partition& partition, Instant now);

private:
    Batch* find(Node& node, std::uint32_t slot, std::size_t hint,
                const wire::ProducePartitionResult& result);
    void learn_endpoints(ByteSpan body, std::int16_t version);
    void on_result(Node& node, Batch& batch, const wire::ProducePartitionResult& result,
                   std::int16_t version, Todo& todo, Instant now);
    void on_too_large(Batch& batch, Errc error, Instant now);
    void on_invalid_records(Batch& batch, const wire::ProducePartitionResult& result,
                            std::int16_t version, Instant now);
    void refuse(Batch& batch, const wire::ProducePartitionResult& result, Instant now);
    void land(Batch& batch);
    void acknowledge(Node& node, Batch& batch, std::int64_t base_offset,
                     std::int64_t log_append_time_ms, Instant now);
    void retry(Batch& batch, Errc error, bool now_without_backoff, Instant now);
    void on_sequence_error(Batch& batch, Errc error, Instant now);
    bool is_head(const Batch& batch) const;
    void settle(Partition& partition, Instant now);
    Duration backoff(std::uint32_t failures);

    const Config& config_;
    Cluster& cluster_;
    Rebatch rebatch_;
    Delivery& delivery_;
    const Packer& packer_;
    Readiness& readiness_;
    ProducerIdentity& identity_;
    Prng& prng_;
};

}  // namespace ringpost::produce
