// SPDX-License-Identifier: Apache-2.0
// The parking protocol as a model, every interleaving of which is walked. It mirrors, step by step,
// Parking in src/shard/wakeup.h; Shard::park, wait, wake and close in src/shard/shard.{h,cc}; the
// ends of LaneImpl::produce and Shard::request_flush. Whoever changes one changes this as well.
#include <gtest/gtest.h>

#include "state_search.h"

namespace ringpost::shard {
namespace {

/// What the protocol has, and what a broken one lacks.
struct Variant {
    bool shard_fence = true;        ///< in Parking::announce
    bool caller_fence = true;       ///< in Parking::should_wake
    bool recheck = true;            ///< the look at lanes and requests after announce
    bool threshold_first = true;    ///< wake_at is stored before the announcement
    bool wake_is_kept = true;       ///< a wake before the wait ends that wait (Io::wake)
    bool counted_first = true;      ///< a caller is counted before it takes the flag
    bool leaves = false;            ///< the shard may end, at any time
    bool second_asks = false;       ///< the second caller asks for flushes instead
    std::uint8_t records = 2;       ///< that each producing caller publishes
};

enum Place : std::uint8_t {
    tail_0, tail_1, wake_at_0, wake_at_1, parked, asked, wakers, place_count
};

struct Model {
    enum ShardStep : std::uint8_t {
        set_threshold_0, set_threshold_1, announce, fence, set_late_0, set_late_1, look_0, look_1,
        look_asked, asleep, end_after_sleep, end_after_look, wait_without_sleep, drain_0, drain_1,
        take_asked, desert, look_wakers, gone,
    };
    enum CallerStep : std::uint8_t {
        publish, caller_fence, look_parked, look_threshold, count_in, claim, count_in_late, wake,
        count_out
    };
    struct Caller {
        std::uint8_t step = publish;
        std::uint8_t published = 0;
    };

    std::array<std::uint8_t, place_count> memory{};
    std::array<StoreBuffer, 3> buffers{};   ///< the shard's, then the callers'
    std::uint8_t woken = 0;                 ///< Io: a wake that no wait has taken
    std::uint8_t step_ = set_threshold_0;
    std::uint8_t threshold = 0;
    std::array<std::uint8_t, 2> read{};     ///< of each lane
    std::uint8_t asked_taken = 0;
    std::uint8_t found = 0;
    std::uint8_t woke_a_ghost = 0;          ///< a wake after the Io was gone
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
        const auto stored = [&](std::uint8_t place, std::uint8_t value, ShardStep step) {
            if (buffer.full()) return;
            buffer.store(place, value);
            go(step);
        };
        const auto looked = [&](std::uint8_t lane, ShardStep step) {
            const auto tail = static_cast<std::uint8_t>(tail_0 + lane);
            const std::uint8_t published = buffer.load(tail, memory);
            next.found |= published != read[lane] && published >= read[lane] + threshold;
            go(step);
        };
        switch (step_) {
            case set_threshold_0:
                // Any news, or only so much: as a linger decides.
                for (next.threshold = 1; next.threshold <= 2; ++next.threshold) {
                    next.buffers = buffers;
                    next.found = 0;
                    if (!v.threshold_first) {
                        go(announce);
                    } else {
                        stored(wake_at_0, static_cast<std::uint8_t>(read[0] + next.threshold),
                               set_threshold_1);
                    }
                }
                return;
            case set_threshold_1:
                return stored(wake_at_1, static_cast<std::uint8_t>(read[1] + threshold), announce);
            case announce: return stored(parked, 1, fence);
            case fence:
                if (v.shard_fence && !buffer.empty()) return;
                return go(!v.threshold_first ? set_late_0 : v.recheck ? look_0 : asleep);
            case set_late_0:
                return stored(wake_at_0, static_cast<std::uint8_t>(read[0] + threshold),
                              set_late_1);
            case set_late_1:
                return stored(wake_at_1, static_cast<std::uint8_t>(read[1] + threshold),
                              v.recheck ? look_0 : asleep);
            case look_0: return looked(0, look_1);
            case look_1: return looked(1, look_asked);
            case look_asked:
                next.found |= buffer.load(asked, memory) > asked_taken;
                return go(next.found != 0 ? end_after_look : asleep);
            case asleep:
                if (woken == 0) return;
                next.woken = 0;
                return go(end_after_sleep);
            case end_after_sleep: return stored(parked, 0, drain_0);
            case end_after_look: return stored(parked, 0, wait_without_sleep);
            case wait_without_sleep:
                next.woken = 0;
                return go(drain_0);
            case drain_0: next.read[0] = buffer.load(tail_0, memory); return go(drain_1);
            case drain_1: next.read[1] = buffer.load(tail_1, memory); return go(take_asked);
            case take_asked:
                next.asked_taken = buffer.load(asked, memory);
                go(set_threshold_0);
                if (v.leaves) go(desert);
                return;
            case desert:  // seq_cst: after everything that the shard stored before
                if (!buffer.empty()) return;
                next.memory[parked] = 0;
                return go(look_wakers);
            case look_wakers: return go(memory[wakers] == 0 ? gone : desert);
            default: return;
        }
    }

    template <typename Visit>
    void caller_step(unsigned number, const Variant& v, const Visit& visit) const {
        Model next = *this;
        Caller& caller = next.callers[number];
        StoreBuffer& buffer = next.buffers[1 + number];
        const bool asks = v.second_asks && number == 1;
        const CallerStep first_of_turn = v.counted_first ? count_in : claim;
        const auto go = [&](CallerStep step) {
            caller.step = step;
            visit(next);
        };
        const auto tail = asks ? std::uint8_t{asked} : static_cast<std::uint8_t>(tail_0 + number);
        switch (caller.step) {
            case publish:
                if (caller.published == v.records || buffer.full()) return;
                ++caller.published;
                buffer.store(tail, caller.published);
                return go(caller_fence);
            case caller_fence:
                if (v.caller_fence && !buffer.empty()) return;
                return go(asks ? first_of_turn : look_parked);
            case look_parked:
                return go(buffer.load(parked, memory) == 0 ? publish : look_threshold);
            case look_threshold: {
                const auto place = static_cast<std::uint8_t>(wake_at_0 + number);
                return go(caller.published < buffer.load(place, memory) ? publish : first_of_turn);
            }
            // Parking::take_turn. These orders bind threads that read what is written here, and the
            // shard reads neither before it sleeps: nothing makes them wait for the buffer.
            case count_in: ++next.memory[wakers]; return go(claim);
            case claim: {
                const bool was = memory[parked] == 1;
                next.memory[parked] = 0;
                if (!v.counted_first) return go(was ? count_in_late : publish);
                return go(was ? wake : count_out);
            }
            case count_in_late: ++next.memory[wakers]; return go(wake);
            case wake:
                next.woken = v.wake_is_kept || step_ == asleep;
                next.woke_a_ghost |= step_ == gone;
                return go(count_out);
            default:  // release: what the caller did to the Io comes before it
                --next.memory[wakers];
                return go(publish);
        }
    }

    /// The shard sleeps, nobody will wake it, and there is something it wanted to be woken for.
    bool bad_end(const Variant& v) const {
        if (woke_a_ghost != 0 || memory[wakers] != 0) return true;
        if (step_ == gone) return false;
        if (step_ != asleep || woken != 0) return true;  // stuck anywhere else: the model is wrong
        for (unsigned lane = 0; lane < 2; ++lane) {
            if (v.second_asks && lane == 1) continue;
            const std::uint8_t published = memory[tail_0 + lane];
            if (published != read[lane] && published >= read[lane] + threshold) return true;
        }
        return memory[asked] > asked_taken;
    }
};

SearchResult search(const Variant& variant) { return shard::search(Model{}, variant); }

bool goes_wrong(const Variant& variant) {
    return shard::search(Model{}, variant, StopAt::first_bad_end).bad_ends != 0;
}

TEST(ParkingModel, NoInterleavingOfTwoProducersAndAShardLosesAWakeUp) {
    const SearchResult result = search({});
    EXPECT_GT(result.states, 100'000U) << "hardly anything was walked";
    EXPECT_GT(result.ends, 0U);
    EXPECT_EQ(result.bad_ends, 0U);
}

TEST(ParkingModel, NoInterleavingOfAProducerAndAFlushLosesAWakeUp) {
    const SearchResult result = search({.second_asks = true});
    EXPECT_GT(result.ends, 0U);
    EXPECT_EQ(result.bad_ends, 0U);
}

TEST(ParkingModel, WithoutTheShardsFenceAWakeUpIsLost) {
    EXPECT_TRUE(goes_wrong({.shard_fence = false}));
    EXPECT_TRUE(goes_wrong({.shard_fence = false, .second_asks = true}));
}

TEST(ParkingModel, WithoutTheCallersFenceAWakeUpIsLost) {
    EXPECT_TRUE(goes_wrong({.caller_fence = false}));
    EXPECT_TRUE(goes_wrong({.caller_fence = false, .second_asks = true}));
}

TEST(ParkingModel, WithoutTheSecondLookAWakeUpIsLost) {
    EXPECT_TRUE(goes_wrong({.recheck = false}));
    EXPECT_TRUE(goes_wrong({.recheck = false, .second_asks = true}));
}

TEST(ParkingModel, WithThresholdsSetAfterTheAnnouncementAWakeUpIsLost) {
    EXPECT_TRUE(goes_wrong({.threshold_first = false}));
}

TEST(ParkingModel, NoCallerWakesAShardThatIsGone) {
    for (const bool second_asks : {false, true}) {
        const SearchResult result = search({.leaves = true, .second_asks = second_asks});
        EXPECT_GT(result.ends, 0U);
        EXPECT_EQ(result.bad_ends, 0U);
    }
}

TEST(ParkingModel, WithACallerCountedAfterItTookTheFlagAGoneShardIsWoken) {
    EXPECT_TRUE(goes_wrong({.counted_first = false, .leaves = true}));
}

TEST(ParkingModel, WithAWakeThatIsForgottenBeforeTheSleepAWakeUpIsLost) {
    EXPECT_TRUE(goes_wrong({.wake_is_kept = false}));
}

}  // namespace
}  // namespace ringpost::shard
