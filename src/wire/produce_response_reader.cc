// SPDX-License-Identifier: Apache-2.0
// The body of a Produce response (0), v3-v13.
#include "wire/produce_response_reader.h"

#include "wire/api.h"
#include "wire/field_reader.h"

namespace ringpost::wire {
namespace {

/// An array's count, believed only as far as the bytes left can hold that many elements.
std::uint32_t array_count(Reader& in, bool flexible, std::size_t element_bytes_min) {
    bool is_null = false;
    const std::size_t n = FieldReader(in, 0, flexible).length<std::int32_t>(is_null);
    if (n > in.remaining() / element_bytes_min) return in.fail(), 0;
    return static_cast<std::uint32_t>(n);
}

// The smallest elements over all versions.
constexpr std::size_t topic_bytes_min = 1 + 1;
constexpr std::size_t partition_bytes_min = 4 + 2 + 8 + 8;
constexpr std::size_t record_error_bytes_min = 4 + 1;
constexpr std::size_t endpoint_bytes_min = 4 + 1 + 4 + 1 + 1;

/// What is left, without taking it.
ByteSpan rest(Reader& in) { return {in.take(0).data(), in.remaining()}; }

void read(Reader& in, bool flexible, ProduceRecordError& error) {
    FieldReader reader(in, 0, flexible);
    reader.i32(error.batch_index);
    reader.nullable_string(error.message);
    reader.tags();
}

void read(Reader& in, NodeEndpoint& endpoint) {
    FieldReader reader(in, 0, true);
    reader.i32(endpoint.node_id);
    reader.string(endpoint.host);
    reader.i32(endpoint.port);
    reader.nullable_string(endpoint.rack);
    reader.tags();
}

}  // namespace

RecordErrorReader::RecordErrorReader(const ProducePartitionResult& result, std::int16_t version)
    : in_(result.record_errors_raw),
      left_(result.record_error_count),
      flexible_(is_flexible(ApiKey::produce, version)) {}

bool RecordErrorReader::next(ProduceRecordError& error) {
    if (left_ == 0) return false;
    --left_;
    read(in_, flexible_, error);
    return in_.ok();
}

ProduceResponseReader::ProduceResponseReader(ByteSpan body, std::int16_t version)
    : in_(body), version_(version), flexible_(is_flexible(ApiKey::produce, version)) {
    topics_left_ = array_count(in_, flexible_, topic_bytes_min);
}

bool ProduceResponseReader::next(ProducePartitionResult& result) {
    while (in_.ok() && partitions_left_ == 0) {
        if (in_topic_) FieldReader(in_, version_, flexible_).tags();
        in_topic_ = false;
        if (!begin_topic()) break;
    }
    if (!in_.ok()) return false;
    if (partitions_left_ == 0) {
        if (!ended_) read_end();
        return false;
    }
    --partitions_left_;
    read_partition(result);
    return in_.ok();
}

bool ProduceResponseReader::begin_topic() {
    if (topics_left_ == 0) return false;
    --topics_left_;
    in_topic_ = true;
    FieldReader reader(in_, version_, flexible_);
    if (version_ >= 13) {
        reader.uuid(topic_id_);
    } else {
        reader.string(topic_name_);
    }
    partitions_left_ = array_count(in_, flexible_, partition_bytes_min);
    return true;
}

void ProduceResponseReader::read_partition(ProducePartitionResult& result) {
    result = {};
    result.topic_name = topic_name_;
    result.topic_id = topic_id_;
    FieldReader reader(in_, version_, flexible_);
    reader.i32(result.index);
    reader.i16(result.error_code);
    reader.i64(result.base_offset);
    reader.i64(result.log_append_time_ms);
    if (version_ >= 5) reader.i64(result.log_start_offset);
    if (version_ >= 8) {
        result.record_error_count = array_count(in_, flexible_, record_error_bytes_min);
        const ByteSpan before = rest(in_);
        ProduceRecordError error;
        for (std::uint32_t i = 0; i < result.record_error_count && in_.ok(); ++i) {
            read(in_, flexible_, error);
        }
        result.record_errors_raw = before.first(before.size() - in_.remaining());
        reader.nullable_string(result.error_message);
    }
    reader.tags(Tagged{0, 10, true, [&](auto& tag) {
                           tag.i32(result.leader_id);
                           tag.i32(result.leader_epoch);
                           tag.tags();
                       }});
}

void ProduceResponseReader::read_end() {
    ended_ = true;
    FieldReader reader(in_, version_, flexible_);
    reader.i32(throttle_ms_);
    ByteSpan endpoints;
    reader.tags(Tagged{0, 10, true, [&](auto& tag) { endpoints = tag.rest(); }});
    if (!in_.at_end()) return in_.fail();
    if (endpoints.empty()) return;
    endpoints_ = Reader(endpoints);
    endpoints_left_ = array_count(endpoints_, true, endpoint_bytes_min);
    check_endpoints();
}

/// So that `ok()` speaks for the endpoints as well.
void ProduceResponseReader::check_endpoints() {
    Reader in = endpoints_;
    NodeEndpoint endpoint;
    for (std::uint32_t i = 0; i < endpoints_left_ && in.ok(); ++i) read(in, endpoint);
    if (in.at_end()) return;
    endpoints_left_ = 0;
    in_.fail();
}

bool ProduceResponseReader::next_endpoint(NodeEndpoint& endpoint) {
    if (endpoints_left_ == 0) return false;
    --endpoints_left_;
    endpoint = {};
    read(endpoints_, endpoint);
    return endpoints_.ok();
}

}  // namespace ringpost::wire
