// SPDX-License-Identifier: Apache-2.0
#include "produce/batch_pool.h"

#include <gtest/gtest.h>

#include <vector>

namespace ringpost::produce {
namespace {

struct Pool {
    Block memory{1 << 20, 4096};
    Arena arena{memory.span(), limits::slab_bytes_min, 1 << 20};
    BatchPool pool{arena, 0};
};

TEST(BatchPool, GivesEverythingBack) {
    Pool p;
    std::vector<Batch*> batches;
    while (Batch* batch = p.pool.try_take(10'000, 100)) batches.push_back(batch);
    EXPECT_GE(batches.size(), 64U);
    for (Batch* batch : batches) p.pool.give_back(*batch);
    EXPECT_EQ(p.arena.bytes_used(), 0U);
    EXPECT_EQ(p.pool.taken(), 0U);
    EXPECT_NE(p.pool.try_take(1 << 20, 1 << 20), nullptr) << "merged to the whole again";
}

TEST(BatchPool, GivesLessThanWishedForButNotLessThanNeeded) {
    Pool p;
    ASSERT_NE(p.pool.try_take(1 << 19, 1), nullptr);
    ASSERT_NE(p.pool.try_take(1 << 18, 1), nullptr);
    Batch* less = p.pool.try_take(1 << 19, 5000);
    ASSERT_NE(less, nullptr);
    EXPECT_EQ(less->slabs[0].capacity, 1U << 18);
    EXPECT_EQ(p.pool.try_take(1 << 19, 5000), nullptr);
}

TEST(BatchPool, GrowsByDoublingUpToItsBounds) {
    Pool p;
    Batch* batch = p.pool.try_take(limits::slab_bytes_min, 1);
    ASSERT_NE(batch, nullptr);
    ASSERT_TRUE(p.pool.try_grow(*batch, 1));
    EXPECT_EQ(batch->slabs[1].capacity, 2 * limits::slab_bytes_min);
    ASSERT_TRUE(p.pool.try_grow(*batch, 300'000));
    EXPECT_GE(batch->slabs[2].capacity, 300'000U);
    while (p.pool.try_grow(*batch, 1)) {}
    EXPECT_LE(batch->slab_count, limits::batch_slabs_max);
    p.pool.give_back(*batch);
    EXPECT_EQ(p.arena.bytes_used(), 0U);
}

TEST(Batch, JoinsNeighbouringSlotsOfALaneIntoOneRun) {
    Pool p;
    Batch& batch = *p.pool.try_take(4096, 1);
    for (std::uint32_t slot : {5U, 6U, 7U, 9U}) batch.add_run(1, slot);
    batch.add_run(2, 10);
    batch.add_run(1, 10);
    const Slab& slab = batch.slabs[0];
    ASSERT_EQ(slab.run_count, 4U);
    EXPECT_EQ(slab.run(0).first_slot, 5U);
    EXPECT_EQ(slab.run(0).count, 3U);
    EXPECT_EQ(slab.run(1).first_slot, 9U);
    EXPECT_EQ(slab.run(2).lane, 2U);
    EXPECT_EQ(slab.run(3).lane, 1U);
    p.pool.give_back(batch);
}

TEST(BatchPoolHeadroom, IsThereForThoseWhoMayUseItOnly) {
    Block region{1 << 20, 4096};
    Arena arena{region.span(), limits::slab_bytes_min, 1 << 20};
    BatchPool pool{arena, 64 << 10};
    std::vector<Batch*> taken;
    while (Batch* batch = pool.try_take(4096, 4096)) taken.push_back(batch);
    EXPECT_EQ(taken.size(), ((1U << 20) - (64U << 10)) / 4096);
    EXPECT_FALSE(pool.try_grow(*taken[0], 4096));
    EXPECT_TRUE(pool.try_grow(*taken[0], 4096, BatchPool::Use::headroom_too));
    Batch* urgent = pool.try_take(4096, 4096, BatchPool::Use::headroom_too);
    ASSERT_NE(urgent, nullptr);
    taken.push_back(urgent);
    for (Batch* batch : taken) pool.give_back(*batch);
    EXPECT_EQ(arena.bytes_used(), 0U);
}

/// Plain records leave what is kept for compressed ones, and these leave the headroom.
TEST(BatchPool, KeepsMemoryForCompressedRecords) {
    Block memory(1 << 20, 4096);
    Arena arena(memory.span(), limits::slab_bytes_min, 1 << 20);
    BatchPool pool(arena, 64 << 10, 128 << 10);
    std::vector<Batch*> taken;
    while (Batch* batch = pool.try_take(4096, 4096)) taken.push_back(batch);
    EXPECT_EQ(arena.bytes_used(), (1U << 20) - (192U << 10));
    Batch& packed = *taken.front();
    EXPECT_FALSE(pool.packing_is_scarce());
    EXPECT_TRUE(pool.try_add_piece(packed, 64 << 10, 4096));
    EXPECT_FALSE(pool.packing_is_scarce());
    EXPECT_TRUE(pool.try_add_piece(packed, 64 << 10, 4096));
    EXPECT_TRUE(pool.packing_is_scarce());
    EXPECT_FALSE(pool.try_add_piece(packed, 4096, 4096));
    EXPECT_EQ(packed.packed_memory_bytes(), 128U << 10);
    EXPECT_EQ(packed.memory_bytes(), (128U << 10) + 4096);
    EXPECT_NE(pool.try_take(4096, 4096, BatchPool::Use::headroom_too), nullptr);
    pool.drop_pieces(packed);
    EXPECT_EQ(packed.piece_count, 0U);
    EXPECT_TRUE(pool.try_add_piece(packed, 1 << 20, 4096)) << "the least that is needed";
    EXPECT_EQ(packed.packed_memory_bytes(), 4096U);
    pool.give_back(packed);
    EXPECT_FALSE(pool.packing_is_scarce());
    EXPECT_EQ(arena.bytes_used(), (1U << 20) - (192U << 10));
}

}  // namespace
}  // namespace ringpost::produce
