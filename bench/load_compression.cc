// SPDX-License-Identifier: Apache-2.0
// How long turns of the loop get while large batches are compressed at full load.
#include <fmt/format.h>

#include <array>
#include <stdexcept>

#include "api/compression.h"
#include "base/histogram.h"
#include "base/limits.h"
#include "load_run.h"
#include "wire/codec.h"

namespace ringpost::bench {

namespace {

constexpr std::int32_t partitions = 8;
constexpr std::size_t value_bytes = 250;
/// Of the slices that are compressed alone.
constexpr std::size_t stream_bytes = 1 << 20;
const Seconds warm_up_time{0.5};

struct Asked {
    std::string_view codec;
    std::string_view level;   ///< by librdkafka's numbers
    std::string_view goal;
};
constexpr std::array<Asked, 5> all_asked{{{"lz4", "-1", ""},
                                          {"zstd", "1", ""},
                                          {"zstd", "3", "250"},
                                          {"snappy", "-1", ""},
                                          {"gzip", "6", ""}}};

Options options_for(const Asked& asked, const std::string& address) {
    Options options = load_options(address);
    options.batch_bytes = 1'000'000;
    options.buffer_memory = 256 << 20;   // so that batches get as large as they may
    const auto set = [&](std::string_view name, std::string_view value) {
        const auto done = options.set(name, value);
        if (!done) throw std::runtime_error(done.error().text);
    };
    set("compression.type", asked.codec);
    set("compression.level", asked.level);
    return options;
}

double us(std::chrono::nanoseconds time) { return static_cast<double>(time.count()) / 1e3; }

struct Threaded {
    Histogram turns;
    double per_second = 0;
    double plain_of_batch = 0;   ///< bytes
    double ratio = 0;
};

/// Wall time, by the statistics.
Threaded threaded(const Asked& asked, const std::string& address, Seconds lasts) {
    Loaded loaded(options_for(asked, address));
    Caller caller(loaded, partitions, PayloadKind::json, value_bytes);
    ShardStatistics before;
    std::uint64_t delivered = 0;
    Clock::time_point begin;
    for (const Seconds time : {warm_up_time, lasts}) {
        before = loaded.total();
        delivered = caller.delivered();
        begin = Clock::now();
        while (seconds_since(begin) < time.count()) {
            for (int n = 0; n < 256; ++n) caller.step();
        }
    }
    const double seconds = seconds_since(begin);
    const ShardStatistics after = loaded.total();
    const auto plain = static_cast<double>(after.plain_bytes_sent - before.plain_bytes_sent);
    const auto packed = static_cast<double>(after.batch_bytes_sent - before.batch_bytes_sent);
    Threaded told{after.turn_time.since(before.turn_time),
                  static_cast<double>(caller.delivered() - delivered) / seconds,
                  plain / static_cast<double>(after.batches_sent - before.batches_sent),
                  plain / packed};
    caller.finish();
    return told;
}

Histogram what_is_in(const SharedHistogram& times) {
    Histogram told;
    times.read(told);
    return told;
}

/// Inline a `poll` without room for reports is one turn, on its caller's thread: its CPU time,
/// which no other program can lengthen.
Histogram cpu_of_turns(const Asked& asked, const std::string& address, Seconds lasts) {
    Options options = options_for(asked, address);
    options.mode = Mode::inline_;
    options.max_block = 0ms;
    Loaded loaded(options);
    Lane lane = *loaded->open_lane();
    Payload payload(PayloadKind::json, value_bytes);
    std::vector<DeliveryReport> reports(4096);
    SharedHistogram turns;
    std::int32_t next = 0;
    const auto begin = Clock::now();
    while (seconds_since(begin) < (warm_up_time + lasts).count()) {
        for (std::size_t bytes = 0; bytes < limits::turn_bytes; bytes += value_bytes) {
            next = (next + 1) % partitions;
            const Record record{
                .topic = loaded.topic(), .value = payload.next(), .partition = next};
            if (lane.produce(record) != Errc::none) break;
        }
        const std::int64_t before = thread_cpu_ns();
        lane.poll({});
        const Duration spent = Duration::ns(thread_cpu_ns() - before);
        if (seconds_since(begin) > warm_up_time.count()) turns.record(spent);
        while (lane.poll(reports) == reports.size()) {}
    }
    loaded->purge(Purge::all, 5s);
    return what_is_in(turns);
}

/// The machine's part of it: a slice is compressed again and again, and nothing else is done.
Histogram slices_alone(const Asked& asked, Seconds lasts) {
    const produce::Compression what = api::compression_of(options_for(asked, "127.0.0.1:1"));
    const auto compressor = wire::make_compressor(what.codec, what.level, stream_bytes);
    if (!compressor) throw std::runtime_error(compressor.error().text);
    wire::Compressor& codec = **compressor;
    std::vector<std::byte> lines;
    for (Payload payload(PayloadKind::json, value_bytes); lines.size() < stream_bytes;) {
        const ByteSpan line = as_bytes(payload.next());
        lines.insert(lines.end(), line.begin(), line.end());
    }
    SharedHistogram slices;
    for (const auto begin = Clock::now(); seconds_since(begin) < lasts.count();) {
        codec.begin(stream_bytes);
        for (std::size_t from = 0; from < stream_bytes;) {
            const std::size_t size = std::min(codec.slice_bytes(), stream_bytes - from);
            const std::int64_t before = thread_cpu_ns();
            codec.add(ByteSpan(lines).subspan(from, size), from + size == stream_bytes);
            slices.record(Duration::ns(thread_cpu_ns() - before));
            from += size;
        }
    }
    return what_is_in(slices);
}

/// A histogram's rows, in us.
void add_rows(Rows& rows, const std::string& name, const std::string& what, const Histogram& times,
              const std::string& goal) {
    rows.insert(rows.end(), {{name, what + ", median", us(times.at(0.5)), "us", ""},
                             {name, what + ", p99", us(times.at(0.99)), "us", goal},
                             {name, what + ", p99.9", us(times.at(0.999)), "us", goal},
                             {name, what + ", longest", us(times.max()), "us", goal}});
}

}  // namespace

Rows compressing(Seconds lasts) {
    Child broker(broker_command("127.0.0.1:0", partitions));
    const std::string address = address_said(broker);
    Rows rows;
    for (const Asked& asked : all_asked) {
        const std::string name =
            fmt::format("{}:{}, batch.size=1000000, JSON of 250 B", asked.codec, asked.level);
        const std::string goal(asked.goal);
        const Threaded wall = threaded(asked, address, lasts / 2);
        const Histogram cpu = cpu_of_turns(asked, address, lasts / 2);
        const Histogram alone = slices_alone(asked, lasts / 4);
        rows.insert(rows.end(),
                    {{name, "throughput", wall.per_second, "records/s", ""},
                     {name, "plain bytes of a batch", wall.plain_of_batch, "", ""},
                     {name, "plain to compressed", wall.ratio, "", ""}});
        add_rows(rows, name, "turn", wall.turns, goal);
        add_rows(rows, name, "CPU time of an inline turn", cpu, goal);
        add_rows(rows, name, "CPU time of a slice alone", alone, "");
    }
    return rows;
}

}  // namespace ringpost::bench
