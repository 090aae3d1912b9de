// SPDX-License-Identifier: Apache-2.0
// A record's way in, on the caller's thread, and the calls that wait.
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
        auto* at = reinterpret_cast<wire::HeaderView*>(few_);
        if (headers.size() > few_max) {
            if (headers.size() > many.size()) many.resize(headers.size());
            at = many.data();
        }
        views_ = {at, headers.size()};
        for (const Header& header : headers) {
            std::construct_at(
                at++, wire::HeaderView{header.key,
                                       reinterpret_cast<const std::byte*>(header.value.data()),
                                       size_or_null(header.value)});
        }
    }
    std::span<const wire::HeaderView> span() const { return views_; }

private:
    static constexpr std::size_t few_max = 16;
    /// Bytes: initialising sixteen of them would cost more than all else here.
    alignas(wire::HeaderView) std::byte few_[few_max * sizeof(wire::HeaderView)];
    std::span<const wire::HeaderView> views_;
};

}  // namespace

LaneImpl::LaneImpl(std::shared_ptr<Host> host, ShardHost& shard, shard::LaneChannelRef channel,
                   Reports wanted)
    : host_(std::move(host)),
      shard_(shard),
      channel_(std::move(channel)),
      partitioner_(produce::effective(host_->options)),
      needs_key_(produce::needs_key(partitioner_)),
      wanted_(wanted),
      shared_(host_->options.delivery_reports_shared && wanted_ != Reports::none),
      tags_(std::min(host_->options.lane_records_max, host_->options.queue_records_max), shared_),
      reader_(*channel_, tags_, host_->credits, wanted_) {
    if (partitioner_ == Partitioner::hashing) sha1_.emplace();
    shard_.lanes.fetch_add(1, std::memory_order_relaxed);
    host_->credits.on_lane_opened();
}

LaneImpl::~LaneImpl() {
    if (host_->fork_mark.forked()) return;
    if (!forsaken_.load(std::memory_order_relaxed)) give_unused();
    // What is still on its way counts against the limits until its end.
    std::uint64_t count = 0;
    if (wanted_ == Reports::all) count += tags_.used();
    if (wanted_ == Reports::errors) count -= reader_.failed_released();
    channel_->on_gone = [&credits = host_->credits, &channel = *channel_, &shard = shard_, count,
                         errors = wanted_ == Reports::errors] {
        const std::uint64_t failed = errors ? channel.failed.load(std::memory_order_relaxed) : 0;
        credits.give(static_cast<std::uint32_t>(count + failed));
        shard.lanes.fetch_sub(1, std::memory_order_relaxed);
    };
    channel_->closed.store(true, std::memory_order_release);
    wake_shard();
}

/// The lane's thread is done with it: nothing more is produced.
void LaneImpl::forsake() {
    give_unused();
    forsaken_.store(true, std::memory_order_release);
}

/// Of the credits that it has drawn, what the lane will not need.
void LaneImpl::give_unused() {
    host_->credits.on_lane_closed();
    host_->credits.give(std::exchange(credits_, 0));
}

// In
// -----------------------------------------------------------------------------------------------

/// What nearly every record is, in few instructions: no headers and no timeout of its own, and
/// nothing that `check` would refuse. What is not may still be right.
inline bool LaneImpl::is_plain(const Record& record) const {
    const std::int64_t signs = (std::int64_t{record.partition} - any_partition) |
                               (record.timestamp_ms - now_timestamp);
    const std::size_t sizes = record.key.size() | record.value.size();
    return host_->takes_from_any_thread() && signs >= 0 && sizes < limits::record_bytes_limit &&
           record.headers.empty() && record.delivery_timeout.count() == 0;
}

Errc LaneImpl::check(const Record& record) const {
    if (const Errc refusal = host_->refusal(); refusal != Errc::none) [[unlikely]] return refusal;
    if (host_->wrong_thread()) [[unlikely]] return Errc::wrong_thread;
    if (record.partition < any_partition) [[unlikely]] return Errc::invalid_partition;
    if (record.timestamp_ms < now_timestamp) [[unlikely]] return Errc::invalid_argument;
    if (record.delivery_timeout.count() < 0) [[unlikely]] return Errc::invalid_argument;
    if (record.headers.size() > limits::record_headers_max) [[unlikely]] {
        return Errc::invalid_argument;
    }
    if (record.key.size() > limits::record_bytes_limit ||
        record.value.size() > limits::record_bytes_limit) [[unlikely]] {
        return Errc::record_too_large;
    }
    return Errc::none;
}

inline Errc LaneImpl::resolve_topic(const Record& record, Topic& topic) {
    topic = record.topic;
    if (topic.id() == last_topic_) [[likely]] return Errc::none;
    return resolve_other_topic(record, topic);
}

Errc LaneImpl::resolve_other_topic(const Record& record, Topic& topic) {
    if (!topic.valid()) {
        if (const auto found = names_.find(record.topic_name); found != names_.end()) {
            topic = found->second;
        } else {
            const Result<Topic> made = host_->topics->find_or_add(record.topic_name);
            if (!made) return made.error().code;
            topic = *made;
            names_[std::string(record.topic_name)] = topic;
        }
    }
    if (topic.id() >= announced_.size() || !announced_[topic.id()]) {
        const Errc error = announce(topic, host_->topics->name(topic));
        if (error != Errc::none) return error;
    }
    last_topic_ = topic.id();
    return Errc::none;
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

/// Whether the record's partition, or its broker, holds its share of the memory already. What the
/// shard places without a hash it places elsewhere, if it can.
bool LaneImpl::kept_back(const Record& record, Topic topic) {
    const produce::ShareBoard& board = shard_.shard.shares();
    const std::uint32_t count = board.partition_count(topic.id());
    if (count == 0) return false;
    const bool no_key = record.key.is_null();
    const ByteSpan key = record.key.bytes();
    const auto modulo = [&](KeyHash hash, Sha1* sha1) {
        return static_cast<std::uint32_t>(produce::key_modulo(hash, key, count, sha1));
    };
    std::uint32_t place = 0;
    if (record.partition >= 0) {
        place = static_cast<std::uint32_t>(record.partition);
    } else if (produce::place_by_key(partitioner_, no_key, key, place)) {
        place %= count;
    } else if (partitioner_ == Partitioner::hashing && !no_key) {
        place = modulo(KeyHash::sha1, &*sha1_);
    } else if (partitioner_ == Partitioner::xxhash && !no_key) {
        place = modulo(KeyHash::xxhash, nullptr);
    } else {
        return false;
    }
    return board.is_full(topic.id(), place);
}

/// Zero: the producer's.
std::uint32_t LaneImpl::own_timeout_ms(const Record& record) const {
    if (record.delivery_timeout.count() == 0) [[likely]] return 0;
    const auto producers = host_->options.delivery_timeout;
    return record.delivery_timeout < producers
               ? static_cast<std::uint32_t>(record.delivery_timeout.count())
               : 0;
}

/// There was no slot for the record's tag, or no credit.
Errc LaneImpl::find_slot(std::uint32_t& slot) {
    if (slot == TagLog::none) {
        digest();
        slot = tags_.next();
        if (slot == TagLog::none) return full(Errc::reports_full);
    }
    if (credits_ == 0) credits_ = host_->credits.try_take();
    if (credits_ == 0) {
        digest();
        credits_ = host_->credits.try_take();
    }
    return credits_ == 0 ? full(Errc::producer_full) : Errc::none;
}

/// Inlined where it is hot: a record's price is counted in instructions.
template <bool plain>
[[gnu::always_inline]] inline Errc LaneImpl::try_produce(const Record& record, Ask* ask) noexcept {
    Errc error = plain ? Errc::none : check(record);
    if (error != Errc::none) [[unlikely]] return error;
    std::uint32_t slot = tags_.next();
    if (slot == TagLog::none || credits_ == 0) [[unlikely]] {
        error = find_slot(slot);
        if (error != Errc::none) return error;
    }
    Topic topic;
    error = resolve_topic(record, topic);
    if (error != Errc::none) [[unlikely]] return error;
    if (shard_.shard.shares().any_full() && kept_back(record, topic)) [[unlikely]] {
        return full(Errc::partition_full);
    }
    const HeaderViews headers(plain ? std::span<const Header>{} : record.headers, many_headers_);
    const std::int64_t key_size = size_or_null(record.key);
    const std::int64_t value_size = size_or_null(record.value);
    const std::size_t tail = wire::record_tail_size(key_size, value_size, headers.span());
    if (produce::record_bytes_bound(tail) > host_->options.message_max_bytes) [[unlikely]] {
        return Errc::record_too_large;
    }
    const std::uint32_t timeout_ms = plain ? 0 : own_timeout_ms(record);
    const std::size_t size = Entry::size_for(tail, timeout_ms != 0);
    std::byte* at = channel_->records.try_reserve(size);
    if (at == nullptr) [[unlikely]] return full(Errc::queue_full);
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
    if (timeout_ms != 0) [[unlikely]] {
        entry.tail_bytes |= Entry::flag_timeout;
        std::memcpy(at + size - 8, &timeout_ms, sizeof timeout_ms);
    }
    if (ask != nullptr) [[unlikely]] {
        if (!tags_.attach(std::move(ask->extra))) return Errc::out_of_memory;
        if (ask->urgent) entry.tail_bytes |= Entry::flag_urgent;
        ask->slot = slot;
    }
    std::memcpy(at, &entry, sizeof entry);
    wire::write_record_tail(at + sizeof entry, record.key.data(), key_size, record.value.data(),
                            value_size, headers.span());
    tags_.commit({record.tag, entry.timestamp_ms});
    channel_->records.commit(size);
    ++produced_;
    --credits_;
    if (!plain && host_->inline_mode()) return Errc::none;
    const bool urgent = timeout_ms != 0 || (ask != nullptr && ask->urgent);
    if (urgent) [[unlikely]] {
        hurry();
    } else {
        shard_.shard.wake_for(*channel_, channel_->records.written());
    }
    // Behind the fence in there: a waiter that we do not see here has not pressed the shard yet.
    if (host_->credits.anyone_waits()) [[unlikely]] press();
    return Errc::none;
}

/// The shard may sleep towards the end of some linger, and this record can't wait for that.
void LaneImpl::hurry() {
    // pairs with the shard's acquire: the record comes first
    channel_->hurried.store(true, std::memory_order_release);
    wake_shard();
}

/// At a limit: what lingers in the shard need not, for this lane has nothing more to add.
Errc LaneImpl::full(Errc error) {
    if (pressed_at_ != produced_ || error == Errc::queue_full) press();
    return error;
}

void LaneImpl::press() {
    pressed_at_ = produced_;
    // pairs with the shard's acquire: whatever was published comes first
    channel_->pressed.store(true, std::memory_order_release);
    wake_shard();
}

void LaneImpl::wake_shard() {
    if (!host_->inline_mode()) shard_.shard.wake_if_parked();
}

/// Anything, not in the hottest place.
Errc LaneImpl::try_any(const Record& record, Ask* ask) noexcept {
    return try_produce<false>(record, ask);
}

Errc LaneImpl::produce(const Record& record) noexcept {
    const Errc error =
        is_plain(record) ? try_produce<true>(record, nullptr) : try_any(record, nullptr);
    if (!is_full(error)) [[likely]] return error;
    return produce_waiting(record, nullptr, host_->max_block());
}

Errc LaneImpl::produce(const Record& record, Callback&& callback) noexcept {
    return produce_for(record, std::move(callback), host_->max_block());
}

Errc LaneImpl::produce_for(const Record& record, Callback&& callback, Timeout timeout) noexcept {
    if (!callback) return produce_waiting(record, nullptr, timeout);
    Ask ask{.extra = {std::move(callback), nullptr}};
    const Errc error = produce_waiting(record, &ask, timeout);
    if (error != Errc::none) callback = std::move(ask.extra.callback);
    return error;
}

/// True where waiting would be in vain: what holds the room are reports for this very thread, or
/// those that come after the one whose callback it is in.
bool LaneImpl::only_polling_helps() {
    return ReportReader::in_callback() || (!shared_ && read({}, 0).stuck);
}

Errc LaneImpl::produce_waiting(const Record& record, Ask* ask, Timeout timeout) noexcept {
    Errc error = try_any(record, ask);
    if (!is_full(error) || timeout <= Timeout::zero()) return error;
    Credits::Waiter waiter{.signal = &channel_->signal};
    bool queued = false;
    const auto get_in = [&] {
        credits_ += waiter.granted.exchange(0, std::memory_order_acquire);
        error = try_any(record, ask);
        return !is_full(error);
    };
    channel_->wants_room.store(true, std::memory_order_relaxed);
    wait_for(*host_, shard_.shard, channel_->signal, timeout, [&]() -> bool {
        if (get_in()) return true;
        if (error == Errc::queue_full || error == Errc::partition_full) return false;
        if (only_polling_helps()) return true;
        if (error == Errc::producer_full && !queued) {
            queued = true;
            host_->credits.begin_wait(waiter);
            // others' records that linger, on whichever shard, hold the credits
            for (const auto& shard : host_->shards) shard->shard.press();
        }
        // What was just read may have been what it waits for.
        return waiter.granted.load(std::memory_order_relaxed) != 0 && get_in();
    });
    channel_->wants_room.store(false, std::memory_order_relaxed);
    if (queued) {
        host_->credits.end_wait(waiter);
        credits_ += waiter.granted.exchange(0, std::memory_order_acquire);
        if (error == Errc::producer_full) error = try_any(record, ask);
    }
    return error;
}

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
