// SPDX-License-Identifier: Apache-2.0
#include "wire/api_versions.h"

#include "golden.h"

namespace ringpost::wire {
namespace {

ApiVersionsResponse sample_response(std::int16_t version) {
    ApiVersionsResponse m;
    m.error_code = 42;
    m.apis = {{ApiKey::produce, 3, 13}, {ApiKey::metadata, 7, 12}, {ApiKey::api_versions, 0, 4}};
    if (version >= 1) m.throttle_ms = 7;
    if (version >= 3) {
        m.supported_features = {{"metadata.version", 7, 27}, {"transaction.version", 1, 2}};
        m.finalized_features = {{"transaction.version", 1, 2}};
        m.finalized_features_epoch = 0x0102030405060708;
    }
    return m;
}

TEST(ApiVersions, RequestAgreesWithKafkasOwnEncoderInEveryVersion) {
    for (std::int16_t v = 0; v <= 4; ++v) {
        ApiVersionsRequest m;
        if (v >= 3) m = {"ringpost", "0.1.0"};
        agrees_with_kafka_clients("ApiVersionsRequest", v, m);
    }
}

TEST(ApiVersions, ResponseAgreesWithKafkasOwnEncoderInEveryVersion) {
    for (std::int16_t v = 0; v <= 4; ++v) {
        // Error 42 is more than one bit away from 35, whose answer may be truncated.
        agrees_with_kafka_clients("ApiVersionsResponse", v, sample_response(v));
    }
}

TEST(ApiVersions, GoldenRequestFramesAreWritten) {
    Bytes room(64);
    Writer v0(room);
    std::byte* size_at = begin_frame(v0);
    encode_request_header(v0, ApiKey::api_versions, 0, 1, "c1");
    encode(v0, 0, ApiVersionsRequest{});
    end_frame(v0, size_at);
    EXPECT_EQ(to_hex(v0.written()), to_hex(golden("av0")));

    Writer v3(room);
    size_at = begin_frame(v3);
    encode_request_header(v3, ApiKey::api_versions, 3, 1, "c1");
    encode(v3, 3, ApiVersionsRequest{"kc", "1.0"});
    end_frame(v3, size_at);
    EXPECT_EQ(to_hex(v3.written()), to_hex(golden("av3")));
}

TEST(ApiVersions, RefusalIsReadInTheFirstLayoutWhateverWasAsked) {
    const Bytes frame = golden("avr0");
    const ByteSpan body = ByteSpan(frame).subspan(frame_size_bytes + 4);
    for (std::int16_t v = 0; v <= 4; ++v) {
        ApiVersionsResponse m;
        ASSERT_TRUE(decode(body, v, m));
        EXPECT_EQ(m.error_code, 35);
        ASSERT_NE(m.find(ApiKey::api_versions), nullptr);
        EXPECT_EQ(m.find(ApiKey::api_versions)->max, 3);
        EXPECT_EQ(to_hex(encoded(v, m)), to_hex(body));
    }
}

TEST(ApiVersions, RefusalWithoutAListOrWithMoreBehindItIsStillARefusal) {
    for (const char* hex : {"0023", "002300000000", "0023ffffffff", "00230000", "002301",
                            "00230000000000000007", "00230000000100"}) {
        ApiVersionsResponse m;
        EXPECT_TRUE(decode(from_hex(hex), 4, m)) << hex;
        EXPECT_EQ(m.error_code, 35);
        EXPECT_TRUE(m.apis.empty());
    }
}

TEST(ApiVersions, DamagedRefusalDoesNoHarm) {
    const Bytes frame = golden("avr0");
    survives_every_bit_change(ByteSpan(frame).subspan(frame_size_bytes + 4), [](ByteSpan body) {
        ApiVersionsResponse m;
        return decode(body, 4, m);
    });
    ApiVersionsResponse m;
    EXPECT_FALSE(decode(from_hex("00"), 4, m));
    EXPECT_FALSE(decode({}, 4, m));
}

TEST(ApiVersions, MinimumAndMaximumOfAFinalizedFeatureAreNotMixedUp) {
    ApiVersionsResponse m;
    ASSERT_TRUE(decode(kafka_clients("ApiVersionsResponse", 4), 4, m));
    ASSERT_EQ(m.finalized_features.size(), 1U);
    EXPECT_EQ(m.finalized_features[0].min, 1);
    EXPECT_EQ(m.finalized_features[0].max, 2);
}

TEST(ApiVersions, ApiThatIsNotListedIsNotFound) {
    EXPECT_EQ(sample_response(4).find(ApiKey::fetch), nullptr);
    EXPECT_EQ(sample_response(4).find(ApiKey::metadata)->max, 12);
}

TEST(ApiVersions, DecodingForgetsWhatTheStructHeld) {
    ApiVersionsResponse m = sample_response(4);
    ASSERT_TRUE(decode(kafka_clients("ApiVersionsResponse", 0), 0, m));
    EXPECT_EQ(m, sample_response(0));
}

}  // namespace
}  // namespace ringpost::wire
