// SPDX-License-Identifier: Apache-2.0
#include "wire/api.h"

#include "golden.h"
#include "wire/fields.h"

namespace ringpost::wire {
namespace {

TEST(Api, TableHoldsTheProducersOwnRanges) {
    const auto range = [](ApiKey key) {
        return std::pair<int, int>(api_info(key).min, api_info(key).max);
    };
    EXPECT_EQ(range(ApiKey::produce), std::pair(3, 13));
    EXPECT_EQ(range(ApiKey::metadata), std::pair(7, 13));
    EXPECT_EQ(range(ApiKey::api_versions), std::pair(0, 4));
    EXPECT_EQ(range(ApiKey::init_producer_id), std::pair(0, 5));
    EXPECT_EQ(api_info(ApiKey::produce).mute_from, 6);
    EXPECT_EQ(api_info(ApiKey::api_versions).mute_from, 2);
    EXPECT_EQ(api_info(ApiKey::init_producer_id).mute_from, 1);
}

TEST(Api, EveryRowIsFoundByItsKeyAndAnUnknownKeyIsNot) {
    for (const ApiInfo& row : api_table()) {
        EXPECT_EQ(find_api(row.key), &row);
        EXPECT_LE(row.min, row.max) << row.name;
    }
    EXPECT_EQ(find_api(ApiKey{7}), nullptr);
    EXPECT_EQ(find_api(ApiKey{-1}), nullptr);
    EXPECT_EQ(find_api(ApiKey{999}), nullptr);
    EXPECT_FALSE(is_flexible(ApiKey{999}, 100));
}

TEST(Api, HeaderVersionFollowsFlexibilityExceptInAnswersToApiVersions) {
    EXPECT_EQ(request_header_version(ApiKey::produce, 8), 1);
    EXPECT_EQ(request_header_version(ApiKey::produce, 9), 2);
    EXPECT_EQ(response_header_version(ApiKey::produce, 8), 0);
    EXPECT_EQ(response_header_version(ApiKey::produce, 9), 1);
    EXPECT_EQ(request_header_version(ApiKey::api_versions, 2), 1);
    EXPECT_EQ(request_header_version(ApiKey::api_versions, 3), 2);
    for (std::int16_t v = 0; v <= 4; ++v) {
        EXPECT_EQ(response_header_version(ApiKey::api_versions, v), 0);
    }
}

TEST(Api, RequestHeadersOfTheGoldenFramesAreReadAndWritten) {
    struct Expected {
        const char* frame;
        ApiKey key;
        std::int16_t version;
        std::int32_t correlation_id;
    };
    for (const auto& e :
         {Expected{"av0", ApiKey::api_versions, 0, 1}, Expected{"av3", ApiKey::api_versions, 3, 1},
          Expected{"md12", ApiKey::metadata, 12, 2},
          Expected{"ipid4", ApiKey::init_producer_id, 4, 4}, Expected{"p7", ApiKey::produce, 7, 3},
          Expected{"p11", ApiKey::produce, 11, 3}}) {
        SCOPED_TRACE(e.frame);
        const Bytes frame = golden(e.frame);
        Reader in(ByteSpan(frame).subspan(frame_size_bytes));
        RequestHeader header;
        ASSERT_TRUE(decode_request_header(in, header));
        EXPECT_EQ(header.key, e.key);
        EXPECT_EQ(header.version, e.version);
        EXPECT_EQ(header.correlation_id, e.correlation_id);
        EXPECT_EQ(header.client_id, "c1");

        Bytes room(64);
        Writer out(room);
        encode_request_header(out, e.key, e.version, e.correlation_id, "c1");
        const std::size_t size = frame.size() - frame_size_bytes - in.remaining();
        EXPECT_EQ(to_hex(out.written()), to_hex(ByteSpan(frame).subspan(frame_size_bytes, size)));
    }
}

TEST(Api, DamagedRequestHeadersAreRefusedOrReadWithoutHarm) {
    Bytes room(64);
    Writer out(room);
    encode_request_header(out, ApiKey::produce, 13, 77, "client");
    const auto decode_header = [](ByteSpan bytes) {
        Reader in(bytes);
        RequestHeader header;
        return decode_request_header(in, header);
    };
    refuses_every_truncation(out.written(), decode_header);
    survives_every_bit_change(out.written(), decode_header);
}

TEST(Api, NullClientIdReadsAsEmpty) {
    const Bytes bytes = from_hex("0000000700000003ffff");
    Reader in(bytes);
    RequestHeader header;
    header.client_id = "left over";
    ASSERT_TRUE(decode_request_header(in, header));
    EXPECT_EQ(header.client_id, "");
}

TEST(Api, ResponseHeaderSkipsUnknownTags) {
    const Bytes bytes = from_hex(
        "00000009"
        "02"
        "00"
        "01"
        "aa"
        "05"
        "02"
        "bbcc"
        "11");
    Reader in(bytes);
    std::int32_t correlation_id = 0;
    ASSERT_TRUE(decode_response_header(in, ApiKey::metadata, 12, correlation_id));
    EXPECT_EQ(correlation_id, 9);
    EXPECT_EQ(in.remaining(), 1U);
}

TEST(Api, ResponseHeaderComesBackAsWritten) {
    for (const ApiInfo& api : api_table()) {
        for (std::int16_t v = api.min; v <= api.max; ++v) {
            Bytes room(16);
            Writer out(room);
            encode_response_header(out, api.key, v, -5);
            EXPECT_EQ(out.size(), response_header_version(api.key, v) == 1 ? 5U : 4U);
            Reader in(out.written());
            std::int32_t correlation_id = 0;
            EXPECT_TRUE(decode_response_header(in, api.key, v, correlation_id));
            EXPECT_EQ(correlation_id, -5);
            EXPECT_TRUE(in.at_end());
        }
    }
}

TEST(Api, EndFrameStoresTheSizeOfWhatFollowsIt) {
    Bytes room(64);
    Writer out(room);
    out.i8(1);
    std::byte* size_at = begin_frame(out);
    encode_request_header(out, ApiKey::api_versions, 0, 1, "c1");
    end_frame(out, size_at);
    EXPECT_EQ(to_hex(out.written().subspan(1)), to_hex(golden("av0")));
}

TEST(Api, FrameWithoutRoomLeavesTheWriterFailed) {
    Bytes room(6);
    Writer out(room);
    std::byte* size_at = begin_frame(out);
    encode_request_header(out, ApiKey::api_versions, 0, 1, "c1");
    end_frame(out, size_at);
    EXPECT_FALSE(out.ok());
}

TEST(Uuid, IsZeroUntilABitIsSetAndHashesByContent) {
    EXPECT_TRUE(Uuid{}.is_zero());
    EXPECT_FALSE(golden_id().is_zero());
    EXPECT_EQ(UuidHash{}(golden_id()), UuidHash{}(golden_id()));
    EXPECT_NE(UuidHash{}(golden_id()), UuidHash{}(Uuid{}));
}

}  // namespace
}  // namespace ringpost::wire
