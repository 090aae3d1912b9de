// SPDX-License-Identifier: Apache-2.0
#include "api/topic_table.h"

#include <gtest/gtest.h>

namespace ringpost {
namespace {

TEST(TopicTable, GivesANameOneHandle) {
    api::TopicTable table;
    const Topic a = *table.find_or_add("a");
    for (int i = 0; i < 5000; ++i) ASSERT_TRUE(table.find_or_add("t" + std::to_string(i)));
    EXPECT_EQ(*table.find_or_add("a"), a);
    EXPECT_EQ(table.name(a), "a");
    EXPECT_EQ(table.name(Topic{}), "");
}

TEST(TopicTable, TakesTheNamesThatKafkaTakes) {
    EXPECT_TRUE(api::is_valid_topic_name("a.B_c-9"));
    EXPECT_TRUE(api::is_valid_topic_name(std::string(249, 'a')));
    for (const std::string name : {"", ".", "..", "a b", "a/b", "\xc3\xa4"}) {
        EXPECT_FALSE(api::is_valid_topic_name(name)) << name;
    }
    EXPECT_FALSE(api::is_valid_topic_name(std::string(250, 'a')));
}

}  // namespace
}  // namespace ringpost
