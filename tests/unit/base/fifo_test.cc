// SPDX-License-Identifier: Apache-2.0
#include "base/fifo.h"

#include <gtest/gtest.h>

#include <deque>

#include "base/prng.h"

namespace ringpost {
namespace {

TEST(Fifo, IsADequeToItsUser) {
    Fifo<int> fifo;
    std::deque<int> model;
    Prng prng(1);
    for (int i = 0; i < 100'000; ++i) {
        if (prng.below(100) < 51) {
            fifo.push_back(i);
            model.push_back(i);
        } else if (!model.empty()) {
            ASSERT_EQ(fifo.front(), model.front());
            fifo.pop_front();
            model.pop_front();
        }
        ASSERT_EQ(fifo.size(), model.size());
        ASSERT_EQ(fifo.empty(), model.empty());
        if (model.empty()) continue;
        ASSERT_EQ(fifo.back(), model.back());
        const std::size_t at = prng.below(static_cast<std::uint32_t>(model.size()));
        ASSERT_EQ(fifo[at], model[at]);
    }
    fifo.clear();
    EXPECT_TRUE(fifo.empty());
}

TEST(FifoDeath, AnEmptyOneHasNoFront) {
    Fifo<int> fifo;
    EXPECT_DEATH(fifo.pop_front(), "empty");
    EXPECT_DEATH(fifo.front(), "size");
}

}  // namespace
}  // namespace ringpost
