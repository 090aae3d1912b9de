// SPDX-License-Identifier: Apache-2.0
// Every interleaving of a few small threads over a weak memory: for the proofs that no wake-up is
// lost. A model is a plain struct of bytes with a step function for each thread.
#pragma once

#include <array>
#include <cstdint>
#include <cstring>
#include <string>
#include <unordered_set>
#include <vector>

namespace ringpost::shard {

/// What a thread has written and others can't see yet.
///
/// Weaker than x86 (TSO): stores to different places may become visible in any order, and a relaxed
/// read-modify-write whose result nobody uses (`add`) waits here as well. Only stores to one place
/// keep their order. A seq_cst fence, and a read-modify-write with an order of its own, wait until
/// the buffer is empty.
struct StoreBuffer {
    struct Entry {
        std::uint8_t place;
        std::uint8_t value;
        std::uint8_t is_add;
    };
    std::uint8_t count = 0;
    std::array<Entry, 6> entries{};

    bool empty() const { return count == 0; }
    bool full() const { return count == entries.size(); }
    void store(std::uint8_t place, std::uint8_t value) { entries[count++] = {place, value, 0}; }
    void add(std::uint8_t place, std::uint8_t delta) { entries[count++] = {place, delta, 1}; }

    /// The oldest entry of its place: the only one of that place which may leave.
    bool may_leave(std::uint8_t i) const {
        for (std::uint8_t j = 0; j < i; ++j) {
            if (entries[j].place == entries[i].place) return false;
        }
        return true;
    }
    template <typename Memory>
    void leave(std::uint8_t i, Memory& memory) {
        const Entry e = entries[i];
        memory[e.place] = static_cast<std::uint8_t>(e.is_add ? memory[e.place] + e.value : e.value);
        for (; i + 1 < count; ++i) entries[i] = entries[i + 1];
        entries[--count] = {};
    }
    /// What the thread itself reads there.
    template <typename Memory>
    std::uint8_t load(std::uint8_t place, const Memory& memory) const {
        std::uint8_t value = memory[place];
        for (std::uint8_t i = 0; i < count; ++i) {
            if (entries[i].place != place) continue;
            value = static_cast<std::uint8_t>(entries[i].is_add ? value + entries[i].value
                                                                : entries[i].value);
        }
        return value;
    }
};

struct SearchResult {
    std::size_t states = 0;
    std::size_t ends = 0;      ///< states in which no thread can go on
    std::size_t bad_ends = 0;
};

enum class StopAt : std::uint8_t { the_end, first_bad_end };

/// Walks every state that can be reached from `start`.
///
/// `State` is trivially copyable without padding, has `memory`, `buffers`, and for each thread
///   template <typename Visit> void step(unsigned thread, const Variant&, const Visit&) const
/// which calls `visit(next)` for each way in which the thread can take its next step, and
///   bool bad_end(const Variant&) const
/// for a state in which none can.
template <typename State, typename Variant>
SearchResult search(const State& start, const Variant& variant,
                    StopAt stop_at = StopAt::the_end) {
    static_assert(std::has_unique_object_representations_v<State>);
    const auto key = [](const State& s) {
        return std::string(reinterpret_cast<const char*>(&s), sizeof s);
    };
    SearchResult result;
    std::unordered_set<std::string> seen{key(start)};
    std::vector<State> open{start};
    while (!open.empty()) {
        const State state = open.back();
        open.pop_back();
        ++result.states;
        bool stuck = true;
        const auto visit = [&](const State& next) {
            stuck = false;
            if (seen.insert(key(next)).second) open.push_back(next);
        };
        for (unsigned thread = 0; thread < state.buffers.size(); ++thread) {
            for (std::uint8_t i = 0; i < state.buffers[thread].count; ++i) {
                if (!state.buffers[thread].may_leave(i)) continue;
                State next = state;
                next.buffers[thread].leave(i, next.memory);
                visit(next);
            }
            state.step(thread, variant, visit);
        }
        if (!stuck) continue;
        ++result.ends;
        result.bad_ends += state.bad_end(variant);
        if (result.bad_ends != 0 && stop_at == StopAt::first_bad_end) break;
    }
    return result;
}

}  // namespace ringpost::shard
