// SPDX-License-Identifier: Apache-2.0
// The times of an open loop, and the one loop that all clients are driven by.
#pragma once

#include <time.h>

#include <algorithm>
#include <cstdint>
#include <vector>

#include "open_loop.h"

namespace ringpost::bench {

inline std::int64_t now_ns() {
    timespec t{};
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1'000'000'000LL + t.tv_nsec;
}

/// Keeps when each message was to be sent, and when it was; no schedule gives way to what is slow.
class Generator {
public:
    explicit Generator(const Slice& slice)
        : gap_ns_(slice.rate > 0 ? 1e9 / slice.rate : 0), called_(calls_kept),
          length_ns_(static_cast<std::int64_t>(slice.seconds * 1e9)) {}

    /// From now on the clock runs; what came before was to warm up.
    void begin() { begin_ns_ = now_ns(); }

    std::int64_t next_ns() const { return intended(sent_); }
    bool over() const { return sent_ != 0 && next_or_now() >= begin_ns_ + length_ns_; }
    bool due(std::int64_t now) const { return next_ns() <= now; }
    bool unanswered() const { return answered_ < sent_; }
    std::uint64_t sent() const { return sent_; }

    /// Before the first attempt to send the next one.
    void on_attempt() {
        if (attempted_ == sent_ + 1) return;
        attempted_ = sent_ + 1;
        called_[sent_ % calls_kept] = now_ns();
    }
    void on_sent() {
        latencies_.late.record(called_[sent_ % calls_kept] - next_ns());
        ++sent_;
    }
    void on_answer(std::uint64_t index, bool ok, std::int64_t now) {
        latencies_.open.record(now - intended(index));
        latencies_.closed.record(now - called_[index % calls_kept]);
        latencies_.failed += !ok;
        ++answered_;
        last_ns_ = now;
    }
    void on_turn(std::int64_t ns) { latencies_.turn.record(ns); }

    Latencies take() {
        latencies_.achieved = static_cast<double>(answered_) * 1e9 /
                              static_cast<double>(std::max<std::int64_t>(last_ns_ - begin_ns_, 1));
        return std::move(latencies_);
    }

private:
    /// More than any client here has unanswered.
    static constexpr std::size_t calls_kept = 1 << 18;

    std::int64_t intended(std::uint64_t index) const {
        return begin_ns_ + static_cast<std::int64_t>(gap_ns_ * static_cast<double>(index));
    }
    std::int64_t next_or_now() const { return gap_ns_ > 0 ? next_ns() : now_ns(); }

    double gap_ns_;
    std::vector<std::int64_t> called_;
    std::int64_t length_ns_;
    std::int64_t begin_ns_ = 0;
    std::int64_t last_ns_ = 0;
    std::uint64_t attempted_ = 0;
    std::uint64_t sent_ = 0;
    std::uint64_t answered_ = 0;
    Latencies latencies_;
};

/// A timer's end is late by tens of microseconds; a caller that sleeps wakes up so much before.
inline constexpr std::int64_t wake_before_ns = 80'000;
/// Calls between two looks at the reports, where the generator is behind its times.
inline constexpr int burst_max = 64;

/// `send(index)` returns false where there was no room; `poll(ns)` takes what has come, waiting so
/// long for it.
template <typename Send, typename Poll>
void drive(Generator& generator, Caller caller, const Send& send, const Poll& poll) {
    generator.begin();
    while (!generator.over()) {
        const std::int64_t now = now_ns();
        for (int i = 0; i < burst_max && generator.due(now) && !generator.over(); ++i) {
            generator.on_attempt();
            if (!send(generator.sent())) break;
            generator.on_sent();
        }
        const std::int64_t free_ns = generator.next_ns() - now_ns() - wake_before_ns;
        poll(caller == Caller::sleeps && free_ns > 0 ? free_ns : 0);
    }
    while (generator.unanswered()) poll(caller == Caller::sleeps ? 1'000'000 : 0);
}

}  // namespace ringpost::bench
