// SPDX-License-Identifier: Apache-2.0
// A value that one thread publishes again and again, and any may read whole.
#pragma once

#include <array>
#include <atomic>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <type_traits>

namespace ringpost {

/// Copies of the last few values, written in turn: a reader begins again only if, while it copied
/// one, three newer ones have been published. So neither waits for the other, wherever either is
/// interrupted.
///
/// Thread: publish: one; read: any.
template <typename Value>
class Snapshot {
    static_assert(std::is_trivially_copyable_v<Value>);
    static_assert(sizeof(Value) % sizeof(std::uint64_t) == 0);

public:
    void publish(const Value& value) {
        const auto words = std::bit_cast<Words>(value);
        const std::uint64_t next = published_.load(std::memory_order_relaxed) + 1;
        // pairs with the fence in read: who sees a word of this value sees that the one before it
        // had been published
        std::atomic_thread_fence(std::memory_order_release);
        Copy& copy = copies_[next % copies];
        for (std::size_t i = 0; i < words.size(); ++i) {
            copy[i].store(words[i], std::memory_order_relaxed);
        }
        // pairs with the acquire load in read: its words come before
        published_.store(next, std::memory_order_release);
    }

    /// The last value published; a Value{} before the first.
    Value read() const {
        for (;;) {
            const std::uint64_t last = published_.load(std::memory_order_acquire);
            if (last == 0) return {};
            Words words;
            const Copy& copy = copies_[last % copies];
            for (std::size_t i = 0; i < words.size(); ++i) {
                words[i] = copy[i].load(std::memory_order_relaxed);
            }
            // pairs with the fence in publish
            std::atomic_thread_fence(std::memory_order_acquire);
            const std::uint64_t now = published_.load(std::memory_order_relaxed);
            // The copy is written again by the value `last + copies`, once `now` is one less.
            if (now < last + copies - 1) return std::bit_cast<Value>(words);
        }
    }

private:
    static constexpr std::uint64_t copies = 4;
    using Words = std::array<std::uint64_t, sizeof(Value) / sizeof(std::uint64_t)>;
    using Copy = std::array<std::atomic<std::uint64_t>, sizeof(Value) / sizeof(std::uint64_t)>;

    std::array<Copy, copies> copies_{};
    std::atomic<std::uint64_t> published_{0};   ///< how many; the publishing thread
};

}  // namespace ringpost
