// SPDX-License-Identifier: Apache-2.0
#include "base/spsc_ring.h"

#include <gtest/gtest.h>

#include <atomic>
#include <cstring>
#include <deque>
#include <thread>
#include <vector>

#include "base/memory.h"
#include "base/prng.h"

namespace ringpost {
namespace {

/// Writes an entry of `size` bytes whose contents follow from `number`.
void fill_entry(std::byte* at, std::uint32_t size, std::uint32_t number) {
    std::memcpy(at, &size, sizeof size);
    std::memcpy(at + 4, &number, sizeof number);
    for (std::uint32_t i = 8; i < size; ++i) at[i] = static_cast<std::byte>(number + i);
}

std::uint32_t size_of(const std::byte* entry) {
    std::uint32_t size;
    std::memcpy(&size, entry, sizeof size);
    return size;
}

/// True if the entry is what fill_entry wrote for these two.
bool is_entry(const std::byte* entry, std::uint32_t size, std::uint32_t number) {
    std::uint32_t numbered;
    std::memcpy(&numbered, entry + 4, sizeof numbered);
    if (size_of(entry) != size || numbered != number) return false;
    for (std::uint32_t i = 8; i < size; ++i) {
        if (entry[i] != static_cast<std::byte>(number + i)) return false;
    }
    return true;
}

struct Ring {
    explicit Ring(std::size_t bytes) : memory(bytes, 128), ring(memory.span()) {}

    bool push(std::uint32_t size, std::uint32_t number) {
        std::byte* at = ring.try_reserve(size);
        if (at == nullptr) return false;
        fill_entry(at, size, number);
        ring.commit(size);
        return true;
    }
    void pop_and_release() {
        ring.pop(size_of(ring.front()));
        ring.release();
    }

    Block memory;
    SpscRing ring;
};

TEST(SpscRing, BehavesAsAQueueOfVariableEntries) {
    struct Expected {
        std::uint32_t size;
        std::uint32_t number;
    };
    for (const std::size_t capacity : {64U, 256U, 1024U, 4096U}) {
        for (std::uint64_t seed = 1; seed <= 10; ++seed) {
            SCOPED_TRACE(testing::Message() << capacity << " bytes, seed " << seed);
            Ring r(capacity);
            Prng prng(seed);
            std::deque<Expected> queue;
            std::uint32_t number = 0;
            std::size_t entry_bytes = 0;
            const auto sizes = static_cast<std::uint32_t>(r.ring.entry_bytes_max() / 8);
            for (int i = 0; i < 20'000; ++i) {
                const std::uint32_t dice = prng.below(100);
                if (dice < 45) {
                    const std::uint32_t size = 8 * (1 + prng.below(prng.below(2) == 0 ? 4 : sizes));
                    const bool pushed = r.push(size, number);
                    if (pushed) {
                        queue.push_back({size, number++});
                        entry_bytes += size;
                    } else {
                        // Refused only if it would not fit with the gap that a wrap may cost.
                        ASSERT_GT(r.ring.written() - r.ring.released() + 2 * size, capacity);
                    }
                } else if (dice < 50) {
                    // A reservation that is forgotten leaves no trace.
                    if (std::byte* at = r.ring.try_reserve(8 * (1 + prng.below(sizes)))) {
                        std::memset(at, 0xff, 8);
                    }
                } else if (dice < 90) {
                    const std::byte* front = r.ring.front();
                    ASSERT_EQ(front == nullptr, queue.empty());
                    if (front == nullptr) continue;
                    ASSERT_TRUE(is_entry(front, queue.front().size, queue.front().number));
                    r.ring.pop(queue.front().size);
                    entry_bytes -= queue.front().size;
                    queue.pop_front();
                } else {
                    r.ring.release();
                    ASSERT_EQ(r.ring.released(), r.ring.read());
                }
                ASSERT_EQ(r.ring.empty(), r.ring.published() == r.ring.read());
                if (queue.empty()) continue;
                ASSERT_FALSE(r.ring.empty());
                ASSERT_LE(entry_bytes, r.ring.written() - r.ring.read());
                ASSERT_LE(r.ring.written() - r.ring.released(), capacity);
            }
            EXPECT_GT(number, 1000U);
        }
    }
}

TEST(SpscRing, AnEntryOfHalfTheRingFitsAnEmptyRingWhereverItStands) {
    for (std::uint32_t offset = 0; offset < 256; offset += 8) {
        Ring r(256);
        for (std::uint32_t at = 0; at < offset; at += 8) {
            ASSERT_TRUE(r.push(8, at));
            r.pop_and_release();
        }
        ASSERT_TRUE(r.push(static_cast<std::uint32_t>(r.ring.entry_bytes_max()), 77)) << offset;
        ASSERT_TRUE(is_entry(r.ring.front(), 128, 77)) << offset;
    }
}

TEST(SpscRing, TakesExactlyItsCapacityAndThenRefuses) {
    Ring r(256);
    for (std::uint32_t i = 0; i < 32; ++i) ASSERT_TRUE(r.push(8, i));
    EXPECT_EQ(r.ring.try_reserve(8), nullptr);
    r.ring.pop(size_of(r.ring.front()));
    EXPECT_EQ(r.ring.try_reserve(8), nullptr) << "popped, but the reader may still look at it";
    r.ring.release();
    EXPECT_TRUE(r.push(8, 32));
    EXPECT_EQ(r.ring.try_reserve(8), nullptr);
}

TEST(SpscRing, EntriesAreContiguousEightByteAlignedAndInsideTheMemory) {
    Ring r(512);
    Prng prng(5);
    for (int i = 0; i < 5000; ++i) {
        const std::uint32_t size = 8 * (1 + prng.below(32));
        std::byte* at = r.ring.try_reserve(size);
        ASSERT_NE(at, nullptr);
        ASSERT_EQ((at - r.memory.data()) % 8, 0);
        ASSERT_GE(at, r.memory.data());
        ASSERT_LE(at + size, r.memory.data() + r.memory.size());
        fill_entry(at, size, 0);
        r.ring.commit(size);
        r.pop_and_release();
    }
}

TEST(SpscRing, ACommitMayBeSmallerThanItsReservation) {
    Ring r(256);
    for (std::uint32_t i = 0; i < 1000; ++i) {
        std::byte* at = r.ring.try_reserve(128);
        ASSERT_NE(at, nullptr);
        const std::uint32_t size = 8 * (1 + i % 16);
        fill_entry(at, size, i);
        r.ring.commit(size);
        ASSERT_TRUE(is_entry(r.ring.front(), size, i));
        r.pop_and_release();
    }
}

TEST(SpscRing, NothingIsVisibleBeforeItsCommit) {
    Ring r(256);
    std::byte* at = r.ring.try_reserve(16);
    fill_entry(at, 16, 1);
    EXPECT_EQ(r.ring.front(), nullptr);
    EXPECT_TRUE(r.ring.empty());
    EXPECT_EQ(r.ring.published(), 0U);
    r.ring.commit(16);
    EXPECT_NE(r.ring.front(), nullptr);
    EXPECT_EQ(r.ring.published(), 16U);
}

TEST(SpscRing, AnEntryStaysInPlaceUntilReleaseHoweverMuchIsPushed) {
    Ring r(256);
    ASSERT_TRUE(r.push(64, 1));
    const std::byte* held = r.ring.front();
    r.ring.pop(64);
    std::uint32_t number = 2;
    while (r.push(64, number)) ++number;
    EXPECT_TRUE(is_entry(held, 64, 1));
    EXPECT_EQ(number, 5U);
}

TEST(SpscRing, PositionsOfReaderAndWriterMeetAfterEverythingIsRead) {
    Ring r(256);
    for (std::uint32_t i = 0; i < 100; ++i) {
        ASSERT_TRUE(r.push(8 * (1 + i % 16), i));
        r.pop_and_release();
        ASSERT_EQ(r.ring.read(), r.ring.written());
        ASSERT_EQ(r.ring.released(), r.ring.written());
    }
}

TEST(SpscRingDeath, RefusesMemoryThatIsNoPowerOfTwoOrNotAligned) {
    Block memory(256, 128);
    EXPECT_DEATH(SpscRing(memory.span().first(192)), "has_single_bit");
    EXPECT_DEATH(SpscRing(memory.span().subspan(4, 128)), "% 8 == 0");
}

/// A writer and a reader of `count` entries of random sizes. Both draw the same sizes, so that the
/// reader knows what has to come.
void stress(std::size_t ring_bytes, std::uint32_t count, bool release_late) {
    Ring r(ring_bytes);
    const auto sizes = static_cast<std::uint32_t>(std::min<std::size_t>(
        r.ring.entry_bytes_max() / 8, 32));
    std::thread writer([&] {
        Prng prng(9);
        for (std::uint32_t i = 0; i < count; ++i) {
            const std::uint32_t size = 8 * (1 + prng.below(sizes));
            while (!r.push(size, i)) std::this_thread::yield();
        }
    });
    Prng prng(9);
    std::uint32_t wrong = 0;
    for (std::uint32_t i = 0; i < count; ++i) {
        const std::uint32_t size = 8 * (1 + prng.below(sizes));
        const std::byte* entry;
        while ((entry = r.ring.front()) == nullptr) {
            r.ring.release();
            std::this_thread::yield();
        }
        wrong += !is_entry(entry, size, i);
        r.ring.pop(size_of(entry));
        if (!release_late || i % 7 == 0) r.ring.release();
    }
    writer.join();
    EXPECT_EQ(wrong, 0U);
    EXPECT_TRUE(r.ring.empty());
}

TEST(SpscRing, CarriesMillionsOfEntriesBetweenTwoThreadsInOrderAndWhole) {
    stress(64 * 1024, 3'000'000, false);
}

TEST(SpscRing, CarriesThemThroughARingThatIsNearlyAlwaysFull) {
    stress(512, 300'000, false);
    stress(1024, 300'000, true);
}

}  // namespace
}  // namespace ringpost
