// SPDX-License-Identifier: Apache-2.0
// Fetch (1), v4-v17.
#include "wire/fetch.h"

#include "wire/fields.h"

namespace ringpost::wire {

template <typename Io>
static void topic_name_or_id(Io& io, auto& topic) {
    if (io.from(13)) {
        io.uuid(topic.id);
    } else {
        io.string(topic.name);
    }
}

template <typename Io>
static void fields(Io& io, Of<FetchRequest::Partition> auto& partition) {
    io.i32(partition.index);
    if (io.from(9)) io.i32(partition.current_leader_epoch);
    io.i64(partition.fetch_offset);
    if (io.from(12)) io.i32(partition.last_fetched_epoch);
    if (io.from(5)) io.i64(partition.log_start_offset);
    io.i32(partition.bytes_max);
    io.tags();
}

template <typename Io>
static void fields(Io& io, Of<FetchRequest::Topic> auto& topic) {
    topic_name_or_id(io, topic);
    io.array(topic.partitions);
    io.tags();
}

template <typename Io>
static void fields(Io& io, Of<FetchRequest::Forgotten> auto& topic) {
    topic_name_or_id(io, topic);
    io.array(topic.partitions);
    io.tags();
}

template <typename Io>
static void fields(Io& io, Of<FetchRequest> auto& m) {
    if (io.until(14)) io.i32(m.replica_id);
    io.i32(m.wait_max_ms);
    io.i32(m.bytes_min);
    io.i32(m.bytes_max);
    io.i8(m.isolation_level);
    if (io.from(7)) {
        io.i32(m.session_id);
        io.i32(m.session_epoch);
    }
    io.array(m.topics);
    if (io.from(7)) io.array(m.forgotten);
    if (io.from(11)) io.string(m.rack_id);
    io.tags();
}

template <typename Io>
static void fields(Io& io, Of<FetchResponse::AbortedTransaction> auto& transaction) {
    io.i64(transaction.producer_id);
    io.i64(transaction.first_offset);
    io.tags();
}

template <typename Io>
static void fields(Io& io, Of<FetchResponse::Partition> auto& partition) {
    io.i32(partition.index);
    io.i16(partition.error_code);
    io.i64(partition.high_watermark);
    io.i64(partition.last_stable_offset);
    if (io.from(5)) io.i64(partition.log_start_offset);
    io.array(partition.aborted_transactions);
    if (io.from(11)) io.i32(partition.preferred_read_replica);
    io.bytes(partition.records);
    io.tags(
        Tagged{1, 12, partition.leader_id != -1 || partition.leader_epoch != -1, [&](auto& tag) {
                   tag.i32(partition.leader_id);
                   tag.i32(partition.leader_epoch);
                   tag.tags();
               }});
}

template <typename Io>
static void fields(Io& io, Of<FetchResponse::Topic> auto& topic) {
    topic_name_or_id(io, topic);
    io.array(topic.partitions);
    io.tags();
}

template <typename Io>
static void fields(Io& io, Of<FetchResponse::Endpoint> auto& endpoint) {
    io.i32(endpoint.node_id);
    io.string(endpoint.host);
    io.i32(endpoint.port);
    io.nullable_string(endpoint.rack);
    io.tags();
}

template <typename Io>
static void fields(Io& io, Of<FetchResponse> auto& m) {
    io.i32(m.throttle_ms);
    if (io.from(7)) {
        io.i16(m.error_code);
        io.i32(m.session_id);
    }
    io.array(m.topics);
    io.tags(Tagged{0, 16, !m.endpoints.empty(), [&](auto& tag) { tag.array(m.endpoints); }});
}

void encode(Writer& out, std::int16_t version, const FetchRequest& request) {
    encode_fields(out, ApiKey::fetch, version, request);
}
bool decode(ByteSpan body, std::int16_t version, FetchRequest& request) {
    return decode_fields(body, ApiKey::fetch, version, request);
}
std::size_t encoded_size(std::int16_t version, const FetchRequest& request) {
    return count_fields(ApiKey::fetch, version, request);
}

void encode(Writer& out, std::int16_t version, const FetchResponse& response) {
    encode_fields(out, ApiKey::fetch, version, response);
}
bool decode(ByteSpan body, std::int16_t version, FetchResponse& response) {
    return decode_fields(body, ApiKey::fetch, version, response);
}
std::size_t encoded_size(std::int16_t version, const FetchResponse& response) {
    return count_fields(ApiKey::fetch, version, response);
}

}  // namespace ringpost::wire
