// SPDX-License-Identifier: Apache-2.0
#include "wire/record_batch.h"

#include "base/crc32c.h"
#include "codecs.h"
#include "golden.h"

namespace ringpost::wire {
namespace {

constexpr std::int64_t bt = 1'700'000'000'000;

/// Changes one field, and makes the checksum right again.
template <typename T>
Bytes with(Bytes batch, std::size_t at, T value) {
    store_be(batch.data() + at, value);
    const ByteSpan whole = batch;
    store_batch_crc(batch.data(), batch_crc({&whole, 1}));
    return batch;
}

BatchFault fault_of(ByteSpan bytes) {
    BatchFault fault = BatchFault::none;
    decode_exact(bytes, [&](ByteSpan exact) {
        RecordBatchReader reader(exact);
        RecordView record;
        while (reader.next(record)) {
            HeaderReader headers(record);
            for (HeaderView h; headers.next(h);) {
            }
        }
        fault = reader.fault();
        return fault == BatchFault::none;
    });
    return fault;
}

TEST(RecordBatch, HeaderOfEveryGoldenBatchIsReadAndWritten) {
    for (const char* name : {"batch_a", "batch_b", "batch_c", "batch_d", "sarama_batch"}) {
        SCOPED_TRACE(name);
        const Bytes batch = golden(name);
        BatchHeader header;
        ASSERT_TRUE(decode_batch_header(batch, header));
        EXPECT_EQ(static_cast<std::size_t>(header.batch_length) + batch_length_overhead_bytes,
                  batch.size());
        Bytes written(batch_header_bytes);
        write_batch_header(written.data(), header);
        EXPECT_EQ(to_hex(written), to_hex(ByteSpan(batch).first(batch_header_bytes)));
    }
}

TEST(RecordBatch, FieldsOfAHeaderStandWhereTheProtocolPutsThem) {
    BatchHeader header;
    ASSERT_TRUE(decode_batch_header(golden("batch_b"), header));
    EXPECT_EQ(header.base_offset, 0);
    EXPECT_EQ(header.batch_length, 100);
    EXPECT_EQ(header.partition_leader_epoch, -1);
    EXPECT_EQ(header.crc, 0x534901caU);
    EXPECT_EQ(header.attributes, 0);
    EXPECT_EQ(header.last_offset_delta, 2);
    EXPECT_EQ(header.base_timestamp, bt);
    EXPECT_EQ(header.max_timestamp, bt + 5);
    EXPECT_EQ(header.producer_id, 4242);
    EXPECT_EQ(header.producer_epoch, 7);
    EXPECT_EQ(header.base_sequence, 100);
    EXPECT_EQ(header.record_count, 3);
    ASSERT_TRUE(decode_batch_header(golden("batch_c"), header));
    EXPECT_EQ(header.attributes, attribute_transactional);
    ASSERT_TRUE(decode_batch_header(golden("batch_d"), header));
    EXPECT_EQ(header.base_sequence, 2147483646);
}

TEST(RecordBatch, ChecksumIsTheSameHoweverTheBatchIsCut) {
    const Bytes batch = golden("batch_d");
    for (std::size_t first = batch_header_bytes; first <= batch.size(); first += 7) {
        for (std::size_t second = first; second <= batch.size(); second += 31) {
            const ByteSpan pieces[] = {ByteSpan(batch).first(first),
                                       ByteSpan(batch).subspan(first, second - first),
                                       ByteSpan(batch).subspan(second)};
            EXPECT_EQ(batch_crc(pieces), 0xb66b32e0U);
        }
    }
}

TEST(RecordBatch, ChecksumIsTheSameWhenTheRecordsHaveOneAlready) {
    const Bytes batch = golden("batch_d");
    const ByteSpan records = ByteSpan(batch).subspan(batch_header_bytes);
    EXPECT_EQ(batch_crc(batch.data(), crc32c(records), static_cast<std::uint32_t>(records.size())),
              0xb66b32e0U);
}

TEST(RecordBatch, StoredChecksumMakesTheGoldenBatch) {
    Bytes batch = golden("batch_a");
    store_batch_crc(batch.data(), 0);
    const ByteSpan whole = batch;
    store_batch_crc(batch.data(), batch_crc({&whole, 1}));
    EXPECT_EQ(to_hex(batch), to_hex(golden("batch_a")));
}

TEST(RecordBatchReader, ReadsTheRecordsOfAGoldenBatch) {
    const Bytes batch = golden("batch_b");
    RecordBatchReader reader(batch);
    ASSERT_EQ(reader.fault(), BatchFault::none);
    EXPECT_EQ(reader.size(), batch.size());
    RecordView r;
    ASSERT_TRUE(reader.next(r));
    EXPECT_EQ(as_text(r.key), "k1");
    EXPECT_EQ(as_text(r.value), "v-one");
    EXPECT_EQ(r.timestamp, bt);
    EXPECT_EQ(r.offset_delta, 0);
    ASSERT_EQ(r.header_count, 2U);
    HeaderReader headers(r);
    HeaderView h;
    ASSERT_TRUE(headers.next(h));
    EXPECT_EQ(h.key, "h1");
    EXPECT_EQ(h.value_size, 1);
    ASSERT_TRUE(headers.next(h));
    EXPECT_EQ(h.key, "h2");
    EXPECT_TRUE(h.value_null());
    ASSERT_TRUE(reader.next(r));
    EXPECT_EQ(r.timestamp, bt + 5);
    EXPECT_EQ(r.offset_delta, 1);
    EXPECT_EQ(r.header_count, 0U);
    ASSERT_TRUE(reader.next(r));
    EXPECT_EQ(r.timestamp, bt - 3);
    EXPECT_FALSE(r.key_null);
    EXPECT_FALSE(r.value_null);
    EXPECT_TRUE(r.key.empty() && r.value.empty());
    EXPECT_FALSE(reader.next(r));
    EXPECT_EQ(reader.fault(), BatchFault::none);
}

TEST(RecordBatchReader, TellsATombstoneFromAnEmptyValue) {
    const Bytes batch = golden("batch_c");
    RecordBatchReader reader(batch);
    RecordView r;
    ASSERT_TRUE(reader.next(r));
    EXPECT_TRUE(r.value_null);
    EXPECT_FALSE(r.key_null);
}

TEST(RecordBatchReader, ReadsTheFirstOfSeveralBatches) {
    Bytes two = golden("batch_a");
    const std::size_t size = two.size();
    const Bytes b = golden("batch_b");
    two.insert(two.end(), b.begin(), b.end());
    RecordBatchReader first(two);
    EXPECT_EQ(first.fault(), BatchFault::none);
    EXPECT_EQ(first.size(), size);
    RecordBatchReader second(ByteSpan(two).subspan(first.size()));
    EXPECT_EQ(second.header().record_count, 3);
    EXPECT_EQ(fault_of(ByteSpan(two).subspan(first.size())), BatchFault::none);
}

TEST(RecordBatchReader, EveryTruncationIsCalledTruncated) {
    for (const char* name : {"batch_a", "batch_b", "batch_c", "batch_d"}) {
        const Bytes batch = golden(name);
        for (std::size_t n = 0; n < batch.size(); ++n) {
            EXPECT_EQ(fault_of(ByteSpan(batch).first(n)), BatchFault::truncated) << name << n;
        }
    }
}

TEST(RecordBatchReader, EveryBitChangeThatTheChecksumCoversIsNoticed) {
    for (const char* name : {"batch_a", "batch_b", "batch_c", "batch_d"}) {
        Bytes batch = golden(name);
        for (std::size_t bit = 0; bit < batch.size() * 8; ++bit) {
            batch[bit / 8] ^= static_cast<std::byte>(1U << (bit % 8));
            const BatchFault fault = fault_of(batch);
            // A leader rewrites base offset and leader epoch, so the checksum leaves them out.
            const bool rewritable = bit / 8 < 8 || (bit / 8 >= 12 && bit / 8 < 16);
            EXPECT_EQ(fault == BatchFault::none, rewritable) << name << " bit " << bit;
            if (bit / 8 >= 17) {
                EXPECT_EQ(fault, BatchFault::bad_crc);
            }
            batch[bit / 8] ^= static_cast<std::byte>(1U << (bit % 8));
        }
    }
}

TEST(RecordBatchReader, RecordsBehindARightChecksumAreStillNotTrusted) {
    for (const char* name : {"batch_b", "batch_d"}) {
        const Bytes batch = golden(name);
        for (std::size_t bit = batch_header_bytes * 8; bit < batch.size() * 8; ++bit) {
            const auto changed = static_cast<std::uint8_t>(static_cast<unsigned>(batch[bit / 8]) ^
                                                           (1U << (bit % 8)));
            fault_of(with(batch, bit / 8, static_cast<std::int8_t>(changed)));
        }
    }
}

TEST(RecordBatchReader, SaysWhyABatchIsRefused) {
    const Bytes b = golden("batch_b");
    EXPECT_EQ(fault_of(with<std::int8_t>(b, 16, 1)), BatchFault::bad_magic);
    EXPECT_EQ(fault_of(with<std::int32_t>(b, 8, 48)), BatchFault::bad_length);
    EXPECT_EQ(fault_of(with<std::int32_t>(b, 8, -1)), BatchFault::bad_length);
    EXPECT_EQ(fault_of(with<std::int32_t>(b, 8, INT32_MAX)), BatchFault::truncated);
    EXPECT_EQ(fault_of(with<std::int32_t>(b, 57, 0)), BatchFault::bad_count);
    EXPECT_EQ(fault_of(with<std::int32_t>(b, 57, -3)), BatchFault::bad_count);
    EXPECT_EQ(fault_of(with<std::int32_t>(b, 23, 3)), BatchFault::bad_count);
    EXPECT_EQ(fault_of(with<std::int32_t>(with<std::int32_t>(b, 57, 4), 23, 3)),
              BatchFault::bad_record);
    EXPECT_EQ(fault_of(with<std::int32_t>(with<std::int32_t>(b, 57, 2), 23, 1)),
              BatchFault::trailing_bytes);
    EXPECT_EQ(fault_of(with<std::int8_t>(b, 87, 4)), BatchFault::bad_record) << "offset delta";
    EXPECT_EQ(fault_of(with<std::int8_t>(b, 61, 1)), BatchFault::bad_record) << "record length -1";
}

TEST(RecordBatchReader, CompressedBatchIsReportedAsSuchOnceItsChecksumIsRight) {
    for (std::int16_t codec = 1; codec <= 4; ++codec) {
        const Bytes batch = with<std::int16_t>(golden("batch_b"), 21, codec);
        RecordBatchReader reader(batch);
        EXPECT_EQ(reader.fault(), BatchFault::compressed);
        EXPECT_EQ(reader.codec(), codec);
        EXPECT_EQ(reader.header().record_count, 3);
        EXPECT_EQ(reader.size(), batch.size());
        RecordView r;
        EXPECT_FALSE(reader.next(r));
    }
}

/// The same batch, its records compressed.
Bytes compressed_batch(Codec codec, const Bytes& batch) {
    Bytes out(batch.begin(), batch.begin() + batch_header_bytes);
    const Bytes records = compressed(codec, ByteSpan(batch).subspan(batch_header_bytes));
    out.insert(out.end(), records.begin(), records.end());
    store_be(out.data() + 8, static_cast<std::int32_t>(out.size() - batch_length_overhead_bytes));
    return with(out, 21, static_cast<std::int16_t>(codec));
}

TEST(RecordBatchReader, ReadsCompressedRecordsFromItsBuffer) {
    RecordsBuffer buffer;
    for (const Codec codec : built_in_codecs()) {
        const Bytes batch = compressed_batch(codec, golden("batch_b"));
        RecordBatchReader reader(batch, buffer);
        RecordView r;
        ASSERT_TRUE(reader.next(r)) << to_string(reader.fault());
        while (reader.next(r)) {
        }
        EXPECT_EQ(reader.fault(), BatchFault::none);
        EXPECT_EQ(r.offset_delta, 2);
        EXPECT_EQ(r.timestamp, bt - 3);
        EXPECT_EQ(reader.size(), batch.size());
    }
}

TEST(RecordBatchReader, SaysWhyCompressedRecordsAreRefused) {
    const auto fault = [](const Bytes& batch, std::size_t bytes_max = 1'000) {
        RecordsBuffer buffer{.bytes_max = bytes_max, .bytes = {}};
        RecordBatchReader reader(batch, buffer);
        RecordView r;
        while (reader.next(r)) {
        }
        return reader.fault();
    };
    EXPECT_EQ(fault(golden("batch_b")), BatchFault::none);
    for (const std::int16_t number : {5, 6, 7}) {
        EXPECT_EQ(fault(with(golden("batch_b"), 21, number)), BatchFault::unknown_codec);
        EXPECT_EQ(fault_of(with(golden("batch_b"), 21, number)), BatchFault::unknown_codec);
    }
    for (const Codec codec : built_in_codecs()) {
        const Bytes batch = compressed_batch(codec, golden("batch_b"));
        const auto number = static_cast<std::int16_t>(codec);
        EXPECT_EQ(fault(batch), BatchFault::none);
        EXPECT_EQ(fault(batch, golden("batch_b").size() - batch_header_bytes - 1),
                  BatchFault::too_large);
        EXPECT_EQ(fault(with(golden("batch_b"), 21, number)), BatchFault::bad_compression);
        // One record more or less than there are.
        EXPECT_EQ(fault(with(with(batch, 57, 4), 23, 3)), BatchFault::bad_record);
        EXPECT_EQ(fault(with(with(batch, 57, 2), 23, 1)), BatchFault::trailing_bytes);
    }
}

TEST(RecordBatchReader, TimestampsThatOverflowWrapInsteadOfTrapping) {
    EXPECT_EQ(fault_of(with<std::int64_t>(golden("batch_b"), 27, INT64_MAX)), BatchFault::none);
}

TEST(RecordBatchReader, ReadsSaramasBatch) {
    const Bytes batch = golden("sarama_batch");
    RecordBatchReader reader(batch);
    RecordView r;
    ASSERT_TRUE(reader.next(r));
    EXPECT_EQ(r.timestamp, 1479847795005);
    EXPECT_EQ(to_hex(r.key), "01020304");
}

TEST(RecordBatch, EveryFaultHasAName) {
    for (int i = 0; i <= static_cast<int>(BatchFault::compressed); ++i) {
        EXPECT_NE(to_string(static_cast<BatchFault>(i)), "unknown");
    }
}

}  // namespace
}  // namespace ringpost::wire
