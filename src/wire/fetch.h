// SPDX-License-Identifier: Apache-2.0
// Fetch (1), v4-v17: enough for the consumers that tests read with. No sessions, no follower
// fields.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "wire/uuid.h"

namespace ringpost::wire {

struct FetchRequest {
    struct Partition {
        std::int32_t index = 0;
        std::int32_t current_leader_epoch = -1;  // v9+
        std::int64_t fetch_offset = 0;
        std::int32_t last_fetched_epoch = -1;  // v12+
        std::int64_t log_start_offset = -1;    // v5+
        std::int32_t bytes_max = 0;
        bool operator==(const Partition&) const = default;
    };
    struct Topic {
        std::string name;  ///< v0-v12
        Uuid id;           ///< v13+
        std::vector<Partition> partitions;
        bool operator==(const Topic&) const = default;
    };
    struct Forgotten {
        std::string name;  ///< v0-v12
        Uuid id;           ///< v13+
        std::vector<std::int32_t> partitions;
        bool operator==(const Forgotten&) const = default;
    };

    std::int32_t replica_id = -1;  // v0-v14
    std::int32_t wait_max_ms = 0;
    std::int32_t bytes_min = 0;
    std::int32_t bytes_max = INT32_MAX;
    std::int8_t isolation_level = 0;
    std::int32_t session_id = 0;      // v7+
    std::int32_t session_epoch = -1;  // v7+
    std::vector<Topic> topics;
    std::vector<Forgotten> forgotten;  // v7+
    std::string rack_id;               // v11+
    bool operator==(const FetchRequest&) const = default;
};

/// Borrows: `records` points into the decoded body, or to what is to be encoded.
struct FetchResponse {
    struct AbortedTransaction {
        std::int64_t producer_id = 0;
        std::int64_t first_offset = 0;
        bool operator==(const AbortedTransaction&) const = default;
    };
    struct Partition {
        std::int32_t index = 0;
        std::int16_t error_code = 0;
        std::int64_t high_watermark = 0;
        std::int64_t last_stable_offset = -1;
        std::int64_t log_start_offset = -1;  // v5+
        std::vector<AbortedTransaction> aborted_transactions;
        std::int32_t preferred_read_replica = -1;  // v11+
        ByteSpan records;                          ///< Never sent as null.
        std::int32_t leader_id = -1;               // v12+
        std::int32_t leader_epoch = -1;            // v12+
    };
    struct Topic {
        std::string name;  ///< v0-v12
        Uuid id;           ///< v13+
        std::vector<Partition> partitions;
    };
    struct Endpoint {
        std::int32_t node_id = 0;
        std::string host;
        std::int32_t port = 0;
        std::string rack;  ///< Empty is sent as null.
        bool operator==(const Endpoint&) const = default;
    };

    std::int32_t throttle_ms = 0;
    std::int16_t error_code = 0;  // v7+
    std::int32_t session_id = 0;  // v7+
    std::vector<Topic> topics;
    std::vector<Endpoint> endpoints;  // v16+
};

void encode(Writer& out, std::int16_t version, const FetchRequest& request);
bool decode(ByteSpan body, std::int16_t version, FetchRequest& request);
void encode(Writer& out, std::int16_t version, const FetchResponse& response);
bool decode(ByteSpan body, std::int16_t version, FetchResponse& response);

std::size_t encoded_size(std::int16_t version, const FetchRequest& request);
std::size_t encoded_size(std::int16_t version, const FetchResponse& response);

}  // namespace ringpost::wire
