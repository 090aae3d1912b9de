// SPDX-License-Identifier: Apache-2.0
#include "wire/produce_response_reader.h"

#include "golden.h"
#include "wire/api.h"
#include "wire/produce.h"

namespace ringpost::wire {
namespace {

/// Reads everything there is. False when the reader says that the body is malformed.
bool read_all(ByteSpan body, std::int16_t version, ProduceResponse& m) {
    m = {};
    ProduceResponseReader reader(body, version);
    ProducePartitionResult r;
    while (reader.next(r)) {
        const bool same = !m.topics.empty() && m.topics.back().name == r.topic_name &&
                          m.topics.back().id == r.topic_id;
        if (!same) m.topics.push_back({std::string(r.topic_name), r.topic_id, {}});
        ProduceResponse::Partition p{r.index,
                                     r.error_code,
                                     r.base_offset,
                                     r.log_append_time_ms,
                                     r.log_start_offset,
                                     {},
                                     std::string(r.error_message),
                                     r.leader_id,
                                     r.leader_epoch};
        RecordErrorReader errors(r, version);
        for (ProduceRecordError e; errors.next(e);) {
            p.record_errors.push_back({e.batch_index, std::string(e.message)});
        }
        EXPECT_EQ(p.record_errors.size(), r.record_error_count);
        m.topics.back().partitions.push_back(p);
    }
    if (!reader.ok()) return false;
    m.throttle_ms = reader.throttle_ms();
    for (NodeEndpoint e; reader.next_endpoint(e);) {
        m.endpoints.push_back({e.node_id, std::string(e.host), e.port, std::string(e.rack)});
    }
    return true;
}

TEST(ProduceResponseReader, ReadsWhatTheStructDecoderReadsInEveryVersion) {
    for (std::int16_t v = 3; v <= 13; ++v) {
        SCOPED_TRACE(v);
        const Bytes body = kafka_clients("ProduceResponse", v);
        ProduceResponse expected, read;
        ASSERT_TRUE(decode(body, v, expected));
        ASSERT_TRUE(read_all(body, v, read));
        EXPECT_EQ(read, expected);
    }
}

TEST(ProduceResponseReader, AgreesWithTheStructDecoderOnEveryDamage) {
    for (std::int16_t v = 3; v <= 13; ++v) {
        SCOPED_TRACE(v);
        const Bytes body = kafka_clients("ProduceResponse", v);
        const auto both = [&](ByteSpan damaged) {
            ProduceResponse expected, read;
            const bool ok = decode(damaged, v, expected);
            EXPECT_EQ(read_all(damaged, v, read), ok) << to_hex(damaged);
            return ok;
        };
        refuses_every_truncation(body, both);
        survives_every_bit_change(body, both);
    }
}

TEST(ProduceResponseReader, ReadsTheGoldenLeaderHint) {
    const Bytes frame = golden("r13");
    Reader in(ByteSpan(frame).subspan(frame_size_bytes));
    std::int32_t correlation_id = 0;
    ASSERT_TRUE(decode_response_header(in, ApiKey::produce, 13, correlation_id));
    EXPECT_EQ(correlation_id, 3);
    ProduceResponseReader reader(in.take(in.remaining()), 13);
    ProducePartitionResult r;
    ASSERT_TRUE(reader.next(r));
    EXPECT_EQ(r.topic_id, golden_id());
    EXPECT_EQ(r.index, 0);
    EXPECT_EQ(r.error_code, 6);
    EXPECT_EQ(r.base_offset, -1);
    EXPECT_EQ(r.leader_id, 2);
    EXPECT_EQ(r.leader_epoch, 7);
    EXPECT_FALSE(reader.next(r));
    EXPECT_FALSE(reader.next(r));
    ASSERT_TRUE(reader.ok());
    EXPECT_EQ(reader.throttle_ms(), 0);
    NodeEndpoint e;
    ASSERT_TRUE(reader.next_endpoint(e));
    EXPECT_EQ(e.node_id, 2);
    EXPECT_EQ(e.host, "b2");
    EXPECT_EQ(e.port, 9092);
    EXPECT_EQ(e.rack, "");
    EXPECT_FALSE(reader.next_endpoint(e));
}

TEST(ProduceResponseReader, TopicsWithoutPartitionsAreStepsWithoutResults) {
    for (std::int16_t v = 3; v <= 13; ++v) {
        ProduceResponse m;
        m.throttle_ms = 5;
        m.topics.resize(4);
        m.topics[2].partitions.resize(2);
        ProduceResponseReader reader(ByteSpan{}, v);
        const Bytes body = encoded(v, m);
        reader = ProduceResponseReader(body, v);
        ProducePartitionResult r;
        EXPECT_TRUE(reader.next(r));
        EXPECT_TRUE(reader.next(r));
        EXPECT_FALSE(reader.next(r));
        EXPECT_TRUE(reader.ok());
        EXPECT_EQ(reader.throttle_ms(), 5);
    }
}

TEST(ProduceResponseReader, ResultDoesNotInheritFromTheOneBefore) {
    ProduceResponse m;
    auto& topic = m.topics.emplace_back();
    topic.partitions.resize(2);
    topic.partitions[0] = {1, 6, 2, 3, 4, {{1, "x"}}, "text", 5, 6};
    ProducePartitionResult r;
    const Bytes body = encoded(12, m);
    ProduceResponseReader reader(body, 12);
    ASSERT_TRUE(reader.next(r));
    ASSERT_TRUE(reader.next(r));
    EXPECT_EQ(r.leader_id, -1);
    EXPECT_EQ(r.leader_epoch, -1);
    EXPECT_EQ(r.record_error_count, 0U);
    EXPECT_EQ(r.error_message, "");
}

TEST(ProduceResponseReader, BytesBehindTheBodyAreMalformed) {
    Bytes body = kafka_clients("ProduceResponse", 12);
    body.push_back(std::byte{0});
    ProduceResponse m;
    EXPECT_FALSE(read_all(body, 12, m));
}

TEST(ProduceResponseReader, EmptyBodyIsMalformed) {
    ProduceResponseReader reader({}, 12);
    ProducePartitionResult r;
    EXPECT_FALSE(reader.next(r));
    EXPECT_FALSE(reader.ok());
}

}  // namespace
}  // namespace ringpost::wire
