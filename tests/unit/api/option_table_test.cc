// SPDX-License-Identifier: Apache-2.0
#include "api/option_table.h"

#include <gtest/gtest.h>

#include <map>
#include <vector>

#include "api/option_values.h"

namespace ringpost {
namespace {

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

TEST(OptionTable, EveryRowSaysWhatItDoesInOneLineOfATable) {
    for (const api::OptionRow& row : api::option_table()) {
        EXPECT_TRUE(row.does.ends_with('.')) << row.name << ": the sentence at the row's end";
        EXPECT_FALSE(row.range.empty()) << row.name;
        for (std::string_view text : {row.name, row.also, row.range, row.does}) {
            EXPECT_EQ(text.find_first_of("|\n"), text.npos) << row.name;
        }
    }
}

TEST(OptionTable, NoNameMeansTwoThings) {
    std::map<std::string, int> times;
    const auto count = [&](std::string_view name) {
        EXPECT_EQ(name, api::dotted(name)) << "in the tables a name has dots";
        ++times[std::string(name)];
        return false;
    };
    for (const api::OptionRow& row : api::option_table()) count(row.name);
    for (const api::OptionRow& row : api::option_table()) api::any_word(row.also, count);
    for (const api::AliasRow& alias : api::alias_table()) count(alias.name);
    for (const api::PeerRow& peer : api::peer_table()) api::any_word(peer.names, count);
    for (const auto& [name, n] : times) EXPECT_EQ(n, 1) << name << ": take one of them out";
    for (const api::PeerRow& peer : api::peer_table()) {
        api::any_word(peer.names, [&](std::string_view name) {
            EXPECT_EQ(api::find_name(name).peer, &peer) << name << " is covered twice";
            return false;
        });
    }
}

TEST(OptionTable, ARefusedValueChangesNothing) {
    Options touched;
    touched.bootstrap_servers = "localhost:9092";
    const std::string before = touched.describe();
    for (const api::OptionRow& row : api::option_table()) {
        for (const char* value : {"", "\n", "soon", "-2", "1e400", "99999999999999999999999"}) {
            Options o = touched;
            if (row.set(o, value)) continue;
            EXPECT_EQ(o.describe(), before) << row.name;
            EXPECT_FALSE(o.enable_idempotence_asked) << row.name;
        }
    }
}

}  // namespace
}  // namespace ringpost
