// SPDX-License-Identifier: Apache-2.0
// Whose turn it is to be asked for.
#include "produce/topics_in_use.h"

#include <algorithm>

#include "base/assert.h"

namespace ringpost::produce {

TopicsInUse::TopicsInUse(const Config& config, Prng& prng)
    : config_(config), prng_(prng), backoff_(config.retry_backoff, config.retry_backoff_max) {}

TopicsInUse::Topics& TopicsInUse::list_of(Topic::Asked when) {
    RINGPOST_ASSERT(when != Topic::Asked::never);
    if (when == Topic::Asked::first) return first_;
    return when == Topic::Asked::again ? again_ : in_turn_;
}

void TopicsInUse::move(Topic& topic, Topic::Asked when) {
    if (topic.asked != Topic::Asked::never) list_of(topic.asked).remove(topic);
    topic.asked = when;
    if (when != Topic::Asked::never) list_of(when).push_back(topic);
}

void TopicsInUse::want(Topic& topic) {
    if (topic.asked == Topic::Asked::never || topic.asked == Topic::Asked::in_turn) {
        move(topic, Topic::Asked::first);
    }
}

/// A topic whose turn it is, or null.
Topic* TopicsInUse::next_due() const {
    if (!first_.empty()) return first_.front();
    Topic* again = again_.front();
    if (again != nullptr && again->question <= again_to_) return again;
    Topic* in_turn = in_turn_.front();
    return in_turn != nullptr && in_turn->question <= refresh_to_ ? in_turn : nullptr;
}

Instant TopicsInUse::question_at() const {
    if (next_due() != nullptr) return Instant{};
    const Topic* oldest = in_turn_.front();
    if (oldest == nullptr) return again_at_;
    return std::min(again_at_, oldest->asked_at + config_.metadata_max_age);
}

/// What has become due with time.
void TopicsInUse::note_times(Instant now) {
    if (again_at_ <= now) {
        again_at_ = Instant::never();
        again_to_ = question_;
    }
    const Topic* oldest = in_turn_.front();
    if (oldest == nullptr || oldest->question <= refresh_to_) return;  // a refresh is under way
    if (oldest->asked_at + config_.metadata_max_age <= now) want_all();
}

TopicsInUse::Due TopicsInUse::look(Instant now) {
    note_times(now);
    std::uint32_t left = config_.turn_items_max;
    while (Topic* topic = next_due()) {
        if (!forget(*topic, now)) return Due::yes;
        const std::uint32_t cost = items(*topic);
        if (cost >= left) return Due::look_again;
        left -= cost;
    }
    return Due::no;
}

/// False: it is used, or has batches.
bool TopicsInUse::forget(Topic& topic, Instant now) {
    if (now < topic.used_at + config_.metadata_max_idle) return false;
    const bool has_batches =
        !topic.parked.empty() ||
        std::any_of(topic.partitions.begin(), topic.partitions.end(),
                    [](const auto& partition) { return !partition->queue.empty(); });
    if (has_batches) {
        topic.used_at = now;
        return false;
    }
    config_.log.debug("{}: not produced to for metadata.max.idle.ms, forgotten", topic.name);
    move(topic, Topic::Asked::never);
    // Its next record waits for an answer: by then the leaders may be others, the topic, too.
    topic.state = Topic::State::unknown;
    topic.error = Errc::none;
    return true;
}

/// What an answer about the topic costs.
std::uint32_t TopicsInUse::items(const Topic& topic) const {
    const auto known = static_cast<std::uint32_t>(topic.partitions.size());
    return 1 + (known == 0 ? partitions_guess_ : known);
}

std::span<Topic* const> TopicsInUse::next_question(Instant now) {
    RINGPOST_ASSERT(asked_.empty());
    note_times(now);
    ++question_;
    std::uint32_t left = config_.turn_items_max;
    // Where something waits, what is known is old: those longest not asked for go along.
    bool goes_along = false;
    for (;;) {
        Topic* topic = next_due();
        if (topic == nullptr && goes_along) topic = in_turn_.front();
        if (topic == nullptr || topic->question == question_) break;
        const std::uint32_t cost = items(*topic);
        if (cost > left && left != config_.turn_items_max) break;
        left -= std::min(left, cost);
        if (forget(*topic, now)) continue;
        goes_along |= topic->asked != Topic::Asked::in_turn;
        move(*topic, Topic::Asked::in_turn);
        topic->question = question_;
        topic->asked_at = now;
        topic->pending = true;
        asked_.push_back(topic);
    }
    return asked_;
}

void TopicsInUse::on_answered(Instant now) {
    std::size_t partitions = 0;
    std::size_t topics = 0;
    for (Topic* topic : asked_) {
        partitions += topic->partitions.size();
        topics += !topic->partitions.empty();
        if (!topic->pending || topic->asked != Topic::Asked::in_turn) continue;
        move(*topic, Topic::Asked::again);
    }
    if (topics != 0) partitions_guess_ = static_cast<std::uint32_t>(partitions / topics);
    asked_.clear();
    if (again_.empty()) {
        backoff_.reset();
        again_at_ = Instant::never();
    } else if (again_at_.is_never()) {
        again_at_ = now + backoff_.next(prng_);
    }
}

void TopicsInUse::on_failed() {
    for (Topic* topic : asked_) want(*topic);
    asked_.clear();
}

}  // namespace ringpost::produce
