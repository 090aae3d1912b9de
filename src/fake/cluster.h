// SPDX-License-Identifier: Apache-2.0
// The state that the brokers of a fake cluster share: nodes, topics, leaders, logs, producer ids.
#pragma once

#include <tsl/robin_map.h>

#include <cstdint>
#include <deque>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <ringpost/error.h>

#include "base/hash.h"
#include "base/prng.h"
#include "fake/faults.h"
#include "fake/groups.h"
#include "fake/partition_log.h"
#include "wire/api_versions.h"
#include "wire/uuid.h"

namespace ringpost::fake {

struct ClusterOptions {
    std::uint32_t brokers = 1;     ///< Node ids are 1 and up.
    std::uint32_t partitions = 1;  ///< Of a topic that is created automatically.
    bool auto_create = true;       ///< By a metadata request that allows it.
    std::uint32_t message_bytes_max = message_bytes_default;
    /// Produce is answered, with base offset 0, but the records are neither looked at nor kept.
    bool discard = false;
    /// Metadata answers that say LEADER_NOT_AVAILABLE of a topic just created automatically.
    std::uint32_t creation_delay_answers = 0;
    /// What ApiVersions tells, in the place of all that this broker can do: an older Kafka.
    std::vector<wire::ApiVersionsResponse::Api> apis;
    std::string cluster_id = "ringpost";
    std::uint64_t seed = 1;  ///< Of topic ids.
};

struct Node {
    std::int32_t id = -1;
    std::string host = "127.0.0.1";
    std::uint16_t port = 9092;
    bool up = true;
};

struct Partition {
    std::int32_t leader = -1;  ///< A node that may be down; see Cluster::leader_of.
    std::int32_t leader_epoch = 0;
    PartitionLog log;
};

struct Topic {
    std::string name;
    wire::Uuid id;
    std::deque<Partition> partitions;
    /// Metadata answers yet to come that say it has no leaders.
    std::uint32_t delay_answers = 0;

    /// Null for an index that the topic does not have.
    Partition* find(std::int32_t index);
};

/// Thread:  one at a time.
/// Owns:    everything. A Topic stays where it is until it is deleted.
/// Bounds:  limits::topics_max topics, limits::partitions_max partitions of each.
class Cluster {
public:
    explicit Cluster(ClusterOptions options = {});
    Cluster(const Cluster&) = delete;
    Cluster& operator=(const Cluster&) = delete;

    const ClusterOptions& options() const { return options_; }
    Faults& faults() { return faults_; }
    Groups& groups() { return groups_; }

    // Nodes.
    const std::vector<Node>& nodes() const { return nodes_; }
    /// Null for an id that the cluster does not have.
    const Node* find_node(std::int32_t id) const;
    bool is_up(std::int32_t id) const;
    /// Where the node is told to listen. Asserts that there is such a node.
    void set_address(std::int32_t id, std::string_view host, std::uint16_t port);
    /// Its partitions have no leader until it starts again or `elect_leaders` is called.
    void stop_node(std::int32_t id);
    void start_node(std::int32_t id);
    /// Gives every partition whose leader is down to a node that is up.
    void elect_leaders();
    /// The controller, and the coordinator of every group: the first node that is up, or -1.
    std::int32_t first_node_up() const;

    // Topics.
    const std::vector<std::unique_ptr<Topic>>& topics() const { return topics_; }
    Topic* find_topic(std::string_view name);
    Topic* find_topic(const wire::Uuid& id);
    /// With the options' number of partitions if `partitions` is 0. Errors:
    /// invalid_topic_exception; policy_violation if it exists, or if there would be too many.
    Result<Topic*> create_topic(std::string_view name, std::uint32_t partitions = 0);
    /// False if there is none. A topic of that name created later has another id.
    bool delete_topic(std::string_view name);
    bool add_partitions(std::string_view name, std::uint32_t count);
    /// The log moves with the leadership, and the leader epoch rises. False if there is no such
    /// partition or node.
    bool move_leader(std::string_view name, std::int32_t partition, std::int32_t node_id);
    /// -1 if it is down.
    std::int32_t leader_of(const Partition& partition) const;

    std::int64_t next_producer_id() { return producer_ids_made_++; }

    /// Rises whenever anything has changed that a waiting fetch might have waited for.
    std::uint64_t changes() const { return changes_; }
    void on_change() { ++changes_; }

private:
    Node& node_at(std::int32_t id);
    std::int32_t next_leader();
    wire::Uuid next_topic_id();
    void append_partitions(Topic& topic, std::uint32_t count);
    void set_leader(Partition& partition, std::int32_t node_id);

    ClusterOptions options_;
    Faults faults_;
    Groups groups_;
    std::vector<Node> nodes_;
    std::vector<std::unique_ptr<Topic>> topics_;  ///< In the order of their creation.
    tsl::robin_map<std::string, Topic*, NameHash, NameEqual> by_name_;
    tsl::robin_map<wire::Uuid, Topic*, wire::UuidHash> by_id_;
    Prng prng_;
    std::uint32_t leaders_given_ = 0;
    std::int64_t producer_ids_made_ = 1000;
    std::uint64_t changes_ = 0;
};

/// Topic.validate: 1 to 249 of letters, digits, '.', '_' and '-'; not "." or "..".
bool is_valid_topic_name(std::string_view name);

}  // namespace ringpost::fake
