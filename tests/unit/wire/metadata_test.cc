// SPDX-License-Identifier: Apache-2.0
#include "wire/metadata.h"

#include "golden.h"
#include "wire/api.h"

namespace ringpost::wire {
namespace {

MetadataRequest sample_request(std::int16_t version) {
    MetadataRequest m;
    m.allow_auto_topic_creation = false;
    m.topics.push_back({{}, "orders"});
    if (version >= 12) m.topics.push_back({golden_id(), ""});
    return m;
}

MetadataResponse sample_response(std::int16_t version) {
    MetadataResponse m;
    m.throttle_ms = 9;
    m.cluster_id = "cluster";
    m.controller_id = 2;
    m.brokers = {{1, "b1", 9092, "east"}, {2, "b2", 9093, ""}};
    auto& topic = m.topics.emplace_back();
    topic.error_code = 5;
    topic.name = "orders";
    topic.is_internal = true;
    if (version >= 10) topic.id = golden_id();
    topic.partitions.push_back({9, 3, 1, 17, {1, 2, 3}, {2, 1}, {3}});
    topic.partitions.push_back({0, 4, -1, -1, {}, {}, {}});
    if (version >= 12) m.topics.push_back({100, "", golden_id(), false, {}});
    if (version >= 13) m.error_code = 129;
    return m;
}

bool decode_all(ByteSpan body, std::int16_t version, MetadataResponse& m) {
    return decode(body, version, m, ReplicaLists::keep);
}

TEST(Metadata, RequestAgreesWithKafkasOwnEncoderInEveryVersion) {
    for (std::int16_t v = 7; v <= 13; ++v) {
        agrees_with_kafka_clients("MetadataRequest", v, sample_request(v));
    }
}

TEST(Metadata, RequestForAllTopicsIsANullArray) {
    for (std::int16_t v = 7; v <= 13; ++v) {
        MetadataRequest m;
        m.all_topics = true;
        agrees_with_kafka_clients("MetadataRequestAll", v, m);
    }
}

TEST(Metadata, RequestForNoTopicIsNotOneForAll) {
    for (std::int16_t v = 7; v <= 13; ++v) {
        MetadataRequest m;
        ASSERT_TRUE(decode(encoded(v, MetadataRequest{}), v, m));
        EXPECT_FALSE(m.all_topics);
    }
}

TEST(Metadata, ResponseAgreesWithKafkasOwnEncoderInEveryVersion) {
    for (std::int16_t v = 7; v <= 13; ++v) {
        agrees_with_kafka_clients("MetadataResponse", v, sample_response(v), decode_all);
    }
}

TEST(Metadata, ReplicaListsAreSkippedUnlessAskedFor) {
    for (std::int16_t v = 7; v <= 13; ++v) {
        MetadataResponse m;
        const Bytes body = kafka_clients("MetadataResponse", v);
        ASSERT_TRUE(decode(body, v, m));
        MetadataResponse expected = sample_response(v);
        expected.topics[0].partitions[0].replicas.clear();
        expected.topics[0].partitions[0].isr.clear();
        expected.topics[0].partitions[0].offline.clear();
        EXPECT_EQ(m, expected);

        const auto decode_skipping = [&](ByteSpan damaged) {
            MetadataResponse r;
            return decode(damaged, v, r);
        };
        refuses_every_truncation(body, decode_skipping);
        survives_every_bit_change(body, decode_skipping);
    }
}

TEST(Metadata, GoldenRequestFrameIsWritten) {
    Bytes room(64);
    Writer out(room);
    std::byte* size_at = begin_frame(out);
    encode_request_header(out, ApiKey::metadata, 12, 2, "c1");
    MetadataRequest m;
    m.topics.push_back({{}, "t"});
    encode(out, 12, m);
    end_frame(out, size_at);
    EXPECT_EQ(to_hex(out.written()), to_hex(golden("md12")));
}

TEST(Metadata, LargeAnswerIsReadWhole) {
    MetadataResponse m;
    m.brokers = {{1, "b1", 9092, ""}};
    auto& topic = m.topics.emplace_back();
    topic.name = "large";
    for (std::int32_t i = 0; i < 100'000; ++i) {
        topic.partitions.push_back({0, i, 1, 5, {1, 2, 3}, {1, 2, 3}, {}});
    }
    MetadataResponse read;
    ASSERT_TRUE(decode(encoded(12, m), 12, read));
    ASSERT_EQ(read.topics.size(), 1U);
    ASSERT_EQ(read.topics[0].partitions.size(), 100'000U);
    EXPECT_EQ(read.topics[0].partitions[99'999].index, 99'999);
    EXPECT_EQ(read.topics[0].partitions[99'999].leader_epoch, 5);
    EXPECT_EQ(read.topics[0].partitions[99'999].replicas.capacity(), 0U);
}

TEST(Metadata, BytesBehindTheMessageAreRefused) {
    Bytes body = kafka_clients("MetadataResponse", 12);
    body.push_back(std::byte{0});
    MetadataResponse m;
    EXPECT_FALSE(decode(body, 12, m));
}

}  // namespace
}  // namespace ringpost::wire
