// SPDX-License-Identifier: Apache-2.0
#include "produce/rebatch.h"

#include "core_world.h"

namespace ringpost::produce {
namespace {

std::size_t records_in(const fake::ProduceAttempt& attempt) {
    wire::BatchHeader header;
    EXPECT_TRUE(wire::decode_batch_header(attempt.records, header));
    return static_cast<std::size_t>(header.record_count);
}

/// Numbered values, so that a log can be compared with what was produced.
std::string value(std::uint32_t slot, std::size_t bytes = 8) {
    std::string text = std::to_string(slot) + ':';
    text.resize(std::max(text.size(), bytes), 'v');
    return text;
}

class RebatchTest : public testing::Test {
protected:
    void make(Config config = {}, std::size_t memory = 4 << 20) {
        config.linger = Duration::ms(5);
        world = std::make_unique<CoreWorld>(fake::ClusterOptions{.partitions = 1},
                                            std::move(config), memory);
        world->add_topic(0, "t");
        ASSERT_TRUE(world->produce(0, 1'000'000, "first"));  // so that the topic is known
        world->pass(Duration::seconds(1));
        before = world->log("t").size();
    }
    void produce(std::uint32_t count, std::size_t bytes = 8) {
        for (std::uint32_t i = 0; i < count; ++i) {
            ASSERT_TRUE(world->produce(0, i, value(i, bytes), -1, nullptr,
                                       static_cast<std::uint16_t>(i % 3)));
        }
    }
    /// Brokers of this test take no more than so many records a batch.
    void take_at_most(std::size_t records, Errc error = Errc::message_too_large) {
        world->cluster.faults().on_produce = [=, this](const fake::ProduceAttempt& attempt) {
            const bool too_large = records_in(attempt) > records;
            refusals += too_large;
            return too_large ? fake::ProduceFault{.error = error} : fake::ProduceFault{};
        };
    }
    /// Brokers of this test find these records invalid, and name them.
    void find_invalid(std::set<std::uint32_t> slots) {
        invalid = std::move(slots);
        world->cluster.faults().on_produce = [this](const fake::ProduceAttempt& attempt) {
            fake::ProduceFault fault;
            wire::RecordsBuffer buffer;
            wire::RecordBatchReader reader(attempt.records, buffer);
            wire::RecordView record;
            while (reader.next(record)) {
                const std::string text(as_text(record.value));
                if (invalid.contains(static_cast<std::uint32_t>(std::stoul(text)))) {
                    fault.records.push_back({static_cast<std::int32_t>(record.offset_delta), "no"});
                }
            }
            if (!fault.records.empty()) fault.error = Errc::invalid_record;
            refusals += fault.error != Errc::none;
            return fault;
        };
    }
    /// Everything but the invalid ones, in order, each reported to its lane with its offset.
    void expect_delivered(std::uint32_t count, std::size_t bytes = 8) {
        std::vector<std::string> expected;
        for (std::uint32_t i = 0; i < count; ++i) {
            const Told& told = world->told(i);
            EXPECT_EQ(told.lane, i % 3);
            EXPECT_EQ(told.error, invalid.contains(i) ? Errc::invalid_record : Errc::none) << i;
            EXPECT_FALSE(told.may_have_been_written);
            if (invalid.contains(i)) continue;
            EXPECT_EQ(told.offset, static_cast<std::int64_t>(before + expected.size())) << i;
            expected.push_back(value(i, bytes));
        }
        auto log = world->log("t");
        log.erase(log.begin(), log.begin() + static_cast<std::ptrdiff_t>(before));
        EXPECT_EQ(log, expected);
        EXPECT_EQ(world->core->memory_used(), 0U);
        world->cluster.find_topic("t")->find(0)->log.check_invariants();
    }
    Partition& partition() { return *world->core->find_topic(0)->partitions[0]; }

    std::unique_ptr<CoreWorld> world;
    std::size_t before = 0;
    std::size_t refusals = 0;
    std::set<std::uint32_t> invalid;
};

TEST_F(RebatchTest, ABatchThatIsTooLargeIsHalvedUntilItFits) {
    for (const Errc error : {Errc::message_too_large, Errc::record_list_too_large}) {
        make();
        take_at_most(3, error);
        produce(20);
        world->pass(Duration::seconds(5));
        expect_delivered(20);
        EXPECT_EQ(partition().producer_epoch, 0) << "halves share the numbers of the whole";
    }
}

TEST_F(RebatchTest, WhatComesBehindABatchThatIsHalvedKeepsItsOrder) {
    Config config;
    config.batch_records = 10;
    make(config);
    take_at_most(4);
    produce(100);
    world->pass(Duration::seconds(10));
    EXPECT_GT(refusals, 10U);
    expect_delivered(100);
}

TEST_F(RebatchTest, OneRecordThatIsTooLargeFails) {
    make();
    take_at_most(0);
    produce(2);
    world->pass(Duration::seconds(5));
    EXPECT_EQ(world->count(Errc::message_too_large), 2U);
    EXPECT_EQ(refusals, 3U) << "the two, and each alone";
    EXPECT_EQ(world->core->memory_used(), 0U);
}

TEST_F(RebatchTest, HalvesOfSeveralSlabsAreWhole) {
    make();
    take_at_most(30);
    produce(100, 1'000);
    world->pass(Duration::seconds(5));
    expect_delivered(100, 1'000);
}

TEST_F(RebatchTest, OnlyTheNamedRecordsFail) {
    for (const auto& slots : {std::set<std::uint32_t>{0}, {9}, {4}, {0, 1, 2}, {3, 5, 9}}) {
        make();
        find_invalid(slots);
        produce(10);
        world->pass(Duration::seconds(5));
        expect_delivered(10);
        EXPECT_EQ(refusals, 1U);
        refusals = 0;
    }
}

TEST_F(RebatchTest, OnlyTheNamedRecordsFailWithoutIdempotenceToo) {
    Config config;
    config.idempotent = false;
    config.acks = Acks::leader;
    make(config);
    find_invalid({3, 4, 8});
    produce(10);
    world->pass(Duration::seconds(5));
    expect_delivered(10);
}

TEST_F(RebatchTest, ABatchOfNothingButNamedRecordsFailsAsAWhole) {
    make();
    find_invalid({0, 1, 2});
    produce(3);
    world->pass(Duration::seconds(5));
    expect_delivered(3);
    EXPECT_EQ(refusals, 1U);
}

TEST_F(RebatchTest, WhatComesBehindASpoiltBatchKeepsItsOrder) {
    Config config;
    config.batch_records = 10;
    make(config);
    find_invalid({5, 17, 18, 50, 99});
    produce(100);
    world->pass(Duration::seconds(10));
    expect_delivered(100);
    EXPECT_EQ(refusals, 4U);
}

TEST_F(RebatchTest, NamesThatAreNoneOrTwiceDoNoHarm) {
    make();
    bool once = true;
    world->cluster.faults().on_produce = [&](const fake::ProduceAttempt&) {
        if (!std::exchange(once, false)) return fake::ProduceFault{};
        return fake::ProduceFault{.error = Errc::invalid_record,
                                  .records = {{7, ""}, {-1, ""}, {2, ""}, {7, ""}, {10, ""}}};
    };
    invalid = {2, 7};
    produce(10);
    world->pass(Duration::seconds(5));
    expect_delivered(10);
}

TEST_F(RebatchTest, WithoutNamesTheWholeBatchFails) {
    make();
    bool once = true;
    world->cluster.faults().on_produce = [&](const fake::ProduceAttempt&) {
        const Errc error = std::exchange(once, false) ? Errc::invalid_record : Errc::none;
        return fake::ProduceFault{.error = error};
    };
    produce(3);
    world->pass(Duration::seconds(5));
    EXPECT_EQ(world->count(Errc::invalid_record), 3U);
}

TEST_F(RebatchTest, ManySpoiltBatchesUseUpMoreThanOneEpochOfAnId) {
    Config config;
    config.batch_records = 2;
    make(config);
    partition().producer_epoch = INT16_MAX - 1;
    const std::int64_t id = partition().producer_id;
    find_invalid({0, 2, 4, 6, 8});
    produce(10);
    world->pass(Duration::seconds(10));
    expect_delivered(10);
    EXPECT_NE(partition().producer_id, id);
}

TEST_F(RebatchTest, WhatIsTakenOutPinsNoMoreMemoryThanItNeeds) {
    make();
    find_invalid({5});
    world->lend = true;
    produce(100, 1'000);
    world->pass(Duration::seconds(5));
    EXPECT_EQ(world->count(Errc::none), 100U) << "and the first";
    EXPECT_LE(world->core->memory_used(), limits::slab_bytes_min);
}

TEST_F(RebatchTest, TheOthersOfASpoiltBatchThatMayBeThereAreNotCalledInvalid) {
    make();
    find_invalid({3});
    world->hold_answers(true);
    produce(10);
    world->pass(Duration::seconds(1));
    world->reset_connections();
    world->hold_answers(false);
    world->pass(Duration::seconds(10));
    for (std::uint32_t i = 0; i < 10; ++i) {
        EXPECT_EQ(world->told(i).error, i == 3 ? Errc::invalid_record : Errc::connection_lost);
        EXPECT_TRUE(world->told(i).may_have_been_written);
    }
}

TEST_F(RebatchTest, WithoutMemoryItIsTriedAgainLater) {
    constexpr std::size_t memory = 4 << 20;
    make({}, memory);
    take_at_most(3);
    world->hold_answers(true);
    // Until nothing is left; the answers come when there is no slab for a half.
    std::uint32_t count = 0;
    while (world->produce(0, count, value(count, 5'000), -1, nullptr,
                          static_cast<std::uint16_t>(count % 3))) {
        ++count;
        if (count % 10 == 0) world->pass(Duration::ms(10));
    }
    world->hold_answers(false);
    EXPECT_GT(count, 50U);
    world->pass(Duration::seconds(100));
    expect_delivered(count, 5'000);
}

}  // namespace
}  // namespace ringpost::produce
