// SPDX-License-Identifier: Apache-2.0
#include "fake/partition_log.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <string>

#include "make_batch.h"

namespace ringpost::fake {
namespace {

constexpr std::int32_t leader_epoch = 9;
constexpr std::int64_t producer = 42;

class PartitionLogTest : public testing::Test {
protected:
    Appended append(const Bytes& batch) { return log.append(batch, leader_epoch); }
    Errc error(const Bytes& batch) { return append(batch).error; }
    BatchSpec idempotent(std::int32_t sequence, std::int32_t count = 1) const {
        return {.count = count, .producer_id = producer, .epoch = 0, .sequence = sequence};
    }
    /// Offsets of the first records of all batches that a consumer gets from `offset` on.
    std::vector<std::int64_t> read_all(std::int64_t offset, std::size_t bytes_max = 1 << 20) const {
        std::vector<std::int64_t> offsets;
        while (offset < log.end_offset()) {
            ByteSpan records = log.read(offset, bytes_max, true);
            if (records.empty()) ADD_FAILURE() << "nothing at " << offset;
            if (records.empty()) return offsets;
            while (!records.empty()) {
                wire::RecordBatchReader reader(records);
                EXPECT_EQ(reader.fault(), wire::BatchFault::none);
                offsets.push_back(reader.header().base_offset);
                offset = reader.header().base_offset + reader.header().record_count;
                records = records.subspan(reader.size());
            }
        }
        return offsets;
    }

    PartitionLog log;
};

TEST_F(PartitionLogTest, KeepsABatchWithItsOffsetAndLeaderEpoch) {
    const Bytes sent = make_batch({.count = 3});
    EXPECT_EQ(append(sent).base_offset, 0);
    EXPECT_EQ(append(sent).base_offset, 3);
    EXPECT_EQ(log.end_offset(), 6);
    EXPECT_EQ(log.stored_bytes(), 2 * sent.size());

    const ByteSpan kept = log.read(3, 1 << 20, true);
    ASSERT_EQ(kept.size(), sent.size());
    wire::RecordBatchReader reader(kept);
    EXPECT_EQ(reader.header().base_offset, 3);
    EXPECT_EQ(reader.header().partition_leader_epoch, leader_epoch);
    wire::RecordView record;
    while (reader.next(record)) EXPECT_EQ(as_text(record.value), "value");
    EXPECT_EQ(reader.fault(), wire::BatchFault::none);
}

TEST_F(PartitionLogTest, TakesExactlyOneBatch) {
    const Bytes batch = make_batch();
    EXPECT_EQ(error({}), Errc::invalid_record);
    Bytes two = batch;
    two.insert(two.end(), batch.begin(), batch.end());
    EXPECT_EQ(error(two), Errc::invalid_record);
    for (std::size_t n = 0; n < batch.size(); ++n) {
        EXPECT_EQ(error(Bytes(batch.begin(), batch.begin() + static_cast<std::ptrdiff_t>(n))),
                  Errc::invalid_record);
    }
    EXPECT_EQ(log.end_offset(), 0);
}

TEST_F(PartitionLogTest, RefusesWhatAKafkaLeaderRefuses) {
    const Bytes batch = make_batch({.count = 3});
    EXPECT_EQ(error(with<std::int8_t>(batch, 16, 1)), Errc::invalid_record);    // magic
    EXPECT_EQ(error(with<std::int64_t>(batch, 0, 1)), Errc::invalid_record);    // base offset
    EXPECT_EQ(error(with<std::int32_t>(batch, 8, 48)), Errc::corrupt_message);  // batch length
    EXPECT_EQ(error(with<std::int32_t>(batch, 8, -1)), Errc::corrupt_message);
    EXPECT_EQ(error(with<std::int32_t>(batch, 23, 1)), Errc::invalid_record);  // last offset delta
    EXPECT_EQ(error(with<std::int32_t>(batch, 57, 2)), Errc::invalid_record);  // record count
    EXPECT_EQ(error(with<std::int32_t>(batch, 57, 0)), Errc::invalid_record);
    EXPECT_EQ(error(with<std::int64_t>(batch, 35, 5)), Errc::invalid_timestamp);  // max timestamp
    EXPECT_EQ(error(with(batch, 21, wire::attribute_control)), Errc::invalid_record);
    EXPECT_EQ(error(with(batch, 21, wire::attribute_log_append_time)), Errc::invalid_timestamp);
    EXPECT_EQ(error(with(batch, 21, wire::attribute_transactional)),
              Errc::transactional_id_authorization_failed);
    EXPECT_EQ(error(with<std::int16_t>(batch, 21, 5)), Errc::unsupported_compression_type);
    EXPECT_EQ(error(with<std::int64_t>(batch, 43, 7)), Errc::invalid_record);  // no sequence
    EXPECT_EQ(error(with<std::int8_t>(batch, 61, 2)), Errc::invalid_record);   // record length
    EXPECT_EQ(log.end_offset(), 0);
    EXPECT_EQ(error(batch), Errc::none);
}

TEST_F(PartitionLogTest, GivesAReasonWithEveryError) {
    EXPECT_FALSE(append({}).reason.empty());
    EXPECT_FALSE(append(with<std::int64_t>(make_batch(), 0, 1)).reason.empty());
    EXPECT_EQ(append({}).base_offset, -1);
    EXPECT_TRUE(append(make_batch()).reason.empty());
}

TEST_F(PartitionLogTest, RefusesABatchLargerThanTheLimit) {
    const Bytes batch = make_batch();
    EXPECT_EQ(log.append(batch, 0, batch.size()).error, Errc::none);
    EXPECT_EQ(log.append(batch, 0, batch.size() - 1).error, Errc::message_too_large);
    const std::string large(message_bytes_default, 'x');
    EXPECT_EQ(error(make_batch({.value = large})), Errc::message_too_large);
}

TEST_F(PartitionLogTest, NoticesEveryChangedBitButThoseOfTheLeaderEpoch) {
    const Bytes batch = make_batch({.count = 2, .producer_id = 1, .epoch = 2, .sequence = 3});
    for (std::size_t bit = 0; bit < batch.size() * 8; ++bit) {
        // In memory of exactly its size, so that a sanitizer sees an over-read.
        const std::unique_ptr<std::byte[]> changed(new std::byte[batch.size()]);
        std::ranges::copy(batch, changed.get());
        changed[bit / 8] ^= static_cast<std::byte>(1U << (bit % 8));
        const Appended appended = log.append({changed.get(), batch.size()}, leader_epoch);
        const bool leader_epoch_bit = bit / 8 >= 12 && bit / 8 < 16;
        EXPECT_EQ(appended.error == Errc::none, leader_epoch_bit) << "bit " << bit;
    }
}

TEST_F(PartitionLogTest, LooksIntoCompressedRecordsAndKeepsThemAsTheyCame) {
    std::int64_t offset = 0;
    for (const wire::Codec codec : wire::built_in_codecs()) {
        const Bytes batch = compressed_batch(codec, make_batch({.count = 5}));
        ASSERT_EQ(append(batch).base_offset, offset);
        const ByteSpan kept = log.read(offset, 1 << 20, true);
        EXPECT_TRUE(std::ranges::equal(kept.subspan(16), ByteSpan(batch).subspan(16)));
        offset += 5;
    }
    EXPECT_EQ(log.end_offset(), offset);
}

TEST_F(PartitionLogTest, RefusesCompressedRecordsThatAreWrong) {
    for (const wire::Codec codec : wire::built_in_codecs()) {
        SCOPED_TRACE(wire::to_string(codec));
        const Bytes batch = compressed_batch(codec, make_batch({.count = 5}));
        // Another codec's number, and what is no stream of any.
        const auto number = static_cast<std::int16_t>(codec);
        EXPECT_EQ(error(with(make_batch({.count = 5}), 21, number)), Errc::unknown_server_error);
        EXPECT_EQ(error(with<std::int16_t>(batch, 21, 7)), Errc::unsupported_compression_type);
        // What is right for the codec, and wrong for Kafka.
        EXPECT_EQ(error(with(with(batch, 57, 4), 23, 3)), Errc::invalid_record);
        EXPECT_EQ(error(with(with(batch, 57, 6), 23, 5)), Errc::invalid_record);
        EXPECT_EQ(error(with<std::int64_t>(batch, 35, 5)), Errc::invalid_timestamp);
    }
    EXPECT_EQ(log.end_offset(), 0);
}

TEST_F(PartitionLogTest, AnswersADuplicateWithItsFirstOffset) {
    EXPECT_EQ(append(make_batch(idempotent(0, 2))).base_offset, 0);
    EXPECT_EQ(append(make_batch(idempotent(2, 3))).base_offset, 2);
    const Appended again = append(make_batch(idempotent(0, 2)));
    EXPECT_EQ(again.error, Errc::none);
    EXPECT_TRUE(again.duplicate);
    EXPECT_EQ(again.base_offset, 0);
    EXPECT_EQ(log.end_offset(), 5);
    EXPECT_EQ(error(make_batch(idempotent(6))), Errc::out_of_order_sequence_number);
    EXPECT_EQ(append(make_batch(idempotent(5))).base_offset, 5);
}

TEST_F(PartitionLogTest, ReadsFromTheBatchThatHoldsTheOffset) {
    for (int i = 0; i < 3; ++i) ASSERT_EQ(error(make_batch({.count = 4})), Errc::none);
    EXPECT_EQ(read_all(0), (std::vector<std::int64_t>{0, 4, 8}));
    EXPECT_EQ(read_all(3), (std::vector<std::int64_t>{0, 4, 8}));
    EXPECT_EQ(read_all(4), (std::vector<std::int64_t>{4, 8}));
    EXPECT_EQ(read_all(11), (std::vector<std::int64_t>{8}));
    EXPECT_TRUE(log.read(12, 1 << 20, true).empty());
    EXPECT_TRUE(log.read(-1, 1 << 20, true).empty());
}

TEST_F(PartitionLogTest, ReadsWholeBatchesWithinTheLimit) {
    const Bytes batch = make_batch();
    for (int i = 0; i < 3; ++i) ASSERT_EQ(error(batch), Errc::none);
    EXPECT_EQ(log.read(0, batch.size() * 2, true).size(), batch.size() * 2);
    EXPECT_EQ(log.read(0, batch.size() * 3 - 1, true).size(), batch.size() * 2);
    EXPECT_EQ(log.read(0, 10, true).size(), batch.size());
    EXPECT_TRUE(log.read(0, 10, false).empty());
}

TEST_F(PartitionLogTest, KeepsWhatItHasWhileItGrows) {
    const std::string value(10'000, 'x');
    ASSERT_EQ(error(make_batch({.value = value})), Errc::none);
    const std::byte* first = log.read(0, 1, true).data();
    std::vector<std::int64_t> expected{0};
    for (std::int64_t i = 1; i < 1000; ++i) {
        ASSERT_EQ(error(make_batch({.value = value})), Errc::none);
        expected.push_back(i);
    }
    EXPECT_EQ(log.read(0, 1, true).data(), first);
    EXPECT_EQ(read_all(0), expected);
    EXPECT_EQ(read_all(0, 25'000), expected);
}

TEST_F(PartitionLogTest, TruncationLosesTheBatchesThatReachTheOffset) {
    for (int i = 0; i < 4; ++i) ASSERT_EQ(error(make_batch({.count = 3})), Errc::none);
    log.truncate(20);
    EXPECT_EQ(log.end_offset(), 12);
    log.truncate(7);  // In the middle of the third batch.
    EXPECT_EQ(log.end_offset(), 6);
    EXPECT_EQ(read_all(0), (std::vector<std::int64_t>{0, 3}));
    EXPECT_EQ(append(make_batch()).base_offset, 6);
    log.truncate(0);
    EXPECT_EQ(log.end_offset(), 0);
    EXPECT_EQ(log.stored_bytes(), 0U);
    EXPECT_EQ(append(make_batch()).base_offset, 0);
}

TEST_F(PartitionLogTest, TruncationTakesBackWhatItKnewOfProducers) {
    for (std::int32_t i = 0; i < 8; ++i) ASSERT_EQ(error(make_batch(idempotent(i))), Errc::none);
    log.truncate(6);
    // The lost ones are new again, the kept ones duplicates.
    EXPECT_EQ(error(make_batch(idempotent(7))), Errc::out_of_order_sequence_number);
    EXPECT_TRUE(append(make_batch(idempotent(5))).duplicate);
    EXPECT_EQ(append(make_batch(idempotent(6))).base_offset, 6);
    log.truncate(0);
    EXPECT_EQ(append(make_batch(idempotent(99))).base_offset, 0);
}

TEST_F(PartitionLogTest, ForgottenProducersMayBeginAnywhere) {
    ASSERT_EQ(error(make_batch(idempotent(0))), Errc::none);
    log.forget_producer(producer);
    EXPECT_EQ(error(make_batch(idempotent(50))), Errc::none);
    log.forget_producers();
    EXPECT_EQ(error(make_batch(idempotent(10))), Errc::none);
    EXPECT_EQ(error(make_batch(idempotent(11))), Errc::none);
    log.truncate(3);  // Knows sequence 10 from the log, but not the ones that expired.
    EXPECT_EQ(error(make_batch(idempotent(12))), Errc::out_of_order_sequence_number);
    EXPECT_EQ(error(make_batch(idempotent(11))), Errc::none);
    EXPECT_EQ(log.end_offset(), 4);
}

TEST_F(PartitionLogTest, RetentionMovesTheStartAndFreesWholeSegments) {
    const std::string value(10'000, 'x');
    for (int i = 0; i < 100; ++i) ASSERT_EQ(error(make_batch({.value = value})), Errc::none);
    const std::size_t all = log.stored_bytes();
    log.delete_before(50);
    EXPECT_EQ(log.start_offset(), 50);
    EXPECT_LT(log.stored_bytes(), all);
    EXPECT_TRUE(log.read(49, 1, true).empty());
    EXPECT_EQ(read_all(50).front(), 50);
    log.delete_before(20);
    EXPECT_EQ(log.start_offset(), 50);
    log.delete_before(1000);
    EXPECT_EQ(log.start_offset(), 100);
    EXPECT_EQ(log.stored_bytes(), 0U);
    EXPECT_EQ(append(make_batch()).base_offset, 100);
}

TEST_F(PartitionLogTest, FindsRecordsByTimestamp) {
    EXPECT_EQ(log.find_timestamp(0).offset, -1);
    EXPECT_EQ(log.find_max_timestamp().offset, -1);
    ASSERT_EQ(error(make_batch({.count = 3, .timestamp = 100})), Errc::none);
    ASSERT_EQ(error(make_batch({.count = 3, .timestamp = 50})), Errc::none);
    ASSERT_EQ(error(make_batch({.count = 3, .timestamp = 200})), Errc::none);
    EXPECT_EQ(log.find_timestamp(0).offset, 0);
    EXPECT_EQ(log.find_timestamp(101).offset, 1);
    EXPECT_EQ(log.find_timestamp(103).offset, 6);
    EXPECT_EQ(log.find_timestamp(103).timestamp, 200);
    EXPECT_EQ(log.find_timestamp(203).offset, -1);
    EXPECT_EQ(log.find_max_timestamp().offset, 8);
    EXPECT_EQ(log.find_max_timestamp().timestamp, 202);
}

TEST_F(PartitionLogTest, FindsARecordInACompressedBatch) {
    std::int64_t end = 0;
    for (const wire::Codec codec : wire::built_in_codecs()) {
        const Bytes batch = make_batch({.count = 3, .timestamp = 100 + end * 10});
        ASSERT_EQ(error(compressed_batch(codec, batch)), Errc::none);
        EXPECT_EQ(log.find_timestamp(102 + end * 10).offset, end + 2);
        end += 3;
        EXPECT_EQ(log.find_max_timestamp().offset, end - 1);
    }
}

}  // namespace
}  // namespace ringpost::fake
