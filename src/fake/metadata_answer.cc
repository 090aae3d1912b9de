// SPDX-License-Identifier: Apache-2.0
// Brokers that are up, topics, and leaders.
#include "fake/metadata_answer.h"

#include "fake/kafka_codes.h"

namespace ringpost::fake {

namespace {

/// From this version on a topic may be asked for by its id. KIP-516.
constexpr std::int16_t by_id_since = 12;

wire::MetadataResponse::Partition describe_partition(const Cluster& cluster, std::int32_t index,
                                                     const Partition& partition) {
    wire::MetadataResponse::Partition answer;
    answer.index = index;
    answer.leader_id = cluster.leader_of(partition);
    answer.leader_epoch = partition.leader_epoch;
    answer.replicas = {partition.leader};
    if (answer.leader_id < 0) {
        answer.error_code = code_of(Errc::leader_not_available);
        answer.offline = answer.replicas;
    } else {
        answer.isr = answer.replicas;
    }
    return answer;
}

wire::MetadataResponse::Topic describe_topic(const Cluster& cluster, Topic& topic) {
    wire::MetadataResponse::Topic answer;
    answer.name = topic.name;
    answer.id = topic.id;
    if (topic.delay_answers > 0) {
        --topic.delay_answers;
        answer.error_code = code_of(Errc::leader_not_available);
        return answer;
    }
    answer.partitions.reserve(topic.partitions.size());
    std::int32_t index = 0;
    for (const Partition& partition : topic.partitions) {
        answer.partitions.push_back(describe_partition(cluster, index++, partition));
    }
    return answer;
}

wire::MetadataResponse::Topic refuse_topic(const wire::MetadataRequest::Topic& asked, Errc error) {
    wire::MetadataResponse::Topic answer;
    answer.error_code = code_of(error);
    answer.name = asked.name;
    answer.id = asked.id;
    return answer;
}

wire::MetadataResponse::Topic answer_topic(Cluster& cluster, std::int16_t version,
                                           const wire::MetadataRequest::Topic& asked,
                                           bool may_create) {
    if (version >= by_id_since && !asked.id.is_zero()) {
        Topic* topic = cluster.find_topic(asked.id);
        if (topic == nullptr) return refuse_topic({.id = asked.id}, Errc::unknown_topic_id);
        return describe_topic(cluster, *topic);
    }
    const wire::MetadataRequest::Topic by_name{.name = asked.name};
    if (Topic* topic = cluster.find_topic(asked.name)) return describe_topic(cluster, *topic);
    if (!is_valid_topic_name(asked.name)) {
        return refuse_topic(by_name, Errc::invalid_topic_exception);
    }
    if (!may_create) return refuse_topic(by_name, Errc::unknown_topic_or_partition);
    const Result<Topic*> created = cluster.create_topic(asked.name);
    if (!created) return refuse_topic(by_name, created.error().code);
    (*created)->delay_answers = cluster.options().creation_delay_answers;
    return describe_topic(cluster, **created);
}

}  // namespace

wire::MetadataResponse answer_metadata(Cluster& cluster, std::int16_t version,
                                       const wire::MetadataRequest& request) {
    wire::MetadataResponse response;
    for (const Node& node : cluster.nodes()) {
        if (node.up)
            response.brokers.push_back({.node_id = node.id, .host = node.host, .port = node.port});
    }
    response.cluster_id = cluster.options().cluster_id;
    response.controller_id = cluster.first_node_up();
    if (request.all_topics) {
        for (const std::unique_ptr<Topic>& topic : cluster.topics()) {
            response.topics.push_back(describe_topic(cluster, *topic));
        }
        return response;
    }
    const bool may_create = request.allow_auto_topic_creation && cluster.options().auto_create;
    for (const wire::MetadataRequest::Topic& asked : request.topics) {
        response.topics.push_back(answer_topic(cluster, version, asked, may_create));
    }
    return response;
}

}  // namespace ringpost::fake
