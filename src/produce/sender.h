// SPDX-License-Identifier: Apache-2.0
// From ready partitions to Produce requests: one batch a partition, all ready partitions of a
// broker in one request.
#pragma once

#include "produce/accumulator.h"
#include "produce/config.h"
#include "produce/delivery.h"
#include "produce/node.h"
#include "produce/packer.h"
#include "produce/readiness.h"
#include "produce/sequence.h"

namespace ringpost::produce {

/// Thread:    one. Borrows everything.
/// Bounds:    Config::request_bytes_max (but always one batch), limits::request_partitions_max
///            batches, limits::send_pieces_max pieces and limits::request_frame_bytes a request.
class Sender {
public:
    Sender(const Config& config, Accumulator& accumulator, Packer& packer, Readiness& readiness,
           ProducerIdentity& identity, Delivery& delivery)
        : config_(config),
          accumulator_(accumulator),
          packer_(packer),
          readiness_(readiness),
          identity_(identity),
          delivery_(delivery) {}

    /// Makes requests of the node's ready partitions while its connection takes them.
    void fill(Node& node, Instant now);

    /// What has been sent so far; what is sent again counts again.
    struct Sent {
        std::uint64_t batches = 0, retried = 0, records = 0, batch_bytes = 0, plain_bytes = 0;
        std::uint64_t requests = 0, request_bytes = 0;
    };
    const Sent& sent() const { return sent_; }
    const BrokerBoard& brokers() const { return brokers_; }

private:
    /// Picks batches for one request into the slot's InFlight; false if all that it came to were
    /// resolved instead.
    bool pick(Node& node, std::uint32_t slot, Instant now);
    /// False: it goes later, or its records have just failed. It is not ready any more.
    bool prepare(Partition& partition, Batch& batch, std::int16_t version, Instant now);
    void pack_ahead(Node& node, Instant now);
    void refuse(Partition& partition, Batch& batch, Errc error, Instant now);
    void encode(Node& node, broker::RequestSlot& slot);

    const Config& config_;
    Accumulator& accumulator_;
    Packer& packer_;
    Readiness& readiness_;
    ProducerIdentity& identity_;
    Delivery& delivery_;
    Sent sent_;
    BrokerBoard brokers_;
};

}  // namespace ringpost::produce
