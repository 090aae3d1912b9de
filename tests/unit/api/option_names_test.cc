// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include "api/option_table.h"

namespace ringpost {
namespace {

TEST(OptionNames, AnUnknownNameIsAnsweredWithTheNearest) {
    Options o;
    EXPECT_NE(o.set("lingr.ms", "5").error().text.find("\"linger.ms\""), std::string::npos);
    EXPECT_NE(o.set("batchsize", "5").error().text.find("\"batch.size\""), std::string::npos);
    EXPECT_FALSE(o.set(std::string(100'000, 'x'), "5"));
    EXPECT_FALSE(o.set("", ""));
    EXPECT_EQ(api::nearest_option("LINGER_MS"), "linger.ms");
    EXPECT_EQ(api::nearest_option("there.is.nothing.like.it"), "");
}

TEST(OptionNames, OtherClientsNamesAreSuggestedToo) {
    EXPECT_EQ(api::nearest_option("queue_bufering_max_ms"), "queue.buffering.max.ms");
    EXPECT_EQ(api::nearest_option("queue.buffering.max.kbyte"), "queue.buffering.max.kbytes");
    EXPECT_EQ(api::nearest_option("compresion.type"), "compression.type");
}

TEST(OptionNames, DotsAndUnderscoresAreAlike) {
    EXPECT_EQ(api::find_option("linger_ms"), api::find_option("linger.ms"));
    EXPECT_EQ(api::find_option("io_uring"), nullptr);
}

TEST(OptionNames, AStarStandsForAllThatBeginSo) {
    EXPECT_NE(api::find_name("ssl.ca.location").peer, nullptr);
    EXPECT_NE(api::find_name("ssl_ca_location").peer, nullptr);
    EXPECT_EQ(api::find_name("ssl").peer, nullptr);
    EXPECT_EQ(api::find_name("sslca.location").peer, nullptr);
}

}  // namespace
}  // namespace ringpost
