// SPDX-License-Identifier: Apache-2.0
#include "api/tag_log.h"

#include <gtest/gtest.h>

#include <map>
#include <vector>

#include "base/prng.h"

namespace ringpost {
namespace {

TEST(TagLog, SkipsWhatIsStillTakenAndHasItsBound) {
    api::TagLog log(100);
    std::vector<std::uint32_t> slots;
    for (std::uint64_t i = 0; i < 100; ++i) {
        slots.push_back(log.next());
        log.commit({i, 0});
    }
    EXPECT_EQ(log.next(), api::TagLog::none);
    // All but the first come back, many times round: the first keeps its slot and its tag.
    for (int round = 0; round < 10; ++round) {
        for (std::size_t i = 1; i < 100; ++i) {
            EXPECT_EQ(log.kept(slots[i]).tag, i);
            log.release(slots[i]);
        }
        for (std::uint64_t i = 1; i < 100; ++i) {
            slots[i] = log.next();
            ASSERT_NE(slots[i], slots[0]);
            log.commit({i, 0});
        }
    }
    EXPECT_EQ(log.kept(slots[0]).tag, 0U);
    log.release(slots[0]);
    EXPECT_EQ(log.used(), 99U);
}

/// Against a list of what is taken: runs and single slots come back in any order.
TEST(TagLog, BehavesAsASetOfSlots) {
    for (const bool shared : {false, true}) {
        api::TagLog log(300, shared);
        Prng prng(7);
        std::map<std::uint32_t, std::uint64_t> taken;
        std::uint64_t tag = 0;
        for (int step = 0; step < 20'000; ++step) {
            for (std::uint64_t n = prng.below(120); n != 0; --n) {
                const std::uint32_t slot = log.next();
                ASSERT_EQ(slot == api::TagLog::none, taken.size() == 300);
                if (slot == api::TagLog::none) break;
                ASSERT_TRUE(log.has_next());
                log.commit({++tag, 0});
                ASSERT_TRUE(taken.emplace(slot, tag).second) << slot;
            }
            for (std::uint64_t n = prng.below(4); n != 0 && !taken.empty(); --n) {
                auto first = std::next(taken.begin(),
                                       static_cast<std::ptrdiff_t>(prng.below(taken.size())));
                std::uint32_t count = 0;
                auto end = first;
                while (end != taken.end() && end->first == first->first + count && count < 90) {
                    ASSERT_EQ(log.kept_from(first->first)[count].tag, end->second);
                    ++end;
                    ++count;
                }
                log.release_plain(first->first, count);
                log.count_released(count);
                taken.erase(first, end);
            }
            ASSERT_EQ(log.used(), taken.size());
        }
    }
}

TEST(TagLogDeath, NoticesAReportThatComesTwice) {
    api::TagLog log(100);
    for (std::uint64_t i = 0; i < 70; ++i) {
        static_cast<void>(log.next());
        log.commit({i, 0});
    }
    log.release(69);
    EXPECT_DEATH(log.release_plain(60, 10), "");
}

}  // namespace
}  // namespace ringpost
