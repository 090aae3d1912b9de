// SPDX-License-Identifier: Apache-2.0
// The caller's side of a lane: encoding records into its ring; its reports: report_reader.h.
#pragma once

#include <tsl/robin_map.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <ringpost/producer.h>

#include "api/host.h"
#include "api/report_reader.h"
#include "api/tag_log.h"
#include "base/sha1.h"
#include "produce/entry.h"
#include "shard/lane_channel.h"

namespace ringpost::api {

/// Thread: the lane's. In a producer with shared reports, `read_shared` and `forsaken` are
///         whoever's polls there, one at a time, beside the lane's own.
/// Owns:   its tags; shares the channel and the host.
class LaneImpl {
public:
    LaneImpl(std::shared_ptr<Host> host, ShardHost& shard, shard::LaneChannelRef channel,
             Reports wanted);
    ~LaneImpl();
    LaneImpl(const LaneImpl&) = delete;
    LaneImpl& operator=(const LaneImpl&) = delete;

    bool usable() const { return tags_.usable(); }

    Errc produce(const Record& record) noexcept;
    std::size_t produce(std::span<const Record> records, Errc& refused) noexcept;
    Errc produce(const Record& record, Callback&& callback) noexcept;
    Errc produce_for(const Record& record, Callback&& callback, Timeout timeout) noexcept;
    Errc claim(const Record& record, std::size_t value_bytes,
               std::span<std::byte>& value) noexcept;
    Errc commit(std::size_t value_bytes, Callback&& callback) noexcept;
    void produce_sync(std::span<const Record> records, std::span<DeliveryReport> out,
                      Timeout timeout) noexcept;

    std::size_t poll(std::span<DeliveryReport> out) noexcept;
    std::size_t poll_for(std::span<DeliveryReport> out, Timeout timeout) noexcept;
    std::size_t serve(std::size_t callbacks_max) noexcept;
    std::size_t serve_for(std::size_t callbacks_max, Timeout timeout) noexcept;
    FlushResult flush(Timeout timeout, Serve serve) noexcept;
    std::uint64_t outstanding() noexcept;

    /// What is there, without waiting.
    ReportReader::Read read_now(std::span<DeliveryReport> out, std::size_t callbacks_max);

    bool shared() const { return shared_; }
    bool wants_reports() const { return wanted_ != Reports::none || tags_.any_extra(); }
    shard::Shard& shard() { return shard_.shard; }
    /// Notified when there are reports.
    shard::Signal& signal() { return channel_->signal; }
    /// From now on this one, too; it outlives the shard.
    void tell(shard::Signal& other) { channel_->watcher.store(&other, std::memory_order_relaxed); }
    void forsake();
    /// Forsaken, and every report has been polled. For whoever reads them.
    bool spent() const {
        return forsaken_.load(std::memory_order_acquire) && tags_.used() == 0 &&
               !reader_.running();
    }
    /// What nobody wants a report of is done with.
    void digest();
    bool forked() const { return host_->fork_mark.forked(); }
    ReportReader::Read read_shared(std::span<DeliveryReport> out, std::size_t callbacks_max);

private:
    /// What a record has besides itself, and what its acceptance tells.
    struct Ask {
        Extra extra;
        bool urgent = false;
        std::uint32_t slot = TagLog::none;
    };

    /// A record for which there is room in the ring, not yet the shard's.
    struct Draft {
        Topic topic;
        std::uint32_t slot = TagLog::none;
        std::uint32_t key_hash = 0;
        std::uint32_t flags = 0;
        std::uint32_t timeout_ms = 0;
        std::byte* at = nullptr;
        std::uint64_t position = 0;    ///< of `at`, as the ring counts
    };

    struct Claim {
        Record record;                 ///< without its value
        Draft draft;
        std::byte* length_at = nullptr;  ///< of the value
        std::span<std::byte> value;
    };

    bool takes_plain() const;
    bool hash_key(const Record& record, std::uint32_t& hash) const;
    bool write_plain(const Record& record, std::int64_t now_ms) noexcept;
    void publish();
    Errc check(const Record& record) const;
    Errc announce(Topic topic, std::string_view name);
    Errc resolve_topic(const Record& record, Topic& topic);
    Errc resolve_other_topic(const Record& record, Topic& topic);
    bool kept_back(const Record& record, Topic topic);
    std::uint32_t own_timeout_ms(const Record& record) const;
    Errc find_slot(std::uint32_t& slot);
    Errc admit(const Record& record, Draft& draft);
    Errc reserve(const Record& record, std::int64_t value_size,
                 std::span<const wire::HeaderView> headers, Draft& draft);
    Errc submit(const Record& record, const Draft& draft, std::size_t tail, Ask* ask);
    Errc try_any(const Record& record, Ask* ask) noexcept;
    Errc try_claim(const Record& record, std::size_t value_bytes,
                   std::span<std::byte>& value) noexcept;
    void drop_claim();
    template <typename Try>
    Errc get_in(Try&& attempt, Timeout timeout);
    Errc produce_any(const Record& record) noexcept;
    Errc produce_waiting(const Record& record, Ask* ask, Timeout timeout) noexcept;
    Errc full(Errc error);
    void press();
    void hurry();
    void give_unused();
    bool only_polling_helps();
    ReportReader::Read read(std::span<DeliveryReport> out, std::size_t callbacks_max);
    template <typename Enough>
    ReportReader::Read read_for(std::span<DeliveryReport> out, std::size_t callbacks_max,
                                Timeout timeout, Enough&& enough);
    void turn_inline();
    void wake_shard();
    std::uint64_t reported() const { return channel_->reported.load(std::memory_order_acquire); }
    bool finished() const { return channel_->finished.load(std::memory_order_acquire); }

    const std::shared_ptr<Host> host_;
    ShardHost& shard_;
    const shard::LaneChannelRef channel_;
    const Partitioner partitioner_;
    const bool inline_;
    const bool needs_key_;
    const bool unkeyed_is_special_;    ///< a record without a key is refused, or has a hash
    const Reports wanted_;
    const bool shared_;
    TagLog tags_;
    ReportReader reader_;
    const std::size_t plain_bytes_max_;  ///< a key and a value that write_plain takes
    std::uint32_t last_topic_ = UINT32_MAX - 1;  ///< announced; at first no topic's
    std::uint32_t credits_ = 0;        ///< drawn from the producer's and not used yet
    std::uint64_t produced_ = 0;
    std::optional<Claim> claim_;       ///< it has a credit
    std::optional<Sha1> sha1_;         ///< where kept_back needs it
    std::uint64_t pressed_at_ = UINT64_MAX;  ///< produced_ when the shard was last told of a limit
    std::atomic<bool> forsaken_{false};
    Vector<wire::HeaderView> many_headers_;  ///< as many as one record has had
    std::vector<bool> announced_;      ///< topics that this lane has named to its shard, by id
    tsl::robin_map<std::string, Topic, NameHash, NameEqual> names_;
};

/// What a call that waits for a report answers where there will be none.
DeliveryReport refusal_report(const Record& record, Errc error);

}  // namespace ringpost::api
