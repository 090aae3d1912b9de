// SPDX-License-Identifier: Apache-2.0
// A consumer group's committed offsets: OffsetCommit (8) v2-v9, OffsetFetch (9) v1-v9.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/bytes.h"

namespace ringpost::wire {

struct OffsetCommitRequest {
    struct Partition {
        std::int32_t index = 0;
        std::int64_t offset = 0;
        std::int32_t leader_epoch = -1;  // v6+
        std::optional<std::string> metadata;
        bool operator==(const Partition&) const = default;
    };
    struct Topic {
        std::string name;
        std::vector<Partition> partitions;
        bool operator==(const Topic&) const = default;
    };

    std::string group_id;
    std::int32_t generation_id = -1;
    std::string member_id;
    std::optional<std::string> group_instance_id;  // v7+
    std::int64_t retention_time_ms = -1;           // v2-v4
    std::vector<Topic> topics;
    bool operator==(const OffsetCommitRequest&) const = default;
};

struct OffsetCommitResponse {
    struct Partition {
        std::int32_t index = 0;
        std::int16_t error_code = 0;
        bool operator==(const Partition&) const = default;
    };
    struct Topic {
        std::string name;
        std::vector<Partition> partitions;
        bool operator==(const Topic&) const = default;
    };

    std::int32_t throttle_ms = 0;  // v3+
    std::vector<Topic> topics;
    bool operator==(const OffsetCommitResponse&) const = default;
};

struct OffsetFetchRequest {
    struct Topic {
        std::string name;
        std::vector<std::int32_t> partitions;
        bool operator==(const Topic&) const = default;
    };
    struct Group {
        std::string group_id;
        std::optional<std::string> member_id;  // v9+
        std::int32_t member_epoch = -1;        // v9+
        bool all_topics = false;               ///< v2+. Then `topics` is not sent.
        std::vector<Topic> topics;
        bool operator==(const Group&) const = default;
    };

    std::vector<Group> groups;    ///< Exactly one below v8.
    bool require_stable = false;  // v7+
    bool operator==(const OffsetFetchRequest&) const = default;
};

struct OffsetFetchResponse {
    struct Partition {
        std::int32_t index = 0;
        std::int64_t offset = -1;
        std::int32_t leader_epoch = -1;  // v5+
        std::optional<std::string> metadata;
        std::int16_t error_code = 0;
        bool operator==(const Partition&) const = default;
    };
    struct Topic {
        std::string name;
        std::vector<Partition> partitions;
        bool operator==(const Topic&) const = default;
    };
    struct Group {
        std::string group_id;  // v8+
        std::vector<Topic> topics;
        std::int16_t error_code = 0;  // v2+
        bool operator==(const Group&) const = default;
    };

    std::int32_t throttle_ms = 0;  // v3+
    std::vector<Group> groups;     ///< Exactly one below v8.
    bool operator==(const OffsetFetchResponse&) const = default;
};

void encode(Writer& out, std::int16_t version, const OffsetCommitRequest& request);
bool decode(ByteSpan body, std::int16_t version, OffsetCommitRequest& request);
void encode(Writer& out, std::int16_t version, const OffsetCommitResponse& response);
bool decode(ByteSpan body, std::int16_t version, OffsetCommitResponse& response);
void encode(Writer& out, std::int16_t version, const OffsetFetchRequest& request);
bool decode(ByteSpan body, std::int16_t version, OffsetFetchRequest& request);
void encode(Writer& out, std::int16_t version, const OffsetFetchResponse& response);
bool decode(ByteSpan body, std::int16_t version, OffsetFetchResponse& response);

std::size_t encoded_size(std::int16_t version, const OffsetCommitRequest& request);
std::size_t encoded_size(std::int16_t version, const OffsetCommitResponse& response);
std::size_t encoded_size(std::int16_t version, const OffsetFetchRequest& request);
std::size_t encoded_size(std::int16_t version, const OffsetFetchResponse& response);

}  // namespace ringpost::wire
