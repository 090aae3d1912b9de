// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>
#include <ringpost/options.h>
#include <ringpost/partitioner.h>

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

}  // namespace
}  // namespace ringpost
