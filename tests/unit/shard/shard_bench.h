// SPDX-License-Identifier: Apache-2.0
// A whole shard on a ScriptedIo, its loop driven by the test, which is its callers as well.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "lane_bench.h"
#include "scripted_io.h"
#include "shard/shard.h"
#include "wire/record_batch.h"

namespace ringpost::shard {

inline ShardOptions shard_options(std::vector<std::string>* lines = nullptr) {
    ShardOptions options;
    options.produce.seeds = {{"127.0.0.1", Script::port_of(1)}};
    options.produce.connection.client_id = "test";
    options.memory_bytes = 4 << 20;
    if (lines != nullptr) {
        options.produce.log = Log(LogLevel::info, [lines](LogLevel, std::string_view line) {
            lines->emplace_back(line);
        });
        options.produce.connection.log = options.produce.log;
    }
    return options;
}

class ShardBench {
public:
    explicit ShardBench(const ShardOptions& options = shard_options(),
                        fake::ClusterOptions cluster = {.partitions = 1})
        : script(std::move(cluster)), shard(options) {
        auto made = std::make_unique<ScriptedIo>(script);
        io = made.get();
        EXPECT_TRUE(shard.open(std::move(made)));
    }

    CallerEnd open(std::uint32_t records_max = 100'000, std::size_t ring_bytes = 1 << 20) {
        auto channel = std::make_shared<LaneChannel>(ring_bytes, records_max);
        shard.lanes().add(channel);
        shard.wake_if_parked();
        return CallerEnd(channel);
    }
    /// As a caller does it: publishes, and wakes the shard if need be.
    bool produce(CallerEnd& caller, std::uint32_t slot, std::string_view value = "v",
                 std::uint32_t topic = 1) {
        if (!caller.produce(slot, value, topic)) return false;
        shard.wake_for(caller.channel(), caller->records.written());
        return true;
    }

    /// Turns until the time is over, or until the loop sleeps with nothing to wait for.
    void run(Duration duration, std::uint64_t turns_max = 20'000) {
        const Instant end = script.now + duration;
        while (script.now < end && !shard.finished()) {
            ASSERT_NE(turns_max--, 0U) << "the loop is busy with nothing";
            shard.turn(end);
            ++turns;
        }
    }
    /// Turns until `done`, at most for a minute.
    template <typename Done>
    void run_until(const Done& done) {
        const Instant end = script.now + Duration::seconds(60);
        for (int i = 0; i < 200'000 && !done(); ++i) {
            ASSERT_LT(script.now, end) << "it did not come about in time";
            shard.turn(end);
            ++turns;
        }
        ASSERT_TRUE(done());
    }
    void stop(Duration timeout) {
        shard.request_stop(timeout);
        run_until([&] { return shard.finished(); });
    }

    /// Values in the log of "topic-1", in order.
    std::vector<std::string> log(std::int32_t partition = 0, std::string_view topic = "topic-1") {
        std::vector<std::string> values;
        fake::Topic* t = script.cluster.find_topic(topic);
        fake::Partition* p = t == nullptr ? nullptr : t->find(partition);
        if (p == nullptr) return values;
        wire::RecordsBuffer buffer;
        for (std::int64_t at = p->log.start_offset(); at < p->log.end_offset();) {
            wire::RecordBatchReader reader(p->log.read(at, 1, true), buffer);
            wire::RecordView record;
            while (reader.next(record)) values.emplace_back(as_text(record.value));
            at = reader.header().base_offset + reader.header().record_count;
        }
        return values;
    }

    std::vector<std::string> lines;
    Script script;
    Shard shard;
    ScriptedIo* io;
    std::uint64_t turns = 0;
};

inline std::size_t count_of(const std::vector<ReportedRecord>& records, Errc error) {
    return static_cast<std::size_t>(std::count_if(
        records.begin(), records.end(), [&](const auto& r) { return r.header.error == error; }));
}

/// Slots 0 to count-1, each exactly once.
inline void expect_each_once(const std::vector<ReportedRecord>& records, std::uint32_t count) {
    std::map<std::uint32_t, int> seen;
    for (const auto& record : records) ++seen[record.slot];
    EXPECT_EQ(seen.size(), count);
    for (const auto& [slot, times] : seen) {
        EXPECT_EQ(times, 1) << "slot " << slot;
        EXPECT_LT(slot, count);
    }
}

}  // namespace ringpost::shard
