// SPDX-License-Identifier: Apache-2.0
// Topics that metadata is asked for, in the order in which it is.
#pragma once

#include <span>
#include <vector>

#include "base/list.h"
#include "base/prng.h"
#include "broker/backoff.h"
#include "produce/config.h"
#include "produce/partition.h"

namespace ringpost::produce {

/// A question names few enough topics that its answer is a small piece of a turn. First come those
/// that something waits for, then those whose last answer was not all that is needed, then those
/// whose turn it is in a refresh of all, the longest not asked for first.
///
/// Thread:    one. Borrows the topics.
/// Bounds:    Config::turn_items_max topics and partitions a question, or one topic alone.
/// Allocates: never, once there was a question of that size.
class TopicsInUse {
public:
    TopicsInUse(const Config& config, Prng& prng);

    bool empty() const { return size() == 0; }
    std::size_t size() const { return first_.size() + again_.size() + in_turn_.size(); }

    /// The topic is new, or what is known of it is wrong: it goes first. One that has been asked
    /// for in vain waits all the same.
    void want(Topic& topic);
    /// What is known may be wrong of any of them: a refresh begins.
    void want_all() { refresh_to_ = question_; }

    /// When the next question is due.
    Instant question_at() const;
    /// Whether it has anything to ask. Topics whose turn it is, and that were not used for
    /// metadata.max.idle.ms and have no batches, are `unknown` and not in use any more.
    enum class Due : std::uint8_t { no, yes, look_again };
    Due look(Instant now);
    /// The topics to ask for now. Valid until on_answered or on_failed.
    std::span<Topic* const> next_question(Instant now);
    /// Each topic of the question is no longer `pending`, or is asked for again, after a wait.
    void on_answered(Instant now);
    /// Nothing came of the question: the same is asked again.
    void on_failed();

private:
    using Topics = List<Topic, &Topic::use_hook>;

    Topics& list_of(Topic::Asked when);
    void move(Topic& topic, Topic::Asked when);
    bool forget(Topic& topic, Instant now);
    void note_times(Instant now);
    Topic* next_due() const;
    std::uint32_t items(const Topic& topic) const;

    const Config& config_;
    Prng& prng_;
    Topics first_, again_, in_turn_;        ///< again_ and in_turn_: by `question`
    std::vector<Topic*> asked_;             ///< the question under way
    std::uint64_t question_ = 0;            ///< the last one's number
    std::uint64_t refresh_to_ = 0;          ///< in_turn_ is due up to this question
    std::uint64_t again_to_ = 0;            ///< again_, likewise
    Instant again_at_ = Instant::never();   ///< when again_ is due as a whole
    broker::Backoff backoff_;
    /// A topic that has no answer yet counts as much as those of the last answer did.
    std::uint32_t partitions_guess_ = 100;
};

}  // namespace ringpost::produce
