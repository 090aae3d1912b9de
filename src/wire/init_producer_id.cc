// SPDX-License-Identifier: Apache-2.0
// InitProducerId (22), v0-v5.
#include "wire/init_producer_id.h"

#include "wire/fields.h"

namespace ringpost::wire {

template <typename Io>
static void fields(Io& io, Of<InitProducerIdRequest> auto& m) {
    io.nullable_string(m.transactional_id);
    io.i32(m.transaction_timeout_ms);
    if (io.from(3)) {
        io.i64(m.producer_id);
        io.i16(m.producer_epoch);
    }
    io.tags();
}

template <typename Io>
static void fields(Io& io, Of<InitProducerIdResponse> auto& m) {
    io.i32(m.throttle_ms);
    io.i16(m.error_code);
    io.i64(m.producer_id);
    io.i16(m.producer_epoch);
    io.tags();
}

void encode(Writer& out, std::int16_t version, const InitProducerIdRequest& request) {
    encode_fields(out, ApiKey::init_producer_id, version, request);
}
bool decode(ByteSpan body, std::int16_t version, InitProducerIdRequest& request) {
    return decode_fields(body, ApiKey::init_producer_id, version, request);
}
std::size_t encoded_size(std::int16_t version, const InitProducerIdRequest& request) {
    return count_fields(ApiKey::init_producer_id, version, request);
}

void encode(Writer& out, std::int16_t version, const InitProducerIdResponse& response) {
    encode_fields(out, ApiKey::init_producer_id, version, response);
}
bool decode(ByteSpan body, std::int16_t version, InitProducerIdResponse& response) {
    return decode_fields(body, ApiKey::init_producer_id, version, response);
}
std::size_t encoded_size(std::int16_t version, const InitProducerIdResponse& response) {
    return count_fields(ApiKey::init_producer_id, version, response);
}

}  // namespace ringpost::wire
