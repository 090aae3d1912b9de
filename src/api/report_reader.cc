// SPDX-License-Identifier: Apache-2.0
// Entries, runs, records: the walk through a lane's report ring.
#include "api/report_reader.h"

#include <algorithm>
#include <cstring>

#include "produce/entry.h"
#include "wire/record_batch.h"

namespace ringpost::api {

using produce::Entry;
using shard::ReportHeader;
using shard::ReportRun;

namespace {

Bytes as_record_bytes(ByteSpan bytes, bool null) {
    if (null) return {};
    return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

void show_record(DeliveryReport& report, ByteSpan tail) {
    Reader reader(tail);
    wire::RecordView view;
    if (!wire::read_record_tail(reader, view)) return;
    report.key = as_record_bytes(view.key, view.key_null);
    report.value = as_record_bytes(view.value, view.value_null);
    report.headers = {view.headers.data(), view.header_count};
    report.has_record = true;
}

/// All of it: `report` may be one that was read before.
void fill(DeliveryReport& report, const ReportHeader& header, const TagLog::Kept& kept,
          std::uint32_t index) {
    report.tag = kept.tag;
    report.topic = Topic{header.topic};
    report.partition = header.partition;
    report.error = header.error;
    report.last_error = header.last_error;
    report.stage = header.stage();
    report.offset = header.base_offset < 0 ? -1 : header.base_offset + index;
    report.timestamp_ms =
        header.log_append_time_ms < 0 ? kept.timestamp_ms : header.log_append_time_ms;
    report.attempts = header.attempts;
    report.broker = header.broker;
    report.latency = std::chrono::microseconds(header.latency_us);
    report.may_have_been_written = (header.flags & ReportHeader::may_have_been_written) != 0;
    report.has_record = false;
    report.key = report.value = {};
    report.headers = {};
}

}  // namespace

bool ReportReader::begin() {
    channel_.reports.release();
    if (orphans_popped_) channel_.records.release();
    // With them their batches, which may come again with other records: begin anew.
    if (entry_ == nullptr) cursor_ = {};
    return std::exchange(shown_, false);
}

inline void ReportReader::step_to_next_run() {
    std::memcpy(&run_, entry_ + run_next_, sizeof run_);
    run_next_ += sizeof run_;
    --runs_left_;
    index_ += run_.skip;
    run_left_ = run_.count;
}

/// Of the entry's next records, as many as there is room for: what is hot when all go out.
[[gnu::noinline]] std::size_t ReportReader::take_entry(std::span<DeliveryReport> out) {
    const bool own_timestamps = report_.log_append_time_ms < 0;
    const std::int64_t offset_step = report_.base_offset < 0 ? 0 : 1;
    DeliveryReport* report = out.data();
    DeliveryReport* const end = report + out.size();
    for (; report != end && (run_left_ != 0 || runs_left_ != 0);) {
        if (run_left_ == 0) step_to_next_run();
        const auto room = static_cast<std::size_t>(end - report);
        const auto count = static_cast<std::uint32_t>(std::min<std::size_t>(run_left_, room));
        const std::uint32_t slot = slot_of_next();
        const TagLog::Kept* kept = tags_.kept_from(slot);
        for (const TagLog::Kept* const kept_end = kept + count; kept != kept_end; ++kept) {
            *report = common_;
            report->tag = kept->tag;
            report->offset += offset_step * index_;
            if (own_timestamps) report->timestamp_ms = kept->timestamp_ms;
            if (report_.batch != nullptr) [[unlikely]] read_bytes(*report, index_);
            ++report;
            ++index_;
        }
        tags_.release_plain(slot, count);
        run_left_ -= count;
    }
    const auto taken = static_cast<std::size_t>(report - out.data());
    tags_.count_released(static_cast<std::uint32_t>(taken));
    count_done(taken);
    return taken;
}

/// One record's; it is done with.
void ReportReader::take_report(DeliveryReport& report) {
    const std::uint32_t slot = slot_of_next();
    fill(report, report_, tags_.kept(slot), index_);
    if (report_.batch != nullptr) read_bytes(report, index_);
    tags_.release(slot);
    end_record();
}

ReportReader::Read ReportReader::read(std::span<DeliveryReport> out, std::size_t callbacks_max) {
    Read read;
    if (running_) return read;
    const std::uint32_t before = tags_.released();
    while (run_left_ != 0 || next_run(read)) {
        const bool all = all_go_out();
        const Fate fate = all ? Fate::out : fate_of(slot_of_next());
        if (fate == Fate::out) [[likely]] {
            read.stuck = read.reports == out.size();
            if (read.stuck) break;
            shown_ |= report_.batch != nullptr;
            if (all) {
                read.reports += take_entry(out.subspan(read.reports));
            } else {
                take_report(out[read.reports++]);
            }
        } else if (fate == Fate::skip) {
            skip_record();
        } else {
            read.stuck = read.callbacks == callbacks_max;
            if (read.stuck) break;
            ++read.callbacks;
            const Callback callback = std::move(tags_.extra(slot_of_next())->callback);
            DeliveryReport report;
            take_report(report);
            run(callback, report);
        }
    }
    // The last reports may come between the look at the ring and the one at the flag.
    if (entry_ == nullptr && channel_.finished.load(std::memory_order_acquire) &&
        channel_.reports.front() == nullptr) [[unlikely]] {
        read_orphans(out, callbacks_max, read);
    }
    read.released = tags_.released() - before;
    give_credits();
    return read;
}

namespace {
thread_local unsigned callbacks_running = 0;
}  // namespace

bool ReportReader::in_callback() { return callbacks_running != 0; }

void ReportReader::run(const Callback& callback, const DeliveryReport& report) {
    give_credits();  // it may produce
    running_ = true;
    ++callbacks_running;
    callback(report);
    --callbacks_running;
    running_ = false;
}

/// Of a record that nobody was to be told of the shard has given the credit back itself.
void ReportReader::count_done(std::uint64_t records) {
    const bool failed = report_.error != Errc::none;
    if (failed) failed_released_ += records;
    const bool ours = wanted_ == Reports::all || (wanted_ == Reports::errors && failed);
    if (ours) uncredited_ += records;
}

void ReportReader::give_credits() {
    credits_.give(static_cast<std::uint32_t>(std::exchange(uncredited_, 0)));
}

/// Makes `run_` one with a record left. False: there is none, or no more may be held back.
bool ReportReader::next_run(Read& read) {
    while (run_left_ == 0) {
        if (runs_left_ == 0) {
            if (entry_ != nullptr) end_report(read);
            read.stuck = shown_ && !channel_.may_hold_more();
            if (read.stuck) return false;
            const std::byte* entry = channel_.reports.front();
            if (entry == nullptr) return false;
            begin_report(entry);
        }
        step_to_next_run();
    }
    return true;
}

void ReportReader::begin_report(const std::byte* entry) {
    entry_ = entry;
    std::memcpy(&report_, entry, sizeof report_);
    runs_left_ = report_.run_count;
    run_next_ = sizeof report_;
    index_ = report_.first_index;
    if (cursor_.batch != report_.batch) cursor_ = {report_.batch};
    fill(common_, report_, {}, 0);
}

void ReportReader::end_report(Read& read) {
    channel_.reports.pop(report_.size);
    entry_ = nullptr;
    // Room in the ring is given back at once, unless somebody still reads what it stands for.
    if (!shown_) {
        channel_.reports.release();
        read.unlent |= report_.batch != nullptr;
    }
    if (report_.batch == nullptr) cursor_ = {};
}

ReportReader::Fate ReportReader::fate_of(std::uint32_t slot) {
    if (const Extra* extra = tags_.extra(slot)) [[unlikely]] {
        return extra->callback ? Fate::callback : Fate::skip;
    }
    if (wanted_ == Reports::all) [[likely]] return Fate::out;
    return wanted_ == Reports::errors && report_.error != Errc::none ? Fate::out : Fate::skip;
}

void ReportReader::skip_record() {
    const std::uint32_t slot = slot_of_next();
    if (Extra* extra = tags_.extra(slot)) {
        extra->callback = {};
        if (Awaited* awaited = std::exchange(extra->awaited, nullptr)) {
            fill(awaited->report, report_, tags_.kept(slot), index_);
            awaited->done = true;
        }
    }
    tags_.release(slot);
    end_record();
}

void ReportReader::end_record() {
    count_done(1);
    ++index_;
    --run_left_;
}

/// Walks the lent batch to the record; reports come in the batch's order, so each step is short.
void ReportReader::read_bytes(DeliveryReport& report, std::uint32_t index) {
    const produce::Batch& batch = *cursor_.batch;
    const bool parked = batch.partition == nullptr;
    if (cursor_.slab == 0 && cursor_.at == 0 && !parked) cursor_.at = wire::batch_header_bytes;
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
        if (here) return show_record(report, tail);
    }
}

// Records that the shard left unread
// ----------------------------------------------------------------------

/// The shard has gone without reading these: the lane reads its own ring and reports them itself.
void ReportReader::read_orphans(std::span<DeliveryReport> out, std::size_t callbacks_max,
                                Read& read) {
    report_.error = Errc::purged;
    while (const std::byte* at = next_orphan()) {
        const std::uint32_t slot = reinterpret_cast<const Entry*>(at)->slot;
        const Fate fate = fate_of(slot);
        if (fate == Fate::skip) {
            Extra* extra = tags_.extra(slot);
            if (extra != nullptr) extra->callback = {};
            Awaited* awaited = extra == nullptr ? nullptr : std::exchange(extra->awaited, nullptr);
            const DeliveryReport report = take_orphan(at);
            if (awaited != nullptr) *awaited = {report, true};
        } else if (fate == Fate::out) {
            if (read.reports == out.size()) return;
            out[read.reports++] = take_orphan(at);
        } else {
            if (read.callbacks == callbacks_max) return;
            ++read.callbacks;
            const Callback callback = std::move(tags_.extra(slot)->callback);
            const DeliveryReport report = take_orphan(at);
            run(callback, report);
        }
    }
}

const std::byte* ReportReader::next_orphan() {
    while (const std::byte* at = channel_.records.front()) {
        const Entry& entry = *reinterpret_cast<const Entry*>(at);
        if (!entry.is_topic_name()) return at;
        channel_.records.pop(entry.size);
    }
    return nullptr;
}

DeliveryReport ReportReader::take_orphan(const std::byte* at) {
    const Entry& entry = *reinterpret_cast<const Entry*>(at);
    orphans_popped_ = true;
    const DeliveryReport report = orphan_report(entry);
    tags_.release(entry.slot);
    ++uncredited_;
    channel_.records.pop(entry.size);
    return report;
}

DeliveryReport ReportReader::orphan_report(const Entry& entry) const {
    const TagLog::Kept kept = tags_.kept(entry.slot);
    DeliveryReport report;
    report.tag = kept.tag;
    report.topic = Topic{entry.topic};
    report.partition = entry.partition;
    report.error = report.last_error = Errc::purged;
    report.stage = Stage::memory;
    report.timestamp_ms = kept.timestamp_ms;
    show_record(report, {entry.tail(), entry.tail_size()});
    return report;
}

// Awaited records
// -----------------------------------------------------------------------------------------

void ReportReader::find_awaited() {
    std::uint64_t at = std::max(looked_to_, channel_.reports.read());
    while (const std::byte* entry = channel_.reports.peek(at)) {
        ReportHeader header;
        std::memcpy(&header, entry, sizeof header);
        const bool begun = entry == entry_;  // then some of its slots may be others' by now
        std::uint32_t next = begun ? run_next_ : sizeof header;
        std::uint32_t index = begun ? index_ : header.first_index;
        ReportRun run = run_;
        std::uint32_t left = begun ? run_left_ : 0;
        for (;;) {
            for (; left != 0; --left, ++index) {
                const std::uint32_t slot = run.first_slot + (run.count - left);
                Extra* extra = tags_.extra(slot);
                if (extra == nullptr || extra->awaited == nullptr) continue;
                Awaited& awaited = *std::exchange(extra->awaited, nullptr);
                fill(awaited.report, header, tags_.kept(slot), index);
                awaited.done = true;
            }
            if (next == header.size) break;
            std::memcpy(&run, entry + next, sizeof run);
            next += sizeof run;
            index += run.skip;
            left = run.count;
        }
        at += header.size;
    }
    looked_to_ = at;
    if (!channel_.finished.load(std::memory_order_acquire)) return;
    std::uint64_t orphan = channel_.records.read();
    while (const std::byte* left = channel_.records.peek(orphan)) {
        const Entry& entry = *reinterpret_cast<const Entry*>(left);
        orphan += entry.size;
        Extra* extra = entry.is_topic_name() ? nullptr : tags_.extra(entry.slot);
        if (extra == nullptr || extra->awaited == nullptr) continue;
        *std::exchange(extra->awaited, nullptr) = {orphan_report(entry), true};
    }
}

}  // namespace ringpost::api
