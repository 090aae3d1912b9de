// SPDX-License-Identifier: Apache-2.0
// From a caller's list of topics to its answer.
#include "shard/warm_ups.h"

#include "base/format.h"
#include "base/limits.h"

namespace ringpost::shard {

/// The lock is taken only for news, of which there are few.
void WarmUpCall::note(const produce::Obstacle& obstacle) {
    const Errc error = obstacle.error == Errc::none ? Errc::timed_out : obstacle.error;
    if (error == outcome_.code && obstacle.where == where_) return;  // nobody else writes it
    where_ = obstacle.where;
    Error outcome{error, fmt::format("{}: {}: {}", where_, to_string(error), message(error))};
    const std::lock_guard lock(mutex_);
    outcome_ = std::move(outcome);
}

void WarmUps::add(WarmUpCallRef call) {
    const std::lock_guard lock(new_mutex_);
    new_.push_back(std::move(call));
    has_new_.store(true, std::memory_order_release);
}

void WarmUps::meet_new() {
    // pairs with the release store in add
    if (!has_new()) [[likely]] return;
    const std::lock_guard lock(new_mutex_);
    for (WarmUpCallRef& call : new_) calls_.push_back(std::move(call));
    new_.clear();
    has_new_.store(false, std::memory_order_release);
}

void WarmUps::finish(WarmUpCall& call, Error outcome) {
    {
        const std::lock_guard lock(call.mutex_);
        call.outcome_ = std::move(outcome);
    }
    // pairs with the acquire load in done
    call.done_.store(true, std::memory_order_release);
}

/// False: there is more to do in another turn.
bool WarmUps::go_on(WarmUpCall& call, produce::ProducerCore& core, Instant now) {
    std::uint32_t left = limits::warm_up_turn_topics;
    for (; call.begun_ < call.topics_.size(); ++call.begun_) {
        if (left-- == 0) return false;
        const WarmUpCall::Topic& topic = call.topics_[call.begun_];
        if (!core.knows_topic(topic.id)) core.add_topic(topic.id, topic.name, now);
        core.begin_warm_up({&topic.id, 1}, now);
    }
    return core.look_at_warm_up(call.look_, call.ids_, now);
}

bool WarmUps::work(produce::ProducerCore& core, Instant now) {
    meet_new();
    more_ = false;
    if (calls_.empty()) [[likely]] return false;
    bool any = false;
    std::erase_if(calls_, [&](const WarmUpCallRef& call) {
        if (call->abandoned_.load(std::memory_order_relaxed)) return true;
        if (!go_on(*call, core, now)) {
            more_ = true;
            return false;
        }
        const produce::Obstacle& obstacle = call->look_.first;
        if (obstacle.any()) call->note(obstacle);
        if (obstacle.any() && !obstacle.is_final) return false;
        finish(*call, obstacle.any() ? call->outcome_ : Error{});
        return any = true;
    });
    return any;
}

bool WarmUps::end(Errc error) {
    meet_new();
    const bool any = !calls_.empty();
    for (const WarmUpCallRef& call : calls_) {
        finish(*call, {error, std::string(message(error))});
    }
    calls_.clear();
    return any;
}

}  // namespace ringpost::shard
