// SPDX-License-Identifier: Apache-2.0
// Signal as a model, every interleaving of which is walked. It mirrors prepare, cancel, wait and
// notify of src/shard/wakeup.{h,cc}, and wait_for of src/api/wait.h. Whoever changes one of these
// changes this as well.
#include <gtest/gtest.h>

#include "state_search.h"

namespace ringpost::shard {
namespace {

struct Variant {
    bool prepare_fence = true;
    bool notify_fence = true;
    bool look_after_prepare = true;   ///< false: the condition is looked at before prepare
    bool word_before_look = true;     ///< false: the word is read after the look
    bool word_moves = true;           ///< wake_all counts the word up before it wakes
};

enum Place : std::uint8_t { condition, word, waiters, place_count };

/// Two callers wait, one for the first thing and one for the second that a shard makes true.
struct Model {
    enum ShardStep : std::uint8_t { make_true, fence, look_waiters, move_word, wake_all };
    enum CallerStep : std::uint8_t {
        look_early, count_in, read_word, caller_fence, look, read_word_late, futex_compare, asleep,
        count_out, done_count_out, done
    };
    struct Caller {
        std::uint8_t step = count_in;
        std::uint8_t seen = 0;
    };

    std::array<std::uint8_t, place_count> memory{};
    std::array<StoreBuffer, 3> buffers{};   ///< the shard's, then the callers'
    std::uint8_t step_ = make_true;
    std::uint8_t made = 0;
    std::array<Caller, 2> callers{};

    template <typename Visit>
    void step(unsigned thread, const Variant& v, const Visit& visit) const {
        if (thread == 0) {
            shard_step(v, visit);
        } else {
            caller_step(thread - 1, v, visit);
        }
    }

    template <typename Visit>
    void shard_step(const Variant& v, const Visit& visit) const {
        Model next = *this;
        StoreBuffer& buffer = next.buffers[0];
        const auto go = [&](ShardStep step) {
            next.step_ = step;
            visit(next);
        };
        switch (step_) {
            case make_true:
                if (made == 2 || buffer.full()) return;
                buffer.store(condition, ++next.made);
                return go(fence);
            case fence:
                if (v.notify_fence && !buffer.empty()) return;
                return go(look_waiters);
            case look_waiters: return go(buffer.load(waiters, memory) == 0 ? make_true : move_word);
            case move_word:
                if (v.word_moves) {
                    // Its order is release: what was stored before is visible first.
                    if (!buffer.empty()) return;
                    ++next.memory[word];
                }
                return go(wake_all);
            default:
                for (Caller& caller : next.callers) {
                    if (caller.step == asleep) caller.step = count_out;
                }
                return go(make_true);
        }
    }

    template <typename Visit>
    void caller_step(unsigned number, const Variant& v, const Visit& visit) const {
        Model next = *this;
        Caller& caller = next.callers[number];
        StoreBuffer& buffer = next.buffers[1 + number];
        const auto holds = [&] { return buffer.load(condition, memory) > number; };
        const auto go = [&](CallerStep step) {
            caller.step = step;
            visit(next);
        };
        const auto added = [&](int delta, CallerStep step) {
            if (buffer.full()) return;
            buffer.add(waiters, static_cast<std::uint8_t>(delta));
            go(step);
        };
        const CallerStep again = v.look_after_prepare ? count_in : look_early;
        switch (caller.step) {
            case look_early: return go(holds() ? done : count_in);
            case count_in: return added(1, v.word_before_look ? read_word : caller_fence);
            case read_word:
                caller.seen = buffer.load(word, memory);
                return go(caller_fence);
            case caller_fence:
                if (v.prepare_fence && !buffer.empty()) return;
                return go(v.look_after_prepare ? look : futex_compare);
            case look:
                return go(holds() ? done_count_out : v.word_before_look ? futex_compare
                                                                        : read_word_late);
            case read_word_late:
                caller.seen = buffer.load(word, memory);
                return go(futex_compare);
            case futex_compare: return go(memory[word] == caller.seen ? asleep : count_out);
            case count_out: return added(-1, again);
            case done_count_out: return added(-1, done);
            default: return;  // asleep until woken, or done
        }
    }

    bool bad_end(const Variant&) const {
        for (const Caller& caller : callers) {
            if (caller.step != done) return true;
        }
        return memory[waiters] != 0;
    }
};

SearchResult search(const Variant& variant, StopAt stop_at = StopAt::the_end) {
    Model start;
    if (!variant.look_after_prepare) {
        for (auto& caller : start.callers) caller.step = Model::look_early;
    }
    return shard::search(start, variant, stop_at);
}

TEST(SignalModel, NoInterleavingLeavesACallerAsleepWhenWhatItWaitsForIsTrue) {
    const SearchResult result = search({});
    EXPECT_GT(result.states, 1000U);
    EXPECT_GT(result.ends, 0U);
    EXPECT_EQ(result.bad_ends, 0U);
}

TEST(SignalModel, WithoutTheFenceInPrepareACallerSleepsForEver) {
    EXPECT_GT(search({.prepare_fence = false}, StopAt::first_bad_end).bad_ends, 0U);
}

TEST(SignalModel, WithoutTheFenceInNotifyACallerSleepsForEver) {
    EXPECT_GT(search({.notify_fence = false}, StopAt::first_bad_end).bad_ends, 0U);
}

TEST(SignalModel, WithTheLookBeforePrepareACallerSleepsForEver) {
    EXPECT_GT(search({.look_after_prepare = false}, StopAt::first_bad_end).bad_ends, 0U);
}

TEST(SignalModel, WithTheWordReadAfterTheLookACallerSleepsForEver) {
    EXPECT_GT(search({.word_before_look = false}, StopAt::first_bad_end).bad_ends, 0U);
}

TEST(SignalModel, WithAWordThatStaysACallerSleepsForEver) {
    EXPECT_GT(search({.word_moves = false}, StopAt::first_bad_end).bad_ends, 0U);
}

}  // namespace
}  // namespace ringpost::shard
