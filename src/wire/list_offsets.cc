// SPDX-License-Identifier: Apache-2.0
// ListOffsets (2), v1-v11.
#include "wire/list_offsets.h"

#include "wire/fields.h"

namespace ringpost::wire {

template <typename Io>
static void fields(Io& io, Of<ListOffsetsRequest::Partition> auto& partition) {
    io.i32(partition.index);
    if (io.from(4)) io.i32(partition.current_leader_epoch);
    io.i64(partition.timestamp);
    io.tags();
}

template <typename Io>
static void fields(Io& io, Of<ListOffsetsRequest::Topic> auto& topic) {
    io.string(topic.name);
    io.array(topic.partitions);
    io.tags();
}

template <typename Io>
static void fields(Io& io, Of<ListOffsetsRequest> auto& m) {
    io.i32(m.replica_id);
    if (io.from(2)) io.i8(m.isolation_level);
    io.array(m.topics);
    if (io.from(10)) io.i32(m.timeout_ms);
    io.tags();
}

template <typename Io>
static void fields(Io& io, Of<ListOffsetsResponse::Partition> auto& partition) {
    io.i32(partition.index);
    io.i16(partition.error_code);
    io.i64(partition.timestamp);
    io.i64(partition.offset);
    if (io.from(4)) io.i32(partition.leader_epoch);
    io.tags();
}

template <typename Io>
static void fields(Io& io, Of<ListOffsetsResponse::Topic> auto& topic) {
    io.string(topic.name);
    io.array(topic.partitions);
    io.tags();
}

template <typename Io>
static void fields(Io& io, Of<ListOffsetsResponse> auto& m) {
    if (io.from(2)) io.i32(m.throttle_ms);
    io.array(m.topics);
    io.tags();
}

void encode(Writer& out, std::int16_t version, const ListOffsetsRequest& request) {
    encode_fields(out, ApiKey::list_offsets, version, request);
}
bool decode(ByteSpan body, std::int16_t version, ListOffsetsRequest& request) {
    return decode_fields(body, ApiKey::list_offsets, version, request);
}
std::size_t encoded_size(std::int16_t version, const ListOffsetsRequest& request) {
    return count_fields(ApiKey::list_offsets, version, request);
}

void encode(Writer& out, std::int16_t version, const ListOffsetsResponse& response) {
    encode_fields(out, ApiKey::list_offsets, version, response);
}
bool decode(ByteSpan body, std::int16_t version, ListOffsetsResponse& response) {
    return decode_fields(body, ApiKey::list_offsets, version, response);
}
std::size_t encoded_size(std::int16_t version, const ListOffsetsResponse& response) {
    return count_fields(ApiKey::list_offsets, version, response);
}

}  // namespace ringpost::wire
