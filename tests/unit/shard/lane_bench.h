// SPDX-License-Identifier: Apache-2.0
// Lanes with the test in both of their neighbours' places: it is the caller, and it makes up the
// batches that are reported. Behind them a ProducerCore that never reaches a broker.
#pragma once

#include <gtest/gtest.h>

#include <cstring>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "shard/lanes.h"
#include "wire/record.h"

namespace ringpost::shard {

/// One record as its lane learns of it.
struct ReportedRecord {
    std::uint32_t slot;
    std::uint32_t index;        ///< in its batch
    ReportHeader header;
};

/// The caller's end of a lane.
class CallerEnd {
public:
    explicit CallerEnd(LaneChannelRef channel) : channel_(std::move(channel)) {}
    LaneChannel& channel() { return *channel_; }
    LaneChannel* operator->() { return channel_.get(); }

    /// Publishes a record with this tag slot; names its topic first if that is new. False: no room.
    bool produce(std::uint32_t slot, std::string_view value = "v", std::uint32_t topic = 1) {
        if (topics_.insert(topic).second) {
            const std::string name = "topic-" + std::to_string(topic);
            put({.topic = topic, .tail_bytes = produce::Entry::flag_topic_name}, as_bytes(name));
        }
        std::vector<std::byte> tail(wire::record_tail_size(-1, std::ssize(value)));
        wire::write_record_tail(tail.data(), nullptr, -1, value.data(), std::ssize(value));
        return put({.topic = topic, .partition = -1, .timestamp_ms = 1'700'000'000'000,
                    .slot = slot}, tail);
    }

    /// Takes at most `entries_max` entries. Their room goes back with the next release().
    std::vector<ReportedRecord> poll(std::size_t entries_max = SIZE_MAX) {
        std::vector<ReportedRecord> records;
        while (entries_max-- != 0) {
            const std::byte* entry = channel_->reports.front();
            if (entry == nullptr) break;
            ReportHeader header;
            std::memcpy(&header, entry, sizeof header);
            EXPECT_EQ(header.size, sizeof header + header.run_count * sizeof(ReportRun));
            EXPECT_LE(header.run_count, report_runs_max);
            EXPECT_NE(header.run_count, 0);
            std::uint32_t index = header.first_index;
            for (std::uint32_t i = 0; i < header.run_count; ++i) {
                ReportRun run;
                std::memcpy(&run, entry + sizeof header + i * sizeof run, sizeof run);
                EXPECT_NE(run.count, 0);
                index += run.skip;
                for (std::uint32_t k = 0; k < run.count; ++k) {
                    records.push_back({run.first_slot + k, index++, header});
                }
            }
            channel_->reports.pop(header.size);
            ++entries;
        }
        return records;
    }
    void release() { channel_->reports.release(); }
    void close() { channel_->closed.store(true, std::memory_order_release); }

    std::size_t entries = 0;        ///< polled so far

private:
    bool put(produce::Entry entry, ByteSpan tail) {
        entry.size = static_cast<std::uint32_t>(produce::Entry::size_for(tail.size()));
        entry.tail_bytes |= static_cast<std::uint32_t>(tail.size());
        std::byte* at = channel_->records.try_reserve(entry.size);
        if (at == nullptr) return false;
        std::memcpy(at, &entry, sizeof entry);
        std::memcpy(at + sizeof entry, tail.data(), tail.size());
        channel_->records.commit(entry.size);
        return true;
    }

    LaneChannelRef channel_;
    std::set<std::uint32_t> topics_;
};

/// A batch whose runs are made up. It counts as in flight, so that nobody gives its memory to a
/// pool that it is not from.
class MadeUpBatch {
public:
    MadeUpBatch() {
        topic_.id = 1;
        batch.topic = &topic_;
        batch.state = produce::Batch::State::in_flight;
        batch.attempts = 1;
        next_slab();
    }
    MadeUpBatch& run(std::uint32_t lane, std::uint32_t first_slot, std::uint32_t count = 1) {
        produce::Slab& slab = batch.last_slab();
        if (slab.room() < sizeof(produce::Run)) {
            next_slab();
            return run(lane, first_slot, count);
        }
        slab.run(slab.run_count++) = {first_slot, static_cast<std::uint16_t>(count),
                                      static_cast<std::uint16_t>(lane)};
        batch.record_count += count;
        batch.bytes += 100 * count;
        return *this;
    }
    void next_slab() {
        constexpr std::uint32_t capacity = 4096;
        memory_.push_back(std::make_unique<std::uint64_t[]>(capacity / 8));
        batch.slabs[batch.slab_count++] = {reinterpret_cast<std::byte*>(memory_.back().get()),
                                           capacity, 0, 0};
    }

    produce::Batch batch;

private:
    produce::Topic topic_;
    std::vector<std::unique_ptr<std::uint64_t[]>> memory_;
};

class LaneBench {
public:
    explicit LaneBench(std::size_t memory_bytes = 4 << 20) : memory_(memory_bytes, 4096) {
        config.seeds = {{"nowhere", 9092}};
        core = std::make_unique<produce::ProducerCore>(config, memory_.span(), 1 << 20, lanes,
                                                        board, 1);
        lanes.bind(*core, config.delivery_timeout);
    }

    CallerEnd open(std::uint32_t records_max = 1000, std::size_t ring_bytes = 64 * 1024) {
        auto channel = std::make_shared<LaneChannel>(ring_bytes, records_max);
        EXPECT_TRUE(channel->usable());
        lanes.add(channel);
        return CallerEnd(channel);
    }
    Lanes::Drained drain() { return lanes.drain(now, now); }
    /// What the lanes have counted.
    ShardCounters counted() const {
        ShardCounters counters;
        lanes.count(counters);
        return counters;
    }
    /// The shard takes `count` records of the lane.
    void take(CallerEnd& caller, std::uint32_t count) {
        for (std::uint32_t i = 0; i < count; ++i) {
            if (!caller.produce(i)) {
                drain();
                ASSERT_TRUE(caller.produce(i));
            }
        }
        while (drain().more) {}
        ASSERT_TRUE(caller->records.empty());
    }
    /// As Delivery does it.
    std::uint32_t resolve(MadeUpBatch& made, const produce::Outcome& outcome = {}) {
        return made.batch.lenders = lanes.on_resolved(made.batch, outcome);
    }

    produce::Config config;
    Lanes lanes;
    produce::ShareBoard board;
    std::unique_ptr<produce::ProducerCore> core;
    Instant now = Instant::from_ns(1'000'000'000);

private:
    Block memory_;
};

}  // namespace ringpost::shard
