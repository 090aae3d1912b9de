// SPDX-License-Identifier: Apache-2.0
#include "fake/old_metadata.h"

#include "wire/golden.h"

namespace ringpost::fake {
namespace {

using wire::to_hex;

template <typename Message>
wire::Bytes encoded_old(std::int16_t version, const Message& message) {
    wire::Bytes room(4096);
    Writer out(room);
    encode_old(out, version, message);
    EXPECT_TRUE(out.ok());
    room.resize(out.size());
    return room;
}

wire::MetadataResponse sample() {
    wire::MetadataResponse response;
    response.throttle_ms = 7;
    response.brokers = {{.node_id = 1, .host = "h", .port = 9092, .rack = "r"}};
    response.cluster_id = "c";
    response.controller_id = 1;
    response.topics = {{.name = "t",
                        .partitions = {{.error_code = 5,
                                        .index = 0,
                                        .leader_id = 1,
                                        .replicas = {1},
                                        .isr = {1},
                                        .offline = {1}}}}};
    return response;
}

// What the older layouts can't say.
wire::MetadataResponse without(wire::MetadataResponse m, std::int16_t version) {
    if (version < 1) m.brokers[0].rack.clear();
    if (version < 1) m.controller_id = -1;
    if (version < 2) m.cluster_id.clear();
    if (version < 3) m.throttle_ms = 0;
    if (version < 5) m.topics[0].partitions[0].offline.clear();
    return m;
}

TEST(OldMetadata, RequestsAreLaidOutAsKafkaDoes) {
    wire::MetadataRequest request{.topics = {{.name = "t"}}, .allow_auto_topic_creation = false};
    EXPECT_EQ(to_hex(encoded_old(0, request)), "00000001000174");
    EXPECT_EQ(to_hex(encoded_old(4, request)), "0000000100017400");
    wire::MetadataRequest all{.all_topics = true};
    EXPECT_EQ(to_hex(encoded_old(0, all)), "00000000");
    EXPECT_EQ(to_hex(encoded_old(1, all)), "ffffffff");
    EXPECT_EQ(to_hex(encoded_old(1, wire::MetadataRequest{})), "00000000");
}

TEST(OldMetadata, RequestsAreReadAsTheyWereWritten) {
    for (std::int16_t version = 0; version <= old_metadata_max; ++version) {
        SCOPED_TRACE(version);
        for (const bool all : {false, true}) {
            wire::MetadataRequest request{.all_topics = all};
            if (!all) request.topics = {{.name = "orders"}, {.name = "bills"}};
            request.allow_auto_topic_creation = version < 4;
            const wire::Bytes bytes = encoded_old(version, request);
            const auto decode = [&](ByteSpan body) {
                wire::MetadataRequest decoded;
                return decode_old(body, version, decoded);
            };
            wire::MetadataRequest decoded;
            ASSERT_TRUE(decode_old(bytes, version, decoded));
            EXPECT_TRUE(decoded == request);
            wire::refuses_every_truncation(bytes, decode);
            wire::survives_every_bit_change(bytes, decode);
        }
    }
}

TEST(OldMetadata, ResponsesAreLaidOutAsKafkaDoes) {
    EXPECT_EQ(to_hex(encoded_old(0, sample())),
              "00000001"
              "00000001"
              "000168"
              "00002384"  // brokers
              "00000001"
              "0000"
              "000174"
              "00000001"  // topics
              "0005"
              "00000000"
              "00000001"
              "0000000100000001"
              "0000000100000001");
    EXPECT_EQ(to_hex(encoded_old(5, sample())),
              "00000007"
              "00000001"
              "00000001"
              "000168"
              "00002384"
              "000172"
              "000163"
              "00000001"
              "00000001"
              "0000"
              "000174"
              "00"
              "00000001"
              "0005"
              "00000000"
              "00000001"
              "0000000100000001"
              "0000000100000001"
              "0000000100000001");
}

TEST(OldMetadata, ResponsesAreReadAsTheyWereWritten) {
    for (std::int16_t version = 0; version <= old_metadata_max; ++version) {
        SCOPED_TRACE(version);
        const wire::Bytes bytes = encoded_old(version, sample());
        EXPECT_EQ(encoded_size_old(version, sample()), bytes.size());
        const auto decode = [&](ByteSpan body) {
            wire::MetadataResponse decoded;
            return decode_old(body, version, decoded);
        };
        wire::MetadataResponse decoded;
        ASSERT_TRUE(decode_old(bytes, version, decoded));
        EXPECT_TRUE(decoded == without(sample(), version));
        wire::refuses_every_truncation(bytes, decode);
        wire::survives_every_bit_change(bytes, decode);
    }
}

}  // namespace
}  // namespace ringpost::fake
