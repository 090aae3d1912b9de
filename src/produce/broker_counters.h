// SPDX-License-Identifier: Apache-2.0
// What is counted of each broker that records are sent to, where other threads may look at it.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <vector>

#include <ringpost/statistics.h>

#include "base/histogram.h"
#include "base/time.h"

namespace ringpost::produce {

/// Thread: read: any. The rest: the shard's, the only writer of each word.
class BrokerCounters {
public:
    explicit BrokerCounters(std::int32_t id) : id_(id) {}

    void on_sent() { add(sent_, 1); }
    void on_answered() { add(answered_, 1); }
    void on_lost() { add(lost_, 1); }
    void on_throttled(Duration quiet) {
        add(throttled_, 1);
        add(throttled_ms_, static_cast<std::uint64_t>(quiet.count_ms()));
    }
    void on_round_trip(Duration time) { round_trip_.record(time); }

    void read(BrokerStatistics& out) const {
        out.id = id_;
        // pairs with the release store in add: what has an answer was sent before
        out.requests_answered = answered_.load(std::memory_order_acquire);
        out.requests_lost = lost_.load(std::memory_order_acquire);
        out.requests_sent = sent_.load(std::memory_order_relaxed);
        out.answers_throttled = throttled_.load(std::memory_order_relaxed);
        out.throttled = std::chrono::milliseconds(throttled_ms_.load(std::memory_order_relaxed));
        round_trip_.read(out.round_trip);
    }

private:
    friend class BrokerBoard;
    using Word = std::atomic<std::uint64_t>;
    static void add(Word& word, std::uint64_t n) {
        // pairs with the acquire loads in read
        word.store(word.load(std::memory_order_relaxed) + n, std::memory_order_release);
    }

    const std::int32_t id_;
    Word sent_{0}, answered_{0}, lost_{0}, throttled_{0}, throttled_ms_{0};
    SharedHistogram round_trip_;
    std::unique_ptr<BrokerCounters> next_;   ///< set before `this` can be seen
};

/// All of a shard's, the newest first.
///
/// Thread:    read: any. add: the shard's.
/// Allocates: in add, once a broker.
class BrokerBoard {
public:
    BrokerBoard() = default;
    BrokerBoard(const BrokerBoard&) = delete;
    BrokerBoard& operator=(const BrokerBoard&) = delete;
    ~BrokerBoard() {
        // One by one: as many as there are brokers would be a deep recursion.
        std::unique_ptr<BrokerCounters> first(first_.load(std::memory_order_relaxed));
        while (first != nullptr) first = std::move(first->next_);
    }

    BrokerCounters& add(std::int32_t id) {
        auto made = std::make_unique<BrokerCounters>(id);
        made->next_.reset(first_.load(std::memory_order_relaxed));
        // pairs with the acquire load in read
        first_.store(made.get(), std::memory_order_release);
        return *made.release();
    }
    void read(std::vector<BrokerStatistics>& out) const {
        // pairs with the release store in add
        const BrokerCounters* one = first_.load(std::memory_order_acquire);
        for (; one != nullptr; one = one->next_.get()) one->read(out.emplace_back());
    }

private:
    std::atomic<BrokerCounters*> first_{nullptr};
};

}  // namespace ringpost::produce
