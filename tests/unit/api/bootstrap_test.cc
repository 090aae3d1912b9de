// SPDX-License-Identifier: Apache-2.0
#include "api/bootstrap.h"

#include <gtest/gtest.h>

namespace ringpost {
namespace {

TEST(Bootstrap, ReadsNamesAddressesAndPorts) {
    const auto seeds = api::parse_bootstrap_servers("a, b:1 ,[::1]:2,[fe80::1],::1,");
    ASSERT_TRUE(seeds);
    ASSERT_EQ(seeds->size(), 5U);
    EXPECT_EQ((*seeds)[0].host, "a");
    EXPECT_EQ((*seeds)[0].port, 9092);
    EXPECT_EQ((*seeds)[1].port, 1);
    EXPECT_EQ((*seeds)[2].host, "::1");
    EXPECT_EQ((*seeds)[2].port, 2);
    EXPECT_EQ((*seeds)[4].host, "::1");
}

TEST(Bootstrap, QuotesWhatItCannotRead) {
    for (const char* text : {"", ",", ":9092", "a:", "a:0", "a:65536", "a:9x", "[::1", "[::1]x"}) {
        EXPECT_FALSE(api::parse_bootstrap_servers(text)) << text;
    }
    EXPECT_NE(api::parse_bootstrap_servers("ok:1,a:x").error().text.find("a:x"), std::string::npos);
}

}  // namespace
}  // namespace ringpost
