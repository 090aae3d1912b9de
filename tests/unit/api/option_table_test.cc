// SPDX-License-Identifier: Apache-2.0
#include "api/option_table.h"

#include <gtest/gtest.h>

namespace ringpost {
namespace {

TEST(OptionTable, AnUnknownNameIsAnsweredWithTheNearest) {
    Options o;
    EXPECT_NE(o.set("lingr.ms", "5").error().text.find("linger.ms"), std::string::npos);
    EXPECT_NE(o.set("batchsize", "5").error().text.find("batch.size"), std::string::npos);
    EXPECT_FALSE(o.set(std::string(100'000, 'x'), "5"));
    EXPECT_FALSE(o.set("", ""));
}

TEST(OptionTable, EveryRowReadsWhatItShows) {
    Options o;
    o.bootstrap_servers = "localhost:9092";
    for (const api::OptionRow& row : api::option_table()) {
        Options copy;
        const std::string shown = row.show(o);
        if (shown.empty()) continue;
        EXPECT_TRUE(row.set(copy, shown)) << row.name << " = " << shown;
        EXPECT_EQ(row.show(copy), shown) << row.name;
        EXPECT_EQ(api::find_option(row.name), &row);
        EXPECT_EQ(api::nearest_option(row.name), row.name);
    }
    EXPECT_NE(o.describe().find("linger.ms = 5\n"), std::string::npos);
}

}  // namespace
}  // namespace ringpost
