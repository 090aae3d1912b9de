// SPDX-License-Identifier: Apache-2.0
// Metadata (3), v0-v6: older than what the producer speaks, but all that librdkafka 2.0 (in Debian
// 12's kcat) can say.
#pragma once

#include "base/bytes.h"
#include "wire/metadata.h"

namespace ringpost::fake {

inline constexpr std::int16_t old_metadata_max = 6;

void encode_old(Writer& out, std::int16_t version, const wire::MetadataRequest& request);
bool decode_old(ByteSpan body, std::int16_t version, wire::MetadataRequest& request);
void encode_old(Writer& out, std::int16_t version, const wire::MetadataResponse& response);
bool decode_old(ByteSpan body, std::int16_t version, wire::MetadataResponse& response);

std::size_t encoded_size_old(std::int16_t version, const wire::MetadataResponse& response);

}  // namespace ringpost::fake
