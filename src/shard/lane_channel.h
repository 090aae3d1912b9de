// SPDX-License-Identifier: Apache-2.0
// What a lane and its shard share: two rings and the flags of their beginning and end.
#pragma once

#include <atomic>
#include <bit>
#include <cstdint>
#include <functional>
#include <memory>

#include <ringpost/delivery.h>

#include "base/spsc_ring.h"
#include "produce/batch.h"
#include "shard/placed_memory.h"
#include "shard/wakeup.h"

namespace ringpost::shard {

/// In the report ring: what became of some records of one lane in one batch. Runs follow.
struct ReportHeader {
    std::uint32_t size;                  ///< header and runs, in bytes
    Errc error;
    Errc last_error;
    std::uint32_t topic;
    std::int32_t partition;
    std::int64_t base_offset;            ///< of the batch's first record; -1: unknown
    std::int64_t log_append_time_ms;     ///< -1: the records keep their own timestamps
    const produce::Batch* batch;         ///< readable until the lane has polled past; or null
    std::uint32_t first_index;           ///< where in the batch the runs begin
    std::uint16_t run_count;
    std::uint8_t attempts;
    std::uint8_t flags;                  ///< and the Stage, above them
    std::int32_t broker;
    std::uint32_t latency_us;

    static constexpr std::uint8_t may_have_been_written = 1;
    static constexpr unsigned stage_shift = 1;
    Stage stage() const { return static_cast<Stage>(flags >> stage_shift); }
};
static_assert(sizeof(ReportHeader) == 56);

/// Records of the lane, consecutive in the batch, whose tags lie in consecutive slots.
struct ReportRun {
    std::uint32_t first_slot;
    std::uint16_t count;
    std::uint16_t skip;                  ///< records of other lanes in front of it
};
static_assert(sizeof(ReportRun) == 8);

/// The most that one record can take of the report ring: it is alone in its batch.
inline constexpr std::size_t report_bytes_max = sizeof(ReportHeader) + sizeof(ReportRun);
/// One ring entry's runs; a batch with more takes several entries.
inline constexpr std::uint32_t report_runs_max = 256;
inline constexpr std::size_t report_entry_bytes_max =
    sizeof(ReportHeader) + report_runs_max * sizeof(ReportRun);
/// Ring room beyond the records' own: for what is asked for before an entry's size is known, for
/// the gap in front of an entry that would wrap, and for the polled part of an entry.
inline constexpr std::size_t report_slack_bytes = 3 * report_entry_bytes_max;
/// Ring room for entries that were polled, so that their credits are back, but whose batches'
/// bytes the caller still reads. One poll takes no more than these.
inline constexpr std::size_t report_hold_bytes = 16 * 1024;

/// Which batches' memory a lane is lent, so that its reports show the records' own bytes.
enum class Lend : std::uint8_t { none, failed, all };

/// Owns:      the rings' memory. Shared by the lane's handle and the shard; freed by the last one.
/// Invariant: the caller has a credit for every record without a polled report, and the report ring
///            has `report_bytes_max` for each credit: a report always has room.
class LaneChannel {
public:
    LaneChannel(std::size_t ring_bytes, std::uint32_t records_max, Lend lend_ = Lend::failed,
                const Placement& placement = {})
        : lend(lend_),
          record_memory_(take(ring_bytes, placement)),
          report_memory_(take(report_ring_bytes(records_max), placement)),
          records(usable() ? record_memory_.span() : std::span<std::byte>{spare_}),
          reports(usable() ? report_memory_.span() : std::span<std::byte>{spare_}) {}

    ~LaneChannel() {
        if (on_gone) on_gone();
    }
    LaneChannel(const LaneChannel&) = delete;
    LaneChannel& operator=(const LaneChannel&) = delete;

    static std::size_t report_ring_bytes(std::uint32_t records_max) {
        return std::bit_ceil(records_max * report_bytes_max + report_slack_bytes +
                             report_hold_bytes);
    }
    const Lend lend;

    /// False: there was no memory.
    bool usable() const { return record_memory_ && report_memory_; }
    std::size_t memory_bytes() const { return record_memory_.size() + report_memory_.size(); }
    /// Caller: false if no more may be polled before the room of what was polled is given back.
    bool may_hold_more() const {
        return reports.read() - reports.released() <= report_hold_bytes - report_entry_bytes_max;
    }

private:
    /// Empty if there is none. What the kernel could refuse besides, it has refused the batches.
    static PlacedMemory take(std::size_t bytes, const Placement& placement) {
        auto taken = PlacedMemory::take(bytes, 128, placement, "lane.ring.bytes");
        return taken ? std::move(*taken) : PlacedMemory();
    }

    PlacedMemory record_memory_;
    PlacedMemory report_memory_;
    alignas(8) std::byte spare_[16];     ///< what the rings of an unusable channel point at

public:
    SpscRing records;                    ///< caller to shard: produce::Entry
    SpscRing reports;                    ///< shard to caller: ReportHeader and runs
    Signal signal;                       ///< shard to caller: reports, room, the end

    alignas(128) std::atomic<std::uint64_t> wake_at{0};   ///< shard: see Parking
    std::atomic<std::uint64_t> reported{0};               ///< shard: records in `reports` so far
    std::atomic<std::uint64_t> failed{0};                 ///< shard: those with an error
    std::atomic<bool> finished{false};                    ///< shard: it reads no more records
    alignas(128) std::atomic<bool> closed{false};         ///< caller: the handle is gone
    std::atomic<bool> pressed{false};     ///< caller: it waits for room; the shard: it has acted
    std::atomic<bool> hurried{false};     ///< caller: a record can't wait for a wake-up threshold
    std::atomic<bool> wants_room{false};  ///< caller: it waits for room in `records`

    /// Caller, before `closed`: what is to be done when the last record has been reported.
    std::function<void()> on_gone;
    /// Before the shard meets it: called in the shard for so many records that nobody is told of,
    /// because they were delivered, or at all; or empty.
    std::function<void(std::uint32_t records)> refund;
    bool refund_failed = false;
    /// Callers: whom to tell of reports besides `signal`, which outlives the channel; or null.
    std::atomic<Signal*> watcher{nullptr};

    /// Shard: there is something new for the caller.
    void notify() {
        signal.notify();
        Signal* const other = watcher.load(std::memory_order_relaxed);
        if (other != nullptr) [[unlikely]] other->notify();
    }
    /// Shard: there is room in `records`. Who waits for reports sleeps on: the wake-up would cost
    /// both sides, and a lone record the time until it is sent.
    void notify_of_room() {
        // pairs with the fence in Signal::prepare: the room before the look at the wish
        std::atomic_thread_fence(std::memory_order_seq_cst);
        if (wants_room.load(std::memory_order_relaxed)) [[unlikely]] notify();
    }
};

/// Both sides hold one of these.
using LaneChannelRef = std::shared_ptr<LaneChannel>;

}  // namespace ringpost::shard
