// SPDX-License-Identifier: Apache-2.0
// Which requests exist, in which versions, and the headers in front of them. Pure functions.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include "base/bytes.h"
#include "wire/uuid.h"

namespace ringpost::wire {

enum class ApiKey : std::int16_t {
    produce = 0,
    fetch = 1,
    list_offsets = 2,
    metadata = 3,
    offset_commit = 8,
    offset_fetch = 9,
    find_coordinator = 10,
    join_group = 11,
    heartbeat = 12,
    leave_group = 13,
    sync_group = 14,
    sasl_handshake = 17,
    api_versions = 18,
    init_producer_id = 22,
    sasl_authenticate = 36,
};

/// What this library can encode and decode of one API.
struct ApiInfo {
    ApiKey key;
    std::int16_t min;
    std::int16_t max;
    std::int16_t flexible_from;  ///< First version with compact lengths and tags; past max: never.
    std::int16_t mute_from;  ///< First version whose throttle the client itself has to wait out.
    const char* name;
};

/// Every API, in ascending order of key.
std::span<const ApiInfo> api_table();
/// Null for a key that is not in the table: a peer can send any.
const ApiInfo* find_api(ApiKey key);
/// Asserts that the key is in the table.
const ApiInfo& api_info(ApiKey key);

/// False for an API that is not in the table.
bool is_flexible(ApiKey key, std::int16_t version);
/// 1, or 2 for a flexible version.
int request_header_version(ApiKey key, std::int16_t version);
/// 0, or 1 for a flexible version; always 0 for ApiVersions, whose answer has to be readable
/// before the client knows what the broker speaks.
int response_header_version(ApiKey key, std::int16_t version);

struct RequestHeader {
    ApiKey key = ApiKey::produce;
    std::int16_t version = 0;
    std::int32_t correlation_id = 0;
    std::string_view client_id;  ///< Borrowed from the input; empty when null.
};

void encode_request_header(Writer& out, ApiKey key, std::int16_t version,
                           std::int32_t correlation_id, std::string_view client_id);
/// Leaves the reader at the body. A key or version outside the table is the caller's to judge: its
/// header is read as the highest one that the key can have.
bool decode_request_header(Reader& in, RequestHeader& header);

void encode_response_header(Writer& out, ApiKey key, std::int16_t version,
                            std::int32_t correlation_id);
bool decode_response_header(Reader& in, ApiKey key, std::int16_t version,
                            std::int32_t& correlation_id);

inline constexpr std::size_t frame_size_bytes = 4;

/// Leaves room for the size in front of a frame. Returns where it goes, for `end_frame`.
std::byte* begin_frame(Writer& out);
/// Stores the size of everything written since. Does nothing when the writer has failed.
void end_frame(Writer& out, std::byte* size_at);

}  // namespace ringpost::wire
