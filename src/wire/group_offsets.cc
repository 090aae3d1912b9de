// SPDX-License-Identifier: Apache-2.0
// A consumer group's committed offsets.
#include "wire/group_offsets.h"

#include "wire/fields.h"

namespace ringpost::wire {

template <typename Io>
static void fields(Io& io, Of<OffsetCommitRequest::Partition> auto& partition) {
    io.i32(partition.index);
    io.i64(partition.offset);
    if (io.from(6)) io.i32(partition.leader_epoch);
    io.nullable_string(partition.metadata);
    io.tags();
}

template <typename Io>
static void fields(Io& io, Of<OffsetCommitRequest::Topic> auto& topic) {
    io.string(topic.name);
    io.array(topic.partitions);
    io.tags();
}

template <typename Io>
static void fields(Io& io, Of<OffsetCommitRequest> auto& m) {
    io.string(m.group_id);
    io.i32(m.generation_id);
    io.string(m.member_id);
    if (io.from(7)) io.nullable_string(m.group_instance_id);
    if (io.until(4)) io.i64(m.retention_time_ms);
    io.array(m.topics);
    io.tags();
}

template <typename Io>
static void fields(Io& io, Of<OffsetCommitResponse::Partition> auto& partition) {
    io.i32(partition.index);
    io.i16(partition.error_code);
    io.tags();
}

template <typename Io>
static void fields(Io& io, Of<OffsetCommitResponse::Topic> auto& topic) {
    io.string(topic.name);
    io.array(topic.partitions);
    io.tags();
}

template <typename Io>
static void fields(Io& io, Of<OffsetCommitResponse> auto& m) {
    if (io.from(3)) io.i32(m.throttle_ms);
    io.array(m.topics);
    io.tags();
}

template <typename Io>
static void fields(Io& io, Of<OffsetFetchRequest::Topic> auto& topic) {
    io.string(topic.name);
    io.array(topic.partitions);
    io.tags();
}

template <typename Io>
static void fields(Io& io, Of<OffsetFetchRequest::Group> auto& group) {
    io.string(group.group_id);
    if (io.from(9)) {
        io.nullable_string(group.member_id);
        io.i32(group.member_epoch);
    }
    io.nullable_array(group.all_topics, group.topics);
    // Up to v7 the group's fields are the request's own.
    if (io.from(8)) io.tags();
}

template <typename Io>
static void fields(Io& io, Of<OffsetFetchRequest> auto& m) {
    if (io.until(7)) fields(io, only(m.groups));
    if (io.from(8)) io.array(m.groups);
    if (io.from(7)) io.boolean(m.require_stable);
    io.tags();
}

template <typename Io>
static void fields(Io& io, Of<OffsetFetchResponse::Partition> auto& partition) {
    io.i32(partition.index);
    io.i64(partition.offset);
    if (io.from(5)) io.i32(partition.leader_epoch);
    io.nullable_string(partition.metadata);
    io.i16(partition.error_code);
    io.tags();
}

template <typename Io>
static void fields(Io& io, Of<OffsetFetchResponse::Topic> auto& topic) {
    io.string(topic.name);
    io.array(topic.partitions);
    io.tags();
}

template <typename Io>
static void fields(Io& io, Of<OffsetFetchResponse::Group> auto& group) {
    if (io.from(8)) io.string(group.group_id);
    io.array(group.topics);
    if (io.from(2)) io.i16(group.error_code);
    if (io.from(8)) io.tags();
}

template <typename Io>
static void fields(Io& io, Of<OffsetFetchResponse> auto& m) {
    if (io.from(3)) io.i32(m.throttle_ms);
    if (io.until(7)) fields(io, only(m.groups));
    if (io.from(8)) io.array(m.groups);
    io.tags();
}

void encode(Writer& out, std::int16_t version, const OffsetCommitRequest& request) {
    encode_fields(out, ApiKey::offset_commit, version, request);
}
bool decode(ByteSpan body, std::int16_t version, OffsetCommitRequest& request) {
    return decode_fields(body, ApiKey::offset_commit, version, request);
}
std::size_t encoded_size(std::int16_t version, const OffsetCommitRequest& request) {
    return count_fields(ApiKey::offset_commit, version, request);
}
void encode(Writer& out, std::int16_t version, const OffsetCommitResponse& response) {
    encode_fields(out, ApiKey::offset_commit, version, response);
}
bool decode(ByteSpan body, std::int16_t version, OffsetCommitResponse& response) {
    return decode_fields(body, ApiKey::offset_commit, version, response);
}
std::size_t encoded_size(std::int16_t version, const OffsetCommitResponse& response) {
    return count_fields(ApiKey::offset_commit, version, response);
}
void encode(Writer& out, std::int16_t version, const OffsetFetchRequest& request) {
    encode_fields(out, ApiKey::offset_fetch, version, request);
}
bool decode(ByteSpan body, std::int16_t version, OffsetFetchRequest& request) {
    return decode_fields(body, ApiKey::offset_fetch, version, request);
}
std::size_t encoded_size(std::int16_t version, const OffsetFetchRequest& request) {
    return count_fields(ApiKey::offset_fetch, version, request);
}
void encode(Writer& out, std::int16_t version, const OffsetFetchResponse& response) {
    encode_fields(out, ApiKey::offset_fetch, version, response);
}
bool decode(ByteSpan body, std::int16_t version, OffsetFetchResponse& response) {
    return decode_fields(body, ApiKey::offset_fetch, version, response);
}
std::size_t encoded_size(std::int16_t version, const OffsetFetchResponse& response) {
    return count_fields(ApiKey::offset_fetch, version, response);
}

}  // namespace ringpost::wire
