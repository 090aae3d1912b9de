// SPDX-License-Identifier: Apache-2.0
// What a producer tells of itself: plain numbers, as they stood a moment ago.
#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace ringpost {

/// How many durations there were of each size, log-linear: each bucket's are alike but for 1/16 of
/// them. What takes longer than 2^38 ns (four and a half minutes) counts as that, but for max().
struct Histogram {
    static constexpr unsigned linear_bits = 4;   ///< 16 buckets a power of two
    static constexpr unsigned value_bits = 38;
    static constexpr std::size_t bucket_count = (value_bits - linear_bits + 1) << linear_bits;

    std::array<std::uint64_t, bucket_count> counts{};
    std::uint64_t max_ns = 0;

    /// Below 16 ns the value itself; above, its power of two and the four bits after the first.
    static constexpr std::size_t bucket_of(std::uint64_t ns) noexcept {
        ns = std::min(ns, (std::uint64_t{1} << value_bits) - 1);
        if (ns < linear) return static_cast<std::size_t>(ns);
        const unsigned shift = static_cast<unsigned>(std::bit_width(ns)) - linear_bits - 1;
        return static_cast<std::size_t>(shift * linear + (ns >> shift));
    }
    /// The longest of a bucket, in nanoseconds.
    static constexpr std::uint64_t upper_end(std::size_t bucket) noexcept {
        if (bucket < linear) return bucket;
        const std::uint64_t shift = bucket / linear - 1;
        return ((bucket - shift * linear + 1) << shift) - 1;
    }

    std::uint64_t total() const noexcept {
        std::uint64_t sum = 0;
        for (const std::uint64_t count : counts) sum += count;
        return sum;
    }
    std::chrono::nanoseconds max() const noexcept {
        return std::chrono::nanoseconds(static_cast<std::int64_t>(max_ns));
    }
    /// What `fraction` of all (0 to 1) are no longer than, to their bucket's upper end; never more
    /// than max(). Zero if there is none.
    std::chrono::nanoseconds at(double fraction) const noexcept {
        const std::uint64_t all = total();
        const auto wanted = static_cast<std::uint64_t>(fraction * static_cast<double>(all));
        std::uint64_t seen = 0;
        for (std::size_t i = 0; i < bucket_count; ++i) {
            seen += counts[i];
            if (counts[i] == 0 || (seen <= wanted && seen != all)) continue;
            return std::chrono::nanoseconds(
                static_cast<std::int64_t>(std::min(upper_end(i), max_ns)));
        }
        return {};
    }
    void add(const Histogram& other) noexcept {
        for (std::size_t i = 0; i < bucket_count; ++i) counts[i] += other.counts[i];
        max_ns = std::max(max_ns, other.max_ns);
    }
    /// What has come since `earlier`, which was taken of the same. Its max() is exact if it is the
    /// longest that there ever was, else its bucket's upper end.
    Histogram since(const Histogram& earlier) const noexcept {
        Histogram later;
        for (std::size_t i = 0; i < bucket_count; ++i) {
            later.counts[i] = counts[i] - earlier.counts[i];
            if (later.counts[i] != 0) later.max_ns = upper_end(i);
        }
        if (max_ns > earlier.max_ns || later.max_ns > max_ns) later.max_ns = max_ns;
        return later;
    }

private:
    static constexpr std::uint64_t linear = std::uint64_t{1} << linear_bits;
};

/// What one shard has counted since its start, all of it at the same moment: the end of a turn.
struct ShardCounters {
    // Records. Taken is out of the callers' rings; each is delivered or failed in the end.
    std::uint64_t records_taken = 0;
    std::uint64_t records_delivered = 0;
    std::uint64_t records_failed = 0;
    std::uint64_t bytes_taken = 0;        ///< as in the rings: about 40 a record more than its own
    std::uint64_t bytes_delivered = 0;    ///< of the batches, as on the wire
    std::uint64_t bytes_failed = 0;       ///< of the batches, or as in the rings where in none
    std::uint64_t ring_bytes_queued = 0;  ///< left in the rings by the last look at them

    // Batches and produce requests. What is sent again counts again.
    std::uint64_t batches_sent = 0;
    std::uint64_t batches_retried = 0;    ///< of those sent: not for the first time
    std::uint64_t batch_records_sent = 0;
    std::uint64_t batch_bytes_sent = 0;
    std::uint64_t plain_bytes_sent = 0;   ///< the same before they were compressed
    std::uint64_t batches_delivered = 0;
    std::uint64_t batches_failed = 0;
    std::uint64_t requests_sent = 0;
    std::uint64_t request_bytes_sent = 0;
    std::uint64_t requests_in_flight = 0; ///< now: sent, or about to be, and not answered

    // Now: of the batches' memory (`buffer.memory`), what is taken and what there is, in bytes; how
    // many batches that is; connections that are up.
    std::uint64_t memory_used = 0;
    std::uint64_t memory_total = 0;
    std::uint64_t batches_held = 0;
    std::uint64_t connections_up = 0;

    // The loop.
    std::uint64_t turns = 0;
    std::uint64_t sleeps = 0;             ///< turns that began with one

    /// In batches and in flight, now.
    std::uint64_t records_queued() const noexcept {
        return records_taken - records_delivered - records_failed;
    }
    double records_per_batch() const noexcept { return ratio(batch_records_sent, batches_sent); }
    double bytes_per_request() const noexcept { return ratio(request_bytes_sent, requests_sent); }

private:
    static double ratio(std::uint64_t sum, std::uint64_t count) noexcept {
        return count == 0 ? 0 : static_cast<double>(sum) / static_cast<double>(count);
    }
};

/// One broker, as a shard sees it that has sent records there. Counted since its start.
struct BrokerStatistics {
    std::int32_t id = -1;                 ///< Kafka's node id
    std::uint64_t requests_sent = 0;      ///< of records
    std::uint64_t requests_answered = 0;
    std::uint64_t requests_lost = 0;      ///< with their connection, or timed out
    std::uint64_t answers_throttled = 0;  ///< that asked for quiet (a quota)
    std::chrono::milliseconds throttled{0};  ///< how much of it in all
    /// From a produce request's making to its answer. Empty with `statistics.enable=false`.
    Histogram round_trip;

    std::uint64_t requests_in_flight() const noexcept {
        return requests_sent - requests_answered - requests_lost;
    }
};

/// One shard's. The histograms are empty with `statistics.enable=false`.
struct ShardStatistics : ShardCounters {
    /// Of the loop's turns: without its sleep, and what the system call that sleeps did before.
    Histogram turn_time;
    /// Of delivered batches: from their first record's acceptance to the acknowledgement.
    Histogram latency;
    std::vector<BrokerStatistics> brokers;
};

/// A producer's. Each shard's counters belong together; histograms and brokers may be a turn ahead.
struct [[gnu::visibility("default")]] Statistics {
    std::chrono::system_clock::time_point at;   ///< when it was asked for
    std::vector<ShardStatistics> shards;        ///< none before a start, or in a forked child

    /// All shards together; brokers by their id.
    ShardStatistics total() const;
};

/// One line. Times are in microseconds, but for `throttled_ms` and `timestamp_ms`, which is Unix
/// time; a histogram is its count, p50, p90, p99, p999 and max.
[[gnu::visibility("default")]] std::string to_json(const Statistics& statistics);

}  // namespace ringpost
