// SPDX-License-Identifier: Apache-2.0
// The classic consumer group: FindCoordinator (10) v0-v6, JoinGroup (11) v0-v9, Heartbeat (12)
// v0-v4, LeaveGroup (13) v0-v5, SyncGroup (14) v0-v5. For the consumers that tests read with.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/bytes.h"

namespace ringpost::wire {

struct FindCoordinatorRequest {
    std::int8_t key_type = 0;       ///< v1+. 0: group.
    std::vector<std::string> keys;  ///< Exactly one below v4.
    bool operator==(const FindCoordinatorRequest&) const = default;
};

struct FindCoordinatorResponse {
    struct Coordinator {
        std::string key;  // v4+
        std::int32_t node_id = -1;
        std::string host;
        std::int32_t port = -1;
        std::int16_t error_code = 0;
        std::string error_message;  ///< v1+; empty is sent as null.
        bool operator==(const Coordinator&) const = default;
    };

    std::int32_t throttle_ms = 0;           // v1+
    std::vector<Coordinator> coordinators;  ///< Exactly one below v4.
    bool operator==(const FindCoordinatorResponse&) const = default;
};

struct JoinGroupRequest {
    struct Protocol {
        std::string name;
        std::vector<std::byte> metadata;
        bool operator==(const Protocol&) const = default;
    };

    std::string group_id;
    std::int32_t session_timeout_ms = 0;
    std::int32_t rebalance_timeout_ms = -1;  // v1+
    std::string member_id;
    std::optional<std::string> group_instance_id;  // v5+
    std::string protocol_type;
    std::vector<Protocol> protocols;
    std::optional<std::string> reason;  // v8+
    bool operator==(const JoinGroupRequest&) const = default;
};

struct JoinGroupResponse {
    struct Member {
        std::string member_id;
        std::optional<std::string> group_instance_id;  // v5+
        std::vector<std::byte> metadata;
        bool operator==(const Member&) const = default;
    };

    std::int32_t throttle_ms = 0;  // v2+
    std::int16_t error_code = 0;
    std::int32_t generation_id = -1;
    std::optional<std::string> protocol_type;  // v7+
    std::optional<std::string> protocol_name;  ///< Null is sent as empty below v7.
    std::string leader;
    bool skip_assignment = false;  // v9+
    std::string member_id;
    std::vector<Member> members;
    bool operator==(const JoinGroupResponse&) const = default;
};

struct SyncGroupRequest {
    struct Assignment {
        std::string member_id;
        std::vector<std::byte> assignment;
        bool operator==(const Assignment&) const = default;
    };

    std::string group_id;
    std::int32_t generation_id = 0;
    std::string member_id;
    std::optional<std::string> group_instance_id;  // v3+
    std::optional<std::string> protocol_type;      // v5+
    std::optional<std::string> protocol_name;      // v5+
    std::vector<Assignment> assignments;
    bool operator==(const SyncGroupRequest&) const = default;
};

struct SyncGroupResponse {
    std::int32_t throttle_ms = 0;  // v1+
    std::int16_t error_code = 0;
    std::optional<std::string> protocol_type;  // v5+
    std::optional<std::string> protocol_name;  // v5+
    std::vector<std::byte> assignment;
    bool operator==(const SyncGroupResponse&) const = default;
};

struct HeartbeatRequest {
    std::string group_id;
    std::int32_t generation_id = 0;
    std::string member_id;
    std::optional<std::string> group_instance_id;  // v3+
    bool operator==(const HeartbeatRequest&) const = default;
};

struct HeartbeatResponse {
    std::int32_t throttle_ms = 0;  // v1+
    std::int16_t error_code = 0;
    bool operator==(const HeartbeatResponse&) const = default;
};

struct LeaveGroupRequest {
    struct Member {
        std::string member_id;
        std::optional<std::string> group_instance_id;  // v3+
        std::optional<std::string> reason;             // v5+
        bool operator==(const Member&) const = default;
    };

    std::string group_id;
    std::vector<Member> members;  ///< Exactly one below v3.
    bool operator==(const LeaveGroupRequest&) const = default;
};

struct LeaveGroupResponse {
    struct Member {
        std::string member_id;
        std::optional<std::string> group_instance_id;
        std::int16_t error_code = 0;
        bool operator==(const Member&) const = default;
    };

    std::int32_t throttle_ms = 0;  // v1+
    std::int16_t error_code = 0;
    std::vector<Member> members;  // v3+
    bool operator==(const LeaveGroupResponse&) const = default;
};

void encode(Writer& out, std::int16_t version, const FindCoordinatorRequest& request);
bool decode(ByteSpan body, std::int16_t version, FindCoordinatorRequest& request);
void encode(Writer& out, std::int16_t version, const FindCoordinatorResponse& response);
bool decode(ByteSpan body, std::int16_t version, FindCoordinatorResponse& response);
void encode(Writer& out, std::int16_t version, const JoinGroupRequest& request);
bool decode(ByteSpan body, std::int16_t version, JoinGroupRequest& request);
void encode(Writer& out, std::int16_t version, const JoinGroupResponse& response);
bool decode(ByteSpan body, std::int16_t version, JoinGroupResponse& response);
void encode(Writer& out, std::int16_t version, const SyncGroupRequest& request);
bool decode(ByteSpan body, std::int16_t version, SyncGroupRequest& request);
void encode(Writer& out, std::int16_t version, const SyncGroupResponse& response);
bool decode(ByteSpan body, std::int16_t version, SyncGroupResponse& response);
void encode(Writer& out, std::int16_t version, const HeartbeatRequest& request);
bool decode(ByteSpan body, std::int16_t version, HeartbeatRequest& request);
void encode(Writer& out, std::int16_t version, const HeartbeatResponse& response);
bool decode(ByteSpan body, std::int16_t version, HeartbeatResponse& response);
void encode(Writer& out, std::int16_t version, const LeaveGroupRequest& request);
bool decode(ByteSpan body, std::int16_t version, LeaveGroupRequest& request);
void encode(Writer& out, std::int16_t version, const LeaveGroupResponse& response);
bool decode(ByteSpan body, std::int16_t version, LeaveGroupResponse& response);

std::size_t encoded_size(std::int16_t version, const FindCoordinatorRequest& request);
std::size_t encoded_size(std::int16_t version, const FindCoordinatorResponse& response);
std::size_t encoded_size(std::int16_t version, const JoinGroupRequest& request);
std::size_t encoded_size(std::int16_t version, const JoinGroupResponse& response);
std::size_t encoded_size(std::int16_t version, const SyncGroupRequest& request);
std::size_t encoded_size(std::int16_t version, const SyncGroupResponse& response);
std::size_t encoded_size(std::int16_t version, const HeartbeatRequest& request);
std::size_t encoded_size(std::int16_t version, const HeartbeatResponse& response);
std::size_t encoded_size(std::int16_t version, const LeaveGroupRequest& request);
std::size_t encoded_size(std::int16_t version, const LeaveGroupResponse& response);

}  // namespace ringpost::wire
