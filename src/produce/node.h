// SPDX-License-Identifier: Apache-2.0
// A broker as one shard sees it: an address, a connection, the partitions that wait for it.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/limits.h"
#include "base/list.h"
#include "base/memory.h"
#include "broker/connection.h"
#include "produce/broker_counters.h"
#include "produce/partition.h"

namespace ringpost::produce {

/// What a request slot stands for, on this side.
struct InFlight {
    Vector<Batch*> batches;     ///< of a Produce request, in its order
    bool metadata = false;
    bool producer_id = false;
};

struct Node {
    std::uint32_t index = 0;        ///< in Cluster::nodes, and the token of its socket
    std::int32_t id = -1;           ///< Kafka's node id; negative: a bootstrap address
    std::string host;
    std::uint16_t port = 0;
    bool gone = false;              ///< no longer in the metadata
    Instant blocked_since = Instant::never();  ///< batches are ready for it, and it took none
    bool left_out = false;          ///< of what the sticky partition is drawn from
    Share share;                    ///< of all partitions that it leads
    bool address_changed = false;   ///< reconnect under the new address once closed

    broker::Connection connection;
    List<Partition, &Partition::ready_hook> ready;
    /// With linger.adaptive: those whose open batch has begun to linger since the node was idle.
    List<Partition, &Partition::filling_hook> filling;
    std::array<InFlight, limits::request_slots> in_flight;
    BrokerCounters* counters = nullptr;   ///< null: no records have been sent there
    bool counted_up = false;              ///< among the connections that are up

    /// No produce request is unanswered.
    bool is_idle() const {
        return std::all_of(in_flight.begin(), in_flight.end(),
                           [](const InFlight& what) { return what.batches.empty(); });
    }
    std::string address_text() const { return host + ":" + std::to_string(port); }
    /// It is part of the cluster, under this address.
    void is_at(std::string_view host_, std::uint16_t port_) {
        gone = false;
        if (host == host_ && port == port_) return;
        host = host_;
        port = port_;
        address_changed = true;
    }

    /// A slot for a Produce request, with room for its batches; null as Connection::try_begin.
    broker::RequestSlot* try_begin_produce(Instant now) {
        broker::RequestSlot* slot = connection.try_begin(wire::ApiKey::produce, now);
        if (slot != nullptr && in_flight[0].batches.capacity() == 0) [[unlikely]] make_room();
        return slot;
    }

    Node(std::uint32_t index_, std::int32_t id_, std::string host_, std::uint16_t port_,
         const broker::ConnectionOptions& options, broker::SetupTurns& turns, Prng& prng)
        : index(index_), id(id_), host(std::move(host_)), port(port_),
          connection(options, turns, address_text(), prng) {}

private:
    /// As the connection does it for its own part: all at once, with the first request.
    void make_room() {
        for (std::uint32_t i = 0; i < limits::inflight_requests_max; ++i) {
            in_flight[i].batches.reserve(limits::request_partitions_max);
        }
    }
};

/// Its open batch, if there is one, lingers until its leader is idle at most.
inline void fill_until_idle(Partition& partition) {
    if (partition.open == nullptr || partition.node == nullptr) return;
    if (!partition.filling_hook.linked) partition.node->filling.push_back(partition);
}

/// It, or its leader, holds its share of the memory already.
inline bool is_full(const Partition& partition) {
    return partition.share.full || (partition.node != nullptr && partition.node->share.full);
}

}  // namespace ringpost::produce
