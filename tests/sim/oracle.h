// SPDX-License-Identifier: Apache-2.0
// What was accepted, what was reported, what stands in the logs: nothing else is looked at.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <tuple>
#include <vector>

#include <ringpost/delivery.h>

#include "world.h"

namespace ringpost::sim {

/// One record, from the call that took it to its report. Its number is its tag.
struct Sent {
    std::uint32_t producer = 0;
    std::uint32_t lane = 0;  ///< of all lanes that ever were
    std::uint32_t topic = 0;
    std::int32_t partition = -1;  ///< as asked for
    std::uint32_t value_bytes = 0;
    std::int32_t key = -1;  ///< -1: none
    Instant accepted;
    bool reported = false;
    bool unpolled = false;     ///< its lane went before it could be polled
    bool must_arrive = false;  ///< nothing stands in its way
    bool own_timeout = false;
    bool invalid = false;      ///< every broker finds it so
    Errc error = Errc::none;
    std::int32_t reported_partition = -1;
    std::int64_t offset = -1;
    std::uint32_t attempts = 0;
    bool may_have_been_written = false;
};

/// Knows the promise of each setting, and holds the logs to it.
class Oracle {
public:
    Oracle(World& world, const Plan& plan) : world_(world), plan_(plan) {}

    // Bytes of a record, made from its number alone, but for a mark at invalid ones.
    static std::string value_of(std::uint32_t number, std::uint32_t bytes, bool invalid);
    /// What the brokers of these worlds go by.
    static bool is_invalid(std::string_view value);
    static std::string key_of(std::int32_t key);

    std::uint32_t next_number() const { return static_cast<std::uint32_t>(sent_.size()); }
    std::uint32_t next_lane() { return lanes_++; }
    void on_accepted(const Sent& record) {
        sent_.push_back(record);
        ++unreported_;
    }
    bool is_reported(std::uint32_t number) const { return sent_[number].reported; }
    Instant accepted_at(std::uint32_t number) const { return sent_[number].accepted; }
    void on_report(const DeliveryReport& report, std::uint32_t lane);
    /// Reports of this lane can't be polled any more.
    void on_lane_gone(std::uint32_t lane);
    std::size_t unreported() const { return unreported_; }
    std::size_t accepted() const { return sent_.size(); }
    std::size_t delivered() const { return delivered_; }
    /// What became of a producer's records. Unpolled: one or the other, and nobody has seen it.
    struct Ends {
        std::uint64_t accepted = 0, delivered = 0, failed = 0, unpolled = 0;
    };
    Ends ends_of(std::uint32_t producer) const;

    /// Fails, and says all that is known of the record.
    [[noreturn]] void fail_about(std::uint32_t number, const std::string& what) const;
    /// All has ended: every promise, against every log there was.
    void check();

private:
    struct Stands {
        std::size_t log;  ///< which of the logs
        std::int64_t offset;
    };
    struct LogText {
        std::string topic;
        std::int32_t partition;
        std::vector<std::byte> bytes;
        bool first;  ///< of the logs that the topic's partition ever had
    };
    void read_logs();
    bool is_first(const std::string& topic, std::int32_t partition) const;
    void read_log(std::size_t index);
    void check_record(std::uint32_t number);
    void check_order();
    bool may_lose(const Sent& record) const;
    bool idempotent(const Sent& record) const;

    World& world_;
    const Plan& plan_;
    std::vector<Sent> sent_;
    std::uint32_t lanes_ = 0;
    std::size_t unreported_ = 0;
    std::size_t delivered_ = 0;
    /// By partitioner, topic and key.
    std::map<std::tuple<Partitioner, std::uint32_t, std::int32_t>, std::int32_t> place_of_key_;
    std::vector<LogText> logs_;
    std::vector<std::vector<Stands>> stands_;           ///< by record
    std::vector<std::vector<std::uint32_t>> in_order_;  ///< by log: the records in it
};

}  // namespace ringpost::sim
