// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <ringpost/options.h>
#include <ringpost/partitioner.h>

#include <map>
#include <tuple>

namespace ringpost {
namespace {

Options good() {
    Options options;
    options.bootstrap_servers = "localhost:9092";
    return options;
}

std::string complaint(const Options& options) { return options.validate().error().text; }

TEST(Options, TheDefaultsAreValid) { EXPECT_EQ(complaint(good()), ""); }

TEST(Options, AnOwnPartitionerIsGivenTheKeys) {
    Options o = good();
    o.own_partitioner = *hashing_partitioner([](std::string_view) { return 1; });
    EXPECT_EQ(complaint(o), "");
    o.partitioner_ignore_keys = true;
    EXPECT_NE(complaint(o).find("partitioner.ignore.keys"), std::string::npos);
}

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

TEST(Options, ANameIsOneShortLine) {
    Options o;
    EXPECT_TRUE(o.set("client.id", std::string(255, 'x')));
    EXPECT_FALSE(o.set("client.id", std::string(256, 'x')));
    EXPECT_FALSE(o.set("client.id", "two\nlines"));
    EXPECT_FALSE(o.set("thread.name", std::string_view("a\0b", 3)));
}

TEST(Options, ANumaNodeIsANumberOrAWord) {
    Options o = good();
    for (const auto& [text, node] : {std::pair{"local", Options::local_node}, {"LOCAL", -2},
                                     {"-1", Options::any_node}, {"0", 0}, {"1023", 1023}}) {
        ASSERT_TRUE(o.set("memory.numa.node", text)) << text;
        EXPECT_EQ(o.numa_node, node);
        EXPECT_EQ(complaint(o), "");
    }
    for (const char* const text : {"-2", "1024", "near", "0,1"}) {
        EXPECT_FALSE(o.set("memory.numa.node", text)) << text;
    }
    o.numa_node = -3;
    EXPECT_NE(complaint(o).find("memory.numa.node: \"-3\" is not -1 to 1023, or local"),
              std::string::npos);
}

TEST(Options, AFieldSetFromCodeHasTheSameRange) {
    Options o = good();
    o.max_in_flight = 6;
    EXPECT_NE(complaint(o).find("max.in.flight"), std::string::npos);
    o = good();
    o.linger = std::chrono::hours(1);
    EXPECT_NE(complaint(o).find("linger.ms"), std::string::npos);
}

/// Both options were asked for, and can't go together.
struct Pair {
    const char *first, *first_value, *second, *second_value;
};
constexpr Pair conflicts[] = {
    {"enable.idempotence", "true", "acks", "1"},
    {"enable.idempotence", "true", "retries", "0"},
    {"max.request.size", "2000", "message.max.bytes", "3000"},
    {"retry.backoff.max.ms", "50", "retry.backoff.ms", "60"},
    {"reconnect.backoff.max.ms", "20", "reconnect.backoff.ms", "30"},
    {"delivery.timeout.ms", "10", "linger.ms", "11"},
    {"mode", "inline", "shards", "2"},
    {"lane.ring.bytes", "2097152", "message.max.bytes", "1048513"},
    {"buffer.memory", "2097152", "message.max.bytes", "1048513"},
};

TEST(Options, AConflictNamesBothWithTheirOrigins) {
    for (const Pair& pair : conflicts) {
        for (const bool swapped : {false, true}) {
            Options o = good();
            if (swapped) {
                ASSERT_TRUE(o.set(pair.second, pair.second_value, "second"));
            }
            ASSERT_TRUE(o.set(pair.first, pair.first_value, "first"));
            if (!swapped) {
                ASSERT_TRUE(o.set(pair.second, pair.second_value, "second"));
            }
            const std::string text = complaint(o);
            for (const auto& [name, value, origin] :
                 {std::tuple{pair.first, pair.first_value, "first"},
                  std::tuple{pair.second, pair.second_value, "second"}}) {
                const std::string said = fmt::format("{}={} ({})", name, value, origin);
                EXPECT_NE(text.find(said), std::string::npos) << said << " in: " << text;
            }
        }
    }
}

TEST(Options, WhatNothingWasSaidAboutGivesWay) {
    struct Case {
        const char *name, *value, *other, *other_value;
    };
    const Case cases[] = {
        {"acks", "1", "enable.idempotence", "false"},
        {"acks", "0", "enable.idempotence", "false"},
        {"message.max.bytes", "8388608", "max.request.size", "8388608"},
        {"message.max.bytes", "8388608", "lane.ring.bytes", "33554432"},
        {"message.max.bytes", "67108864", "buffer.memory", "268435456"},
        {"max.request.size", "500000", "message.max.bytes", "500000"},
        {"retry.backoff.ms", "5000", "retry.backoff.max.ms", "5000"},
        {"retry.backoff.max.ms", "20", "retry.backoff.ms", "20"},
        {"reconnect.backoff.ms", "5000", "reconnect.backoff.max.ms", "5000"},
        {"reconnect.backoff.max.ms", "20", "reconnect.backoff.ms", "20"},
        {"delivery.timeout.ms", "3", "linger.ms", "0"},
        {"linger.ms", "120000.5", "delivery.timeout.ms", "150001"},
    };
    for (const Case& c : cases) {
        Options o = good();
        ASSERT_TRUE(o.set(c.name, c.value));
        EXPECT_EQ(complaint(o), "") << c.name;
        bool found = false;
        for (const OptionInfo& option : o.explain()) {
            if (option.name != c.other) continue;
            found = true;
            EXPECT_EQ(option.value, c.other_value) << c.name << '=' << c.value;
            EXPECT_EQ(option.origin, fmt::format("because of {}", c.name)) << c.other;
        }
        EXPECT_TRUE(found);
    }
}

TEST(Options, TheLargestRecordThereCanBeFitsWithoutMoreWords) {
    Options o = good();
    o.message_max_bytes = 64 << 20;  // from C++
    EXPECT_EQ(complaint(o), "");
    EXPECT_EQ(o.effective().request_bytes_max, o.message_max_bytes);
    o.message_max_bytes = UINT32_MAX;
    EXPECT_NE(complaint(o).find("message.max.bytes"), std::string::npos);
}

TEST(Options, IdempotenceThatWasAskedForInCodeStays) {
    Options o = good();
    o.acks = Acks::leader;
    EXPECT_EQ(complaint(o), "");
    o.enable_idempotence_asked = true;
    EXPECT_NE(complaint(o).find("enable.idempotence=true"), std::string::npos);
}

TEST(Options, MoreInFlightThanCanBeKeptInOrderIsRefusedByName) {
    Options o = good();
    const std::string text = o.set("max.in.flight", "1000000").error().text;
    EXPECT_EQ(text, "max.in.flight (max.in.flight.requests.per.connection): \"1000000\" is not "
                    "1 to 5");
}

TEST(Options, EachSaysWhereItIsFrom) {
    Options o = good();
    ASSERT_TRUE(o.set("linger.ms", "7", "FILE:3"));
    ASSERT_TRUE(o.set("acks", "1", "FILE:4"));
    ASSERT_TRUE(o.set("queue.buffering.max.kbytes", "65536", "-X"));
    ASSERT_TRUE(o.set("spin.us", "20", "-X"));
    o.shards = 2;
    o.acks = Acks::all;  // after the file: not the file's any more
    o.retry_backoff = std::chrono::milliseconds(200);
    std::map<std::string_view, std::string> origins;
    for (const OptionInfo& option : o.explain()) origins[option.name] = option.origin;
    EXPECT_EQ(origins["linger.ms"], "FILE:3");
    EXPECT_EQ(origins["acks"], "default");
    EXPECT_EQ(origins["buffer.memory"], "-X");
    EXPECT_EQ(origins["spin.us"], "-X") << "its default, but asked for";
    EXPECT_EQ(origins["shards"], "program");
    EXPECT_EQ(origins["retry.backoff.ms"], "program");
    EXPECT_EQ(origins["retries"], "default");
}

}  // namespace
}  // namespace ringpost
