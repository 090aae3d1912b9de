// SPDX-License-Identifier: Apache-2.0
// The shard's view of the cluster: nodes, topics, who leads what.
#pragma once

#include <tsl/robin_map.h>

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/hash.h"
#include "base/prng.h"
#include "broker/setup_turns.h"
#include "produce/config.h"
#include "produce/node.h"
#include "produce/partition.h"
#include "produce/shares.h"
#include "produce/topics_in_use.h"
#include "wire/metadata.h"

namespace ringpost::produce {

/// Thread:    one.
/// Owns:      nodes, topics and partitions; a node or topic is never removed, so pointers hold.
/// Bounds:    limits::brokers_max nodes; answers may name more, to no effect.
/// Allocates: when metadata brings something new.
class Cluster {
public:
    Cluster(const Config& config, Shares& shares, Prng& prng);

    std::vector<std::unique_ptr<Node>>& nodes() { return nodes_; }
    Node* node_by_id(std::int32_t id);

    /// Topics by the producer's own handle; null if this shard never heard of it.
    Topic* topic(std::uint32_t id) {
        return id < topics_.size() ? topics_[id].get() : nullptr;
    }
    /// It is not in use yet.
    Topic& add_topic(std::uint32_t id, std::string_view name);
    /// Something is produced to the topic: metadata is to be asked for it.
    void use(Topic& topic, Instant now);
    TopicsInUse& topics_in_use() { return in_use_; }
    Topic* topic_by_name(std::string_view name);
    Topic* topic_by_uuid(const wire::Uuid& uuid);

    /// What an answer changed, for those who keep queues.
    struct Change {
        std::vector<Topic*> topics;          ///< answered for: state, count or a leader may differ
        std::vector<Partition*> moved;       ///< leader changed, appeared or went
    };
    /// Takes an answer over. False if it is of no use (no broker in it).
    bool apply(const wire::MetadataResponse& response, Change& change);

    /// KIP-951: a leader named by a produce response. False if it is older or its node unknown.
    bool apply_leader_hint(Partition& partition, std::int32_t node_id, std::int32_t leader_epoch);

    /// A hint's leader that has no node, or one that is gone.
    bool is_unknown_leader(std::int32_t node_id) {
        if (node_id < 0) [[likely]] return false;
        const Node* node = node_by_id(node_id);
        return node == nullptr || node->gone;
    }
    /// KIP-951: where such a leader is. Of the others the metadata knows better.
    void apply_endpoint(std::int32_t node_id, std::string_view host, std::int32_t port);

    /// What a connection last met, of the first that has met anything.
    Errc connection_error() const;

    /// Adds the bootstrap addresses as nodes of their own where no node has them (KIP-899).
    void add_seeds();
    /// Nobody leads anything and every broker is gone, until an answer from a bootstrap address,
    /// looked up anew, says otherwise (KIP-1102). Batches stay where they are. Topics follow as
    /// walk comes to them.
    void rebootstrap(Instant now);

    /// Every topic has to learn what has become of the cluster, or of a node.
    void begin_walk() { walk_left_ = topics_.size(); }
    /// Tells the next of them.
    void walk();
    bool walking() const { return walk_left_ != 0; }

private:
    void apply_brokers(const wire::MetadataResponse& response);
    void apply_topic(const wire::MetadataResponse::Topic& answer, Change& change);
    void follow_view(Topic& topic, Change& change);
    void set_leader(Partition& partition, Node* node, Change& change);
    /// Null at limits::brokers_max.
    Node* add_node(std::int32_t id, std::string host, std::uint16_t port);

    const Config& config_;
    Shares& shares_;
    Prng& prng_;
    broker::SetupTurns setup_turns_;
    std::vector<std::unique_ptr<Node>> nodes_;
    std::vector<std::unique_ptr<Topic>> topics_;
    TopicsInUse in_use_;
    std::uint64_t view_ = 0;                ///< counts rebootstraps
    std::size_t walk_left_ = 0;             ///< topics that walk has yet to come to
    std::size_t walk_at_ = 0;
    tsl::robin_map<std::string, Topic*, NameHash, NameEqual> by_name_;
    tsl::robin_map<wire::Uuid, Topic*, wire::UuidHash> by_uuid_;
    std::string cluster_id_;
};

}  // namespace ringpost::produce
