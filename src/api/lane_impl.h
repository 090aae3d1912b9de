// SPDX-License-Identifier: Apache-2.0
// The caller's side of a lane: encoding records into its ring, expanding reports out of it.
#pragma once

#include <tsl/robin_map.h>

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <ringpost/producer.h>

#include "api/host.h"
#include "api/tag_log.h"
#include "produce/entry.h"
#include "shard/lane_channel.h"

namespace ringpost::api {

/// Thread: the lane's. Owns: its tags; shares the channel and the host.
class LaneImpl {
public:
    LaneImpl(std::shared_ptr<Host> host, ShardHost& shard, shard::LaneChannelRef channel);
    ~LaneImpl();

    bool usable() const { return tags_.usable(); }
    Errc produce(const Record& record) noexcept;
    Errc produce_for(const Record& record, Timeout timeout) noexcept;
    std::size_t poll(std::span<DeliveryReport> out) noexcept;
    std::size_t poll_for(std::span<DeliveryReport> out, Timeout timeout) noexcept;
    FlushResult flush(Timeout timeout) noexcept;
    std::uint64_t outstanding() const noexcept { return tags_.used(); }

private:
    /// Where in a reported batch the lane is reading records' bytes.
    struct BatchCursor {
        const produce::Batch* batch = nullptr;
        std::uint32_t slab = 0;
        std::uint32_t at = 0;
        std::uint32_t index = 0;       ///< of the record at `at`
    };

    Errc check(const Record& record) const;
    Errc announce(Topic topic, std::string_view name);
    Errc resolve_topic(const Record& record, Topic& topic);
    Errc refuse_room(std::size_t entry_bytes) const;
    void begin_report(const std::byte* entry);
    void end_report();
    DeliveryReport next_of_run();
    void read_bytes(DeliveryReport& report, std::uint32_t index);
    std::size_t poll_orphans(std::span<DeliveryReport> out);
    void wake_shard();
    std::uint64_t reported() const { return channel_->reported.load(std::memory_order_acquire); }

    const std::shared_ptr<Host> host_;
    ShardHost& shard_;
    const shard::LaneChannelRef channel_;
    const Partitioner partitioner_;
    const bool needs_key_;
    TagLog tags_;
    std::uint64_t produced_ = 0;
    Vector<wire::HeaderView> many_headers_;  ///< as many as one record has had
    std::vector<bool> announced_;      ///< topics that this lane has named to its shard, by id
    tsl::robin_map<std::string, Topic, NameHash, NameEqual> names_;

    // The report under way.
    shard::ReportHeader report_{};
    const std::byte* entry_ = nullptr;
    shard::ReportRun run_{};
    std::uint32_t runs_left_ = 0;
    std::uint32_t run_left_ = 0;
    std::uint32_t run_next_ = 0;       ///< bytes into the entry
    std::uint32_t index_ = 0;          ///< of the next record in its batch
    BatchCursor cursor_;
    bool lent_seen_ = false;           ///< reports given out point into a batch
    bool orphans_popped_ = false;
};

}  // namespace ringpost::api
