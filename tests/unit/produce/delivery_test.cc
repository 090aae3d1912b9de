// SPDX-License-Identifier: Apache-2.0
#include "produce/delivery.h"

#include <gtest/gtest.h>

namespace ringpost::produce {
namespace {

struct Sink : ReportSink {
    std::uint32_t on_resolved(const Batch& batch, const Outcome& outcome) override {
        records += batch.record_count;
        last = outcome.error;
        return lenders;
    }
    std::uint64_t records = 0;
    std::uint32_t lenders = 0;
    Errc last = Errc::none;
};

struct Desk {
    Block memory{1 << 20, 4096};
    Arena arena{memory.span(), limits::slab_bytes_min, 1 << 20};
    BatchPool pool{arena, 0};
    FlushTracker flushes;
    Sink sink;
    ShareBoard board;
    Shares shares{arena, 0, 16 << 10, board};
    Delivery delivery{pool, flushes, shares, sink};
    Topic topic;

    Batch& parked(Instant created) {
        Batch& batch = *pool.try_take(4096, 1);
        batch.topic = &topic;
        batch.record_count = 2;
        batch.created = created;
        batch.flush_epoch = flushes.epoch();
        topic.parked.push_back(batch);
        delivery.on_created(batch);
        return batch;
    }
};

TEST(Delivery, CountsRecordsAndFreesTheirMemory) {
    Desk d;
    Batch& a = d.parked(Instant::from_ns(1));
    Batch& b = d.parked(Instant::from_ns(2));
    d.delivery.resolve(a, {});
    d.delivery.resolve(b, {.error = Errc::purged});
    EXPECT_EQ(d.delivery.delivered().records, 2U);
    EXPECT_EQ(d.delivery.failed().records, 2U);
    EXPECT_EQ(d.sink.records, 4U);
    EXPECT_TRUE(d.delivery.idle());
    EXPECT_EQ(d.arena.bytes_used(), 0U);
}

TEST(Delivery, KeepsWhatLanesStillRead) {
    Desk d;
    d.sink.lenders = 2;
    Batch& batch = d.parked(Instant::from_ns(1));
    d.delivery.resolve(batch, {.error = Errc::purged});
    EXPECT_NE(d.arena.bytes_used(), 0U);
    d.delivery.release_lent(batch);
    EXPECT_NE(d.arena.bytes_used(), 0U);
    d.delivery.release_lent(batch);
    EXPECT_EQ(d.arena.bytes_used(), 0U);
}

TEST(Delivery, KnowsTheOldestWhateverTheOrderOfCreation) {
    Desk d;
    Batch& young = d.parked(Instant::from_ns(30));
    Batch& old = d.parked(Instant::from_ns(10));
    Batch& middle = d.parked(Instant::from_ns(20));
    EXPECT_EQ(d.delivery.oldest(), &old);
    EXPECT_EQ(Delivery::next_oldest(old), &middle);
    EXPECT_EQ(Delivery::next_oldest(middle), &young);
}

TEST(FlushTracker, IsDoneWhenTheBatchesBeforeItAreResolved) {
    FlushTracker flushes;
    flushes.on_batch(flushes.epoch());
    const std::uint64_t first = flushes.begin();
    flushes.on_batch(flushes.epoch());
    const std::uint64_t second = flushes.begin();
    EXPECT_FALSE(flushes.done(first));
    flushes.on_resolved(second);
    EXPECT_FALSE(flushes.done(second)) << "an older batch is still out";
    flushes.on_resolved(first);
    EXPECT_TRUE(flushes.done(first));
    EXPECT_TRUE(flushes.done(second));
}

TEST(FlushTracker, WithNothingOutIsDoneAtOnceAndHasABound) {
    FlushTracker flushes;
    EXPECT_TRUE(flushes.done(flushes.begin()));
    flushes.on_batch(flushes.epoch());
    int begun = 0;
    while (flushes.can_begin()) {
        flushes.begin();
        flushes.on_batch(flushes.epoch());
        ++begun;
    }
    EXPECT_GT(begun, 30);
}

}  // namespace
}  // namespace ringpost::produce
