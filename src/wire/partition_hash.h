// SPDX-License-Identifier: Apache-2.0
// The hashes that Kafka clients place keyed records by. Same key, same partition, whichever client.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>

#include "base/bytes.h"

namespace ringpost::wire {

/// Kafka's murmur2: 32 bits, seed 0x9747b28c, tail bytes unsigned. The Java client's, and
/// librdkafka's `murmur2` and `murmur2_random`.
inline std::uint32_t murmur2(ByteSpan key) {
    constexpr std::uint32_t m = 0x5bd1e995;
    const std::byte* p = key.data();
    std::size_t left = key.size();
    std::uint32_t h = 0x9747b28c ^ static_cast<std::uint32_t>(left);
    for (; left >= 4; left -= 4, p += 4) {
        std::uint32_t k = 0;
        std::memcpy(&k, p, sizeof k);
        k *= m;
        k ^= k >> 24;
        h = (h * m) ^ (k * m);
    }
    if (left >= 3) h ^= static_cast<std::uint32_t>(p[2]) << 16;
    if (left >= 2) h ^= static_cast<std::uint32_t>(p[1]) << 8;
    if (left >= 1) h = (h ^ static_cast<std::uint32_t>(p[0])) * m;
    h ^= h >> 13;
    h *= m;
    return h ^ (h >> 15);
}

/// What Java makes of a murmur2 before it takes the remainder.
inline std::uint32_t to_positive(std::uint32_t hash) { return hash & 0x7fff'ffff; }

/// FNV-1a of 32 bits: librdkafka's `fnv1a`, and Sarama's default.
std::uint32_t fnv1a(ByteSpan key);
/// abs() of a hash taken as a signed number. INT32_MIN gives 2^31, where abs() would overflow.
std::uint32_t absolute(std::uint32_t hash);

/// zlib's CRC-32: librdkafka's `consistent` and `consistent_random` (its default).
std::uint32_t crc32(ByteSpan key);

/// A number of any length, its most significant byte first, modulo `divisor` (not zero): what
/// pykafka's hashing makes of a SHA-1.
std::uint32_t remainder(ByteSpan number, std::uint32_t divisor);

}  // namespace ringpost::wire
