// SPDX-License-Identifier: Apache-2.0
// ListOffsets (2), v1-v11: first, last or by-time offset of a partition. KIP-79, KIP-734.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/bytes.h"

namespace ringpost::wire {

/// Timestamps with a meaning of their own.
inline constexpr std::int64_t list_offsets_latest = -1;
inline constexpr std::int64_t list_offsets_earliest = -2;
inline constexpr std::int64_t list_offsets_max_timestamp = -3;

struct ListOffsetsRequest {
    struct Partition {
        std::int32_t index = 0;
        std::int32_t current_leader_epoch = -1;  // v4+
        std::int64_t timestamp = list_offsets_latest;
        bool operator==(const Partition&) const = default;
    };
    struct Topic {
        std::string name;
        std::vector<Partition> partitions;
        bool operator==(const Topic&) const = default;
    };

    std::int32_t replica_id = -1;
    std::int8_t isolation_level = 0;  // v2+
    std::vector<Topic> topics;
    std::int32_t timeout_ms = 0;  // v10+
    bool operator==(const ListOffsetsRequest&) const = default;
};

struct ListOffsetsResponse {
    struct Partition {
        std::int32_t index = 0;
        std::int16_t error_code = 0;
        std::int64_t timestamp = -1;
        std::int64_t offset = -1;
        std::int32_t leader_epoch = -1;  // v4+
        bool operator==(const Partition&) const = default;
    };
    struct Topic {
        std::string name;
        std::vector<Partition> partitions;
        bool operator==(const Topic&) const = default;
    };

    std::int32_t throttle_ms = 0;  // v2+
    std::vector<Topic> topics;
    bool operator==(const ListOffsetsResponse&) const = default;
};

void encode(Writer& out, std::int16_t version, const ListOffsetsRequest& request);
bool decode(ByteSpan body, std::int16_t version, ListOffsetsRequest& request);
void encode(Writer& out, std::int16_t version, const ListOffsetsResponse& response);
bool decode(ByteSpan body, std::int16_t version, ListOffsetsResponse& response);

std::size_t encoded_size(std::int16_t version, const ListOffsetsRequest& request);
std::size_t encoded_size(std::int16_t version, const ListOffsetsResponse& response);

}  // namespace ringpost::wire
