// SPDX-License-Identifier: Apache-2.0
#include "fake/producer_states.h"

#include <gtest/gtest.h>

namespace ringpost::fake {
namespace {

constexpr std::int64_t id = 77;
constexpr std::int32_t sequence_max = INT32_MAX;

wire::BatchHeader batch(std::int16_t epoch, std::int32_t sequence, std::int32_t count = 1) {
    wire::BatchHeader header;
    header.producer_id = id;
    header.producer_epoch = epoch;
    header.base_sequence = sequence;
    header.record_count = count;
    header.last_offset_delta = count - 1;
    return header;
}

class ProducerStatesTest : public testing::Test {
protected:
    Errc error(const wire::BatchHeader& header) const { return states.check(header).error; }
    bool is_duplicate(const wire::BatchHeader& header) const {
        return states.check(header).duplicate_of.has_value();
    }
    void append(const wire::BatchHeader& header) {
        ASSERT_EQ(error(header), Errc::none);
        ASSERT_FALSE(is_duplicate(header));
        states.on_append(header, end);
        end += header.record_count;
    }

    ProducerStates states;
    std::int64_t end = 100;
};

TEST_F(ProducerStatesTest, UnknownProducerMayBeginWithAnySequence) {
    EXPECT_EQ(error(batch(3, 12'345)), Errc::none);
    append(batch(3, 12'345, 10));
    EXPECT_EQ(error(batch(3, 12'355)), Errc::none);
}

TEST_F(ProducerStatesTest, BatchesWithoutAProducerIdAreNotLookedAt) {
    wire::BatchHeader plain = batch(-1, -1);
    plain.producer_id = -1;
    append(plain);
    append(plain);
    EXPECT_EQ(states.size(), 0U);
}

TEST_F(ProducerStatesTest, EachOfTheLastFiveBatchesIsADuplicateWithItsOffset) {
    for (std::int32_t i = 0; i < 7; ++i) append(batch(0, i * 10, 10));
    for (std::int32_t i = 2; i < 7; ++i) {
        const auto verdict = states.check(batch(0, i * 10, 10));
        EXPECT_EQ(verdict.error, Errc::none);
        EXPECT_EQ(verdict.duplicate_of, 100 + i * 10);
    }
}

TEST_F(ProducerStatesTest, BatchOlderThanTheRememberedFiveIsOutOfOrder) {
    for (std::int32_t i = 0; i < 6; ++i) append(batch(0, i));
    EXPECT_EQ(error(batch(0, 0)), Errc::out_of_order_sequence_number);
    EXPECT_TRUE(is_duplicate(batch(0, 1)));
}

TEST_F(ProducerStatesTest, GapIsOutOfOrder) {
    append(batch(0, 0, 10));
    EXPECT_EQ(error(batch(0, 11)), Errc::out_of_order_sequence_number);
    EXPECT_EQ(error(batch(0, 10)), Errc::none);
}

TEST_F(ProducerStatesTest, PartialOverlapIsOutOfOrder) {
    append(batch(0, 0, 10));
    EXPECT_EQ(error(batch(0, 0, 5)), Errc::out_of_order_sequence_number);
    EXPECT_EQ(error(batch(0, 5, 5)), Errc::out_of_order_sequence_number);
    EXPECT_EQ(error(batch(0, 5, 10)), Errc::out_of_order_sequence_number);
    EXPECT_EQ(error(batch(0, 0, 11)), Errc::out_of_order_sequence_number);
}

TEST_F(ProducerStatesTest, HigherEpochBeginsAtZeroAndForgetsTheOldBatches) {
    append(batch(4, 0, 10));
    EXPECT_EQ(error(batch(5, 10)), Errc::out_of_order_sequence_number);
    append(batch(5, 0, 10));
    EXPECT_TRUE(is_duplicate(batch(5, 0, 10)));
    EXPECT_EQ(error(batch(5, 10)), Errc::none);
}

TEST_F(ProducerStatesTest, LowerEpochIsFenced) {
    append(batch(4, 0));
    EXPECT_EQ(error(batch(3, 0)), Errc::invalid_producer_epoch);
    EXPECT_EQ(error(batch(3, 1)), Errc::invalid_producer_epoch);
}

TEST_F(ProducerStatesTest, SequenceAfterTheLargestIsZero) {
    append(batch(0, sequence_max - 1, 2));
    EXPECT_EQ(error(batch(0, 1)), Errc::out_of_order_sequence_number);
    append(batch(0, 0, 3));
    EXPECT_EQ(error(batch(0, 3)), Errc::none);
}

TEST_F(ProducerStatesTest, BatchMayReachAcrossTheLargestSequence) {
    append(batch(0, sequence_max - 1, 5));  // max - 1, max, 0, 1, 2
    EXPECT_TRUE(is_duplicate(batch(0, sequence_max - 1, 5)));
    EXPECT_EQ(error(batch(0, 2)), Errc::out_of_order_sequence_number);
    append(batch(0, 3));
}

TEST_F(ProducerStatesTest, ForgottenProducerMayBeginAnywhere) {
    append(batch(4, 0));
    states.forget(id);
    EXPECT_EQ(error(batch(2, 55)), Errc::none);
    append(batch(2, 55));
    states.forget_all();
    append(batch(1, 9));
    EXPECT_EQ(states.size(), 1U);
}

TEST_F(ProducerStatesTest, ProducersDoNotKnowEachOther) {
    append(batch(0, 0));
    wire::BatchHeader other = batch(0, 7);
    other.producer_id = id + 1;
    append(other);
    EXPECT_EQ(error(batch(0, 1)), Errc::none);
}

TEST(AddToSequence, WrapsAfterTheLargest) {
    EXPECT_EQ(add_to_sequence(0, 0), 0);
    EXPECT_EQ(add_to_sequence(5, 7), 12);
    EXPECT_EQ(add_to_sequence(sequence_max, 0), sequence_max);
    EXPECT_EQ(add_to_sequence(sequence_max, 1), 0);
    EXPECT_EQ(add_to_sequence(sequence_max, sequence_max), sequence_max - 1);
}

}  // namespace
}  // namespace ringpost::fake
