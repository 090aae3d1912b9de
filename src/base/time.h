// SPDX-License-Identifier: Apache-2.0
// Strong types for time below the public API: signed 64-bit nanoseconds, never a bare integer.
#pragma once

#include <chrono>
#include <compare>
#include <cstdint>
#include <limits>

namespace ringpost {

/// A span of time in nanoseconds; may be negative.
class Duration {
public:
    constexpr Duration() = default;
    static constexpr Duration ns(std::int64_t n) { return Duration{n}; }
    static constexpr Duration us(std::int64_t n) { return Duration{n * 1'000}; }
    static constexpr Duration ms(std::int64_t n) { return Duration{n * 1'000'000}; }
    static constexpr Duration seconds(std::int64_t n) { return Duration{n * 1'000'000'000}; }
    static constexpr Duration from(std::chrono::nanoseconds d) { return Duration{d.count()}; }

    constexpr std::int64_t count_ns() const { return ns_; }
    constexpr std::int64_t count_us() const { return ns_ / 1'000; }
    constexpr std::int64_t count_ms() const { return ns_ / 1'000'000; }

    constexpr auto operator<=>(const Duration&) const = default;
    constexpr Duration operator+(Duration d) const { return Duration{ns_ + d.ns_}; }
    constexpr Duration operator-(Duration d) const { return Duration{ns_ - d.ns_}; }
    constexpr Duration operator*(std::int64_t n) const { return Duration{ns_ * n}; }
    constexpr Duration operator/(std::int64_t n) const { return Duration{ns_ / n}; }

private:
    constexpr explicit Duration(std::int64_t n) : ns_(n) {}
    std::int64_t ns_ = 0;
};

/// A point on a monotonic clock whose origin means nothing. `never()` lies after every other one.
class Instant {
public:
    constexpr Instant() = default;
    static constexpr Instant from_ns(std::int64_t n) { return Instant{n}; }
    static constexpr Instant never() { return Instant{std::numeric_limits<std::int64_t>::max()}; }

    constexpr std::int64_t count_ns() const { return ns_; }
    constexpr bool is_never() const { return *this == never(); }

    constexpr auto operator<=>(const Instant&) const = default;
    constexpr Duration operator-(Instant t) const { return Duration::ns(ns_ - t.ns_); }
    /// Saturates at `never()`, so that an unlimited wait can be written as a huge duration.
    constexpr Instant operator+(Duration d) const {
        std::int64_t sum = 0;
        if (__builtin_add_overflow(ns_, d.count_ns(), &sum)) return never();
        return Instant{sum};
    }

private:
    constexpr explicit Instant(std::int64_t n) : ns_(n) {}
    std::int64_t ns_ = 0;
};

}  // namespace ringpost
