// SPDX-License-Identifier: Apache-2.0
// Nodes, topics and leaders of a fake cluster.
#include "fake/cluster.h"

#include <algorithm>
#include <cstring>

#include "base/assert.h"
#include "base/limits.h"

namespace ringpost::fake {

namespace {

bool is_topic_character(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' ||
           c == '_' || c == '-';
}

}  // namespace

bool is_valid_topic_name(std::string_view name) {
    if (name.empty() || name.size() > limits::topic_name_bytes_max) return false;
    if (name == "." || name == "..") return false;
    return std::ranges::all_of(name, is_topic_character);
}

Partition* Topic::find(std::int32_t index) {
    if (index < 0 || static_cast<std::size_t>(index) >= partitions.size()) return nullptr;
    return &partitions[static_cast<std::size_t>(index)];
}

Cluster::Cluster(ClusterOptions options) : options_(std::move(options)), prng_(options_.seed) {
    RINGPOST_ASSERT(options_.brokers >= 1);
    RINGPOST_ASSERT(options_.brokers <= limits::brokers_max);
    RINGPOST_ASSERT(options_.partitions >= 1);
    RINGPOST_ASSERT(options_.partitions <= limits::partitions_max);
    for (std::uint32_t i = 0; i < options_.brokers; ++i) {
        nodes_.push_back({.id = static_cast<std::int32_t>(i + 1)});
    }
}

const Node* Cluster::find_node(std::int32_t id) const {
    if (id < 1 || static_cast<std::size_t>(id) > nodes_.size()) return nullptr;
    return &nodes_[static_cast<std::size_t>(id) - 1];
}

Node& Cluster::node_at(std::int32_t id) {
    const Node* node = find_node(id);
    RINGPOST_ASSERT(node != nullptr);
    return nodes_[static_cast<std::size_t>(id) - 1];
}

bool Cluster::is_up(std::int32_t id) const {
    const Node* node = find_node(id);
    return node != nullptr && node->up;
}

void Cluster::set_address(std::int32_t id, std::string_view host, std::uint16_t port) {
    Node& node = node_at(id);
    node.host = host;
    node.port = port;
}

void Cluster::stop_node(std::int32_t id) {
    node_at(id).up = false;
    on_change();
}

void Cluster::start_node(std::int32_t id) {
    Node& node = node_at(id);
    if (node.up) return;
    node.up = true;
    // It leads again, but as after an election.
    for (const std::unique_ptr<Topic>& topic : topics_) {
        for (Partition& p : topic->partitions) p.leader_epoch += p.leader == id;
    }
    on_change();
}

void Cluster::elect_leaders() {
    if (first_node_up() < 0) return;
    for (const std::unique_ptr<Topic>& topic : topics_) {
        for (Partition& partition : topic->partitions) {
            if (!is_up(partition.leader)) set_leader(partition, next_leader());
        }
    }
}

std::int32_t Cluster::first_node_up() const {
    const auto found = std::ranges::find(nodes_, true, &Node::up);
    return found == nodes_.end() ? -1 : found->id;
}

Topic* Cluster::find_topic(std::string_view name) {
    const auto found = by_name_.find(name);
    return found == by_name_.end() ? nullptr : found->second;
}

Topic* Cluster::find_topic(const wire::Uuid& id) {
    const auto found = by_id_.find(id);
    return found == by_id_.end() ? nullptr : found->second;
}

Result<Topic*> Cluster::create_topic(std::string_view name, std::uint32_t partitions) {
    if (!is_valid_topic_name(name)) return Errc::invalid_topic_exception;
    if (find_topic(name) != nullptr) return Errc::policy_violation;
    if (partitions == 0) partitions = options_.partitions;
    if (topics_.size() >= limits::topics_max) return Errc::policy_violation;
    if (partitions > limits::partitions_max) return Errc::policy_violation;
    auto topic = std::make_unique<Topic>();
    topic->name = name;
    topic->id = next_topic_id();
    append_partitions(*topic, partitions);
    Topic* created = topic.get();
    by_name_[created->name] = created;
    by_id_[created->id] = created;
    topics_.push_back(std::move(topic));
    on_change();
    return created;
}

bool Cluster::delete_topic(std::string_view name) {
    Topic* topic = find_topic(name);
    if (topic == nullptr) return false;
    by_name_.erase(topic->name);
    by_id_.erase(topic->id);
    std::erase_if(topics_, [&](const std::unique_ptr<Topic>& t) { return t.get() == topic; });
    on_change();
    return true;
}

bool Cluster::add_partitions(std::string_view name, std::uint32_t count) {
    Topic* topic = find_topic(name);
    if (topic == nullptr || count > limits::partitions_max - topic->partitions.size()) return false;
    append_partitions(*topic, count);
    on_change();
    return true;
}

void Cluster::append_partitions(Topic& topic, std::uint32_t count) {
    for (std::uint32_t i = 0; i < count; ++i)
        topic.partitions.emplace_back().leader = next_leader();
}

bool Cluster::move_leader(std::string_view name, std::int32_t partition, std::int32_t node_id) {
    Topic* topic = find_topic(name);
    Partition* found = topic == nullptr ? nullptr : topic->find(partition);
    if (found == nullptr || find_node(node_id) == nullptr) return false;
    set_leader(*found, node_id);
    return true;
}

void Cluster::set_leader(Partition& partition, std::int32_t node_id) {
    partition.leader = node_id;
    ++partition.leader_epoch;
    on_change();
}

std::int32_t Cluster::leader_of(const Partition& partition) const {
    return is_up(partition.leader) ? partition.leader : -1;
}

/// In turn among the nodes that are up; among all if none is.
std::int32_t Cluster::next_leader() {
    for (std::size_t tries = nodes_.size(); tries > 0; --tries) {
        const Node& node = nodes_[leaders_given_++ % nodes_.size()];
        if (node.up || tries == 1) return node.id;
    }
    return -1;
}

wire::Uuid Cluster::next_topic_id() {
    wire::Uuid id;
    // Kafka keeps the smallest ids for itself; 64 random bits in front are never all zero again.
    while (load_be<std::uint64_t>(id.bytes.data()) == 0 || by_id_.contains(id)) {
        store_be(id.bytes.data(), prng_.next());
        store_be(id.bytes.data() + sizeof(std::uint64_t), prng_.next());
    }
    return id;
}

}  // namespace ringpost::fake
