// SPDX-License-Identifier: Apache-2.0
// Produce (0), v3-v13: the broker's side.
#include "wire/produce.h"

#include "wire/fields.h"

namespace ringpost::wire {

template <typename Io>
static void fields(Io& io, Of<ProduceRequest::Partition> auto& partition) {
    io.i32(partition.index);
    io.nullable_bytes(partition.records);
    io.tags();
}

template <typename Io>
static void topic_name_or_id(Io& io, auto& topic) {
    if (io.from(13)) {
        io.uuid(topic.id);
    } else {
        io.string(topic.name);
    }
}

template <typename Io>
static void fields(Io& io, Of<ProduceRequest::Topic> auto& topic) {
    topic_name_or_id(io, topic);
    io.array(topic.partitions);
    io.tags();
}

template <typename Io>
static void fields(Io& io, Of<ProduceRequest> auto& m) {
    io.nullable_string(m.transactional_id);
    io.i16(m.acks);
    io.i32(m.timeout_ms);
    io.array(m.topics);
    io.tags();
}

template <typename Io>
static void fields(Io& io, Of<ProduceResponse::RecordError> auto& error) {
    io.i32(error.batch_index);
    io.nullable_string(error.message);
    io.tags();
}

template <typename Io>
static void fields(Io& io, Of<ProduceResponse::Partition> auto& partition) {
    io.i32(partition.index);
    io.i16(partition.error_code);
    io.i64(partition.base_offset);
    io.i64(partition.log_append_time_ms);
    if (io.from(5)) io.i64(partition.log_start_offset);
    if (io.from(8)) {
        io.array(partition.record_errors);
        io.nullable_string(partition.error_message);
    }
    io.tags(
        Tagged{0, 10, partition.leader_id != -1 || partition.leader_epoch != -1, [&](auto& tag) {
                   tag.i32(partition.leader_id);
                   tag.i32(partition.leader_epoch);
                   tag.tags();
               }});
}

template <typename Io>
static void fields(Io& io, Of<ProduceResponse::Topic> auto& topic) {
    topic_name_or_id(io, topic);
    io.array(topic.partitions);
    io.tags();
}

template <typename Io>
static void fields(Io& io, Of<ProduceResponse::Endpoint> auto& endpoint) {
    io.i32(endpoint.node_id);
    io.string(endpoint.host);
    io.i32(endpoint.port);
    io.nullable_string(endpoint.rack);
    io.tags();
}

template <typename Io>
static void fields(Io& io, Of<ProduceResponse> auto& m) {
    io.array(m.topics);
    io.i32(m.throttle_ms);
    io.tags(Tagged{0, 10, !m.endpoints.empty(), [&](auto& tag) { tag.array(m.endpoints); }});
}

void encode(Writer& out, std::int16_t version, const ProduceRequest& request) {
    encode_fields(out, ApiKey::produce, version, request);
}
bool decode(ByteSpan body, std::int16_t version, ProduceRequest& request) {
    return decode_fields(body, ApiKey::produce, version, request);
}
std::size_t encoded_size(std::int16_t version, const ProduceRequest& request) {
    return count_fields(ApiKey::produce, version, request);
}

void encode(Writer& out, std::int16_t version, const ProduceResponse& response) {
    encode_fields(out, ApiKey::produce, version, response);
}
bool decode(ByteSpan body, std::int16_t version, ProduceResponse& response) {
    return decode_fields(body, ApiKey::produce, version, response);
}
std::size_t encoded_size(std::int16_t version, const ProduceResponse& response) {
    return count_fields(ApiKey::produce, version, response);
}

}  // namespace ringpost::wire
