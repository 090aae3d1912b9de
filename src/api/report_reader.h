// SPDX-License-Identifier: Apache-2.0
// A lane's way back: reports out of its ring, expanded to one a record.
#pragma once

#include <cstdint>
#include <span>

#include <ringpost/delivery.h>
#include <ringpost/options.h>

#include "api/credits.h"
#include "api/tag_log.h"
#include "produce/batch.h"
#include "produce/entry.h"
#include "shard/lane_channel.h"

namespace ringpost::api {

/// Thread: one at a time. Borrows: the channel, the log and the credits, to which it gives back
///         those of the records that are done with, unless the shard has.
/// Bounds: holds back the room of what it has handed out until the next begin().
class ReportReader {
public:
    ReportReader(shard::LaneChannel& channel, TagLog& tags, Credits& credits, Reports wanted)
        : channel_(channel), tags_(tags), credits_(credits), wanted_(wanted) {}

    /// What earlier reports pointed to goes back. True if that was a batch's memory.
    bool begin();

    struct Read {
        std::size_t reports = 0;      ///< written to `out`
        std::size_t callbacks = 0;    ///< run
        bool stuck = false;           ///< the next report waits for room, for leave, or for begin
        bool unlent = false;          ///< a batch's memory goes back that no report points to
        std::uint32_t released = 0;   ///< records that are done with; those and others
    };
    /// Moves reports of records without a callback to `out` and runs the callbacks of others, as
    /// many as `callbacks_max` says, in order; skips what nobody wants. Stops at the first that it
    /// has no room or no leave for.
    Read read(std::span<DeliveryReport> out, std::size_t callbacks_max);

    /// Looks through all that is new, and through what the shard has left unread, for the records
    /// that somebody awaits, and takes nothing.
    void find_awaited();
    /// Records with an error that are done with, orphans apart.
    std::uint64_t failed_released() const { return failed_released_; }
    /// A callback is running, so nothing can be read.
    bool running() const { return running_; }
    /// The calling thread is in a callback, of whichever lane.
    static bool in_callback();

private:
    /// Where in a reported batch the reader is at its records' bytes.
    struct BatchCursor {
        const produce::Batch* batch = nullptr;
        std::uint32_t slab = 0;
        std::uint32_t at = 0;
        std::uint32_t index = 0;       ///< of the record at `at`
    };
    enum class Fate : std::uint8_t { out, callback, skip };

    bool next_run(Read& read);
    void begin_report(const std::byte* entry);
    void end_report(Read& read);
    void count_done(std::uint64_t records);
    void give_credits();
    Fate fate_of(std::uint32_t slot);
    bool all_go_out() const { return wanted_ == Reports::all && !tags_.any_extra(); }
    void run(const Callback& callback, const DeliveryReport& report);
    std::uint32_t slot_of_next() const { return run_.first_slot + (run_.count - run_left_); }
    void step_to_next_run();
    std::size_t take_entry(std::span<DeliveryReport> out);
    void take_report(DeliveryReport& report);
    void end_record();
    void skip_record();
    void read_bytes(DeliveryReport& report, std::uint32_t index);
    const std::byte* next_orphan();
    DeliveryReport take_orphan(const std::byte* at);
    DeliveryReport orphan_report(const produce::Entry& entry) const;
    void read_orphans(std::span<DeliveryReport> out, std::size_t callbacks_max, Read& read);

    shard::LaneChannel& channel_;
    TagLog& tags_;
    Credits& credits_;
    const Reports wanted_;

    // The report under way.
    shard::ReportHeader report_{};
    const std::byte* entry_ = nullptr;
    shard::ReportRun run_{};
    std::uint32_t runs_left_ = 0;
    std::uint32_t run_left_ = 0;
    std::uint32_t run_next_ = 0;       ///< bytes into the entry
    std::uint32_t index_ = 0;          ///< of the next record in its batch
    BatchCursor cursor_;
    DeliveryReport common_;            ///< what the reports of this entry's records share
    bool shown_ = false;               ///< reports given out since begin point into a batch
    bool orphans_popped_ = false;
    std::uint64_t looked_to_ = 0;      ///< by find_awaited: the ring's position
    std::uint64_t failed_released_ = 0;
    std::uint64_t uncredited_ = 0;     ///< records whose credits are to be given back
    bool running_ = false;             ///< a callback is: it may not read
};

}  // namespace ringpost::api
