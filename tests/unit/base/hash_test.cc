// SPDX-License-Identifier: Apache-2.0
#include "base/hash.h"

#include <gtest/gtest.h>
#include <tsl/robin_map.h>

#include <set>

namespace ringpost {
namespace {

TEST(NameHash, IsXxh3OfTheName) {
    EXPECT_EQ(NameHash{}(""), 0x2d06800538d394c2U);  // XXH3's published value for nothing
    EXPECT_EQ(NameHash{}("orders"), XXH3_64bits("orders", 6));
}

TEST(Xxh64, AgreesWithItsPublishedValues) {
    EXPECT_EQ(xxh64({}), 0xef46db3751d8e999U);
    EXPECT_EQ(xxh64(as_bytes("abc")), 0x44bc2cf5ad770999U);
}

TEST(NameHash, LooksAtEveryByteOfTheName) {
    std::set<std::size_t> seen;
    std::string name(64, 'a');
    for (char& c : name) {
        c = 'b';
        seen.insert(NameHash{}(name));
        c = 'a';
    }
    EXPECT_EQ(seen.size(), 64U);
    EXPECT_NE(NameHash{}("a"), NameHash{}(std::string_view("a\0", 2)));
}

TEST(NameHash, LetsAMapBeAskedWithoutMakingAString) {
    tsl::robin_map<std::string, int, NameHash, NameEqual> map;
    map["orders"] = 1;
    EXPECT_NE(map.find(std::string_view("orders")), map.end());
    EXPECT_EQ(map.find(std::string_view("order")), map.end());
}

}  // namespace
}  // namespace ringpost
