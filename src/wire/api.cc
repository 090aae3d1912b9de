// SPDX-License-Identifier: Apache-2.0
// The table of APIs, and request and response headers.
#include "wire/api.h"

#include <algorithm>
#include <limits>

#include "base/assert.h"
#include "wire/fields.h"

namespace ringpost::wire {
namespace {

constexpr std::int16_t never = std::numeric_limits<std::int16_t>::max();

// The first four rows are what the producer speaks: Kafka 2.1 and up. The others are for the
// in-memory broker, whose peers are Java's and librdkafka's consumers.
constexpr ApiInfo rows[] = {
    // key                    min max flexible mute
    {ApiKey::produce, 3, 13, 9, 6, "Produce"},
    {ApiKey::fetch, 4, 17, 12, 8, "Fetch"},
    {ApiKey::list_offsets, 1, 11, 6, 3, "ListOffsets"},
    {ApiKey::metadata, 7, 13, 9, 6, "Metadata"},
    {ApiKey::offset_commit, 2, 9, 8, 4, "OffsetCommit"},
    {ApiKey::offset_fetch, 1, 9, 6, 4, "OffsetFetch"},
    {ApiKey::find_coordinator, 0, 6, 3, 2, "FindCoordinator"},
    {ApiKey::join_group, 0, 9, 6, 3, "JoinGroup"},
    {ApiKey::heartbeat, 0, 4, 4, 2, "Heartbeat"},
    {ApiKey::leave_group, 0, 5, 4, 2, "LeaveGroup"},
    {ApiKey::sync_group, 0, 5, 4, 2, "SyncGroup"},
    {ApiKey::api_versions, 0, 4, 3, 2, "ApiVersions"},
    {ApiKey::init_producer_id, 0, 5, 2, 1, "InitProducerId"},
};
static_assert(std::ranges::is_sorted(rows, {}, &ApiInfo::key));

}  // namespace

std::span<const ApiInfo> api_table() { return rows; }

const ApiInfo* find_api(ApiKey key) {
    const ApiInfo* row = std::ranges::lower_bound(rows, key, {}, &ApiInfo::key);
    return row != std::end(rows) && row->key == key ? row : nullptr;
}

const ApiInfo& api_info(ApiKey key) {
    const ApiInfo* row = find_api(key);
    RINGPOST_ASSERT(row != nullptr);
    return *row;
}

bool is_flexible(ApiKey key, std::int16_t version) {
    const ApiInfo* row = find_api(key);
    return version >= (row == nullptr ? never : row->flexible_from);
}

int request_header_version(ApiKey key, std::int16_t version) {
    return is_flexible(key, version) ? 2 : 1;
}

int response_header_version(ApiKey key, std::int16_t version) {
    return key != ApiKey::api_versions && is_flexible(key, version) ? 1 : 0;
}

// | at | field          | type                                      |
// |----|----------------|-------------------------------------------|
// |  0 | api key        | i16                                       |
// |  2 | api version    | i16                                       |
// |  4 | correlation id | i32                                       |
// |  8 | client id      | nullable string, never compact (KIP-482)  |
// |    | tags           | header v2                                 |
void encode_request_header(Writer& out, ApiKey key, std::int16_t version,
                           std::int32_t correlation_id, std::string_view client_id) {
    out.i16(static_cast<std::int16_t>(key));
    out.i16(version);
    out.i32(correlation_id);
    FieldWriter(out, version, false).string(client_id);
    FieldWriter(out, version, request_header_version(key, version) == 2).tags();
}

bool decode_request_header(Reader& in, RequestHeader& header) {
    header = {};
    header.key = ApiKey{in.i16()};
    header.version = in.i16();
    header.correlation_id = in.i32();
    FieldReader(in, header.version, false).nullable_string(header.client_id);
    FieldReader(in, header.version, request_header_version(header.key, header.version) == 2).tags();
    return in.ok();
}

void encode_response_header(Writer& out, ApiKey key, std::int16_t version,
                            std::int32_t correlation_id) {
    out.i32(correlation_id);
    FieldWriter(out, version, response_header_version(key, version) == 1).tags();
}

bool decode_response_header(Reader& in, ApiKey key, std::int16_t version,
                            std::int32_t& correlation_id) {
    correlation_id = in.i32();
    FieldReader(in, version, response_header_version(key, version) == 1).tags();
    return in.ok();
}

std::byte* begin_frame(Writer& out) { return out.advance(frame_size_bytes); }

void end_frame(Writer& out, std::byte* size_at) {
    if (!out.ok()) return;
    const auto size = static_cast<std::size_t>(out.position() - size_at) - frame_size_bytes;
    RINGPOST_ASSERT(size <= std::numeric_limits<std::int32_t>::max());
    store_be(size_at, static_cast<std::int32_t>(size));
}

}  // namespace ringpost::wire
