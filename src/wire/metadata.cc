// SPDX-License-Identifier: Apache-2.0
// Metadata (3), v7-v13.
#include "wire/metadata.h"

#include "wire/fields.h"

namespace ringpost::wire {
namespace {

/// What a broker answers for authorized operations that nobody asked for.
constexpr std::int32_t operations_unknown = INT32_MIN;

/// A field that this library neither wants nor offers.
template <typename Io>
void ignored_bool(Io& io) {
    bool b = false;
    io.boolean(b);
}
template <typename Io>
void ignored_operations(Io& io) {
    std::int32_t operations = operations_unknown;
    io.i32(operations);
}

}  // namespace

template <typename Io>
static void fields(Io& io, Of<MetadataRequest::Topic> auto& topic) {
    if (io.from(10)) io.uuid(topic.id);
    if (io.from(10) && !topic.id.is_zero()) {
        io.nullable_string(topic.name);
    } else {
        io.string(topic.name);
    }
    io.tags();
}

template <typename Io>
static void fields(Io& io, Of<MetadataRequest> auto& m) {
    io.nullable_array(m.all_topics, m.topics);
    io.boolean(m.allow_auto_topic_creation);
    if (io.from(8) && io.until(10)) ignored_bool(io);  // Include cluster authorized operations.
    if (io.from(8)) ignored_bool(io);                  // Include topic authorized operations.
    io.tags();
}

template <typename Io>
static void fields(Io& io, Of<MetadataResponse::Broker> auto& broker) {
    io.i32(broker.node_id);
    io.string(broker.host);
    io.i32(broker.port);
    io.nullable_string(broker.rack);
    io.tags();
}

template <typename Io>
static void fields(Io& io, Of<MetadataResponse::Partition> auto& partition) {
    io.i16(partition.error_code);
    io.i32(partition.index);
    io.i32(partition.leader_id);
    io.i32(partition.leader_epoch);
    io.skippable_array(partition.replicas);
    io.skippable_array(partition.isr);
    io.skippable_array(partition.offline);
    io.tags();
}

template <typename Io>
static void fields(Io& io, Of<MetadataResponse::Topic> auto& topic) {
    io.i16(topic.error_code);
    if (io.from(12)) {
        io.nullable_string(topic.name);
    } else {
        io.string(topic.name);
    }
    if (io.from(10)) io.uuid(topic.id);
    io.boolean(topic.is_internal);
    io.array(topic.partitions);
    if (io.from(8)) ignored_operations(io);
    io.tags();
}

template <typename Io>
static void fields(Io& io, Of<MetadataResponse> auto& m) {
    io.i32(m.throttle_ms);
    io.array(m.brokers);
    io.nullable_string(m.cluster_id);
    io.i32(m.controller_id);
    io.array(m.topics);
    if (io.from(8) && io.until(10)) ignored_operations(io);
    if (io.from(13)) io.i16(m.error_code);
    io.tags();
}

void encode(Writer& out, std::int16_t version, const MetadataRequest& request) {
    encode_fields(out, ApiKey::metadata, version, request);
}
bool decode(ByteSpan body, std::int16_t version, MetadataRequest& request) {
    return decode_fields(body, ApiKey::metadata, version, request);
}
std::size_t encoded_size(std::int16_t version, const MetadataRequest& request) {
    return count_fields(ApiKey::metadata, version, request);
}

void encode(Writer& out, std::int16_t version, const MetadataResponse& response) {
    encode_fields(out, ApiKey::metadata, version, response);
}
bool decode(ByteSpan body, std::int16_t version, MetadataResponse& response,
            ReplicaLists replica_lists) {
    return decode_fields(body, ApiKey::metadata, version, response,
                         replica_lists == ReplicaLists::skip);
}
std::size_t encoded_size(std::int16_t version, const MetadataResponse& response) {
    return count_fields(ApiKey::metadata, version, response);
}

}  // namespace ringpost::wire
