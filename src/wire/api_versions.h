// SPDX-License-Identifier: Apache-2.0
// ApiVersions (18), v0-v4: which versions of which request a broker speaks. KIP-35, KIP-511.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "wire/api.h"

namespace ringpost::wire {

/// Empty below v3.
struct ApiVersionsRequest {
    std::string client_software_name;  ///< Letters, digits, inner '-' and '.'; else error 42.
    std::string client_software_version;
};

struct ApiVersionsResponse {
    struct Api {
        ApiKey key = ApiKey::produce;  ///< May be any number.
        std::int16_t min = 0;
        std::int16_t max = 0;
        bool operator==(const Api&) const = default;
    };
    struct Feature {
        std::string name;
        std::int16_t min = 0;
        std::int16_t max = 0;
        bool operator==(const Feature&) const = default;
    };

    std::int16_t error_code = 0;
    std::vector<Api> apis;
    std::int32_t throttle_ms = 0;                // v1+
    std::vector<Feature> supported_features;     // v3+
    std::int64_t finalized_features_epoch = -1;  // v3+
    std::vector<Feature> finalized_features;     // v3+
    bool operator==(const ApiVersionsResponse&) const = default;

    /// Null when the broker does not list the API.
    const Api* find(ApiKey key) const;
};

void encode(Writer& out, std::int16_t version, const ApiVersionsRequest& request);
bool decode(ByteSpan body, std::int16_t version, ApiVersionsRequest& request);

/// Error 35 (unsupported version) is written in the v0 layout, whatever `version` is.
void encode(Writer& out, std::int16_t version, const ApiVersionsResponse& response);
/// Error 35 is read in the v0 layout, whatever `version` is; its list may then be empty or missing.
bool decode(ByteSpan body, std::int16_t version, ApiVersionsResponse& response);

std::size_t encoded_size(std::int16_t version, const ApiVersionsRequest& request);
std::size_t encoded_size(std::int16_t version, const ApiVersionsResponse& response);

}  // namespace ringpost::wire
