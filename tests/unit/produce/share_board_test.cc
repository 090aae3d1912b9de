// SPDX-License-Identifier: Apache-2.0
#include "produce/share_board.h"

#include <gtest/gtest.h>

namespace ringpost::produce {
namespace {

TEST(ShareBoard, KnowsNothingOfTopicsThatNobodyNamed) {
    ShareBoard board;
    EXPECT_FALSE(board.any_full());
    EXPECT_FALSE(board.is_full(7, 0));
    EXPECT_FALSE(board.is_full(UINT32_MAX, 0));
    EXPECT_EQ(board.partition_count(limits::topics_max), 0U);
    board.set_partition_count(1023, 3, 3);
    EXPECT_EQ(board.partition_count(1023), 3U);
    EXPECT_EQ(board.partition_count(1024), 0U);
    EXPECT_FALSE(board.is_full(1023, 3)) << "there is none";
}

TEST(ShareBoard, APartitionIsFullByItselfOrByItsLeader) {
    ShareBoard board;
    board.set_partition_count(0, 3, 3);
    for (std::uint32_t i = 0; i < 3; ++i) board.set_leader(0, i, static_cast<std::int32_t>(i % 2));
    board.set_node_full(0, true);
    EXPECT_TRUE(board.any_full());
    EXPECT_TRUE(board.is_full(0, 0));
    EXPECT_FALSE(board.is_full(0, 1));
    EXPECT_TRUE(board.is_full(0, 2));
    board.set_leader(0, 2, -1);
    EXPECT_FALSE(board.is_full(0, 2));
    board.set_node_full(0, false);
    EXPECT_FALSE(board.any_full());
    board.set_partition_full(0, 1, true);
    board.set_leader(0, 1, 0);
    EXPECT_TRUE(board.is_full(0, 1)) << "whoever leads it";
    board.set_partition_full(0, 1, false);
    EXPECT_FALSE(board.is_full(0, 1));
    EXPECT_FALSE(board.any_full());
}

TEST(ShareBoard, KeepsWhatItKnowsWhenATopicGrowsOrShrinks) {
    ShareBoard board;
    board.set_partition_count(5, 2, 2);
    board.set_leader(5, 1, 4);
    board.set_partition_full(5, 1, true);
    board.set_partition_count(5, 1000, 1000);
    EXPECT_TRUE(board.is_full(5, 1));
    EXPECT_FALSE(board.is_full(5, 999));
    board.set_partition_count(5, 1, 1000);
    EXPECT_EQ(board.partition_count(5), 1U);
    EXPECT_TRUE(board.is_full(5, 1)) << "its batches are still there";
}

}  // namespace
}  // namespace ringpost::produce
