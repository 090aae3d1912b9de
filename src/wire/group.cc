// SPDX-License-Identifier: Apache-2.0
// The classic consumer group's messages.
#include "wire/group.h"

#include "wire/fields.h"

namespace ringpost::wire {

template <typename Io>
static void fields(Io& io, Of<FindCoordinatorRequest> auto& m) {
    if (io.until(3)) io.string(only(m.keys));
    if (io.from(1)) io.i8(m.key_type);
    if (io.from(4)) io.array(m.keys);
    io.tags();
}

template <typename Io>
static void fields(Io& io, Of<FindCoordinatorResponse::Coordinator> auto& coordinator) {
    io.string(coordinator.key);
    io.i32(coordinator.node_id);
    io.string(coordinator.host);
    io.i32(coordinator.port);
    io.i16(coordinator.error_code);
    io.nullable_string(coordinator.error_message);
    io.tags();
}

/// Up to v3 the one coordinator's fields stood in the response itself, in another order.
template <typename Io>
static void lone_coordinator(Io& io, auto& coordinator) {
    io.i16(coordinator.error_code);
    if (io.from(1)) io.nullable_string(coordinator.error_message);
    io.i32(coordinator.node_id);
    io.string(coordinator.host);
    io.i32(coordinator.port);
}

template <typename Io>
static void fields(Io& io, Of<FindCoordinatorResponse> auto& m) {
    if (io.from(1)) io.i32(m.throttle_ms);
    if (io.until(3)) lone_coordinator(io, only(m.coordinators));
    if (io.from(4)) io.array(m.coordinators);
    io.tags();
}

template <typename Io>
static void fields(Io& io, Of<JoinGroupRequest::Protocol> auto& protocol) {
    io.string(protocol.name);
    io.bytes(protocol.metadata);
    io.tags();
}

template <typename Io>
static void fields(Io& io, Of<JoinGroupRequest> auto& m) {
    io.string(m.group_id);
    io.i32(m.session_timeout_ms);
    if (io.from(1)) io.i32(m.rebalance_timeout_ms);
    io.string(m.member_id);
    if (io.from(5)) io.nullable_string(m.group_instance_id);
    io.string(m.protocol_type);
    io.array(m.protocols);
    if (io.from(8)) io.nullable_string(m.reason);
    io.tags();
}

template <typename Io>
static void fields(Io& io, Of<JoinGroupResponse::Member> auto& member) {
    io.string(member.member_id);
    if (io.from(5)) io.nullable_string(member.group_instance_id);
    io.bytes(member.metadata);
    io.tags();
}

template <typename Io>
static void protocol_name(Io& io, auto& name) {
    if (io.from(7)) return io.nullable_string(name);
    std::string text = name.value_or("");
    io.string(text);
    if constexpr (Io::reading) name = text;
}

template <typename Io>
static void fields(Io& io, Of<JoinGroupResponse> auto& m) {
    if (io.from(2)) io.i32(m.throttle_ms);
    io.i16(m.error_code);
    io.i32(m.generation_id);
    if (io.from(7)) io.nullable_string(m.protocol_type);
    protocol_name(io, m.protocol_name);
    io.string(m.leader);
    if (io.from(9)) io.boolean(m.skip_assignment);
    io.string(m.member_id);
    io.array(m.members);
    io.tags();
}

template <typename Io>
static void fields(Io& io, Of<SyncGroupRequest::Assignment> auto& assignment) {
    io.string(assignment.member_id);
    io.bytes(assignment.assignment);
    io.tags();
}

template <typename Io>
static void fields(Io& io, Of<SyncGroupRequest> auto& m) {
    io.string(m.group_id);
    io.i32(m.generation_id);
    io.string(m.member_id);
    if (io.from(3)) io.nullable_string(m.group_instance_id);
    if (io.from(5)) {
        io.nullable_string(m.protocol_type);
        io.nullable_string(m.protocol_name);
    }
    io.array(m.assignments);
    io.tags();
}

template <typename Io>
static void fields(Io& io, Of<SyncGroupResponse> auto& m) {
    if (io.from(1)) io.i32(m.throttle_ms);
    io.i16(m.error_code);
    if (io.from(5)) {
        io.nullable_string(m.protocol_type);
        io.nullable_string(m.protocol_name);
    }
    io.bytes(m.assignment);
    io.tags();
}

template <typename Io>
static void fields(Io& io, Of<HeartbeatRequest> auto& m) {
    io.string(m.group_id);
    io.i32(m.generation_id);
    io.string(m.member_id);
    if (io.from(3)) io.nullable_string(m.group_instance_id);
    io.tags();
}

template <typename Io>
static void fields(Io& io, Of<HeartbeatResponse> auto& m) {
    if (io.from(1)) io.i32(m.throttle_ms);
    io.i16(m.error_code);
    io.tags();
}

template <typename Io>
static void fields(Io& io, Of<LeaveGroupRequest::Member> auto& member) {
    io.string(member.member_id);
    io.nullable_string(member.group_instance_id);
    if (io.from(5)) io.nullable_string(member.reason);
    io.tags();
}

template <typename Io>
static void fields(Io& io, Of<LeaveGroupRequest> auto& m) {
    io.string(m.group_id);
    if (io.until(2)) io.string(only(m.members).member_id);
    if (io.from(3)) io.array(m.members);
    io.tags();
}

template <typename Io>
static void fields(Io& io, Of<LeaveGroupResponse::Member> auto& member) {
    io.string(member.member_id);
    io.nullable_string(member.group_instance_id);
    io.i16(member.error_code);
    io.tags();
}

template <typename Io>
static void fields(Io& io, Of<LeaveGroupResponse> auto& m) {
    if (io.from(1)) io.i32(m.throttle_ms);
    io.i16(m.error_code);
    if (io.from(3)) io.array(m.members);
    io.tags();
}

void encode(Writer& out, std::int16_t version, const FindCoordinatorRequest& request) {
    encode_fields(out, ApiKey::find_coordinator, version, request);
}
bool decode(ByteSpan body, std::int16_t version, FindCoordinatorRequest& request) {
    return decode_fields(body, ApiKey::find_coordinator, version, request);
}
std::size_t encoded_size(std::int16_t version, const FindCoordinatorRequest& request) {
    return count_fields(ApiKey::find_coordinator, version, request);
}
void encode(Writer& out, std::int16_t version, const FindCoordinatorResponse& response) {
    encode_fields(out, ApiKey::find_coordinator, version, response);
}
bool decode(ByteSpan body, std::int16_t version, FindCoordinatorResponse& response) {
    return decode_fields(body, ApiKey::find_coordinator, version, response);
}
std::size_t encoded_size(std::int16_t version, const FindCoordinatorResponse& response) {
    return count_fields(ApiKey::find_coordinator, version, response);
}
void encode(Writer& out, std::int16_t version, const JoinGroupRequest& request) {
    encode_fields(out, ApiKey::join_group, version, request);
}
bool decode(ByteSpan body, std::int16_t version, JoinGroupRequest& request) {
    return decode_fields(body, ApiKey::join_group, version, request);
}
std::size_t encoded_size(std::int16_t version, const JoinGroupRequest& request) {
    return count_fields(ApiKey::join_group, version, request);
}
void encode(Writer& out, std::int16_t version, const JoinGroupResponse& response) {
    encode_fields(out, ApiKey::join_group, version, response);
}
bool decode(ByteSpan body, std::int16_t version, JoinGroupResponse& response) {
    return decode_fields(body, ApiKey::join_group, version, response);
}
std::size_t encoded_size(std::int16_t version, const JoinGroupResponse& response) {
    return count_fields(ApiKey::join_group, version, response);
}
void encode(Writer& out, std::int16_t version, const SyncGroupRequest& request) {
    encode_fields(out, ApiKey::sync_group, version, request);
}
bool decode(ByteSpan body, std::int16_t version, SyncGroupRequest& request) {
    return decode_fields(body, ApiKey::sync_group, version, request);
}
std::size_t encoded_size(std::int16_t version, const SyncGroupRequest& request) {
    return count_fields(ApiKey::sync_group, version, request);
}
void encode(Writer& out, std::int16_t version, const SyncGroupResponse& response) {
    encode_fields(out, ApiKey::sync_group, version, response);
}
bool decode(ByteSpan body, std::int16_t version, SyncGroupResponse& response) {
    return decode_fields(body, ApiKey::sync_group, version, response);
}
std::size_t encoded_size(std::int16_t version, const SyncGroupResponse& response) {
    return count_fields(ApiKey::sync_group, version, response);
}
void encode(Writer& out, std::int16_t version, const HeartbeatRequest& request) {
    encode_fields(out, ApiKey::heartbeat, version, request);
}
bool decode(ByteSpan body, std::int16_t version, HeartbeatRequest& request) {
    return decode_fields(body, ApiKey::heartbeat, version, request);
}
std::size_t encoded_size(std::int16_t version, const HeartbeatRequest& request) {
    return count_fields(ApiKey::heartbeat, version, request);
}
void encode(Writer& out, std::int16_t version, const HeartbeatResponse& response) {
    encode_fields(out, ApiKey::heartbeat, version, response);
}
bool decode(ByteSpan body, std::int16_t version, HeartbeatResponse& response) {
    return decode_fields(body, ApiKey::heartbeat, version, response);
}
std::size_t encoded_size(std::int16_t version, const HeartbeatResponse& response) {
    return count_fields(ApiKey::heartbeat, version, response);
}
void encode(Writer& out, std::int16_t version, const LeaveGroupRequest& request) {
    encode_fields(out, ApiKey::leave_group, version, request);
}
bool decode(ByteSpan body, std::int16_t version, LeaveGroupRequest& request) {
    return decode_fields(body, ApiKey::leave_group, version, request);
}
std::size_t encoded_size(std::int16_t version, const LeaveGroupRequest& request) {
    return count_fields(ApiKey::leave_group, version, request);
}
void encode(Writer& out, std::int16_t version, const LeaveGroupResponse& response) {
    encode_fields(out, ApiKey::leave_group, version, response);
}
bool decode(ByteSpan body, std::int16_t version, LeaveGroupResponse& response) {
    return decode_fields(body, ApiKey::leave_group, version, response);
}
std::size_t encoded_size(std::int16_t version, const LeaveGroupResponse& response) {
    return count_fields(ApiKey::leave_group, version, response);
}

}  // namespace ringpost::wire
