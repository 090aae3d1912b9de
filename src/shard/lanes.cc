// SPDX-License-Identifier: Apache-2.0
// Records out of lanes, reports into them.
#include "shard/lanes.h"

#include <algorithm>
#include <cstring>

#include "base/assert.h"

namespace ringpost::shard {

using produce::Batch;
using produce::Entry;
using produce::Outcome;
using produce::Run;

namespace {

std::uint8_t flags_of(const Outcome& outcome) {
    const unsigned stage = static_cast<unsigned>(outcome.stage) << ReportHeader::stage_shift;
    const unsigned may = outcome.may_have_been_written ? ReportHeader::may_have_been_written : 0;
    return static_cast<std::uint8_t>(stage | may);
}

std::uint32_t latency_us(Instant since, Instant now) {
    return static_cast<std::uint32_t>(
        std::clamp<std::int64_t>((now - since).count_us(), 0, UINT32_MAX));
}

}  // namespace

void Lanes::add(LaneChannelRef channel) {
    const std::lock_guard lock(new_mutex_);
    new_.push_back(std::move(channel));
    has_new_.store(true, std::memory_order_release);
}

void Lanes::meet_new() {
    // pairs with the release store in add
    if (!has_new_.load(std::memory_order_acquire)) [[likely]] return;
    const std::lock_guard lock(new_mutex_);
    for (LaneChannelRef& channel : new_) {
        RINGPOST_ASSERT(open_count_ < limits::lanes_max);  // open_lane sees to it
        auto lane = std::make_unique<Lane>();
        lane->channel = std::move(channel);
        // A loan a batch: as many as there can be, if each delivered one is; else a few.
        const bool all = lane->channel->lend == Lend::all;
        lane->lent.reserve(all ? core_->memory_total() / limits::slab_bytes_min : 64);
        ++open_count_;
        if (free_numbers_.empty()) {
            lanes_.push_back(std::move(lane));
        } else {
            // The lowest, so that the highest fall free.
            const auto lowest = std::min_element(free_numbers_.begin(), free_numbers_.end());
            lanes_[*lowest] = std::move(lane);
            free_numbers_.erase(lowest);
        }
    }
    new_.clear();
    touched_.reserve(lanes_.size());
    has_new_.store(false, std::memory_order_release);
}

// Records
// ------------------------------------------------------------------------------------------

Lanes::Drained Lanes::drain(Instant now, Instant created) {
    meet_new();
    Drained drained;
    bytes_left_ = 0;
    const std::size_t count = lanes_.size();
    for (std::size_t i = 0; i < count; ++i) {
        const std::size_t number = (first_ + i) % count;
        if (lanes_[number] == nullptr) continue;
        drain_lane(*lanes_[number], static_cast<std::uint16_t>(number), now, created, drained);
    }
    // What memory comes free goes to another lane first.
    if (drained.blocked) first_ = (first_ + 1) % count;
    return drained;
}

/// A record that had to wait in its ring has waited since before `created`: at most since the mark
/// in front of it. Taken for a little older than it is, it is never reported too late.
inline Instant Lanes::accepted_by(Lane& lane, Instant created) {
    if (lane.waiting.empty()) [[likely]] return created;
    const std::uint64_t read = lane.channel->records.read();
    while (lane.waiting.size() > 1 && lane.waiting[1].position <= read) lane.waiting.pop_front();
    return std::min(created, lane.waiting.front().since);
}

void Lanes::drain_lane(Lane& lane, std::uint16_t number, Instant now, Instant created,
                       Drained& drained) {
    SpscRing& ring = lane.channel->records;
    const std::uint64_t before = ring.read();
    const std::uint64_t end = before + core_->turn_bytes();
    bool blocked = false;
    Instant blocked_until = Instant::never();
    produce::Lookahead lookahead = core_->look_ahead(ring);
    while (const std::byte* at = ring.front()) {
        if (ring.read() >= end) {
            drained.more = true;
            bytes_left_ += ring.published() - ring.read();
            break;
        }
        const Entry& entry = *reinterpret_cast<const Entry*>(at);
        lookahead.step();
        if (entry.is_topic_name()) [[unlikely]] {
            meet_topic(entry, now);
        } else {
            const Instant accepted = accepted_by(lane, created);
            if (!core_->try_append(entry, number, accepted)) [[unlikely]] {
                const Duration timeout = timeout_of(entry);
                blocked = accepted + timeout > now;
                if (blocked) {
                    blocked_until = accepted + timeout;
                    bytes_left_ += ring.published() - ring.read();
                    break;
                }
                ++lane.taken;
                report_from_ring(lane, entry, accepted, Errc::delivery_timeout);
            } else {
                ++lane.taken;
            }
            ++records_taken_;
        }
        ring.pop(entry.size);
    }
    lane.blocked = blocked;
    drained.blocked |= blocked;
    bytes_taken_ += ring.read() - before;
    if (blocked || !lane.waiting.empty()) [[unlikely]] {
        note_waiting(lane, blocked, created, now);
        lane.look_at = std::min(lane.look_at, blocked_until);
    }
    if (ring.read() == before) return;
    drained.bytes += ring.read() - before;
    ring.release();
    lane.channel->notify_of_room();
}

Duration Lanes::timeout_of(const Entry& entry) const {
    const std::uint32_t own = entry.timeout_ms();
    return own == 0 ? delivery_timeout_ : Duration::ms(own);
}

/// A mark now and then is enough: a sixteenth of the timeout is how much too old a record can be
/// taken for.
void Lanes::note_waiting(Lane& lane, bool blocked, Instant created, Instant now) {
    if (!blocked) {
        lane.look_at = Instant::never();
        if (lane.waiting.back().position <= lane.channel->records.read()) lane.waiting.clear();
        return;
    }
    lane.look_at = now + delivery_timeout_ / 16;
    const std::uint64_t published = lane.channel->records.published();
    if (lane.waiting.empty() || (lane.waiting.back().position != published &&
                                 created >= lane.waiting.back().since + delivery_timeout_ / 16)) {
        lane.waiting.push_back({published, created});
    }
}

Instant Lanes::next_deadline() const {
    Instant next = Instant::never();
    for (const auto& lane : lanes_) {
        if (lane == nullptr || lane->waiting.empty()) continue;
        next = std::min({next, lane->waiting.front().since + delivery_timeout_, lane->look_at});
    }
    return next;
}

/// Reported straight from the ring, without its bytes: there is no batch to lend them.
void Lanes::report_from_ring(Lane& lane, const Entry& entry, Instant accepted, Errc error) {
    count_reported(lane, 1, true);
    ++records_without_memory_;
    bytes_without_memory_ += entry.size;
    if (lane.channel->closed.load(std::memory_order_relaxed)) return;
    std::byte* at = lane.channel->reports.try_reserve(report_bytes_max);
    RINGPOST_ASSERT(at != nullptr);  // the credits see to it
    const ReportHeader header{.size = report_bytes_max,
                              .error = error,
                              .last_error = Errc::queue_full,
                              .topic = entry.topic,
                              .partition = entry.partition,
                              .base_offset = -1,
                              .log_append_time_ms = -1,
                              .batch = nullptr,
                              .first_index = 0,
                              .run_count = 1,
                              .attempts = 0,
                              .flags = flags_of({.stage = Stage::memory}),
                              .broker = -1,
                              .latency_us = latency_us(accepted, now_)};
    const ReportRun run{entry.slot, 1, 0};
    std::memcpy(at, &header, sizeof header);
    std::memcpy(at + sizeof header, &run, sizeof run);
    lane.channel->reports.commit(report_bytes_max);
    lane.channel->reported.store(lane.reported, std::memory_order_release);
    lane.channel->notify();
}

void Lanes::purge_to_marks(Instant now) {
    for (const auto& lane : lanes_) {
        if (lane == nullptr) continue;
        SpscRing& ring = lane->channel->records;
        while (ring.read() < lane->mark) {
            const std::byte* at = ring.front();
            RINGPOST_ASSERT(at != nullptr);  // published when the mark was set
            const Entry& entry = *reinterpret_cast<const Entry*>(at);
            if (entry.is_topic_name()) {
                meet_topic(entry, now);
            } else {
                ++lane->taken;
                ++records_taken_;
                bytes_taken_ += entry.size;
                report_from_ring(*lane, entry, accepted_by(*lane, now), Errc::purged);
            }
            ring.pop(entry.size);
        }
        ring.release();
        lane->channel->notify();
    }
}

void Lanes::meet_topic(const Entry& entry, Instant now) {
    if (core_->knows_topic(entry.topic)) return;
    core_->add_topic(entry.topic, as_text({entry.tail(), entry.tail_size()}), now);
}

void Lanes::collect() {
    for (std::size_t i = 0; i < lanes_.size(); ++i) {
        Lane* lane = lanes_[i].get();
        if (lane == nullptr) continue;
        const bool closed = lane->channel->closed.load(std::memory_order_acquire);
        if (!lane->lent.empty()) {
            const std::uint64_t polled = closed ? UINT64_MAX : lane->channel->reports.released();
            while (!lane->lent.empty() && lane->lent.front().until <= polled) {
                lent_bytes_ -= lane->lent.front().batch->memory_bytes();
                core_->release_lent(*lane->lent.front().batch);
                lane->lent.pop_front();
            }
        }
        // Pairs with the caller's release store of `closed`, after its last record.
        if (closed && lane->channel->records.empty() && lane->taken == lane->reported) {
            lane->channel->finished.store(true, std::memory_order_release);
            lanes_[i].reset();
            free_numbers_.push_back(static_cast<std::uint16_t>(i));
            --open_count_;
        }
    }
    if (!lanes_.empty() && lanes_.back() == nullptr) trim();
}

/// Each turn looks at every number: a crowd that has gone must not slow the loop down for ever.
void Lanes::trim() {
    while (!lanes_.empty() && lanes_.back() == nullptr) lanes_.pop_back();
    std::erase_if(free_numbers_, [&](std::uint16_t number) { return number >= lanes_.size(); });
}

void Lanes::count(ShardCounters& counters) const {
    counters.records_taken = records_taken_;
    counters.bytes_taken = bytes_taken_;
    counters.ring_bytes_queued = bytes_left_;
    counters.records_failed += records_without_memory_;
    counters.bytes_failed += bytes_without_memory_;
}

// Sleep and flush
// ----------------------------------------------------------------------------------

void Lanes::mark() {
    meet_new();
    for (const auto& lane : lanes_) {
        if (lane != nullptr) lane->mark = lane->channel->records.published();
    }
}

bool Lanes::drained_to_marks() const {
    return std::all_of(lanes_.begin(), lanes_.end(), [](const auto& lane) {
        return lane == nullptr || lane->channel->records.read() >= lane->mark;
    });
}

bool Lanes::empty() const {
    return !has_new_.load(std::memory_order_acquire) &&
           std::all_of(lanes_.begin(), lanes_.end(), [](const auto& lane) {
               return lane == nullptr || lane->channel->records.empty();
           });
}

void Lanes::set_wake_thresholds(std::uint64_t bytes) {
    for (const auto& lane : lanes_) {
        if (lane == nullptr) continue;
        // Without memory more records are no news: an answer, or a batch given back, is.
        const std::uint64_t more = lane->blocked ? INT64_MAX : bytes;
        lane->channel->wake_at.store(lane->channel->records.read() + more,
                                     std::memory_order_relaxed);
    }
}

bool Lanes::take_pressed() {
    bool any = false;
    for (const auto& lane : lanes_) {
        if (lane == nullptr || !lane->channel->pressed.load(std::memory_order_relaxed)) continue;
        // pairs with the caller's release store: what was published before is drained next
        any |= lane->channel->pressed.exchange(false, std::memory_order_acquire);
    }
    return any;
}

/// A caller who polls past what it was lent, or closes its lane, wakes a shard that sleeps; one who
/// did so a moment before the sleep was announced has to be seen here.
bool Lanes::collectable(const Lane& lane) {
    const bool closed = lane.channel->closed.load(std::memory_order_relaxed);
    if (!lane.lent.empty()) {
        return closed || lane.lent.front().until <= lane.channel->reports.released();
    }
    return closed && lane.taken == lane.reported && lane.channel->records.empty();
}

bool Lanes::beyond_threshold() const {
    if (has_new_.load(std::memory_order_acquire)) return true;
    return std::any_of(lanes_.begin(), lanes_.end(), [](const auto& lane) {
        if (lane == nullptr) return false;
        LaneChannel& channel = *lane->channel;
        if (collectable(*lane) || channel.pressed.load(std::memory_order_relaxed)) return true;
        // pairs with the caller's release store, after the record: the next drain sees it
        if (channel.hurried.load(std::memory_order_relaxed) &&
            channel.hurried.exchange(false, std::memory_order_acquire)) {
            return true;
        }
        const std::uint64_t published = channel.records.published();
        return published != channel.records.read() &&
               published >= channel.wake_at.load(std::memory_order_relaxed);
    });
}

void Lanes::notify_all() {
    for (const auto& lane : lanes_) {
        if (lane != nullptr) lane->channel->notify();
    }
}

void Lanes::finish() {
    meet_new();
    for (const auto& lane : lanes_) {
        if (lane == nullptr) continue;
        // What the caller published too late for us it now reads, and reports, itself.
        lane->channel->finished.store(true, std::memory_order_release);
        lane->channel->notify();
    }
}

// Reports
// ------------------------------------------------------------------------------------------

std::uint32_t Lanes::on_resolved(const Batch& batch, const Outcome& outcome) {
    const bool failed = outcome.error != Errc::none;
    const bool room = lent_bytes_ + batch.memory_bytes() <= core_->memory_total() / 2;
    std::uint32_t index = 0;
    std::uint32_t number = UINT32_MAX;
    Lane* lane = nullptr;
    touched_.clear();
    for (const produce::Slab& slab : batch.used_slabs()) {
        for (std::uint32_t i = 0; i < slab.run_count; ++i) {
            const Run& run = slab.run(i);
            if (run.lane != number) {  // mostly the same one's for the whole batch
                number = run.lane;
                lane = &touch(run.lane, failed, room);
            }
            lane->in_batch += run.count;
            if (lane->told) [[likely]] add_run(*lane, batch, outcome, run, index);
            index += run.count;
        }
    }
    RINGPOST_ASSERT(index == batch.record_count);
    if (latency_ != nullptr && !failed) latency_->record(now_ - batch.created);
    std::uint32_t lenders = 0;
    for (Lane* one : touched_) {
        one->touched = false;
        count_reported(*one, one->in_batch, failed);
        if (!one->told) continue;
        end_entry(*one);
        if (one->lend) {
            one->lent.push_back({const_cast<Batch*>(&batch), one->channel->reports.written()});
            lent_bytes_ += batch.memory_bytes();
            ++lenders;
        }
        one->channel->reported.store(one->reported, std::memory_order_release);
        one->channel->notify();
    }
    return lenders;
}

/// The batch has records of the lane.
Lanes::Lane& Lanes::touch(std::uint16_t number, bool failed, bool room) {
    Lane& lane = *lanes_[number];
    if (lane.touched) return lane;
    lane.touched = true;
    lane.in_batch = 0;
    lane.told = !lane.channel->closed.load(std::memory_order_relaxed);
    lane.lend = room && lane.channel->lend >= (failed ? Lend::failed : Lend::all);
    touched_.push_back(&lane);
    return lane;
}

void Lanes::count_reported(Lane& lane, std::uint32_t records, bool failed) {
    lane.reported += records;
    RINGPOST_ASSERT(lane.reported <= lane.taken);
    LaneChannel& channel = *lane.channel;
    if (failed) {
        lane.failed += records;
        channel.failed.store(lane.failed, std::memory_order_relaxed);  // of a closed lane, too
    }
    if (channel.refund && (!failed || channel.refund_failed)) [[unlikely]] channel.refund(records);
}

inline void Lanes::add_run(Lane& lane, const Batch& batch, const Outcome& outcome, const Run& run,
                           std::uint32_t index) {
    const bool room = lane.entry != nullptr && lane.entry_runs < report_runs_max &&
                      index - lane.next_index <= UINT16_MAX;
    if (!room) [[unlikely]] {
        if (lane.entry != nullptr) end_entry(lane);
        begin_entry(lane, batch, outcome, index);
    }
    const ReportRun report{run.first_slot, run.count,
                           static_cast<std::uint16_t>(index - lane.next_index)};
    std::memcpy(lane.entry + sizeof(ReportHeader) + lane.entry_runs * sizeof report, &report,
                sizeof report);
    ++lane.entry_runs;
    lane.next_index = index + run.count;
}

void Lanes::begin_entry(Lane& lane, const Batch& batch, const Outcome& outcome,
                        std::uint32_t index) {
    lane.entry = lane.channel->reports.try_reserve(sizeof(ReportHeader) +
                                                   report_runs_max * sizeof(ReportRun));
    RINGPOST_ASSERT(lane.entry != nullptr);  // the credits see to it
    lane.entry_runs = 0;
    lane.next_index = index;
    const std::int32_t partition = batch.partition == nullptr ? -1 : batch.partition->index;
    const ReportHeader header{
        .size = 0,
        .error = outcome.error,
        .last_error = outcome.last_error,
        .topic = batch.topic->id,
        .partition = partition,
        .base_offset = outcome.base_offset,
        .log_append_time_ms = outcome.log_append_time_ms,
        .batch = lane.lend ? &batch : nullptr,
        .first_index = index,
        .run_count = 0,
        .attempts = batch.attempts,
        .flags = flags_of(outcome),
        .broker = batch.broker,
        .latency_us = latency_us(batch.created, now_)};
    std::memcpy(lane.entry, &header, sizeof header);
}

void Lanes::end_entry(Lane& lane) {
    auto& header = *reinterpret_cast<ReportHeader*>(lane.entry);
    header.size = static_cast<std::uint32_t>(sizeof(ReportHeader) +
                                             lane.entry_runs * sizeof(ReportRun));
    header.run_count = static_cast<std::uint16_t>(lane.entry_runs);
    lane.channel->reports.commit(header.size);
    lane.entry = nullptr;
}

}  // namespace ringpost::shard
