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
#include <ringpost/statistics.h>

namespace ringpost {

class Producer;
namespace api {
class ProducerImpl;
class LaneImpl;
}  // namespace api

/// A relative deadline of a call that may wait.
using Timeout = std::chrono::nanoseconds;
/// As long as it takes.
inline constexpr Timeout forever = Timeout::max();

/// What a flush found.
struct FlushResult {
    std::uint64_t delivered = 0;    ///< Records reported as delivered while it waited.
    std::uint64_t failed = 0;       ///< Records reported as failed while it waited.
    /// Without a report when it gave up. A lane's flush: of those accepted before it. A producer's:
    /// of those that the shards had taken out of their lanes, and at least 1.
    std::uint64_t outstanding = 0;
    bool ok() const noexcept { return outstanding == 0; }
};

/// Whether a flush also runs the callbacks of the lane's records whose reports have come.
enum class Serve : std::uint8_t { nothing, callbacks };

/// A caller thread's handle: records in, its own delivery reports out.
///
/// Thread:  one thread a lane at a time; take a lane for each producing thread, or produce through
///          the Producer itself, which keeps a lane for each thread that does.
/// Owns:    copies of accepted records until their report has been polled.
/// Bounds:  Options::lane_ring_bytes, Options::lane_records_max and, over all lanes,
///          Options::queue_records_max; at either, produce refuses, or waits as it was told.
/// Blocks:  only where a Timeout is a parameter, and in produce if Options::max_block says so. In
///          inline mode those calls, and poll, drive the producer's loop.
class [[gnu::visibility("default")]] Lane {
public:
    Lane() noexcept;                 ///< No lane: every call answers `stopped`.
    Lane(Lane&&) noexcept;
    Lane& operator=(Lane&&) noexcept;
    /// What was accepted is still delivered; its reports are dropped, unless they are shared.
    ~Lane();

    /// Copies `record` into the lane. Never allocates (but for a topic name's first use, and for
    /// more than 16 headers and more than any record before had), and never blocks, unless
    /// Options::max_block lets it wait at a limit. Each accepted record (none) yields exactly one
    /// DeliveryReport from poll. Errors:
    /// queue_full, reports_full, producer_full, partition_full, record_too_large,
    /// invalid_partition, invalid_topic_name, invalid_argument, too_many_topics, not_started,
    /// stopped, forked, wrong_thread.
    [[nodiscard]] Errc produce(const Record& record) noexcept;

    /// The same; the record's report goes to `callback`, when this lane is polled, and not to
    /// poll's span. The callback is taken over if the record is accepted. The lane's first one
    /// allocates. Error also: out_of_memory.
    [[nodiscard]] Errc produce(const Record& record, Callback&& callback) noexcept;

    /// The same, but waits for room: until the timeout, or without end (`forever`), or not at all
    /// (zero), whatever Options::max_block says. Waiting threads get room in the order in which
    /// they came. While the lane has reports that only its own polling can clear away, it does not
    /// wait, but answers reports_full or producer_full: poll, then try again. So it does in a
    /// callback, which holds up the reports behind its own.
    [[nodiscard]] Errc produce_for(const Record& record, Timeout timeout) noexcept;
    [[nodiscard]] Errc produce_for(const Record& record, Callback&& callback,
                                   Timeout timeout) noexcept;

    /// Room for the value of a record, of up to `value_bytes`, in the lane itself: a serializer
    /// writes there, and nothing is copied. The rest of `record` is as for produce; its value is
    /// not looked at, its headers are read by the commit. The claim ends with commit, or with the
    /// next claim; a produce meanwhile takes its place. Errors: produce's.
    [[nodiscard]] Errc claim(const Record& record, std::size_t value_bytes,
                             std::span<std::byte>& value) noexcept;

    /// Produces the claimed record with the first `value_bytes` of what was claimed; a callback
    /// gets its report. invalid_argument: nothing is claimed any more, or not so much. Other
    /// errors: those of produce that are no limit. Whatever the answer, the claim is over.
    [[nodiscard]] Errc commit(std::size_t value_bytes) noexcept;
    [[nodiscard]] Errc commit(std::size_t value_bytes, Callback&& callback) noexcept;

    /// Produces records in order until one is refused. Returns how many were accepted; `refused`,
    /// if given, says why the next one was not.
    std::size_t produce(std::span<const Record> records, Errc* refused = nullptr) noexcept;

    /// Produces and waits for the report, of this very record: others' stay for poll. Only the
    /// batch that it went into stops to linger. Without its bytes in the report (they are yours).
    /// An error of the call itself (see produce) is the report's error, with no attempt. At the
    /// timeout the answer is `timed_out` and may_have_been_written: the record goes on, but its own
    /// report is dropped when it comes. Shared reports: invalid_argument.
    DeliveryReport produce_sync(const Record& record, Timeout timeout) noexcept;

    /// The same for many at once. `reports` has room for one a record, in the records' order.
    /// Returns how many were delivered. Allocates.
    std::size_t produce_sync(std::span<const Record> records, std::span<DeliveryReport> reports,
                             Timeout timeout) noexcept;

    /// Moves up to `out.size()` reports into `out` and returns how many; runs the callbacks of
    /// records that have one, up to as many. Never waits. Bytes that an earlier poll's reports
    /// pointed to are gone.
    std::size_t poll(std::span<DeliveryReport> out) noexcept;

    /// The same, but waits for the first report or callback. 0: none came in time, or callbacks
    /// have run and no report was without one.
    std::size_t poll_for(std::span<DeliveryReport> out, Timeout timeout) noexcept;

    /// Runs the callbacks whose reports have come, up to `callbacks_max`, and returns how many. It
    /// stops at the first record without a callback: that is poll's. Never waits.
    std::size_t serve(std::size_t callbacks_max = SIZE_MAX) noexcept;

    /// The same, but waits for the first.
    std::size_t serve_for(Timeout timeout, std::size_t callbacks_max = SIZE_MAX) noexcept;

    /// Seals every batch at once and waits until each record accepted by this lane has a report
    /// ready to be polled. It polls none itself; asked to, it serves this lane's callbacks.
    FlushResult flush(Timeout timeout, Serve serve = Serve::nothing) noexcept;

    /// Accepted and not yet polled. Where no reports are wanted: and not yet reported.
    std::uint64_t outstanding() const noexcept;
    bool valid() const noexcept { return impl_ != nullptr; }

private:
    friend class Producer;
    explicit Lane(std::shared_ptr<api::LaneImpl> impl) noexcept;
    std::shared_ptr<api::LaneImpl> impl_;
};

/// A producer: options, shards, lanes.
///
/// Thread:  any, once started; inline mode: the starting thread only.
/// Blocks:  start (until the threads are up; not for the network), warm_up, flush, purge and stop.
class [[gnu::visibility("default")]] Producer {
public:
    enum class State : std::uint8_t { created, running, flushing, stopping, stopped };

    explicit Producer(Options options);
    Producer(Producer&&) noexcept;
    Producer& operator=(Producer&&) noexcept;
    /// stop(Options::stop_timeout).
    ~Producer();

    /// Checks the options, takes the memory, starts the shards. The cluster is not waited for.
    /// After a stop it starts anew: topic handles stay good, lanes are to be opened again, reports
    /// not polled by then are dropped. Not while another thread calls. With Options::auto_start,
    /// open_lane and the thread's own lane call it where it has not been called.
    Result<void> start();

    /// The handle of a topic name, made at its first use. Errors: invalid_topic_name,
    /// too_many_topics.
    Result<Topic> topic(std::string_view name);
    /// The name behind a handle; empty for a handle of another producer.
    std::string_view topic_name(Topic topic) const noexcept;

    /// Opens a lane on the shard with the fewest. `reports`: other than Options::delivery_reports.
    /// Errors: not_started, stopped, too_many_lanes, out_of_memory, forked, and start's.
    Result<Lane> open_lane();
    Result<Lane> open_lane(Reports reports);

    // The calling thread's own lane, opened at its first use. When the thread ends, what it has
    // accepted goes on, and reports that it has not polled go to the next threads that poll.
    // Contracts and errors: Lane's, and open_lane's.

    [[nodiscard]] Errc produce(const Record& record) noexcept;
    [[nodiscard]] Errc produce(const Record& record, Callback&& callback) noexcept;
    [[nodiscard]] Errc produce_for(const Record& record, Timeout timeout) noexcept;
    DeliveryReport produce_sync(const Record& record, Timeout timeout) noexcept;
    std::size_t produce_sync(std::span<const Record> records, std::span<DeliveryReport> reports,
                             Timeout timeout) noexcept;

    /// This thread's reports, those left by threads that ended, and with
    /// Options::delivery_reports_shared those of every lane. Bytes that shared reports point to are
    /// gone at the next poll by any thread: have one thread poll, or leave the bytes alone.
    std::size_t poll(std::span<DeliveryReport> out) noexcept;
    std::size_t poll_for(std::span<DeliveryReport> out, Timeout timeout) noexcept;
    std::size_t serve(std::size_t callbacks_max = SIZE_MAX) noexcept;
    std::size_t serve_for(Timeout timeout, std::size_t callbacks_max = SIZE_MAX) noexcept;

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
    /// report. Other threads may go on producing. It serves no callbacks.
    FlushResult flush(Timeout timeout) noexcept;

    /// Reports what was accepted before the call and is queued, or in flight, or both, as `purged`;
    /// perhaps also what other threads produce meanwhile. What was in flight may have been written.
    /// Waits for the shards to have done it, not for the
    /// network. False: not within the timeout; it is done all the same.
    bool purge(Purge what, Timeout timeout) noexcept;

    /// Refuses new records, flushes until the timeout, reports the rest as `purged`, closes the
    /// connections. Reports can still be polled. An upper bound: the network is not waited for
    /// any longer. True if nothing had to be purged. A second call waits for the first.
    bool stop(Timeout timeout) noexcept;

    State state() const noexcept;

    /// What the shards have counted since start, as of their last turns; after a stop, of their
    /// end. Thread: any, in inline mode, too, and as often as it likes: no shard waits for it, and
    /// it waits for none. Allocates, some 10 KB a shard and 5 KB a broker. In a forked child, and
    /// before a start, there are no shards.
    Statistics statistics() const;

private:
    std::unique_ptr<api::ProducerImpl> impl_;
};

/// "0.1.0"
[[gnu::visibility("default")]] std::string_view version() noexcept;

}  // namespace ringpost
