// SPDX-License-Identifier: Apache-2.0
// Taking metadata over: nodes first, then topics, then leaders.
#include "produce/cluster.h"

#include <algorithm>
#include <utility>

#include "base/assert.h"
#include "produce/sticky.h"

namespace ringpost::produce {

Cluster::Cluster(const Config& config, Shares& shares, Prng& prng)
    : config_(config), shares_(shares), prng_(prng), in_use_(config, prng) {
    add_seeds();
}

Node* Cluster::add_node(std::int32_t id, std::string host, std::uint16_t port) {
    if (nodes_.size() == limits::brokers_max) return nullptr;
    nodes_.push_back(std::make_unique<Node>(static_cast<std::uint32_t>(nodes_.size()), id,
                                            std::move(host), port, config_.connection,
                                            setup_turns_, prng_));
    return nodes_.back().get();
}

void Cluster::add_seeds() {
    std::int32_t id = -1;
    for (const Seed& seed : config_.seeds) {
        const auto same = [&](const auto& n) {
            return n->host == seed.host && n->port == seed.port && !n->gone;
        };
        if (std::none_of(nodes_.begin(), nodes_.end(), same)) add_node(id, seed.host, seed.port);
        --id;
    }
}

Node* Cluster::node_by_id(std::int32_t id) {
    for (const auto& node : nodes_) {
        if (node->id == id) return node.get();
    }
    return nullptr;
}

Topic& Cluster::add_topic(std::uint32_t id, std::string_view name) {
    RINGPOST_ASSERT(id < limits::topics_max);
    RINGPOST_ASSERT(topic(id) == nullptr);
    if (topics_.size() <= id) topics_.resize(id + 1);
    topics_[id] = std::make_unique<Topic>();
    Topic& topic = *topics_[id];
    topic.id = id;
    topic.name = name;
    topic.view = view_;
    by_name_[topic.name] = &topic;
    return topic;
}

void Cluster::use(Topic& topic, Instant now) {
    topic.used_at = now;
    if (!topic.in_use()) in_use_.want(topic);
}

Topic* Cluster::topic_by_name(std::string_view name) {
    const auto found = by_name_.find(name);
    return found == by_name_.end() ? nullptr : found->second;
}

Topic* Cluster::topic_by_uuid(const wire::Uuid& uuid) {
    const auto found = by_uuid_.find(uuid);
    return found == by_uuid_.end() ? nullptr : found->second;
}

bool Cluster::apply(const wire::MetadataResponse& response, Change& change) {
    if (response.brokers.empty()) return false;
    if (!cluster_id_.empty() && !response.cluster_id.empty() &&
        cluster_id_ != response.cluster_id) {
        config_.log.error(
            "the cluster id changed from {} to {}: do the bootstrap servers belong to "
            "one cluster?",
            cluster_id_, response.cluster_id);
    }
    if (!response.cluster_id.empty()) cluster_id_ = response.cluster_id;
    apply_brokers(response);
    for (const auto& answer : response.topics) apply_topic(answer, change);
    return true;
}

void Cluster::apply_brokers(const wire::MetadataResponse& response) {
    const bool seeds_stay = config_.metadata_recovery == MetadataRecovery::rebootstrap;
    for (const auto& node : nodes_) node->gone = node->id >= 0 || !seeds_stay;
    for (const auto& broker : response.brokers) {
        if (broker.node_id < 0 || broker.port <= 0 || broker.port > 65535) continue;
        const auto port = static_cast<std::uint16_t>(broker.port);
        Node* node = node_by_id(broker.node_id);
        if (node == nullptr) {
            // A bootstrap connection to this very address becomes the broker's own.
            for (const auto& seed : nodes_) {
                if (seed->id < 0 && seed->host == broker.host && seed->port == port) {
                    node = seed.get();
                    node->id = broker.node_id;
                    break;
                }
            }
        }
        if (node == nullptr) node = add_node(broker.node_id, broker.host, port);
        if (node != nullptr) node->is_at(broker.host, port);
    }
}

void Cluster::rebootstrap(Instant now) {
    ++view_;
    begin_walk();
    in_use_.want_all();
    for (const auto& node : nodes_) {
        node->gone = node->id >= 0;  // what it has been asked it may still answer
        // The name may have other addresses by now; one on its way has just looked.
        if (!node->gone && node->connection.ready()) node->connection.shut(now);
    }
    add_seeds();
}

void Cluster::walk() {
    Change ignored;
    for (std::size_t items = 0; walk_left_ != 0 && items < config_.turn_items_max; --walk_left_) {
        Topic* topic = topics_[walk_at_++ % topics_.size()].get();
        ++items;
        if (topic == nullptr) continue;
        if (topic->view != view_) items += topic->partitions.size();
        follow_view(*topic, ignored);
        Sticky::leave_left_out(*topic);
    }
}

void Cluster::follow_view(Topic& topic, Change& change) {
    if (topic.view == view_) [[likely]] return;
    topic.view = view_;
    for (const auto& partition : topic.partitions) {
        set_leader(*partition, nullptr, change);
        partition->leader_epoch = -1;  // what comes may be another cluster's
    }
}

namespace {

Topic::State state_for(Errc error) {
    switch (error) {
        case Errc::none: return Topic::State::known;
        case Errc::unknown_topic_or_partition: return Topic::State::missing;
        default: return is_retriable(error) ? Topic::State::unknown : Topic::State::refused;
    }
}

}  // namespace

void Cluster::apply_topic(const wire::MetadataResponse::Topic& answer, Change& change) {
    Topic* topic = topic_by_name(answer.name);
    if (topic == nullptr) return;
    topic->pending = false;
    follow_view(*topic, change);
    change.topics.push_back(topic);
    const auto error = static_cast<Errc>(answer.error_code);
    const Topic::State state = state_for(error);
    topic->error = error;
    if (state != Topic::State::known) {
        const bool has_batches = std::any_of(
            topic->partitions.begin(), topic->partitions.end(),
            [](const auto& partition) { return !partition->queue.empty(); });
        topic->pending = state != Topic::State::refused || has_batches;
        // A known topic that is briefly unanswered for keeps its partitions: batches retry there.
        if (topic->state == Topic::State::known && state == Topic::State::unknown) return;
        topic->state = state;
        for (const auto& partition : topic->partitions) set_leader(*partition, nullptr, change);
        return;
    }
    const bool remade = !topic->uuid.is_zero() && !answer.id.is_zero() && topic->uuid != answer.id;
    // A broker before 2.8 tells no id: then it may be another topic of that name by now.
    const bool same_topic = !answer.id.is_zero() && topic->uuid == answer.id;
    if (topic->uuid != answer.id) {
        by_uuid_.erase(topic->uuid);
        topic->uuid = answer.id;
        ++topic->incarnation;
        if (!answer.id.is_zero()) by_uuid_[answer.id] = topic;
    }
    const std::size_t count =
        std::min<std::size_t>(answer.partitions.size(), limits::partitions_max);
    while (topic->partitions.size() < count) {
        auto partition = std::make_unique<Partition>();
        partition->topic = topic;
        partition->index = static_cast<std::int32_t>(topic->partitions.size());
        topic->partitions.push_back(std::move(partition));
    }
    topic->state = Topic::State::known;
    topic->partition_count = static_cast<std::uint32_t>(count);
    shares_.on_partition_count(*topic);
    for (std::size_t i = count; i < topic->partitions.size(); ++i) {
        Partition& gone = *topic->partitions[i];
        set_leader(gone, nullptr, change);  // what waits there times out
        // Should the new topic grow to it, that is another partition, whose epochs begin anew.
        gone.leader_epoch = -1;
        if (remade) gone.bump_due = gone.producer_id >= 0;
    }
    topic->with_leader.clear();
    for (const auto& told : answer.partitions) {
        if (told.index < 0 || static_cast<std::size_t>(told.index) >= topic->partitions.size())
            continue;
        Partition& partition = *topic->partitions[static_cast<std::size_t>(told.index)];
        if (remade) partition.bump_due = partition.producer_id >= 0;
        // Epochs of one topic only rise; another's begin anew.
        const bool stale = same_topic && told.leader_epoch >= 0 &&
                           told.leader_epoch < partition.leader_epoch;
        if (!stale) {
            Node* leader = told.leader_id < 0 ? nullptr : node_by_id(told.leader_id);
            set_leader(partition, leader, change);
            partition.leader_epoch = told.leader_epoch;
        }
        if (partition.node != nullptr) {
            topic->with_leader.push_back(told.index);
        } else {
            topic->pending = true;
        }
    }
    StickyState& sticky = topic->sticky;
    sticky.weights.clear();
    sticky.weights.reserve(topic->with_leader.size());
    const auto at = static_cast<std::size_t>(sticky.partition);
    const Node* node =
        sticky.partition >= 0 && at < count ? topic->partitions[at]->node : nullptr;
    if (node == nullptr || node->left_out) sticky.partition = -1;
}

void Cluster::apply_endpoint(std::int32_t node_id, std::string_view host, std::int32_t port) {
    if (!is_unknown_leader(node_id) || host.empty() || port <= 0 || port > 65535) return;
    const auto its_port = static_cast<std::uint16_t>(port);
    Node* node = node_by_id(node_id);
    if (node == nullptr) node = add_node(node_id, std::string(host), its_port);
    if (node != nullptr) node->is_at(host, its_port);
}

bool Cluster::apply_leader_hint(Partition& partition, std::int32_t node_id,
                                std::int32_t leader_epoch) {
    if (node_id < 0 || leader_epoch <= partition.leader_epoch) return false;
    Node* node = node_by_id(node_id);
    if (node == nullptr) return false;
    Change ignored;
    set_leader(partition, node, ignored);
    partition.leader_epoch = leader_epoch;
    return true;
}

Errc Cluster::connection_error() const {
    for (const auto& node : nodes_) {
        if (node->gone || node->connection.last_error() == Errc::none) continue;
        return node->connection.last_error();
    }
    return Errc::none;
}

/// The queue stays with the partition; only its place on a node's lists goes.
void Cluster::set_leader(Partition& partition, Node* node, Change& change) {
    if (partition.node == node) return;
    if (partition.ready_hook.linked) partition.node->ready.remove(partition);
    if (partition.filling_hook.linked) partition.node->filling.remove(partition);
    Node* const before = std::exchange(partition.node, node);
    if (config_.linger_adaptive) fill_until_idle(partition);
    shares_.on_leader(partition, before);
    partition.gate_open = false;
    change.moved.push_back(&partition);
}

}  // namespace ringpost::produce
