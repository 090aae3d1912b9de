// SPDX-License-Identifier: Apache-2.0
// Produce: routing checks, faults, and the append to the partition's log.
#include "fake/produce_answer.h"

#include <algorithm>

#include "fake/kafka_codes.h"
#include "wire/codec.h"

namespace ringpost::fake {

namespace {

constexpr std::int16_t by_id_since = 13;         // KIP-516
constexpr std::int16_t leader_hints_since = 10;  // KIP-951
constexpr std::int16_t zstd_since = 7;           // KIP-110
constexpr std::size_t attributes_low_at = 22;
constexpr int codec_zstd = static_cast<int>(wire::Codec::zstd);

/// One produce request on its way through the cluster.
class Producing {
public:
    Producing(Cluster& cluster, std::int32_t node_id, std::int16_t version,
              const wire::ProduceRequest& request)
        : cluster_(cluster), node_id_(node_id), version_(version), request_(request) {}

    wire::ProduceResponse run(bool& failed) {
        response_.throttle_ms = cluster_.faults().produce_throttle_ms;
        response_.topics.reserve(request_.topics.size());
        for (const wire::ProduceRequest::Topic& asked : request_.topics) add_topic(asked);
        failed = failed_;
        return std::move(response_);
    }

private:
    void add_topic(const wire::ProduceRequest::Topic& asked) {
        const bool by_id = version_ >= by_id_since;
        Topic* topic = by_id ? cluster_.find_topic(asked.id) : cluster_.find_topic(asked.name);
        const Errc missing = by_id ? Errc::unknown_topic_id : Errc::unknown_topic_or_partition;
        wire::ProduceResponse::Topic& answer = response_.topics.emplace_back();
        answer.name = asked.name;
        answer.id = asked.id;
        answer.partitions.resize(asked.partitions.size());
        for (std::size_t i = 0; i < asked.partitions.size(); ++i) {
            wire::ProduceResponse::Partition& one = answer.partitions[i];
            one.index = asked.partitions[i].index;
            if (topic == nullptr) {
                refuse(one, missing, {});
            } else {
                add_partition(*topic, asked.partitions[i].records, one);
            }
        }
    }

    void add_partition(Topic& topic, ByteSpan records, wire::ProduceResponse::Partition& answer) {
        if (request_.acks < -1 || request_.acks > 1) {
            return refuse(answer, Errc::invalid_required_acks, "acks must be -1, 0 or 1");
        }
        if (request_.transactional_id) {
            return refuse(answer, Errc::transactional_id_authorization_failed,
                          "this broker has no transactions");
        }
        Partition* partition = topic.find(answer.index);
        if (partition == nullptr) return refuse(answer, Errc::unknown_topic_or_partition, {});
        if (partition->leader != node_id_) {
            refuse(answer, Errc::not_leader_or_follower, {});
            return add_leader_hint(*partition, answer);
        }
        if (!cluster_.faults().on_produce) return append(*partition, records, answer);
        const ProduceFault fault =
            cluster_.faults().on_produce({node_id_, topic.name, answer.index, records});
        if (fault.error == Errc::none || fault.append) append(*partition, records, answer);
        if (fault.error != Errc::none) refuse(answer, fault.error, {});
        answer.record_errors = fault.records;
        if (fault.error == Errc::not_leader_or_follower) add_leader_hint(*partition, answer);
    }

    void append(Partition& partition, ByteSpan records, wire::ProduceResponse::Partition& answer) {
        answer.log_start_offset = partition.log.start_offset();
        if (cluster_.options().discard) {
            answer.base_offset = 0;
            return;
        }
        if (version_ < zstd_since && is_zstd(records)) {
            return refuse(answer, Errc::unsupported_compression_type, "zstd needs Produce v7");
        }
        const Appended appended = partition.log.append(records, partition.leader_epoch,
                                                       cluster_.options().message_bytes_max);
        if (appended.error != Errc::none) return refuse(answer, appended.error, appended.reason);
        answer.base_offset = appended.base_offset;
        if (!appended.duplicate) cluster_.on_change();
    }

    static bool is_zstd(ByteSpan records) {
        if (records.size() <= attributes_low_at) return false;
        const auto attributes = static_cast<std::int16_t>(records[attributes_low_at]);
        return (attributes & wire::attribute_codec_mask) == codec_zstd;
    }

    void refuse(wire::ProduceResponse::Partition& answer, Errc error, std::string_view reason) {
        failed_ = true;
        answer.error_code = code_of(error);
        answer.base_offset = -1;
        answer.error_message = reason;
    }

    void add_leader_hint(const Partition& partition, wire::ProduceResponse::Partition& answer) {
        const Node* leader = cluster_.find_node(cluster_.leader_of(partition));
        if (version_ < leader_hints_since || leader == nullptr) return;
        answer.leader_id = leader->id;
        answer.leader_epoch = partition.leader_epoch;
        const auto known = std::ranges::find(response_.endpoints, leader->id,
                                             &wire::ProduceResponse::Endpoint::node_id);
        if (known != response_.endpoints.end()) return;
        response_.endpoints.push_back(
            {.node_id = leader->id, .host = leader->host, .port = leader->port});
    }

    Cluster& cluster_;
    const std::int32_t node_id_;
    const std::int16_t version_;
    const wire::ProduceRequest& request_;
    wire::ProduceResponse response_;
    bool failed_ = false;
};

}  // namespace

wire::ProduceResponse answer_produce(Cluster& cluster, std::int32_t node_id, std::int16_t version,
                                     const wire::ProduceRequest& request, bool& failed) {
    return Producing(cluster, node_id, version, request).run(failed);
}

}  // namespace ringpost::fake
