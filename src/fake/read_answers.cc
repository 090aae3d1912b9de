// SPDX-License-Identifier: Apache-2.0
// ListOffsets and Fetch, without sessions, followers and transactions.
#include "fake/read_answers.h"

#include <algorithm>

#include "fake/kafka_codes.h"

namespace ringpost::fake {

namespace {

/// Kafka's fetch.max.bytes of a broker.
constexpr std::size_t fetch_bytes_max = 55 << 20;
constexpr std::int16_t by_id_since = 13;        // KIP-516
constexpr std::int16_t leader_hint_since = 12;  // KIP-951 gives it a use
constexpr std::int16_t endpoints_since = 16;    // KIP-951

// Timestamps of ListOffsets for tiered storage, which is not there: all data is local.
constexpr std::int64_t list_offsets_earliest_local = -4;

Errc check_leader(const Partition* partition, std::int32_t node_id, std::int32_t epoch) {
    if (partition == nullptr) return Errc::unknown_topic_or_partition;
    if (partition->leader != node_id) return Errc::not_leader_or_follower;
    if (epoch >= 0 && epoch < partition->leader_epoch) return Errc::fenced_leader_epoch;
    if (epoch > partition->leader_epoch) return Errc::unknown_leader_epoch;
    return Errc::none;
}

OffsetAndTimestamp find_offset(const PartitionLog& log, std::int64_t timestamp) {
    switch (timestamp) {
        case wire::list_offsets_latest:
            return {.offset = log.end_offset()};
        case wire::list_offsets_earliest:
        case list_offsets_earliest_local:
            return {.offset = log.start_offset()};
        case wire::list_offsets_max_timestamp:
            return log.find_max_timestamp();
        default:
            return timestamp < 0 ? OffsetAndTimestamp{} : log.find_timestamp(timestamp);
    }
}

std::size_t bytes_of(std::int32_t n) { return n < 0 ? 0 : static_cast<std::size_t>(n); }

/// One fetch request, collected partition by partition until it is full.
class Fetching {
public:
    Fetching(Cluster& cluster, std::int32_t node_id, std::int16_t version, std::size_t bytes_max)
        : cluster_(cluster), node_id_(node_id), version_(version), bytes_left_(bytes_max) {}

    FetchAnswer run(const wire::FetchRequest& request) {
        for (const wire::FetchRequest::Topic& asked : request.topics) add_topic(asked);
        return std::move(answer_);
    }

private:
    void add_topic(const wire::FetchRequest::Topic& asked) {
        const bool by_id = version_ >= by_id_since;
        Topic* topic = by_id ? cluster_.find_topic(asked.id) : cluster_.find_topic(asked.name);
        wire::FetchResponse::Topic& answer = answer_.response.topics.emplace_back();
        answer.name = asked.name;
        answer.id = asked.id;
        answer.partitions.reserve(asked.partitions.size());
        for (const wire::FetchRequest::Partition& partition : asked.partitions) {
            wire::FetchResponse::Partition& one = answer.partitions.emplace_back();
            one.index = partition.index;
            if (topic == nullptr && by_id) {
                refuse(one, Errc::unknown_topic_id);
            } else {
                add_partition(topic == nullptr ? nullptr : topic->find(partition.index), partition,
                              one);
            }
        }
    }

    void add_partition(const Partition* partition, const wire::FetchRequest::Partition& asked,
                       wire::FetchResponse::Partition& answer) {
        const Errc error = check_leader(partition, node_id_, asked.current_leader_epoch);
        if (error != Errc::none) {
            refuse(answer, error);
            if (partition != nullptr) add_leader_hint(*partition, answer);
            return;
        }
        const PartitionLog& log = partition->log;
        answer.high_watermark = answer.last_stable_offset = log.end_offset();
        answer.log_start_offset = log.start_offset();
        if (asked.fetch_offset < log.start_offset() || asked.fetch_offset > log.end_offset()) {
            return refuse(answer, offset_out_of_range);
        }
        // The first batch is given whatever its size, or a consumer with small limits would never
        // get past it. KIP-74.
        const std::size_t bytes_max = std::min(bytes_of(asked.bytes_max), bytes_left_);
        answer.records = log.read(asked.fetch_offset, bytes_max, answer_.bytes == 0);
        answer_.bytes += answer.records.size();
        bytes_left_ -= std::min(bytes_left_, answer.records.size());
    }

    void refuse(wire::FetchResponse::Partition& answer, Errc error) {
        answer_.failed = true;
        answer.error_code = code_of(error);
        if (error != offset_out_of_range) answer.high_watermark = -1;
    }

    void add_leader_hint(const Partition& partition, wire::FetchResponse::Partition& answer) {
        const Node* leader = cluster_.find_node(cluster_.leader_of(partition));
        if (version_ < leader_hint_since || leader == nullptr) return;
        answer.leader_id = leader->id;
        answer.leader_epoch = partition.leader_epoch;
        auto& endpoints = answer_.response.endpoints;
        const auto known =
            std::ranges::find(endpoints, leader->id, &wire::FetchResponse::Endpoint::node_id);
        if (version_ < endpoints_since || known != endpoints.end()) return;
        endpoints.push_back({.node_id = leader->id, .host = leader->host, .port = leader->port});
    }

    Cluster& cluster_;
    const std::int32_t node_id_;
    const std::int16_t version_;
    std::size_t bytes_left_;
    FetchAnswer answer_;
};

}  // namespace

wire::ListOffsetsResponse answer_list_offsets(Cluster& cluster, std::int32_t node_id,
                                              const wire::ListOffsetsRequest& request) {
    wire::ListOffsetsResponse response;
    for (const wire::ListOffsetsRequest::Topic& asked : request.topics) {
        Topic* topic = cluster.find_topic(asked.name);
        wire::ListOffsetsResponse::Topic& answer = response.topics.emplace_back();
        answer.name = asked.name;
        for (const wire::ListOffsetsRequest::Partition& one : asked.partitions) {
            const Partition* partition = topic == nullptr ? nullptr : topic->find(one.index);
            const Errc error = check_leader(partition, node_id, one.current_leader_epoch);
            OffsetAndTimestamp found;
            if (error == Errc::none) found = find_offset(partition->log, one.timestamp);
            const bool known = found.offset >= 0;
            answer.partitions.push_back({one.index, code_of(error), found.timestamp, found.offset,
                                         known ? partition->leader_epoch : -1});
        }
    }
    return response;
}

bool FetchAnswer::is_enough(const wire::FetchRequest& request) const {
    if (failed || request.topics.empty()) return true;
    return bytes >= bytes_of(request.bytes_min);
}

FetchAnswer answer_fetch(Cluster& cluster, std::int32_t node_id, std::int16_t version,
                         const wire::FetchRequest& request) {
    // No session is ever handed out (its id is 0), so a client that names one is mistaken.
    if (request.session_id != 0) {
        FetchAnswer answer{.failed = true};
        answer.response.error_code = code_of(fetch_session_id_not_found);
        return answer;
    }
    const std::size_t bytes_max = std::min(bytes_of(request.bytes_max), fetch_bytes_max);
    return Fetching(cluster, node_id, version, bytes_max).run(request);
}

}  // namespace ringpost::fake
