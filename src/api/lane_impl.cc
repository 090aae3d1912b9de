// SPDX-License-Identifier: Apache-2.0
// A record's way in and its report's way back, on the caller's thread.
#include "api/lane_impl.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <ctime>

#include "base/limits.h"
#include "produce/partitioner.h"
#include "wire/record.h"

namespace ringpost::api {

using produce::Entry;
using shard::ReportHeader;
using shard::ReportRun;

namespace {

/// To the clock's tick (1 to 4 ms), for a quarter of the exact clock's price.
std::int64_t wall_ms() {
    timespec t;
    clock_gettime(CLOCK_REALTIME_COARSE, &t);
    return t.tv_sec * 1000 + t.tv_nsec / 1'000'000;
}

std::int64_t size_or_null(const Bytes& bytes) {
    return bytes.is_null() ? -1 : static_cast<std::int64_t>(bytes.size());
}

/// The record's headers as wire sees them; few, on the stack, or many, in the lane's vector.
class HeaderViews {
public:
    HeaderViews(std::span<const Header> headers, Vector<wire::HeaderView>& many) {
        if (headers.empty()) [[likely]] return;
        wire::HeaderView* at = few_.data();
        if (headers.size() > few_.size()) {
            if (headers.size() > many.size()) many.resize(headers.size());
            at = many.data();
        }
        views_ = {at, headers.size()};
        for (const Header& header : headers) {
            *at++ = {header.key, reinterpret_cast<const std::byte*>(header.value.data()),
                     size_or_null(header.value)};
        }
    }
    std::span<const wire::HeaderView> span() const { return views_; }

private:
    std::array<wire::HeaderView, 16> few_;
    std::span<const wire::HeaderView> views_;
};

Bytes as_record_bytes(ByteSpan bytes, bool null) {
    if (null) return {};
    return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

}  // namespace

LaneImpl::LaneImpl(std::shared_ptr<Host> host, ShardHost& shard, shard::LaneChannelRef channel)
    : host_(std::move(host)),
      shard_(shard),
      channel_(std::move(channel)),
      partitioner_(produce::effective(host_->options)),
      needs_key_(produce::needs_key(partitioner_)),
      tags_(host_->options.queue_records_max) {
    shard_.lanes.fetch_add(1, std::memory_order_relaxed);
}

LaneImpl::~LaneImpl() {
    shard_.lanes.fetch_sub(1, std::memory_order_relaxed);
    if (host_->fork_mark.forked()) return;
    channel_->closed.store(true, std::memory_order_release);
    if (!host_->inline_mode()) shard_.shard.wake_if_parked();
}

// In
// -----------------------------------------------------------------------------------------------

Errc LaneImpl::check(const Record& record) const {
    if (const Errc refusal = host_->refusal(); refusal != Errc::none) [[unlikely]] return refusal;
    if (host_->wrong_thread()) [[unlikely]] return Errc::wrong_thread;
    if (record.partition < any_partition) [[unlikely]] return Errc::invalid_partition;
    if (record.timestamp_ms < now_timestamp) [[unlikely]] return Errc::invalid_argument;
    if (record.headers.size() > limits::record_headers_max) [[unlikely]] {
        return Errc::invalid_argument;
    }
    if (record.key.size() > limits::record_bytes_limit ||
        record.value.size() > limits::record_bytes_limit) [[unlikely]] {
        return Errc::record_too_large;
    }
    return Errc::none;
}

Errc LaneImpl::resolve_topic(const Record& record, Topic& topic) {
    topic = record.topic;
    if (!topic.valid()) {
        if (const auto found = names_.find(record.topic_name); found != names_.end()) {
            topic = found->second;
        } else {
            const Result<Topic> made = host_->topics.find_or_add(record.topic_name);
            if (!made) return made.error().code;
            topic = *made;
            names_[std::string(record.topic_name)] = topic;
        }
    }
    if (topic.id() < announced_.size() && announced_[topic.id()]) [[likely]] return Errc::none;
    return announce(topic, host_->topics.name(topic));
}

/// The shard learns a topic's name from the lane that first uses it, in order with its records.
Errc LaneImpl::announce(Topic topic, std::string_view name) {
    if (name.empty()) return Errc::invalid_topic_name;  // another producer's handle
    const std::size_t size = Entry::size_for(name.size());
    std::byte* at = channel_->records.try_reserve(size);
    if (at == nullptr) return Errc::queue_full;
    const Entry entry{static_cast<std::uint32_t>(size), topic.id(), any_partition, 0, 0, 0,
                      static_cast<std::uint32_t>(name.size()) | Entry::flag_topic_name};
    std::memcpy(at, &entry, sizeof entry);
    std::memcpy(at + sizeof entry, name.data(), name.size());
    channel_->records.commit(size);
    if (announced_.size() <= topic.id()) announced_.resize(topic.id() + 1);
    announced_[topic.id()] = true;
    return Errc::none;
}

Errc LaneImpl::produce(const Record& record) noexcept {
    if (const Errc error = check(record); error != Errc::none) [[unlikely]] return error;
    const std::uint32_t slot = tags_.next();
    if (slot == TagLog::none) [[unlikely]] return Errc::reports_full;
    Topic topic;
    if (const Errc error = resolve_topic(record, topic); error != Errc::none) [[unlikely]] {
        return error;
    }
    const HeaderViews headers(record.headers, many_headers_);
    const std::int64_t key_size = size_or_null(record.key);
    const std::int64_t value_size = size_or_null(record.value);
    const std::size_t tail = wire::record_tail_size(key_size, value_size, headers.span());
    if (produce::record_bytes_bound(tail) > host_->options.message_max_bytes) [[unlikely]] {
        return Errc::record_too_large;
    }
    const std::size_t size = Entry::size_for(tail);
    std::byte* at = channel_->records.try_reserve(size);
    if (at == nullptr) [[unlikely]] {
        wake_shard();
        return Errc::queue_full;
    }
    Entry entry{static_cast<std::uint32_t>(size), topic.id(), record.partition, 0,
                record.timestamp_ms, slot, static_cast<std::uint32_t>(tail)};
    if (entry.timestamp_ms == now_timestamp) entry.timestamp_ms = wall_ms();
    if (record.partition < 0) {
        if (produce::place_by_key(partitioner_, key_size < 0, record.key.bytes(),
                                  entry.key_hash)) {
            entry.tail_bytes |= Entry::flag_hashed;
        } else if (key_size < 0 && needs_key_) [[unlikely]] {
            return Errc::invalid_argument;
        }
    }
    std::memcpy(at, &entry, sizeof entry);
    wire::write_record_tail(at + sizeof entry, record.key.data(), key_size, record.value.data(),
                            value_size, headers.span());
    tags_.commit({record.tag, entry.timestamp_ms});
    channel_->records.commit(size);
    ++produced_;
    if (!host_->inline_mode()) shard_.shard.wake_for(*channel_, channel_->records.written());
    return Errc::none;
}

void LaneImpl::wake_shard() {
    if (!host_->inline_mode()) shard_.shard.wake_if_parked();
}

Errc LaneImpl::produce_for(const Record& record, Timeout timeout) noexcept {
    Errc error = produce(record);
    if (error != Errc::queue_full && error != Errc::reports_full) return error;
    // Only polling makes room for reports; nobody else can poll while we wait.
    wait_for(*host_, shard_.shard, channel_->signal, timeout, [&] {
        if (error == Errc::reports_full) return true;
        error = produce(record);
        return error != Errc::queue_full;
    });
    return error;
}

// Back
// ---------------------------------------------------------------------------------------------

std::size_t LaneImpl::poll(std::span<DeliveryReport> out) noexcept {
    if (host_->fork_mark.forked() || host_->wrong_thread()) [[unlikely]] return 0;
    if (host_->inline_mode() && !shard_.shard.finished() &&
        host_->state.load(std::memory_order_relaxed) != Producer::State::created) {
        shard_.shard.turn(Instant{});
    }
    // What the reports of the last poll pointed to goes back now.
    channel_->reports.release();
    if (orphans_popped_) channel_->records.release();
    // With them their batches, which may come again with other records: begin anew.
    if (entry_ == nullptr) cursor_ = {};
    if (lent_seen_) {
        lent_seen_ = false;
        wake_shard();
    }
    std::size_t count = 0;
    while (count < out.size()) {
        if (run_left_ == 0) {
            if (runs_left_ == 0) {
                if (entry_ != nullptr) end_report();
                if (lent_seen_ && !channel_->may_hold_more()) break;
                const std::byte* entry = channel_->reports.front();
                if (entry == nullptr) break;
                begin_report(entry);
            }
            std::memcpy(&run_, entry_ + run_next_, sizeof run_);
            run_next_ += sizeof run_;
            --runs_left_;
            index_ += run_.skip;
            run_left_ = run_.count;
            continue;
        }
        out[count++] = next_of_run();
    }
    if (run_left_ == 0 && runs_left_ == 0 && entry_ != nullptr) end_report();
    if (count < out.size() && channel_->finished.load(std::memory_order_acquire)) [[unlikely]] {
        // The last reports may have come between the look at the ring and the one at the flag.
        if (channel_->reports.front() != nullptr) return count;
        count += poll_orphans(out.subspan(count));
    }
    return count;
}

void LaneImpl::begin_report(const std::byte* entry) {
    entry_ = entry;
    std::memcpy(&report_, entry, sizeof report_);
    runs_left_ = report_.run_count;
    run_next_ = sizeof report_;
    index_ = report_.first_index;
    lent_seen_ |= report_.batch != nullptr;
    if (cursor_.batch != report_.batch) cursor_ = {report_.batch};
}

void LaneImpl::end_report() {
    channel_->reports.pop(report_.size);
    entry_ = nullptr;
    // Room in the ring is given back at once, unless somebody still reads what it stands for.
    if (!lent_seen_) channel_->reports.release();
    if (report_.batch == nullptr) cursor_ = {};
}

DeliveryReport LaneImpl::next_of_run() {
    const std::uint32_t slot = run_.first_slot + (run_.count - run_left_);
    const TagLog::Kept kept = tags_.release(slot);
    const std::uint32_t index = index_++;
    --run_left_;
    DeliveryReport report;
    report.tag = kept.tag;
    report.topic = Topic{report_.topic};
    report.partition = report_.partition;
    report.error = report_.error;
    report.last_error = report_.last_error;
    report.offset = report_.base_offset < 0 ? -1 : report_.base_offset + index;
    report.timestamp_ms =
        report_.log_append_time_ms < 0 ? kept.timestamp_ms : report_.log_append_time_ms;
    report.attempts = report_.attempts;
    report.may_have_been_written = (report_.flags & ReportHeader::may_have_been_written) != 0;
    if (report_.batch != nullptr) [[unlikely]] read_bytes(report, index);
    return report;
}

/// Walks the lent batch to the record; reports come in the batch's order, so each step is short.
void LaneImpl::read_bytes(DeliveryReport& report, std::uint32_t index) {
    const produce::Batch& batch = *cursor_.batch;
    const bool parked = batch.partition == nullptr;
    if (cursor_.slab == 0 && cursor_.at == 0 && !parked) cursor_.at = 61;
    for (;;) {
        while (cursor_.slab < batch.slab_count && cursor_.at >= batch.slabs[cursor_.slab].used) {
            ++cursor_.slab;
            cursor_.at = 0;
        }
        if (cursor_.slab >= batch.slab_count) return;
        const ByteSpan rest = batch.slabs[cursor_.slab].bytes().subspan(cursor_.at);
        ByteSpan tail;
        std::size_t size = 0;
        if (parked) {
            const Entry& entry = *reinterpret_cast<const Entry*>(rest.data());
            tail = {entry.tail(), entry.tail_size()};
            size = entry.size;
            report.partition = entry.partition;
        } else {
            Reader reader(rest);
            const auto body = static_cast<std::size_t>(reader.varint());
            size = rest.size() - reader.remaining() + body;
            reader.i8();
            reader.varlong();
            reader.varint();
            tail = rest.subspan(rest.size() - reader.remaining());
        }
        const bool here = cursor_.index == index;
        ++cursor_.index;
        cursor_.at += static_cast<std::uint32_t>(size);
        if (!here) continue;
        Reader reader(tail);
        wire::RecordView view;
        if (!wire::read_record_tail(reader, view)) return;
        report.key = as_record_bytes(view.key, view.key_null);
        report.value = as_record_bytes(view.value, view.value_null);
        report.has_record = true;
        return;
    }
}

/// The shard has left without reading these: the lane reads its own ring and reports them itself.
std::size_t LaneImpl::poll_orphans(std::span<DeliveryReport> out) {
    std::size_t count = 0;
    while (count < out.size()) {
        const std::byte* at = channel_->records.front();
        if (at == nullptr) break;
        const Entry& entry = *reinterpret_cast<const Entry*>(at);
        orphans_popped_ = true;
        if (!entry.is_topic_name()) {
            const TagLog::Kept kept = tags_.release(entry.slot);
            DeliveryReport& report = out[count++] = {};
            report.tag = kept.tag;
            report.topic = Topic{entry.topic};
            report.partition = entry.partition;
            report.error = report.last_error = Errc::purged;
            report.timestamp_ms = kept.timestamp_ms;
            Reader reader({entry.tail(), entry.tail_size()});
            wire::RecordView view;
            if (wire::read_record_tail(reader, view)) {
                report.key = as_record_bytes(view.key, view.key_null);
                report.value = as_record_bytes(view.value, view.value_null);
                report.has_record = true;
            }
        }
        channel_->records.pop(entry.size);
    }
    return count;
}

std::size_t LaneImpl::poll_for(std::span<DeliveryReport> out, Timeout timeout) noexcept {
    std::size_t count = poll(out);
    if (count != 0 || out.empty() || host_->wrong_thread()) return count;
    wait_for(*host_, shard_.shard, channel_->signal, timeout, [&] {
        count = poll(out);
        // Nothing is on its way any more: no use in waiting.
        return count != 0 || (tags_.used() == 0 && host_->refusal() != Errc::none);
    });
    return count;
}

FlushResult LaneImpl::flush(Timeout timeout) noexcept {
    if (host_->fork_mark.forked() || host_->wrong_thread()) return {0, 0, outstanding()};
    const std::uint64_t reported_before = reported();
    const std::uint64_t failed_before = channel_->failed.load(std::memory_order_relaxed);
    if (reported_before != produced_) {
        shard_.shard.request_flush();
        wait_for(*host_, shard_.shard, channel_->signal, timeout, [&] {
            return reported() == produced_ || channel_->finished.load(std::memory_order_acquire);
        });
    }
    const std::uint64_t reported_now = reported();
    const std::uint64_t failed =
        channel_->failed.load(std::memory_order_relaxed) - failed_before;
    return {reported_now - reported_before - failed, failed, produced_ - reported_now};
}

}  // namespace ringpost::api
