// SPDX-License-Identifier: Apache-2.0
#include "base/arena.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <bit>
#include <cstring>
#include <map>
#include <optional>
#include <vector>

#include "base/prng.h"

namespace ringpost {
namespace {

constexpr std::uint32_t smallest = 64;
constexpr std::uint32_t largest = 4096;

/// A region, an arena over it, and what the arena has handed out, by address.
struct ArenaModel {
    explicit ArenaModel(std::size_t bytes)
        : memory(bytes, largest), arena(memory.span(), smallest, largest) {}

    std::byte* allocate(std::size_t bytes) {
        std::byte* block = arena.allocate(bytes);
        if (block != nullptr) {
            const std::size_t size = std::bit_ceil(std::max<std::size_t>(bytes, smallest));
            EXPECT_EQ(arena.block_bytes(block), size);
            EXPECT_EQ(arena.rounded(bytes), size);
            // Natural alignment within the region: what keeps buddies apart.
            EXPECT_EQ(static_cast<std::size_t>(block - memory.data()) % size, 0U);
            EXPECT_TRUE(fits_between_its_neighbours(block, size));
            blocks[block] = size;
            used += size;
        }
        return block;
    }

    void free(std::byte* block) {
        arena.free(block);
        used -= blocks.at(block);
        blocks.erase(block);
    }

    bool fits_between_its_neighbours(std::byte* block, std::size_t size) const {
        if (block < memory.data() || block + size > memory.data() + memory.size()) return false;
        const auto after = blocks.lower_bound(block);
        if (after != blocks.end() && after->first < block + size) return false;
        if (after == blocks.begin()) return true;
        const auto before = std::prev(after);
        return before->first + before->second <= block;
    }

    Block memory;
    Arena arena;
    std::map<std::byte*, std::size_t> blocks;
    std::size_t used = 0;
};

TEST(Arena, HandsOutWhatAModelSaysIsFreeAndNothingTwice) {
    for (std::uint64_t seed = 1; seed <= 20; ++seed) {
        SCOPED_TRACE(seed);
        ArenaModel m(16 * largest);
        Prng prng(seed);
        for (int i = 0; i < 3000; ++i) {
            if (m.blocks.empty() || prng.below(100) < 55) {
                m.allocate(prng.below(prng.below(2) == 0 ? largest + 1 : 300));
            } else {
                m.free(std::next(m.blocks.begin(),
                                 prng.below(static_cast<std::uint32_t>(m.blocks.size())))
                           ->first);
            }
            ASSERT_EQ(m.arena.bytes_used(), m.used);
            m.arena.check_invariants();
            ASSERT_FALSE(HasFailure());
        }
        while (!m.blocks.empty()) m.free(m.blocks.begin()->first);
        m.arena.check_invariants();
        for (int i = 0; i < 16; ++i) EXPECT_NE(m.allocate(largest), nullptr);
    }
}

TEST(Arena, MergesBackToWholeBlocksInAnyOrderOfFreeing) {
    for (std::uint64_t seed = 1; seed <= 10; ++seed) {
        ArenaModel m(2 * largest);
        std::vector<std::byte*> blocks;
        while (std::byte* block = m.allocate(smallest)) blocks.push_back(block);
        ASSERT_EQ(blocks.size(), 2 * largest / smallest);
        EXPECT_EQ(m.arena.bytes_used(), m.arena.bytes_total());
        Prng prng(seed);
        for (std::size_t i = blocks.size(); i > 1; --i) {
            std::swap(blocks[i - 1], blocks[prng.below(static_cast<std::uint32_t>(i))]);
        }
        for (std::byte* block : blocks) m.free(block);
        EXPECT_EQ(m.arena.bytes_used(), 0U);
        EXPECT_NE(m.allocate(largest), nullptr);
        EXPECT_NE(m.allocate(largest), nullptr);
    }
}

TEST(Arena, DoesNotMergeANeighbourThatIsNotItsBuddy) {
    ArenaModel m(largest);
    std::byte* a = m.allocate(smallest);
    std::byte* b = m.allocate(smallest);
    std::byte* c = m.allocate(smallest);
    std::byte* d = m.allocate(smallest);
    m.free(b);
    m.free(c);  // adjacent to b, but b's buddy is a and c's is d
    m.arena.check_invariants();
    EXPECT_EQ(m.allocate(smallest), c);
    EXPECT_EQ(m.allocate(smallest), b);
    m.free(a);
    m.free(d);
    m.arena.check_invariants();
}

TEST(Arena, AnswersNullWhenNothingOfTheSizeIsFreeAndGoesOnAfterwards) {
    ArenaModel m(2 * largest);
    std::byte* a = m.allocate(largest);
    ASSERT_NE(m.allocate(smallest), nullptr);
    EXPECT_EQ(m.allocate(largest), nullptr);
    EXPECT_NE(m.allocate(largest / 2), nullptr);
    EXPECT_EQ(m.allocate(largest / 2 + 1), nullptr);
    m.free(a);
    EXPECT_EQ(m.allocate(largest), a);
}

TEST(Arena, RefusesWhatIsLargerThanItsLargestBlock) {
    ArenaModel m(2 * largest);
    EXPECT_EQ(m.arena.block_bytes_max(), largest);
    EXPECT_EQ(m.arena.allocate(largest + 1), nullptr);
    EXPECT_EQ(m.arena.allocate(SIZE_MAX / 2), nullptr);
    EXPECT_EQ(m.arena.allocate(SIZE_MAX - smallest + 1), nullptr);
    EXPECT_EQ(m.arena.allocate(SIZE_MAX), nullptr);
    EXPECT_EQ(m.arena.bytes_used(), 0U);
}

TEST(Arena, GivesASmallestBlockForNothing) {
    ArenaModel m(largest);
    std::byte* block = m.allocate(0);
    ASSERT_NE(block, nullptr);
    EXPECT_EQ(m.arena.block_bytes(block), smallest);
}

TEST(Arena, UsesTheRegionFromItsFront) {
    ArenaModel m(4 * largest);
    EXPECT_EQ(m.allocate(smallest), m.memory.data());
    EXPECT_EQ(m.allocate(largest), m.memory.data() + largest);
}

TEST(Arena, NeverTouchesTheRegion) {
    ArenaModel m(2 * largest);
    std::memset(m.memory.data(), 0x5a, m.memory.size());
    std::byte* a = m.allocate(100);
    std::byte* b = m.allocate(2000);
    m.free(a);
    m.free(b);
    EXPECT_TRUE(std::all_of(m.memory.data(), m.memory.data() + m.memory.size(),
                            [](std::byte x) { return x == std::byte{0x5a}; }));
}

TEST(Arena, AllowsOneSizeOfBlock) {
    Block memory(4 * largest, largest);
    Arena arena(memory.span(), largest, largest);
    std::byte* blocks[4];
    for (std::byte*& block : blocks) ASSERT_NE(block = arena.allocate(1), nullptr);
    EXPECT_EQ(arena.allocate(1), nullptr);
    for (std::byte* block : blocks) arena.free(block);
    arena.check_invariants();
    EXPECT_EQ(arena.bytes_used(), 0U);
}

// Also the proof that an assertion names its file, line and condition, and that it stays in a
// release build: these tests are built like the library.
TEST(ArenaDeath, FreeingABlockTwiceAbortsWithFileLineAndCondition) {
    ArenaModel m(largest);
    std::byte* block = m.allocate(100);
    m.arena.free(block);
    EXPECT_DEATH(m.arena.free(block),
                 "^ringpost: .*base/arena\\.cc:[0-9]+: assertion failed: "
                 "states_\\[index\\] == State::used");
}

TEST(ArenaDeath, FreeingAForeignPointerAborts) {
    ArenaModel m(2 * largest);
    std::byte elsewhere;
    EXPECT_DEATH(m.arena.free(&elsewhere), "assertion failed");
    std::byte* block = m.allocate(largest);
    EXPECT_DEATH(m.arena.free(block + largest / 2), "assertion failed");
}

TEST(ArenaDeath, ARegionThatIsNoMultipleOfTheLargestBlockAborts) {
    Block memory(2 * largest, largest);
    EXPECT_DEATH(Arena(memory.span().first(largest + smallest), smallest, largest),
                 "region.size\\(\\) % block_bytes_max == 0");
    EXPECT_DEATH(Arena(memory.span(), smallest, largest - 1), "has_single_bit");
}

}  // namespace
}  // namespace ringpost
