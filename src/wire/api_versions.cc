// SPDX-License-Identifier: Apache-2.0
// ApiVersions (18), v0-v4.
#include "wire/api_versions.h"

#include <algorithm>

#include "wire/fields.h"

namespace ringpost::wire {
namespace {

constexpr std::int16_t unsupported_version = 35;

/// The answer to a version that the broker doesn't speak is one that every client can read.
std::int16_t layout(std::int16_t error_code, std::int16_t version) {
    return error_code == unsupported_version ? std::int16_t{0} : version;
}

}  // namespace

template <typename Io>
static void fields(Io& io, Of<ApiVersionsRequest> auto& m) {
    if (!io.from(3)) return;
    io.string(m.client_software_name);
    io.string(m.client_software_version);
    io.tags();
}

template <typename Io>
static void fields(Io& io, Of<ApiVersionsResponse::Api> auto& api) {
    auto key = static_cast<std::int16_t>(api.key);
    io.i16(key);
    if constexpr (Io::reading) api.key = ApiKey{key};
    io.i16(api.min);
    io.i16(api.max);
    io.tags();
}

template <typename Io>
static void fields(Io& io, Of<ApiVersionsResponse::Feature> auto& feature) {
    io.string(feature.name);
    io.i16(feature.min);
    io.i16(feature.max);
    io.tags();
}

namespace {
/// A finalized feature says its maximum first.
struct FinalizedFeature : ApiVersionsResponse::Feature {};
}  // namespace

template <typename Io>
static void fields(Io& io, Of<FinalizedFeature> auto& feature) {
    io.string(feature.name);
    io.i16(feature.max);
    io.i16(feature.min);
    io.tags();
}

template <typename Io>
static void finalized_features(Io& io, auto& features) {
    std::vector<FinalizedFeature> list;
    for (const auto& feature : features) list.push_back({feature});
    io.array(list);
    if constexpr (Io::reading) features.assign(list.begin(), list.end());
}

template <typename Io>
static void fields(Io& io, Of<ApiVersionsResponse> auto& m) {
    io.i16(m.error_code);
    io.array(m.apis);
    if (io.from(1)) io.i32(m.throttle_ms);
    io.tags(Tagged{0, 3, !m.supported_features.empty(),
                   [&](auto& tag) { tag.array(m.supported_features); }},
            Tagged{1, 3, m.finalized_features_epoch != -1,
                   [&](auto& tag) { tag.i64(m.finalized_features_epoch); }},
            Tagged{2, 3, !m.finalized_features.empty(),
                   [&](auto& tag) { finalized_features(tag, m.finalized_features); }});
}

const ApiVersionsResponse::Api* ApiVersionsResponse::find(ApiKey key) const {
    const auto api = std::ranges::find(apis, key, &Api::key);
    return api == apis.end() ? nullptr : &*api;
}

void encode(Writer& out, std::int16_t version, const ApiVersionsRequest& request) {
    encode_fields(out, ApiKey::api_versions, version, request);
}
bool decode(ByteSpan body, std::int16_t version, ApiVersionsRequest& request) {
    return decode_fields(body, ApiKey::api_versions, version, request);
}
std::size_t encoded_size(std::int16_t version, const ApiVersionsRequest& request) {
    return count_fields(ApiKey::api_versions, version, request);
}

void encode(Writer& out, std::int16_t version, const ApiVersionsResponse& response) {
    encode_fields(out, ApiKey::api_versions, layout(response.error_code, version), response);
}
bool decode(ByteSpan body, std::int16_t version, ApiVersionsResponse& response) {
    Reader in(body);
    const std::int16_t error_code = in.i16();
    const bool ok =
        decode_fields(body, ApiKey::api_versions, layout(error_code, version), response);
    if (ok || !in.ok() || error_code != unsupported_version) return ok;
    // Old brokers and proxies send less than v0, or more; what matters is that they said no.
    response = {};
    response.error_code = error_code;
    return true;
}
std::size_t encoded_size(std::int16_t version, const ApiVersionsResponse& response) {
    return count_fields(ApiKey::api_versions, layout(response.error_code, version), response);
}

}  // namespace ringpost::wire
