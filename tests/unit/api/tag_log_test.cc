// SPDX-License-Identifier: Apache-2.0
#include "api/tag_log.h"

#include <gtest/gtest.h>

#include <vector>

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
        for (std::size_t i = 1; i < 100; ++i) EXPECT_EQ(log.release(slots[i]).tag, i);
        for (std::uint64_t i = 1; i < 100; ++i) {
            slots[i] = log.next();
            ASSERT_NE(slots[i], slots[0]);
            log.commit({i, 0});
        }
    }
    EXPECT_EQ(log.release(slots[0]).tag, 0U);
    EXPECT_EQ(log.used(), 99U);
}

}  // namespace
}  // namespace ringpost
