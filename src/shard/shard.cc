// SPDX-License-Identifier: Apache-2.0
// The loop.
#include "shard/shard.h"

#include <sched.h>
#include <sys/resource.h>

#include <algorithm>
#include <cstring>
#include <utility>

#include "base/assert.h"
#include "base/memory.h"

namespace ringpost::shard {

namespace {

/// What the tables of so much batch memory take, and all else that a start takes.
std::uint64_t room_besides(std::uint64_t batch_bytes) {
    constexpr std::uint64_t share = 4;
    static_assert((sizeof(produce::Batch) + 16) * share <= limits::slab_bytes_min);
    return limits::set_up_room_bytes + batch_bytes / share;
}

Error no_room(std::uint64_t bytes) {
    rlimit limit{};
    getrlimit(RLIMIT_AS, &limit);
    return {Errc::out_of_memory,
            fmt::format("buffer.memory leaves less than {} bytes for everything else: lower it, or "
                        "raise RLIMIT_AS (ulimit -v), which is {} bytes",
                        bytes, limit.rlim_cur)};
}

/// What was had, where something was asked for.
std::string describe(const PlacedMemory& memory, const Placement& placement) {
    std::string_view kind = "";
    if (memory.pages() == PlacedMemory::Pages::reserved) kind = " of the kernel's reserve";
    if (memory.pages() == PlacedMemory::Pages::transparent) kind = " (transparent)";
    std::string text = fmt::format("batches: {} of {} bytes lie in huge pages{}",
                                   std::min(memory.huge_bytes(), memory.size()), memory.size(),
                                   kind);
    if (placement.numa_node >= 0) text += fmt::format(", for NUMA node {}", placement.numa_node);
    return text;
}

}  // namespace

Shard::Shard(const ShardOptions& options) : options_(options), spin_(options.spin) {}
Shard::~Shard() = default;

/// On the loop's own thread: what nobody places lies where it is touched first.
Result<void> Shard::take_memory() {
    Placement placement = options_.placement;
    if (placement.numa_node == Options::local_node) placement.numa_node = node_of_this_cpu();
    // No huge pages: a lane that has little to do would take two for what fits two small ones.
    lane_placement_ = {.numa_node = placement.numa_node};
    const std::uint64_t blocks =
        (options_.memory_bytes + options_.block_bytes_max - 1) / options_.block_bytes_max;
    auto taken = PlacedMemory::take(blocks * options_.block_bytes_max, huge_page_bytes, placement,
                                    "buffer.memory");
    if (!taken) return taken.error();
    memory_ = std::move(*taken);
    // Asked for and given back: what is small has no other answer than an abort.
    const std::uint64_t room = room_besides(memory_.size());
    if (!Block(room, huge_page_bytes)) return no_room(room);
    // Touched now: a page fault later would cost more than all else that a record costs.
    std::memset(memory_.data(), 0, memory_.size());
    const Log& log = options_.produce.log;
    if (options_.placement.any() && log.on(LogLevel::info)) {
        log.info("{}", describe(memory_, placement));
    }
    return {};
}

Result<void> Shard::open(std::unique_ptr<io::Io> io) {
    if (Result<void> taken = take_memory(); !taken) return taken;
    if (io == nullptr) {
        auto made = io::make_io(options_.io);
        if (!made) return made.error();
        io = std::move(*made);
    }
    io_ = std::move(io);
    core_ = std::make_unique<produce::ProducerCore>(
        options_.produce, memory_.span(), options_.block_bytes_max, lanes_, share_board_,
        options_.seed);
    if (auto up = core_->open(); !up) return up.error();
    lanes_.bind(*core_, options_.produce.delivery_timeout,
                options_.produce.statistics ? &latency_ : nullptr);
    links_ = std::make_unique<Links>(*io_, *core_, options_.produce.log);
    options_.produce.log.info("shard is up on {}", io_->description());
    return {};
}

void Shard::close() {
    while (!parking_.deserted()) sched_yield();
    links_.reset();
    io_.reset();
}

void Shard::turn(Instant until) {
    RINGPOST_ASSERT(io_ != nullptr);
    ++turns_;
    const Instant begun = io_->now();
    const std::size_t count = wait(until, begun);
    const Instant now = io_->now();
    lanes_.at(now);
    take_events(count, now);

    pressed_ |= lanes_.take_pressed();
    // pairs with the caller's release store: what was published before is drained next
    if (press_asked_.load(std::memory_order_relaxed)) [[unlikely]] {
        pressed_ |= press_asked_.exchange(false, std::memory_order_acquire);
    }
    Lanes::Drained drained;
    if (stage_ < Stage::closing) {
        // Records that came while the loop slept towards a linger's end may be as old as that
        // sleep.
        drained = lanes_.drain(now, std::min(created_, now));
    }
    created_ = Instant::never();
    more_ = drained.more;
    core_->set_backlog(drained.more && !drained.blocked);
    blocked_ = drained.blocked;
    // Somebody waits for room, and there is nothing to come that could fill the batches.
    if (pressed_ && !more_) {
        core_->end_linger(now);
        pressed_ = false;
    }
    lanes_.collect();
    work_on_purge(now);
    work_on_flushes(now);
    work_on_stop(now);
    work_on_warm_ups(now);
    core_->set_records_max(
        std::min(options_.records_max, lanes_.count() * options_.lane_records_max));
    const std::uint64_t failed = core_->records_failed();
    core_->advance(now);
    if (core_->take_share_eased()) [[unlikely]] lanes_.notify_all();
    // What has just timed out may be the last that a flush or a stop waited for: look again.
    more_ |= core_->records_failed() != failed;
    links_->serve(now);
    publish_counters();
    plan_spin(count, drained.bytes, now);
    if (options_.produce.statistics) turn_time_.record(io_->now() - (slept_ ? now : begun));
}

/// What counts is what would have ended a sleep: news from outside, and a record; but of records
/// that linger, as many as callers would have woken the shard for.
void Shard::plan_spin(std::size_t count, std::uint64_t drained_bytes, Instant now) {
    double found = 0;
    for (std::size_t i = 0; i < count; ++i) found += events_[i].kind != io::Event::Kind::sent;
    const std::uint64_t taken = lanes_.records_taken();
    const std::uint64_t records = taken - std::exchange(records_seen_, taken);
    const bool lingering = !core_->linger_deadline().is_never();
    found += lingering ? static_cast<double>(drained_bytes) /
                             static_cast<double>(options_.wake_bytes)
                       : static_cast<double>(records);
    if (found > 0) spin_.on_work(found, now);
}

/// Events at once, or after a sleep if there is nothing else to do.
std::size_t Shard::wait(Instant until, Instant now) {
    slept_ = false;
    if (more_ || stage_ == Stage::finished) return io_->wait(events_, Instant{});
    until = std::min({until, core_->next_deadline(now), lanes_.next_deadline()});
    if (stage_ == Stage::flushing_out) until = std::min(until, stop_deadline_);
    if (until <= now) return io_->wait(events_, Instant{});
    if (spin_.spins(now)) {
        // A look now and then: hammering the lanes' tails would slow the callers down.
        for (int i = 0; i < 8; ++i) __builtin_ia32_pause();
        return io_->wait(events_, Instant{});
    }
    if (!park(until)) return io_->wait(events_, Instant{});
    slept_ = true;
    ++sleeps_;
    const std::size_t count = io_->wait(events_, until);
    parking_.end();
    return count;
}

/// Announces the sleep, then looks once more: whoever published after the look sees the flag.
bool Shard::park(Instant until) {
    const Instant linger_end = core_->linger_deadline();
    const bool lingering =
        !linger_end.is_never() && linger_end <= until && !core_->sends_at_once();
    lanes_.set_wake_thresholds(lingering ? options_.wake_bytes : 1);
    if (lingering || blocked_) created_ = io_->now();
    parking_.announce();
    const bool flush = flush_asked_.load(std::memory_order_relaxed) > begun_ && can_take_flush();
    const bool stop = stage_ == Stage::running &&
                      stop_asked_ns_.load(std::memory_order_relaxed) >= 0;
    const bool purge = purge_asked_.load(std::memory_order_relaxed) >
                       purged_.load(std::memory_order_relaxed);
    const bool other = purge || warm_ups_.has_new() || press_asked_.load(std::memory_order_relaxed);
    if (!flush && !stop && !other && !lanes_.beyond_threshold()) return true;
    parking_.end();
    return false;
}

void Shard::take_events(std::size_t count, Instant now) {
    for (std::size_t i = 0; i < count; ++i) links_->on_event(events_[i], now);
    for (const auto& node : core_->nodes()) {
        if (node->connection.next_deadline() > now) continue;
        node->connection.on_deadline(now);
        core_->pump(*node, now);
    }
}

void Shard::publish_counters() {
    ShardCounters counters;
    core_->count(counters);
    lanes_.count(counters);
    counters.turns = turns_;
    counters.sleeps = sleeps_;
    counters_.publish(counters);
}

void Shard::read(ShardStatistics& out) const {
    static_cast<ShardCounters&>(out) = counters_.read();
    turn_time_.read(out.turn_time);
    latency_.read(out.latency);
    core_->brokers().read(out.brokers);
}

// Flush
// --------------------------------------------------------------------------------------------

std::uint64_t Shard::request_flush() {
    const std::uint64_t ticket = flush_asked_.fetch_add(1, std::memory_order_acq_rel) + 1;
    wake_if_parked();
    return ticket;
}

void Shard::work_on_flushes(Instant now) {
    const std::uint64_t asked = flush_asked_.load(std::memory_order_acquire);
    if (asked > begun_ && can_take_flush()) {
        marking_ = true;
        marking_ticket_ = begun_ = asked;
        lanes_.mark();
        more_ = true;
    }
    if (marking_ && core_->can_begin_flush() && lanes_.drained_to_marks()) {
        marking_ = false;
        flushes_[flush_count_++] = {marking_ticket_, core_->begin_flush(now)};
    }
    std::uint32_t done = 0;
    while (done < flush_count_ && core_->flush_done(flushes_[done].epoch)) ++done;
    if (done == 0) return;
    publish_counters();
    flushed_.store(flushes_[done - 1].ticket, std::memory_order_release);
    std::copy(flushes_.begin() + done, flushes_.begin() + flush_count_, flushes_.begin());
    flush_count_ -= done;
    signal_.notify();
}

// Purge
// --------------------------------------------------------------------------------------------

std::uint64_t Shard::request_purge(Purge what) {
    purge_what_.fetch_or(1U << static_cast<unsigned>(what), std::memory_order_relaxed);
    // pairs with the acquire load in work_on_purge: what, before that
    const std::uint64_t ticket = purge_asked_.fetch_add(1, std::memory_order_acq_rel) + 1;
    wake_if_parked();
    return ticket;
}

void Shard::work_on_purge(Instant now) {
    const std::uint64_t asked = purge_asked_.load(std::memory_order_acquire);
    if (asked <= purged_.load(std::memory_order_relaxed) || stage_ >= Stage::closing) return;
    const std::uint32_t bits = purge_what_.exchange(0, std::memory_order_relaxed);
    const auto asked_for = [&](Purge what) {
        return (bits & 1U << static_cast<unsigned>(what)) != 0;
    };
    if (asked_for(Purge::in_flight) || asked_for(Purge::all)) core_->purge(Purge::in_flight, now);
    if (asked_for(Purge::queued) || asked_for(Purge::all)) {
        lanes_.mark();  // a flush that waits for earlier marks now waits for these, not longer
        do {
            core_->purge(Purge::queued, now);
            lanes_.collect();
        } while (!lanes_.drained_to_marks() && lanes_.drain(now, now).bytes != 0);
        core_->purge(Purge::queued, now);
        lanes_.purge_to_marks(now);  // where there was no memory
    }
    publish_counters();
    purged_.store(asked, std::memory_order_release);
    signal_.notify();
}

void Shard::work_on_warm_ups(Instant now) {
    const bool running = stage_ == Stage::running;
    if (running ? warm_ups_.work(*core_, now) : warm_ups_.end(Errc::stopped)) signal_.notify();
    more_ |= running && warm_ups_.more();
}

// Stop
// ---------------------------------------------------------------------------------------------

void Shard::request_stop(Duration timeout) {
    std::int64_t none = -1;
    stop_asked_ns_.compare_exchange_strong(none, std::max<std::int64_t>(timeout.count_ns(), 0));
    wake_if_parked();
}

void Shard::work_on_stop(Instant now) {
    switch (stage_) {
        case Stage::running: {
            const std::int64_t timeout = stop_asked_ns_.load(std::memory_order_acquire);
            if (timeout < 0) return;
            stage_ = Stage::flushing_out;
            stop_deadline_ = now + Duration::ns(timeout);
            lanes_.mark();
            more_ = true;
            return;
        }
        case Stage::flushing_out:
            if (!stop_flush_begun_ && lanes_.drained_to_marks() && core_->can_begin_flush()) {
                stop_flush_begun_ = true;
                stop_epoch_ = core_->begin_flush(now);
            }
            if (stop_flush_begun_ && core_->idle() && lanes_.empty()) {
                core_->shut_connections(now);
                stage_ = Stage::closing;
                more_ = true;  // there may be no connection whose end would wake the loop
            } else if (now >= stop_deadline_) {
                purge_rest(now);
                stage_ = Stage::closing;
                more_ = true;
            } else {
                more_ |= !blocked_ && !lanes_.empty();
            }
            return;
        case Stage::closing:
            if (!core_->drained()) return;
            core_->advance(now);
            work_on_flushes(now);
            flushed_.store(UINT64_MAX, std::memory_order_release);
            purged_.store(UINT64_MAX, std::memory_order_release);
            publish_counters();
            stage_ = Stage::finished;
            lanes_.finish();
            stopped_.store(true, std::memory_order_release);
            signal_.notify();
            return;
        case Stage::finished: return;
    }
}

/// The deadline has passed: what the lanes still hold is taken and fails with the rest, as far as
/// the memory goes; what is left in a ring its lane reports itself.
void Shard::purge_rest(Instant now) {
    for (bool more = true; more;) {
        const Lanes::Drained drained = lanes_.drain(now, now);
        core_->purge(Purge::all, now);
        lanes_.collect();
        more = drained.bytes != 0;
    }
    core_->shut_connections(now);
}

}  // namespace ringpost::shard
