// SPDX-License-Identifier: Apache-2.0
// The only source of randomness below the shard: a seeded SplitMix64, handed in by the owner.
#pragma once

#include <cstdint>

namespace ringpost {

/// SplitMix64 (Steele, Lea, Flood 2014): one 64-bit word of state, every seed is good.
/// Not for secrets.
class Prng {
public:
    explicit constexpr Prng(std::uint64_t seed) : state_(seed) {}

    constexpr std::uint64_t next() {
        std::uint64_t z = (state_ += 0x9e3779b97f4a7c15U);
        z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9U;
        z = (z ^ (z >> 27)) * 0x94d049bb133111ebU;
        return z ^ (z >> 31);
    }

    /// Uniform over [0, bound); 0 for a bound of 0. The bias of the multiply-shift is below 2^-32.
    constexpr std::uint32_t below(std::uint32_t bound) {
        return static_cast<std::uint32_t>(((next() >> 32) * bound) >> 32);
    }

private:
    std::uint64_t state_;
};

}  // namespace ringpost
