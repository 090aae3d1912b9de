// SPDX-License-Identifier: Apache-2.0
// Metadata (3), v7-v13: brokers, topics, and who leads which partition. KIP-516 (topic ids),
// KIP-1102.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "wire/uuid.h"

namespace ringpost::wire {

struct MetadataRequest {
    /// By id: v12+, and `name` empty. Otherwise by name, and `id` zero.
    struct Topic {
        Uuid id;
        std::string name;
        bool operator==(const Topic&) const = default;
    };

    bool all_topics = false;  ///< Then `topics` is not sent.
    std::vector<Topic> topics;
    bool allow_auto_topic_creation = true;
    bool operator==(const MetadataRequest&) const = default;
};

struct MetadataResponse {
    struct Broker {
        std::int32_t node_id = -1;
        std::string host;
        std::int32_t port = 0;
        std::string rack;  ///< Empty when null.
        bool operator==(const Broker&) const = default;
    };
    struct Partition {
        std::int16_t error_code = 0;
        std::int32_t index = 0;
        std::int32_t leader_id = -1;
        std::int32_t leader_epoch = -1;
        std::vector<std::int32_t> replicas;
        std::vector<std::int32_t> isr;
        std::vector<std::int32_t> offline;
        bool operator==(const Partition&) const = default;
    };
    struct Topic {
        std::int16_t error_code = 0;
        std::string name;  ///< Empty when null (v12+: asked by an id that nobody knows).
        Uuid id;           ///< v10+
        bool is_internal = false;
        std::vector<Partition> partitions;
        bool operator==(const Topic&) const = default;
    };

    std::int32_t throttle_ms = 0;
    std::vector<Broker> brokers;
    std::string cluster_id;  ///< Empty when null.
    std::int32_t controller_id = -1;
    std::vector<Topic> topics;
    std::int16_t error_code = 0;  ///< v13+
    bool operator==(const MetadataResponse&) const = default;
};

/// A producer needs no replica lists, and three vectors a partition would be most of the cost of
/// a large answer.
enum class ReplicaLists : std::uint8_t { skip, keep };

void encode(Writer& out, std::int16_t version, const MetadataRequest& request);
bool decode(ByteSpan body, std::int16_t version, MetadataRequest& request);
void encode(Writer& out, std::int16_t version, const MetadataResponse& response);
bool decode(ByteSpan body, std::int16_t version, MetadataResponse& response,
            ReplicaLists replica_lists = ReplicaLists::skip);

std::size_t encoded_size(std::int16_t version, const MetadataRequest& request);
std::size_t encoded_size(std::int16_t version, const MetadataResponse& response);

}  // namespace ringpost::wire
