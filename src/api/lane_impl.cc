// SPDX-License-Identifier: Apache-2.0
// A record's way in, on the caller's thread.
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

/// Sizes below that take two bytes at most.
constexpr std::size_t plain_bytes_limit = 8192;
constexpr std::size_t plain_tail_bytes(std::size_t bytes) { return bytes + 2 + 2 + 1; }

inline std::byte* write_plain_field(std::byte* out, const Bytes& bytes) {
    if (bytes.is_null()) {
        *out = std::byte{1};
        return out + 1;
    }
    const std::size_t size = bytes.size();
    const std::size_t bits = size << 1;
    if (bits < 0x80) {
        *out++ = static_cast<std::byte>(bits);
    } else {
        const auto two = static_cast<std::uint16_t>((bits & 0x7f) | 0x80 | bits >> 7 << 8);
        std::memcpy(out, &two, sizeof two);
        out += sizeof two;
    }
    copy_bytes(out, bytes.data(), size);
    return out + size;
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
      inline_(host_->inline_mode()),
      needs_key_(produce::needs_key(partitioner_)),
      unkeyed_is_special_(needs_key_ || produce::places_unkeyed(partitioner_)),
      wanted_(wanted),
      shared_(host_->options.delivery_reports_shared && wanted_ != Reports::none),
      tags_(std::min(host_->options.lane_records_max, host_->options.queue_records_max), shared_),
      reader_(*channel_, tags_, host_->credits, wanted_),
      plain_bytes_max_(std::min(
          plain_bytes_limit - 1,
          host_->options.message_max_bytes - produce::record_bytes_bound(plain_tail_bytes(0)))) {
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
    drop_claim();
    host_->credits.on_lane_closed();
    host_->credits.give(std::exchange(credits_, 0));
}

// In
// -----------------------------------------------------------------------------------------------

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

/// Whether the hash of the record's key is what places it, and which that is.
[[gnu::noinline]] bool LaneImpl::hash_key(const Record& record, std::uint32_t& hash) const {
    return produce::place_by_key(partitioner_, record.key.is_null(), record.key.bytes(), hash);
}

/// Nothing stands in the way of plain records just now.
inline bool LaneImpl::takes_plain() const {
    return host_->fork_mark.is_open() && !shard_.shard.shares().any_full() &&
           (!inline_ || host_->on_owner_thread());
}

/// What nearly every record is, in few instructions: short, without headers and a timeout of its
/// own, of the topic of the one before, and room for it. It is in the ring then, not yet
/// published. False: nothing has been done, try_any is to decide.
[[gnu::always_inline]] inline bool LaneImpl::write_plain(const Record& record,
                                                         std::int64_t now_ms) noexcept {
    std::uint32_t hash = 0;
    std::uint32_t flags = 0;
    if (record.partition < 0) {
        if (!record.key.is_null() && hash_key(record, hash)) {
            flags = Entry::flag_hashed;
        } else if (unkeyed_is_special_) [[unlikely]] {
            return false;
        }
    }
    const std::size_t key_size = record.key.size();
    const std::size_t value_size = record.value.size();
    const std::int64_t signs = (std::int64_t{record.partition} - any_partition) |
                               (record.timestamp_ms - now_timestamp);
    if (signs < 0 || key_size > plain_bytes_max_ || value_size > plain_bytes_max_ - key_size ||
        record.topic.id() != last_topic_ || !record.headers.empty() ||
        record.delivery_timeout.count() != 0 || credits_ == 0 || !tags_.has_next()) [[unlikely]] {
        return false;
    }
    std::byte* const at =
        channel_->records.try_reserve(Entry::size_for(plain_tail_bytes(key_size + value_size)));
    if (at == nullptr) [[unlikely]] return false;
    std::byte* const tail = at + sizeof(Entry);
    std::byte* end = write_plain_field(tail, record.key);
    end = write_plain_field(end, record.value);
    *end++ = std::byte{0};  // no headers
    const auto tail_size = static_cast<std::uint32_t>(end - tail);
    const std::size_t size = Entry::size_for(tail_size);
    const std::int64_t timestamp_ms =
        record.timestamp_ms == now_timestamp ? now_ms : record.timestamp_ms;
    std::construct_at(reinterpret_cast<Entry*>(at),
                      Entry{static_cast<std::uint32_t>(size), record.topic.id(), record.partition,
                            hash, timestamp_ms, tags_.next(), tail_size | flags});
    tags_.commit({record.tag, timestamp_ms});
    channel_->records.append(size);
    ++produced_;
    --credits_;
    return true;
}

/// What was written is the shard's.
inline void LaneImpl::publish() {
    channel_->records.publish();
    if (inline_) return;
    shard_.shard.wake_for(*channel_, channel_->records.written());
    // Behind the fence in there: a waiter that we do not see here has not pressed the shard yet.
    if (host_->credits.anyone_waits()) [[unlikely]] press();
}

/// Slot, credit and topic for a record that is taken; why it is not, otherwise.
Errc LaneImpl::admit(const Record& record, Draft& draft) {
    Errc error = check(record);
    if (error != Errc::none) [[unlikely]] return error;
    draft.slot = tags_.next();
    if (draft.slot == TagLog::none || credits_ == 0) [[unlikely]] {
        error = find_slot(draft.slot);
        if (error != Errc::none) return error;
    }
    error = resolve_topic(record, draft.topic);
    if (error != Errc::none) [[unlikely]] return error;
    return shard_.shard.shares().any_full() && kept_back(record, draft.topic)
               ? full(Errc::partition_full)
               : Errc::none;
}

/// Room in the ring for the record with a value of `value_size`, -1 for null; its place and time.
Errc LaneImpl::reserve(const Record& record, std::int64_t value_size,
                       std::span<const wire::HeaderView> headers, Draft& draft) {
    const std::int64_t key_size = size_or_null(record.key);
    const std::size_t tail = wire::record_tail_size(key_size, value_size, headers);
    if (produce::record_bytes_bound(tail) > host_->options.message_max_bytes) [[unlikely]] {
        return Errc::record_too_large;
    }
    if (record.partition < 0) {
        if (produce::place_by_key(partitioner_, key_size < 0, record.key.bytes(),
                                  draft.key_hash)) {
            draft.flags |= Entry::flag_hashed;
        } else if (key_size < 0 && needs_key_) [[unlikely]] {
            return Errc::invalid_argument;
        }
    }
    draft.timeout_ms = own_timeout_ms(record);
    draft.at = channel_->records.try_reserve(Entry::size_for(tail, draft.timeout_ms != 0));
    if (draft.at == nullptr) [[unlikely]] return full(Errc::queue_full);
    draft.position = channel_->records.written();
    return Errc::none;
}

/// The tail has been written: the record is the shard's.
Errc LaneImpl::submit(const Record& record, const Draft& draft, std::size_t tail, Ask* ask) {
    std::uint32_t flags = draft.flags;
    const std::size_t size = Entry::size_for(tail, draft.timeout_ms != 0);
    if (draft.timeout_ms != 0) [[unlikely]] {
        flags |= Entry::flag_timeout;
        std::memcpy(draft.at + size - 8, &draft.timeout_ms, sizeof draft.timeout_ms);
    }
    const bool urgent = draft.timeout_ms != 0 || (ask != nullptr && ask->urgent);
    if (ask != nullptr) [[unlikely]] {
        if (!tags_.attach(std::move(ask->extra))) return Errc::out_of_memory;
        if (ask->urgent) flags |= Entry::flag_urgent;
        ask->slot = draft.slot;
    }
    const std::int64_t timestamp_ms =
        record.timestamp_ms == now_timestamp ? wall_ms() : record.timestamp_ms;
    const Entry entry{static_cast<std::uint32_t>(size), draft.topic.id(), record.partition,
                      draft.key_hash, timestamp_ms, draft.slot,
                      static_cast<std::uint32_t>(tail) | flags};
    std::memcpy(draft.at, &entry, sizeof entry);
    tags_.commit({record.tag, timestamp_ms});
    channel_->records.commit(size);
    ++produced_;
    --credits_;
    if (inline_) return Errc::none;
    if (urgent) [[unlikely]] {
        hurry();
    } else {
        shard_.shard.wake_for(*channel_, channel_->records.written());
    }
    // Behind the fence in there: a waiter that we do not see here has not pressed the shard yet.
    if (host_->credits.anyone_waits()) [[unlikely]] press();
    return Errc::none;
}

/// Any record.
Errc LaneImpl::try_any(const Record& record, Ask* ask) noexcept {
    Draft draft;
    Errc error = admit(record, draft);
    if (error != Errc::none) [[unlikely]] return error;
    const HeaderViews headers(record.headers, many_headers_);
    error = reserve(record, size_or_null(record.value), headers.span(), draft);
    if (error != Errc::none) [[unlikely]] return error;
    std::byte* const tail = draft.at + sizeof(Entry);
    const std::byte* const end = wire::write_record_tail(
        tail, record.key.data(), size_or_null(record.key), record.value.data(),
        size_or_null(record.value), headers.span());
    return submit(record, draft, static_cast<std::size_t>(end - tail), ask);
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
    if (!inline_) shard_.shard.wake_if_parked();
}

/// True where waiting would be in vain: what holds the room are reports for this very thread, or
/// those that come after the one whose callback it is in.
bool LaneImpl::only_polling_helps() {
    return ReportReader::in_callback() || (!shared_ && read({}, 0).stuck);
}

/// Tries until there is room, or until the timeout.
template <typename Try>
Errc LaneImpl::get_in(Try&& attempt, Timeout timeout) {
    Errc error = attempt();
    if (!is_full(error) || timeout <= Timeout::zero()) return error;
    Credits::Waiter waiter{.signal = &channel_->signal};
    bool queued = false;
    const auto is_in = [&] {
        credits_ += waiter.granted.exchange(0, std::memory_order_acquire);
        error = attempt();
        return !is_full(error);
    };
    channel_->wants_room.store(true, std::memory_order_relaxed);
    wait_for(*host_, shard_.shard, channel_->signal, timeout, [&]() -> bool {
        if (is_in()) return true;
        if (error == Errc::queue_full || error == Errc::partition_full) return false;
        if (only_polling_helps()) return true;
        if (error == Errc::producer_full && !queued) {
            queued = true;
            host_->credits.begin_wait(waiter);
            // others' records that linger, on whichever shard, hold the credits
            for (const auto& shard : host_->shards) shard->shard.press();
        }
        // What was just read may have been what it waits for.
        return waiter.granted.load(std::memory_order_relaxed) != 0 && is_in();
    });
    channel_->wants_room.store(false, std::memory_order_relaxed);
    if (queued) {
        host_->credits.end_wait(waiter);
        credits_ += waiter.granted.exchange(0, std::memory_order_acquire);
        if (error == Errc::producer_full) error = attempt();
    }
    return error;
}

Errc LaneImpl::produce(const Record& record) noexcept {
    if (!takes_plain() || !write_plain(record, wall_ms())) return produce_any(record);
    publish();
    return Errc::none;
}

/// Plain records share the clock's reading and the look whether the shard sleeps, a few at a time:
/// it shall not wait for them.
std::size_t LaneImpl::produce(std::span<const Record> records, Errc& refused) noexcept {
    constexpr std::size_t few = 32;
    refused = Errc::none;
    std::size_t done = 0;
    while (done < records.size()) {
        const std::size_t before = done;
        const std::size_t until = std::min(records.size(), done + few);
        if (takes_plain()) {
            const std::int64_t now_ms = wall_ms();
            while (done < until && write_plain(records[done], now_ms)) ++done;
            if (done != before) publish();
        }
        if (done == until) continue;
        refused = produce_any(records[done]);
        if (refused != Errc::none) break;
        ++done;
    }
    return done;
}

Errc LaneImpl::produce_any(const Record& record) noexcept {
    const Errc error = try_any(record, nullptr);
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

Errc LaneImpl::produce_waiting(const Record& record, Ask* ask, Timeout timeout) noexcept {
    return get_in([&] { return try_any(record, ask); }, timeout);
}

Errc LaneImpl::claim(const Record& record, std::size_t value_bytes,
                     std::span<std::byte>& value) noexcept {
    if (value_bytes > limits::record_bytes_limit) return Errc::record_too_large;
    return get_in([&] { return try_claim(record, value_bytes, value); }, host_->max_block());
}

Errc LaneImpl::try_claim(const Record& record, std::size_t value_bytes,
                         std::span<std::byte>& value) noexcept {
    drop_claim();
    Claim claim;
    claim.record = record;
    claim.record.value = {};
    Errc error = admit(claim.record, claim.draft);
    if (error != Errc::none) return error;
    const auto size = static_cast<std::int64_t>(value_bytes);
    const HeaderViews headers(record.headers, many_headers_);
    error = reserve(claim.record, size, headers.span(), claim.draft);
    if (error != Errc::none) return error;
    claim.length_at = wire::write_sized_field(claim.draft.at + sizeof(Entry), record.key.data(),
                                              size_or_null(record.key));
    claim.value = {claim.length_at + small_varint_size(size), value_bytes};
    --credits_;
    claim_ = claim;
    value = claim.value;
    return Errc::none;
}

Errc LaneImpl::commit(std::size_t value_bytes, Callback&& callback) noexcept {
    const std::optional<Claim> claim = claim_;
    drop_claim();
    if (!claim || claim->draft.position != channel_->records.written() ||
        value_bytes > claim->value.size()) {
        return Errc::invalid_argument;
    }
    if (const Errc error = check(claim->record); error != Errc::none) return error;
    std::byte* at =
        write_small_varint(claim->length_at, static_cast<std::int64_t>(value_bytes));
    // A shorter value may have a shorter length.
    if (at != claim->value.data()) std::memmove(at, claim->value.data(), value_bytes);
    const HeaderViews headers(claim->record.headers, many_headers_);
    const std::byte* const end = wire::write_record_headers(at + value_bytes, headers.span());
    const auto tail = static_cast<std::size_t>(end - claim->draft.at) - sizeof(Entry);
    if (!callback) return submit(claim->record, claim->draft, tail, nullptr);
    Ask ask{.extra = {std::move(callback), nullptr}};
    const Errc error = submit(claim->record, claim->draft, tail, &ask);
    if (error != Errc::none) callback = std::move(ask.extra.callback);
    return error;
}

/// Its credit is the lane's again.
void LaneImpl::drop_claim() {
    if (!claim_) return;
    claim_.reset();
    ++credits_;
}

}  // namespace ringpost::api
