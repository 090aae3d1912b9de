// SPDX-License-Identifier: Apache-2.0
// The producer and its lanes: the whole way in and the whole way back.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string_view>

#include <ringpost/delivery.h>
#include <ringpost/error.h>
#include <ringpost/options.h>
#include <ringpost/record.h>

namespace ringpost {

class Producer;
namespace api {
class ProducerImpl;
class LaneImpl;
}  // namespace api

/// A relative deadline of a call that may wait. Every wait has one.
using Timeout = std::chrono::nanoseconds;

/// What a flush found.
struct FlushResult {
    std::uint64_t delivered = 0;    ///< Records reported as delivered while it waited.
    std::uint64_t failed = 0;       ///< Records reported as failed while it waited.
    /// Without a report when it gave up. A lane's flush: of those accepted before it. A producer's:
    /// of those that the shards had taken out of their lanes, and at least 1.
    std::uint64_t outstanding = 0;
    bool ok() const noexcept { return outstanding == 0; }
};

/// A caller thread's handle: records in, its own delivery reports out.
///
/// Thread:  one thread a lane at a time; take a lane for each producing thread.
/// Owns:    copies of accepted records until their report has been polled.
/// Bounds:  Options::lane_ring_bytes and Options::queue_records_max; at either, produce refuses.
/// Blocks:  only where a Timeout is a parameter. In inline mode those calls, and poll, drive the
///          producer's loop.
class [[gnu::visibility("default")]] Lane {
public:
    Lane() noexcept;                 ///< No lane: every call answers `stopped`.
    Lane(Lane&&) noexcept;
    Lane& operator=(Lane&&) noexcept;
    /// What was accepted is still delivered; its reports are dropped.
    ~Lane();

    /// Copies `record` into the lane. Never blocks, never allocates (but for a topic name's first
    /// use, and for more than 16 headers and more than any record before had). Each accepted record
    /// (none) yields exactly one DeliveryReport from poll. Errors:
    /// queue_full, reports_full, record_too_large, invalid_partition, invalid_topic_name,
    /// invalid_argument, too_many_topics, not_started, stopped, forked, wrong_thread.
    [[nodiscard]] Errc produce(const Record& record) noexcept;

    /// The same, but waits while the answer is queue_full. reports_full is answered at once: only
    /// polling, which is the same thread's, makes room for reports.
    [[nodiscard]] Errc produce_for(const Record& record, Timeout timeout) noexcept;

    /// Produces records in order until one is refused. Returns how many were accepted; `refused`,
    /// if given, says why the next one was not.
    std::size_t produce(std::span<const Record> records, Errc* refused = nullptr) noexcept;

    /// Moves up to `out.size()` reports into `out` and returns how many. Never waits. Bytes that an
    /// earlier poll's reports pointed to are gone.
    std::size_t poll(std::span<DeliveryReport> out) noexcept;

    /// The same, but waits for the first report. 0: none came in time.
    std::size_t poll_for(std::span<DeliveryReport> out, Timeout timeout) noexcept;

    /// Seals every batch at once and waits until each record accepted by this lane has a report
    /// ready to be polled. It polls none itself.
    FlushResult flush(Timeout timeout) noexcept;

    /// Accepted and not yet polled.
    std::uint64_t outstanding() const noexcept;
    bool valid() const noexcept { return impl_ != nullptr; }

private:
    friend class Producer;
    explicit Lane(api::LaneImpl* impl) noexcept;
    api::LaneImpl* impl_ = nullptr;
};

/// A producer: options, shards, lanes.
///
/// Thread:  any, once started; inline mode: the starting thread only.
/// Blocks:  start (until the threads are up; not for the network), warm_up, flush and stop.
class [[gnu::visibility("default")]] Producer {
public:
    enum class State : std::uint8_t { created, running, flushing, stopping, stopped };

    explicit Producer(Options options);
    Producer(Producer&&) noexcept;
    Producer& operator=(Producer&&) noexcept;
    /// stop(Options::stop_timeout).
    ~Producer();

    /// Checks the options, takes the memory, starts the shards. The cluster is not waited for.
    Result<void> start();

    /// The handle of a topic name, made at its first use. Errors: invalid_topic_name,
    /// too_many_topics.
    Result<Topic> topic(std::string_view name);
    /// The name behind a handle; empty for a handle of another producer.
    std::string_view topic_name(Topic topic) const noexcept;

    /// Opens a lane on the shard with the fewest. Errors: not_started, stopped, too_many_lanes,
    /// out_of_memory, forked.
    Result<Lane> open_lane();

    /// Readies every shard for these topics: names looked up, brokers connected to and asked what
    /// they speak, metadata loaded (a topic may be created by that), the producer id had, and a
    /// connection to every leader. What is then produced to them waits for no more of these.
    /// Waits until all of it is done, the cluster has refused some of it, or the timeout; the error
    /// then names what stood in the way, by the code that a delivery timeout's last_error would
    /// have: timed_out if nothing went wrong but too slowly. What was begun goes on, and lanes may
    /// be used meanwhile. Other errors: not_started, stopped, forked, wrong_thread,
    /// invalid_topic_name, too_many_topics. Without topics there is nothing to do.
    Result<void> warm_up(std::span<const std::string_view> topics, Timeout timeout);

    /// Seals every batch at once and waits until every record accepted before the call has its
    /// report. Other threads may go on producing.
    FlushResult flush(Timeout timeout) noexcept;

    /// Refuses new records, flushes until the timeout, reports the rest as `purged`, closes the
    /// connections. Reports can still be polled. An upper bound: the network is not waited for
    /// any longer. True if nothing had to be purged. A second call waits for the first.
    bool stop(Timeout timeout) noexcept;

    State state() const noexcept;

private:
    std::unique_ptr<api::ProducerImpl> impl_;
};

/// "0.1.0"
[[gnu::visibility("default")]] std::string_view version() noexcept;

}  // namespace ringpost
