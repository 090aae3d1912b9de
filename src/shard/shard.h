// SPDX-License-Identifier: Apache-2.0
// One shard: its memory, its Io, its loop. A turn does a bounded piece of everything, then looks
// again or sleeps.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>

#include <ringpost/error.h>

#include "base/histogram.h"
#include "base/snapshot.h"
#include "io/io.h"
#include "produce/producer_core.h"
#include "shard/lanes.h"
#include "shard/links.h"
#include "shard/placed_memory.h"
#include "shard/spin_budget.h"
#include "shard/wakeup.h"
#include "shard/warm_ups.h"

namespace ringpost::shard {

struct ShardOptions {
    produce::Config produce;
    io::IoOptions io;
    std::uint64_t memory_bytes = 32ULL << 20;
    Placement placement;
    std::uint32_t block_bytes_max = 1 << 20;   ///< the largest record's power of two, or more
    std::uint64_t wake_bytes = 64 * 1024;      ///< while a linger runs, callers wake for this much
    std::uint64_t records_max = UINT64_MAX;       ///< under way, of all lanes together
    std::uint64_t lane_records_max = UINT32_MAX;  ///< and of each
    Duration spin = Duration::us(20);          ///< see SpinBudget
    std::uint64_t seed = 1;
};

/// Thread:    open, turn and finish on the loop's own thread; the rest from any.
/// Owns:      the Io, the batches' memory and the core.
/// Bounds:    ShardOptions::memory_bytes for batches; everything else is a constant a connection.
/// Blocks:    turn, until the next deadline at most; never for a caller or the network alone.
class Shard {
public:
    explicit Shard(const ShardOptions& options);
    Shard(const Shard&) = delete;
    Shard& operator=(const Shard&) = delete;
    ~Shard();

    // The loop.

    /// Takes the memory, places and touches it, and makes the Io. The simulator hands in its own.
    Result<void> open(std::unique_ptr<io::Io> io = nullptr);
    /// One turn. Sleeps until `until` at most, if there is nothing to do.
    void turn(Instant until);
    /// stop() has come to its end: nothing is left to do, nothing is held by the kernel.
    bool finished() const { return stage_ == Stage::finished; }
    /// Lets go of the kernel's side, on the loop's own thread, which an io_uring insists on.
    void close();
    io::Io& io() { return *io_; }
    Instant now() { return io_->now(); }

    // From any thread.

    Lanes& lanes() { return lanes_; }
    const produce::ShareBoard& shares() const { return share_board_; }
    /// Once it is open: how a lane's rings are to lie.
    const Placement& lane_placement() const { return lane_placement_; }
    /// After a record of the lane was published: wakes the loop if it sleeps and this is enough.
    void wake_for(const LaneChannel& lane, std::uint64_t written) noexcept {
        if (parking_.should_wake(written, lane.wake_at)) [[unlikely]] wake();
    }
    void wake_if_parked() noexcept {
        if (parking_.should_wake()) wake();
    }
    /// Somebody waits for credits that records here may hold: nothing lingers.
    void press() noexcept {
        press_asked_.store(true, std::memory_order_release);
        wake_if_parked();
    }
    /// Returns a ticket; flush_done(ticket) once all that was accepted before is reported.
    std::uint64_t request_flush();
    bool flush_done(std::uint64_t ticket) const {
        return flushed_.load(std::memory_order_acquire) >= ticket;
    }
    /// What was accepted before is reported as purged, as far as `what` says. Returns a ticket.
    std::uint64_t request_purge(Purge what);
    bool purge_done(std::uint64_t ticket) const {
        return purged_.load(std::memory_order_acquire) >= ticket;
    }
    /// The signal is notified when it is done, or ends with `stopped`.
    void request_warm_up(WarmUpCallRef call) {
        warm_ups_.add(std::move(call));
        wake_if_parked();
    }
    /// Everything out until `deadline` by the Io's clock, then the rest is purged.
    void request_stop(Duration timeout);
    /// Notified when a flush or a warm-up is done and when the shard has finished.
    Signal& signal() { return signal_; }
    /// True once the loop has left for good; reports can still be polled.
    bool stopped() const { return stopped_.load(std::memory_order_acquire); }

    /// As of the loop's last turn.
    ShardCounters counters() const { return counters_.read(); }
    void read(ShardStatistics& out) const;
    std::size_t memory_used() const { return core_->memory_used(); }

private:
    enum class Stage : std::uint8_t { running, flushing_out, closing, finished };
    struct Flush {
        std::uint64_t ticket;
        std::uint64_t epoch;
    };

    void wake() noexcept {
        io_->wake();
        parking_.woke();
    }
    std::size_t wait(Instant until, Instant now);
    void take_events(std::size_t count, Instant now);
    void plan_spin(std::size_t count, std::uint64_t drained_bytes, Instant now);
    /// False while an earlier one waits for the lanes, or too many for their records.
    bool can_take_flush() const { return !marking_ && flush_count_ < flushes_.size(); }
    void work_on_flushes(Instant now);
    void work_on_purge(Instant now);
    void work_on_warm_ups(Instant now);
    void work_on_stop(Instant now);
    void purge_rest(Instant now);
    bool park(Instant until);
    void publish_counters();
    Result<void> take_memory();

    const ShardOptions options_;
    PlacedMemory memory_;              ///< outlives io_: the kernel may hold it
    Placement lane_placement_;         ///< its node is a number, written once, by open
    std::unique_ptr<io::Io> io_;
    Lanes lanes_;
    produce::ShareBoard share_board_;
    WarmUps warm_ups_;
    std::unique_ptr<produce::ProducerCore> core_;
    std::unique_ptr<Links> links_;
    std::array<io::Event, 128> events_;

    Instant created_ = Instant::never();  ///< since when drained records may have waited
    SpinBudget spin_;                  ///< before sleeping
    std::uint64_t records_seen_ = 0;   ///< of Lanes::records_taken, by spin_
    bool more_ = false;                ///< the last drain left something behind
    bool blocked_ = false;             ///< the last drain found no memory
    bool pressed_ = false;             ///< a caller has come to a limit
    bool slept_ = false;               ///< this turn began with a sleep
    std::uint64_t turns_ = 0;
    std::uint64_t sleeps_ = 0;
    Stage stage_ = Stage::running;
    Instant stop_deadline_ = Instant::never();
    std::uint64_t stop_epoch_ = 0;
    bool stop_flush_begun_ = false;

    bool marking_ = false;             ///< a flush waits for the lanes to be drained to its marks
    std::uint64_t marking_ticket_ = 0;
    std::uint64_t begun_ = 0;          ///< the highest ticket whose marks are set
    std::array<Flush, 32> flushes_;    ///< begun and not done, oldest first
    std::uint32_t flush_count_ = 0;

    Parking parking_;
    Signal signal_;
    alignas(128) std::atomic<std::uint64_t> flush_asked_{0};   ///< callers: the last ticket
    std::atomic<bool> press_asked_{false};                     ///< callers; the loop: it has acted
    std::atomic<std::int64_t> stop_asked_ns_{-1};              ///< a caller: timeout; -1: no
    std::atomic<std::uint32_t> purge_what_{0};                 ///< callers: a bit a Purge
    std::atomic<std::uint64_t> purge_asked_{0};                ///< callers, after purge_what_
    alignas(128) std::atomic<std::uint64_t> flushed_{0};       ///< the loop: the last ticket done
    std::atomic<std::uint64_t> purged_{0};                     ///< the loop: the last ticket done
    std::atomic<bool> stopped_{false};                         ///< the loop, once
    alignas(128) Snapshot<ShardCounters> counters_;            ///< the loop
    SharedHistogram turn_time_;                                ///< the loop
    SharedHistogram latency_;                                  ///< the loop
};

}  // namespace ringpost::shard
