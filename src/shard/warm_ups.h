// SPDX-License-Identifier: Apache-2.0
// Calls of Producer::warm_up on their way through a shard.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include <ringpost/error.h>

#include "produce/producer_core.h"

namespace ringpost::shard {

/// One call, shared by its caller and the loop.
class WarmUpCall {
public:
    struct Topic {
        std::uint32_t id;
        std::string name;
    };
    explicit WarmUpCall(std::vector<Topic> topics) : topics_(std::move(topics)) {
        for (const Topic& topic : topics_) ids_.push_back(topic.id);
    }

    // The caller.
    bool done() const { return done_.load(std::memory_order_acquire); }
    /// What came of it; before it is done, what stands in its way.
    Error outcome() const {
        const std::lock_guard lock(mutex_);
        return outcome_;
    }
    /// Nobody waits any more.
    void abandon() { abandoned_.store(true, std::memory_order_relaxed); }

private:
    friend class WarmUps;
    void note(const produce::Obstacle& obstacle);

    std::vector<Topic> topics_;        ///< the loop reads them
    std::vector<std::uint32_t> ids_;
    mutable std::mutex mutex_;
    Error outcome_{Errc::timed_out, "no turn of the shard has come to it"};
    std::string where_;                ///< the loop's: what it has noted
    std::size_t begun_ = 0;            ///< the loop's: of `topics_`
    produce::WarmUpLook look_;         ///< the loop's
    std::atomic<bool> done_{false};        ///< the loop, once
    std::atomic<bool> abandoned_{false};   ///< the caller, once
};

using WarmUpCallRef = std::shared_ptr<WarmUpCall>;

/// Thread: the shard's, but for `add`. Allocates, for each call: none is on the record path.
class WarmUps {
public:
    /// Any thread. The caller then wakes the shard.
    void add(WarmUpCallRef call);
    /// Something was added that `work` has not seen.
    bool has_new() const { return has_new_.load(std::memory_order_acquire); }

    /// Goes on with each call. True if one is done.
    bool work(produce::ProducerCore& core, Instant now);
    /// It has done its share of a turn, and more is to be done.
    bool more() const { return more_; }
    /// Ends every call with that error. True if there was one.
    bool end(Errc error);

private:
    void meet_new();
    static bool go_on(WarmUpCall& call, produce::ProducerCore& core, Instant now);
    static void finish(WarmUpCall& call, Error outcome);

    std::vector<WarmUpCallRef> calls_;
    bool more_ = false;
    std::mutex new_mutex_;
    std::vector<WarmUpCallRef> new_;
    std::atomic<bool> has_new_{false}; ///< written under the mutex
};

}  // namespace ringpost::shard
