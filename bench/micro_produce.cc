// SPDX-License-Identifier: Apache-2.0
// The shard's part of a record: finding its topic, choosing its partition, its way into a batch;
// and the caller's last part, its report.
#include <benchmark/benchmark.h>
#include <fmt/format.h>

#include <cstring>
#include <memory>
#include <string>
#include <vector>

#include "api/report_reader.h"
#include "base/memory.h"
#include "produce/accumulator.h"
#include "produce/entry.h"
#include "shard/lane_channel.h"

namespace ringpost {
namespace {

using produce::Entry;

const Instant now = Instant::from_ns(1'000'000'000);
constexpr std::uint32_t partition_count = 8;

/// Reports that go nowhere.
class NoSink : public produce::ReportSink {
public:
    std::uint32_t on_resolved(const produce::Batch&, const produce::Outcome&) override { return 0; }
};

/// What stands between a lane and a sender, with topics that one broker leads.
struct World {
    World(std::span<std::byte> memory, std::uint32_t topic_count)
        : arena(memory, limits::slab_bytes_min, 1 << 20) {
        wire::MetadataResponse answer;
        answer.brokers = {{1, "one", 9001, ""}};
        for (std::uint32_t i = 0; i < topic_count; ++i) {
            names.push_back(fmt::format("topic-{}", i));
            cluster.use(cluster.add_topic(i, names.back()), now);
            wire::MetadataResponse::Topic topic;
            topic.name = names.back();
            for (std::uint32_t p = 0; p < partition_count; ++p) {
                wire::MetadataResponse::Partition partition;
                partition.index = static_cast<std::int32_t>(p);
                partition.leader_id = 1;
                topic.partitions.push_back(partition);
            }
            answer.topics.push_back(topic);
        }
        produce::Cluster::Change change;
        cluster.apply(answer, change);
    }

    produce::Config config{.seeds = {{"one", 9001}}};
    Prng prng{1};
    NoSink sink;
    Arena arena;
    produce::BatchPool pool{arena, 0};
    produce::FlushTracker flushes;
    produce::ShareBoard board;
    produce::Shares shares{arena, 0, config.batch_bytes, board};
    produce::Delivery delivery{pool, flushes, shares, sink};
    produce::Cluster cluster{config, shares, prng};
    produce::Readiness readiness{config};
    produce::Accumulator accumulator{config, cluster, pool, delivery, readiness, flushes, prng};
    std::vector<std::string> names;
};

/// An entry as a lane's ring has it.
class OneEntry {
public:
    explicit OneEntry(std::size_t value_bytes) {
        const std::string value(value_bytes, 'x');
        const auto bytes = static_cast<std::int64_t>(value_bytes);
        const std::size_t tail = wire::record_tail_size(-1, bytes);
        room_.resize(Entry::size_for(tail) / 8);
        entry() = {static_cast<std::uint32_t>(room_.size() * 8), 0, -1, 0, 1'700'000'000'000, 0,
                   static_cast<std::uint32_t>(tail)};
        wire::write_record_tail(reinterpret_cast<std::byte*>(&entry() + 1), nullptr, -1,
                                value.data(), bytes);
    }
    Entry& entry() { return *reinterpret_cast<Entry*>(room_.data()); }

private:
    std::vector<std::uint64_t> room_;
};

/// Into batches of 128 KB; `partitions` is 0 for the sticky one.
void append(benchmark::State& state) {
    const Block memory(32 << 20, 4096);
    auto world = std::make_unique<World>(memory.span(), 1);
    OneEntry one(static_cast<std::size_t>(state.range(0)));
    const auto partitions = static_cast<std::int32_t>(state.range(1));
    for (auto _ : state) {
        Entry& entry = one.entry();
        entry.partition = partitions == 0 ? -1 : (entry.partition + 1) % partitions;
        entry.slot = (entry.slot + 1) & 0xffff;
        if (world->accumulator.append(entry, 0, now) == produce::Accumulator::Appended::yes) {
            continue;
        }
        state.PauseTiming();
        world = nullptr;  // before the next one, which has the same memory
        world = std::make_unique<World>(memory.span(), 1);
        state.ResumeTiming();
    }
}
BENCHMARK(append)->ArgNames({"bytes", "partitions"})->Args({100, 0})->Args({100, 8})
    ->Args({1000, 0})->Args({1000, 8});

void topic_by_handle(benchmark::State& state) {
    const Block memory(1 << 20, 4096);
    World world(memory.span(), static_cast<std::uint32_t>(state.range(0)));
    std::uint32_t id = 0;
    for (auto _ : state) {
        benchmark::DoNotOptimize(world.cluster.topic(id)->partitions[id % partition_count]);
        // Not in order: neighbours would be in the cache.
        id = (id + 7919) % static_cast<std::uint32_t>(state.range(0));
    }
}
BENCHMARK(topic_by_handle)->Arg(1)->Arg(100)->Arg(10'000);

void topic_by_name(benchmark::State& state) {
    const Block memory(1 << 20, 4096);
    World world(memory.span(), static_cast<std::uint32_t>(state.range(0)));
    std::size_t index = 0;
    for (auto _ : state) {
        benchmark::DoNotOptimize(world.cluster.topic_by_name(world.names[index]));
        index = (index + 7919) % world.names.size();
    }
}
BENCHMARK(topic_by_name)->Arg(1)->Arg(100)->Arg(10'000);

/// Entries of the report ring to a report a record; so many records a run.
void expand_reports(benchmark::State& state) {
    constexpr std::uint32_t records = 1'024;  // a power of two: runs end where slots do
    const auto run_records = static_cast<std::uint32_t>(state.range(0));
    shard::LaneChannel channel(1 << 20, records);
    api::TagLog tags(records);
    api::Credits credits(1'000'000'000);
    api::ReportReader reader(channel, tags, credits, Reports::all);
    std::vector<DeliveryReport> reports(records);
    for (auto _ : state) {
        state.PauseTiming();
        std::vector<std::uint32_t> slots;
        for (std::uint32_t i = 0; i < records; ++i) {
            slots.push_back(tags.next());
            tags.commit({i, 1'700'000'000'000});
        }
        for (std::uint32_t i = 0; i < records;) {
            std::byte* at = channel.reports.try_reserve(shard::report_entry_bytes_max);
            shard::ReportHeader header{};
            header.base_offset = 1'000;
            header.log_append_time_ms = -1;
            header.first_index = i;
            std::byte* end = at + sizeof header;
            for (; i < records && header.run_count < shard::report_runs_max;
                 ++header.run_count, i += run_records) {
                const shard::ReportRun run{slots[i], static_cast<std::uint16_t>(run_records), 0};
                std::memcpy(end, &run, sizeof run);
                end += sizeof run;
            }
            header.size = static_cast<std::uint32_t>(end - at);
            std::memcpy(at, &header, sizeof header);
            channel.reports.commit(header.size);
        }
        state.ResumeTiming();
        reader.begin();
        if (reader.read(reports, 0).reports != records) state.SkipWithError("not all of them");
    }
    state.SetItemsProcessed(state.iterations() * records);
}
BENCHMARK(expand_reports)->ArgName("run")->Arg(1)->Arg(8)->Arg(1'024);

}  // namespace
}  // namespace ringpost
