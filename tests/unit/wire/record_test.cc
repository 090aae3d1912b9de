// SPDX-License-Identifier: Apache-2.0
#include "wire/record.h"

#include "golden.h"

namespace ringpost::wire {
namespace {

TEST(Record, KeyOfATailIsReadAlone) {
    for (const std::int64_t key_size : {-1, 0, 1, 63, 64, 5000}) {
        const std::string key(static_cast<std::size_t>(std::max<std::int64_t>(key_size, 0)), 'k');
        Bytes tail(record_tail_size(key_size, 3));
        write_record_tail(tail.data(), key.data(), key_size, "abc", 3);
        bool is_null = false;
        EXPECT_EQ(as_text(key_of_tail(tail, is_null)), key);
        EXPECT_EQ(is_null, key_size < 0);
    }
}

constexpr std::int64_t null_size = -1;

/// One whole record: prefix and tail, each checked against the size that was promised for it.
Bytes record(std::int64_t ts_delta, std::int64_t offset_delta, const void* key,
             std::int64_t key_size, const void* value, std::int64_t value_size,
             std::span<const HeaderView> headers = {}) {
    const std::size_t tail_size = record_tail_size(key_size, value_size, headers);
    Bytes bytes(record_size(tail_size, ts_delta, offset_delta));
    std::byte* tail = write_record_prefix(bytes.data(), tail_size, ts_delta, offset_delta);
    EXPECT_LE(static_cast<std::size_t>(tail - bytes.data()), record_prefix_bytes_max);
    std::byte* end = write_record_tail(tail, key, key_size, value, value_size, headers);
    EXPECT_EQ(end, bytes.data() + bytes.size());
    EXPECT_EQ(static_cast<std::size_t>(end - tail), tail_size);
    return bytes;
}

HeaderView header(std::string_view key, std::string_view value) {
    return {key, as_bytes(value).data(), static_cast<std::int64_t>(value.size())};
}

TEST(Record, RecordsOfTheGoldenBatchesAreWritten) {
    const Bytes a = golden("batch_a"), b = golden("batch_b"), c = golden("batch_c");
    EXPECT_EQ(to_hex(record(0, 0, nullptr, null_size, "hello", 5)),
              to_hex(ByteSpan(a).subspan(61)));
    EXPECT_EQ(to_hex(record(0, 0, "user-1", 6, nullptr, null_size)),
              to_hex(ByteSpan(c).subspan(61)));

    const HeaderView first[] = {header("h1", "x"), {"h2", nullptr, null_size}};
    const HeaderView third[] = {header("trace", "")};
    const std::string all = to_hex(record(0, 0, "k1", 2, "v-one", 5, first)) +
                            to_hex(record(5, 1, "k2", 2, "v-two", 5)) +
                            to_hex(record(-3, 2, "", 0, "", 0, third));
    EXPECT_EQ(all, to_hex(ByteSpan(b).subspan(61)));
}

TEST(Record, VarintEdgesOfTheGoldenBatchAreWritten) {
    const std::string a(63, 'a'), b(64, 'b'), c(57, 'c');
    const std::string all = to_hex(record(0, 0, "k", 1, a.data(), 63)) +
                            to_hex(record(63, 1, "k", 1, b.data(), 64)) +
                            to_hex(record(64, 2, "k", 1, c.data(), 57));
    EXPECT_EQ(all, to_hex(ByteSpan(golden("batch_d")).subspan(61)));
}

TEST(Record, SaramasRecordIsWritten) {
    const Bytes key = from_hex("01020304"), value = from_hex("050607");
    const Bytes header_key = from_hex("08090a"), header_value = from_hex("0b0c");
    const HeaderView headers[] = {{as_text(header_key), header_value.data(), 2}};
    EXPECT_EQ(to_hex(record(5, 0, key.data(), 4, value.data(), 3, headers)),
              to_hex(ByteSpan(golden("sarama_batch")).subspan(61)));
}

TEST(Record, SizesAreRightOnBothSidesOfEveryVarintEdge) {
    std::vector<std::int64_t> edges = {INT64_MIN, INT64_MAX, 0, -1};
    for (int k = 1; k <= 9; ++k) {
        const std::int64_t edge = std::int64_t{1} << (7 * k - 1);
        edges.insert(edges.end(), {edge - 1, edge, -edge, -edge - 1});
    }
    for (const std::int64_t ts : edges) {
        for (const std::int64_t offset : {0, 63, 64, 8191, 8192, 1'048'575, INT32_MAX}) {
            const Bytes bytes = record(ts, offset, "k", 1, "v", 1);
            Reader in(bytes);
            const std::int32_t body_size = in.varint();
            EXPECT_EQ(static_cast<std::size_t>(body_size), in.remaining());
            in.i8();
            EXPECT_EQ(in.varlong(), ts);
            EXPECT_EQ(in.varint(), offset);
        }
    }
    for (const std::size_t size : {62U, 63U, 64U, 8190U, 8191U, 8192U, 1'048'575U, 1'048'576U}) {
        const std::string value(size, 'v');
        const Bytes bytes = record(0, 0, value.data(), static_cast<std::int64_t>(size),
                                   value.data(), static_cast<std::int64_t>(size));
        Reader in(bytes);
        in.take(in.varint() > 0 ? 3 : 0);
        RecordView view;
        ASSERT_TRUE(read_record_tail(in, view));
        EXPECT_EQ(as_text(view.key), value);
        EXPECT_EQ(as_text(view.value), value);
        EXPECT_TRUE(in.at_end());
    }
}

Bytes tail(std::int64_t key_size, std::int64_t value_size,
           std::span<const HeaderView> headers = {}) {
    Bytes bytes(record_tail_size(key_size, value_size, headers));
    write_record_tail(bytes.data(), "key", key_size, "value", value_size, headers);
    return bytes;
}

TEST(Record, NullAndEmptyKeysAndValuesStayApart) {
    for (const std::int64_t key_size : {-1, 0, 3}) {
        for (const std::int64_t value_size : {-1, 0, 5}) {
            const Bytes bytes = tail(key_size, value_size);
            Reader in(bytes);
            RecordView view;
            ASSERT_TRUE(read_record_tail(in, view));
            EXPECT_EQ(view.key_null, key_size < 0);
            EXPECT_EQ(view.value_null, value_size < 0);
            EXPECT_EQ(view.key.size(),
                      static_cast<std::size_t>(std::max<std::int64_t>(0, key_size)));
            EXPECT_EQ(view.value.size(),
                      static_cast<std::size_t>(std::max<std::int64_t>(0, value_size)));
            EXPECT_EQ(view.header_count, 0U);
        }
    }
}

TEST(Record, HeadersKeepOrderDuplicatesAndTheDifferenceOfNullAndEmpty) {
    const HeaderView headers[] = {
        header("a", "1"), header("a", ""), {"a", nullptr, null_size}, header("", "z")};
    const Bytes bytes = tail(3, 5, headers);
    Reader in(bytes);
    RecordView view;
    ASSERT_TRUE(read_record_tail(in, view));
    EXPECT_EQ(view.header_count, 4U);
    HeaderReader reader(view);
    for (const HeaderView& expected : headers) {
        HeaderView h;
        ASSERT_TRUE(reader.next(h));
        EXPECT_EQ(h.key, expected.key);
        EXPECT_EQ(h.value_size, expected.value_size);
        EXPECT_EQ(h.value_null(), expected.value_null());
    }
    HeaderView h;
    EXPECT_FALSE(reader.next(h));
}

TEST(Record, TailsCanFollowOneAnother) {
    const Bytes one = tail(3, 5);
    Bytes two = one;
    two.insert(two.end(), one.begin(), one.end());
    Reader in(two);
    RecordView view;
    ASSERT_TRUE(read_record_tail(in, view));
    EXPECT_EQ(in.remaining(), one.size());
    ASSERT_TRUE(read_record_tail(in, view));
    EXPECT_TRUE(in.at_end());
}

TEST(Record, DamagedTailsAreRefusedOrReadWithoutHarm) {
    const HeaderView headers[] = {header("a", "1"), {"b", nullptr, null_size}};
    const Bytes bytes = tail(3, 5, headers);
    const auto read = [](ByteSpan damaged) {
        Reader in(damaged);
        RecordView view;
        if (!read_record_tail(in, view)) return false;
        HeaderReader reader(view);
        HeaderView h;
        for (std::uint32_t i = 0; i < view.header_count; ++i) EXPECT_TRUE(reader.next(h));
        EXPECT_FALSE(reader.next(h));
        return true;
    };
    refuses_every_truncation(bytes, read);
    survives_every_bit_change(bytes, read);
}

TEST(Record, LengthBelowMinusOneNullHeaderKeyAndNegativeHeaderCountAreRefused) {
    for (const char* hex : {"03"
                            "01"
                            "00",
                            "01"
                            "03"
                            "00",
                            "01"
                            "01"
                            "01",
                            "01"
                            "01"
                            "02"
                            "01"
                            "01",
                            "01"
                            "01"
                            "feffffff0f",
                            "01"
                            "01"
                            "02"
                            "00"
                            "03"}) {
        const Bytes bytes = from_hex(hex);
        Reader in(bytes);
        RecordView view;
        EXPECT_FALSE(read_record_tail(in, view)) << hex;
    }
}

}  // namespace
}  // namespace ringpost::wire
