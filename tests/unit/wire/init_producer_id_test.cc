// SPDX-License-Identifier: Apache-2.0
#include "wire/init_producer_id.h"

#include "golden.h"
#include "wire/api.h"

namespace ringpost::wire {
namespace {

TEST(InitProducerId, RequestAgreesWithKafkasOwnEncoderInEveryVersion) {
    for (std::int16_t v = 0; v <= 5; ++v) {
        InitProducerIdRequest m;
        m.transaction_timeout_ms = 60000;
        if (v >= 3) m.producer_id = 4242;
        if (v >= 3) m.producer_epoch = 7;
        agrees_with_kafka_clients("InitProducerIdRequest", v, m);
    }
}

TEST(InitProducerId, ResponseAgreesWithKafkasOwnEncoderInEveryVersion) {
    for (std::int16_t v = 0; v <= 5; ++v) {
        agrees_with_kafka_clients("InitProducerIdResponse", v,
                                  InitProducerIdResponse{3, 14, 0x0102030405060708, 9});
    }
}

TEST(InitProducerId, GoldenRequestFrameIsWritten) {
    Bytes room(64);
    Writer out(room);
    std::byte* size_at = begin_frame(out);
    encode_request_header(out, ApiKey::init_producer_id, 4, 4, "c1");
    InitProducerIdRequest m;
    m.transaction_timeout_ms = 60000;
    encode(out, 4, m);
    end_frame(out, size_at);
    EXPECT_EQ(to_hex(out.written()), to_hex(golden("ipid4")));
}

TEST(InitProducerId, EmptyTransactionalIdIsNotANullOne) {
    for (std::int16_t v = 0; v <= 5; ++v) {
        InitProducerIdRequest m, read;
        m.transactional_id = "";
        ASSERT_TRUE(decode(encoded(v, m), v, read));
        EXPECT_EQ(read, m);
        m.transactional_id = "payments-1";
        ASSERT_TRUE(decode(encoded(v, m), v, read));
        EXPECT_EQ(read, m);
        m.transactional_id.reset();
        ASSERT_TRUE(decode(encoded(v, m), v, read));
        EXPECT_EQ(read, m);
    }
}

}  // namespace
}  // namespace ringpost::wire
