// SPDX-License-Identifier: Apache-2.0
// Produce (0), v3-v13, as the broker's side sees it: requests to structs, structs to responses.
// The client's side of the record path is produce_request_writer.h and produce_response_reader.h.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "wire/produce_request_writer.h"
#include "wire/produce_response_reader.h"
#include "wire/uuid.h"

namespace ringpost::wire {

/// Borrows: names and records point into the decoded body.
struct ProduceRequest {
    struct Partition {
        std::int32_t index = 0;
        ByteSpan records;  ///< Null data() when the field is null.
    };
    struct Topic {
        std::string_view name;  ///< v0-v12
        Uuid id;                ///< v13+
        std::vector<Partition> partitions;
    };

    std::optional<std::string_view> transactional_id;
    std::int16_t acks = -1;
    std::int32_t timeout_ms = 0;
    std::vector<Topic> topics;
};

struct ProduceResponse {
    struct RecordError {
        std::int32_t batch_index = 0;
        std::string message;  ///< Empty is sent as null.
        bool operator==(const RecordError&) const = default;
    };
    struct Partition {
        std::int32_t index = 0;
        std::int16_t error_code = 0;
        std::int64_t base_offset = -1;
        std::int64_t log_append_time_ms = -1;
        std::int64_t log_start_offset = -1;      // v5+
        std::vector<RecordError> record_errors;  // v8+
        std::string error_message;               // v8+; empty is sent as null
        std::int32_t leader_id = -1;             // v10+
        std::int32_t leader_epoch = -1;          // v10+
        bool operator==(const Partition&) const = default;
    };
    struct Topic {
        std::string name;  ///< v0-v12
        Uuid id;           ///< v13+
        std::vector<Partition> partitions;
        bool operator==(const Topic&) const = default;
    };
    struct Endpoint {
        std::int32_t node_id = 0;
        std::string host;
        std::int32_t port = 0;
        std::string rack;  ///< Empty is sent as null.
        bool operator==(const Endpoint&) const = default;
    };

    std::vector<Topic> topics;
    std::int32_t throttle_ms = 0;
    std::vector<Endpoint> endpoints;  // v10+
    bool operator==(const ProduceResponse&) const = default;
};

void encode(Writer& out, std::int16_t version, const ProduceRequest& request);
bool decode(ByteSpan body, std::int16_t version, ProduceRequest& request);
void encode(Writer& out, std::int16_t version, const ProduceResponse& response);
bool decode(ByteSpan body, std::int16_t version, ProduceResponse& response);

std::size_t encoded_size(std::int16_t version, const ProduceRequest& request);
std::size_t encoded_size(std::int16_t version, const ProduceResponse& response);

}  // namespace ringpost::wire
