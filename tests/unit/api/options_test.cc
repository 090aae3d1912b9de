// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>
#include <ringpost/options.h>

#include "api/bootstrap.h"
#include "api/option_table.h"
#include "api/tag_log.h"
#include "api/topic_table.h"

namespace ringpost {
namespace {

Options good() {
    Options options;
    options.bootstrap_servers = "localhost:9092";
    return options;
}

std::string complaint(const Options& options) { return options.validate().error().text; }

TEST(Options, TheDefaultsAreValid) { EXPECT_EQ(complaint(good()), ""); }

TEST(Options, AreCalledByAnyOfTheirNames) {
    Options o;
    for (const char* name : {"linger.ms", "linger_ms", "queue.buffering.max.ms"}) {
        o.linger = {};
        ASSERT_TRUE(o.set(name, "2.5"));
        EXPECT_EQ(o.linger.count(), 2500);
    }
    ASSERT_TRUE(o.set("max_queued_messages", "7"));
    EXPECT_EQ(o.queue_records_max, 7U);
    ASSERT_TRUE(o.set("acks", "1"));
    EXPECT_EQ(o.acks, Acks::leader);
    ASSERT_TRUE(o.set("cpu.affinity", "0,3"));
    EXPECT_EQ(o.cpus, (std::vector<std::uint32_t>{0, 3}));
}

TEST(Options, AnUnknownNameIsAnsweredWithTheNearest) {
    Options o;
    EXPECT_NE(o.set("lingr.ms", "5").error().text.find("linger.ms"), std::string::npos);
    EXPECT_NE(o.set("batchsize", "5").error().text.find("batch.size"), std::string::npos);
    EXPECT_FALSE(o.set(std::string(100'000, 'x'), "5"));
    EXPECT_FALSE(o.set("", ""));
}

TEST(Options, AValueOutOfRangeNamesTheRange) {
    Options o;
    const auto text = o.set("linger.ms", "-1").error().text;
    EXPECT_NE(text.find("0 to 900000"), std::string::npos) << text;
    for (const char* value : {"", "x", "1x", "nan", "inf", "1e99", "900001", " 1"}) {
        EXPECT_FALSE(o.set("linger.ms", value)) << value;
    }
    EXPECT_FALSE(o.set("acks", "2"));
    EXPECT_FALSE(o.set("enable.idempotence", "maybe"));
}

TEST(Options, EveryRowReadsWhatItShows) {
    const Options o = good();
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

TEST(Options, AFieldSetFromCodeHasTheSameRange) {
    Options o = good();
    o.max_in_flight = 6;
    EXPECT_NE(complaint(o).find("max.in.flight"), std::string::npos);
    o = good();
    o.linger = std::chrono::hours(1);
    EXPECT_NE(complaint(o).find("linger.ms"), std::string::npos);
}

TEST(Options, AConflictNamesBoth) {
    Options o = good();
    ASSERT_TRUE(o.set("enable.idempotence", "true"));
    ASSERT_TRUE(o.set("acks", "1"));
    EXPECT_NE(complaint(o).find("acks"), std::string::npos);
    EXPECT_NE(complaint(o).find("enable.idempotence"), std::string::npos);
    o.enable_idempotence_asked = false;
    EXPECT_EQ(complaint(o), "") << "only defaulted, it gives way";
    o = good();
    o.message_max_bytes = 8 << 20;
    EXPECT_NE(complaint(o).find("max.request.size"), std::string::npos);
    o.request_bytes_max = 8 << 20;
    EXPECT_NE(complaint(o).find("lane.ring.bytes"), std::string::npos);
    o.lane_ring_bytes = 32 << 20;
    EXPECT_EQ(complaint(o), "");
    o.buffer_memory = 2 << 20;
    EXPECT_NE(complaint(o).find("buffer.memory"), std::string::npos);
}

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
