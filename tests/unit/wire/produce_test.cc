// SPDX-License-Identifier: Apache-2.0
#include "wire/produce.h"

#include "golden.h"
#include "wire/api.h"

namespace ringpost::wire {
namespace {

ProduceRequest sample_request(std::int16_t version, ByteSpan records) {
    ProduceRequest m;
    m.timeout_ms = 30001;
    auto& topic = m.topics.emplace_back();
    if (version >= 13) topic.id = golden_id();
    if (version <= 12) topic.name = "orders";
    topic.partitions = {{5, records}, {6, records}};
    return m;
}

ProduceResponse sample_response(std::int16_t version) {
    ProduceResponse m;
    m.throttle_ms = 11;
    auto& topic = m.topics.emplace_back();
    if (version >= 13) topic.id = golden_id();
    if (version <= 12) topic.name = "orders";
    ProduceResponse::Partition good, bad;
    good.index = 5;
    good.base_offset = 1234567890123;
    good.log_append_time_ms = 1700000000000;
    if (version >= 5) good.log_start_offset = 77;
    bad.index = 6;
    bad.error_code = 87;
    if (version >= 8) {
        bad.error_message = "bad batch";
        bad.record_errors = {{2, "no key"}, {4, ""}};
    }
    if (version >= 10) {
        bad.leader_id = 2;
        bad.leader_epoch = 7;
        m.endpoints = {{2, "b2", 9093, "west"}, {3, "b3", 9094, ""}};
    }
    topic.partitions = {good, bad};
    return m;
}

TEST(Produce, RequestAgreesWithKafkasOwnEncoderInEveryVersion) {
    for (std::int16_t v = 3; v <= 13; ++v) {
        agrees_with_kafka_clients("ProduceRequest", v, sample_request(v, as_bytes("0123456789")));
    }
}

TEST(Produce, ResponseAgreesWithKafkasOwnEncoderInEveryVersion) {
    for (std::int16_t v = 3; v <= 13; ++v) {
        agrees_with_kafka_clients("ProduceResponse", v, sample_response(v));
    }
}

TEST(Produce, GoldenRequestFramesAreRead) {
    const Bytes batch = golden("batch_a");
    for (const char* name : {"p7", "p11", "p13"}) {
        SCOPED_TRACE(name);
        const Bytes frame = golden(name);
        Reader in(ByteSpan(frame).subspan(frame_size_bytes));
        RequestHeader header;
        ASSERT_TRUE(decode_request_header(in, header));
        const ByteSpan body = in.take(in.remaining());
        ProduceRequest m;
        ASSERT_TRUE(decode(body, header.version, m));
        EXPECT_FALSE(m.transactional_id.has_value());
        EXPECT_EQ(m.acks, -1);
        EXPECT_EQ(m.timeout_ms, 30000);
        ASSERT_EQ(m.topics.size(), 1U);
        EXPECT_EQ(m.topics[0].name, header.version >= 13 ? "" : "t");
        EXPECT_EQ(m.topics[0].id, header.version >= 13 ? golden_id() : Uuid{});
        ASSERT_EQ(m.topics[0].partitions.size(), 1U);
        EXPECT_EQ(m.topics[0].partitions[0].index, 0);
        EXPECT_EQ(to_hex(m.topics[0].partitions[0].records), to_hex(batch));
        EXPECT_EQ(to_hex(encoded(header.version, m)), to_hex(body));
    }
}

TEST(Produce, RecordsAreBorrowedFromTheBody) {
    const Bytes body = kafka_clients("ProduceRequest", 11);
    ProduceRequest m;
    ASSERT_TRUE(decode(body, 11, m));
    const ByteSpan records = m.topics[0].partitions[0].records;
    EXPECT_GE(records.data(), body.data());
    EXPECT_LE(records.data() + records.size(), body.data() + body.size());
}

TEST(Produce, NullRecordsDifferFromEmptyOnesAndTransactionalIdsToo) {
    for (std::int16_t v = 3; v <= 13; ++v) {
        ProduceRequest m = sample_request(v, ByteSpan{}), read;
        Bytes body = encoded(v, m);
        ASSERT_TRUE(decode(body, v, read));
        EXPECT_EQ(read.topics[0].partitions[0].records.data(), nullptr);

        m = sample_request(v, as_bytes("x").first(0));
        m.transactional_id = "";
        body = encoded(v, m);
        ASSERT_TRUE(decode(body, v, read));
        EXPECT_NE(read.topics[0].partitions[0].records.data(), nullptr);
        ASSERT_TRUE(read.transactional_id.has_value());
        EXPECT_EQ(*read.transactional_id, "");
    }
}

}  // namespace
}  // namespace ringpost::wire
