// SPDX-License-Identifier: Apache-2.0
// InitProducerId (22), v0-v5: a producer id and epoch for an idempotent producer. KIP-98, KIP-360.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "base/bytes.h"

namespace ringpost::wire {

struct InitProducerIdRequest {
    std::optional<std::string> transactional_id;
    std::int32_t transaction_timeout_ms = 0;  ///< Ignored without a transactional id.
    std::int64_t producer_id = -1;            ///< v3+
    std::int16_t producer_epoch = -1;         ///< v3+
    bool operator==(const InitProducerIdRequest&) const = default;
};

struct InitProducerIdResponse {
    std::int32_t throttle_ms = 0;
    std::int16_t error_code = 0;
    std::int64_t producer_id = -1;
    std::int16_t producer_epoch = -1;
    bool operator==(const InitProducerIdResponse&) const = default;
};

void encode(Writer& out, std::int16_t version, const InitProducerIdRequest& request);
bool decode(ByteSpan body, std::int16_t version, InitProducerIdRequest& request);
void encode(Writer& out, std::int16_t version, const InitProducerIdResponse& response);
bool decode(ByteSpan body, std::int16_t version, InitProducerIdResponse& response);

std::size_t encoded_size(std::int16_t version, const InitProducerIdRequest& request);
std::size_t encoded_size(std::int16_t version, const InitProducerIdResponse& response);

}  // namespace ringpost::wire
