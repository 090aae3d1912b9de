// SPDX-License-Identifier: Apache-2.0
// A lane's way back: reports read, and the calls that wait for them.
#include "api/lane_impl.h"

#include <algorithm>

namespace ringpost::api {

DeliveryReport refusal_report(const Record& record, Errc error) {
    DeliveryReport report;
    report.tag = record.tag;
    report.topic = record.topic;
    report.partition = record.partition;
    report.error = report.last_error = error;
    report.timestamp_ms = record.timestamp_ms;
    return report;
}

// Sync
// ---------------------------------------------------------------------------------------------

void LaneImpl::produce_sync(std::span<const Record> records, std::span<DeliveryReport> out,
                            Timeout timeout) noexcept {
    RINGPOST_ASSERT(out.size() >= records.size());
    const Instant until = deadline_after(host_->now(shard_.shard), timeout);
    const auto left = [&] { return time_left(until, host_->now(shard_.shard)); };
    Vector<Awaited> awaited(records.size());
    Vector<std::uint32_t> slots(records.size());
    for (std::size_t i = 0; i < records.size(); ++i) {
        Ask ask{.extra = {{}, &awaited[i]}, .urgent = true};
        const Errc error = shared_ || reader_.running() ? Errc::invalid_argument
                                                        : produce_waiting(records[i], &ask, left());
        slots[i] = ask.slot;
        if (error == Errc::none) continue;
        awaited[i].done = true;
        awaited[i].report = refusal_report(records[i], error);
    }
    const auto all_done = [&] {
        return std::all_of(awaited.begin(), awaited.end(), [](const Awaited& a) { return a.done; });
    };
    if (!all_done()) {
        wait_for(*host_, shard_.shard, channel_->signal, left(), [&] {
            const bool last_look = finished();
            reader_.find_awaited();
            return last_look || all_done();
        });
    }
    digest();  // also what the shard has left unread, if it has gone
    for (std::size_t i = 0; i < records.size(); ++i) {
        if (!awaited[i].done) {
            tags_.abandon(slots[i]);
            awaited[i].report = refusal_report(records[i], Errc::timed_out);
            awaited[i].report.may_have_been_written = true;
        }
        out[i] = awaited[i].report;
    }
}

// Back
// ---------------------------------------------------------------------------------------------

/// Takes what nobody wants a report of, which gives its slots and credits back.
void LaneImpl::digest() {
    if (!shared_) read({}, 0);
}

ReportReader::Read LaneImpl::read(std::span<DeliveryReport> out, std::size_t callbacks_max) {
    const ReportReader::Read read = reader_.read(out, callbacks_max);
    if (read.unlent) [[unlikely]] wake_shard();
    return read;
}

ReportReader::Read LaneImpl::read_shared(std::span<DeliveryReport> out,
                                         std::size_t callbacks_max) {
    if (reader_.begin()) wake_shard();
    const ReportReader::Read some = read(out, callbacks_max);
    if (some.released != 0) channel_->signal.notify();  // the lane may wait for the room
    return some;
}

void LaneImpl::turn_inline() {
    if (host_->inline_mode() && !shard_.shard.finished() && !reader_.running() &&
        host_->state.load(std::memory_order_relaxed) != Producer::State::created) {
        shard_.shard.turn(Instant{});
    }
}

ReportReader::Read LaneImpl::read_now(std::span<DeliveryReport> out, std::size_t callbacks_max) {
    if (host_->fork_mark.forked() || host_->wrong_thread() || shared_ || reader_.running()) {
        return {};
    }
    turn_inline();
    if (reader_.begin()) wake_shard();
    const ReportReader::Read some = read(out, callbacks_max);
    // An idle lane keeps nobody from the limit.
    if (credits_ != 0 && tags_.used() == 0) host_->credits.give(std::exchange(credits_, 0));
    return some;
}

template <typename Enough>
ReportReader::Read LaneImpl::read_for(std::span<DeliveryReport> out, std::size_t callbacks_max,
                                      Timeout timeout, Enough&& enough) {
    ReportReader::Read some;
    if (shared_ || reader_.running()) return some;
    const auto look = [&] {
        some = read_now(out, callbacks_max);
        return enough(some);
    };
    if (look() || timeout <= Timeout::zero()) return some;
    wait_for(*host_, shard_.shard, channel_->signal, timeout, [&] {
        // Nothing is on its way any more: no use in waiting.
        return look() || (tags_.used() == 0 && host_->refusal() != Errc::none);
    });
    return some;
}

std::size_t LaneImpl::poll(std::span<DeliveryReport> out) noexcept {
    return poll_for(out, Timeout::zero());
}

std::size_t LaneImpl::poll_for(std::span<DeliveryReport> out, Timeout timeout) noexcept {
    if (out.empty()) timeout = Timeout::zero();
    return read_for(out, out.size(), timeout, [](const ReportReader::Read& read) {
               return read.reports + read.callbacks != 0;
           }).reports;
}

std::size_t LaneImpl::serve(std::size_t callbacks_max) noexcept {
    return serve_for(callbacks_max, Timeout::zero());
}

std::size_t LaneImpl::serve_for(std::size_t callbacks_max, Timeout timeout) noexcept {
    return read_for({}, callbacks_max, timeout, [](const ReportReader::Read& read) {
               return read.callbacks != 0;
           }).callbacks;
}

FlushResult LaneImpl::flush(Timeout timeout, Serve serve) noexcept {
    if (host_->fork_mark.forked() || host_->wrong_thread()) return {0, 0, outstanding()};
    const std::uint64_t reported_before = reported();
    const std::uint64_t failed_before = channel_->failed.load(std::memory_order_relaxed);
    const std::uint64_t upto = produced_;
    const bool serves = serve == Serve::callbacks && !shared_ && !reader_.running();
    const auto serve_some = [&] {
        if (!serves) return;
        if (reader_.begin()) wake_shard();
        read({}, SIZE_MAX);
    };
    if (reported_before < upto) {
        shard_.shard.request_flush();
        wait_for(*host_, shard_.shard, channel_->signal, timeout, [&] {
            const bool all = reported() >= upto || finished();
            serve_some();
            return all;
        });
    }
    serve_some();
    const std::uint64_t reported_now = reported();
    const std::uint64_t failed =
        channel_->failed.load(std::memory_order_relaxed) - failed_before;
    return {reported_now - reported_before - failed, failed, upto - std::min(upto, reported_now)};
}

std::uint64_t LaneImpl::outstanding() noexcept {
    if (wanted_ != Reports::all && !host_->fork_mark.forked()) digest();
    return tags_.used();
}

}  // namespace ringpost::api
