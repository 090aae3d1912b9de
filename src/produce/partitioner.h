// SPDX-License-Identifier: Apache-2.0
// Where a record goes that names no partition: the caller's half hashes the key, the shard's half
// (Chooser) knows the partitions.
#pragma once

#include <cstdint>

#include <ringpost/options.h>

#include "wire/partition_hash.h"

namespace ringpost::produce {

/// partitioner and partitioner.ignore.keys in one.
inline Partitioner effective(const Options& options) {
    const Partitioner asked = options.partitioner;
    const bool by_turn = asked == Partitioner::random || asked == Partitioner::round_robin;
    return options.partitioner_ignore_keys && !by_turn ? Partitioner::sticky : asked;
}

/// How the shard places records whose entries have no hash.
enum class Unhashed : std::uint8_t {
    sticky,
    random,
    round_robin,
    sha1,         ///< by a hash of the key, too large for the entry; without a key, nowhere
    xxhash,       ///< likewise; without a key, as sticky
};

constexpr Unhashed unhashed_by(Partitioner partitioner) {
    switch (partitioner) {
        case Partitioner::random: return Unhashed::random;
        case Partitioner::round_robin: return Unhashed::round_robin;
        case Partitioner::hashing: return Unhashed::sha1;
        case Partitioner::xxhash: return Unhashed::xxhash;
        default: return Unhashed::sticky;
    }
}

/// Whether there is no place for a record without a key.
constexpr bool needs_key(Partitioner partitioner) { return partitioner == Partitioner::hashing; }

/// Whether a hash in the entry places the record; then `hash`, modulo the number of partitions, is
/// where. `key` is empty where `is_null`.
inline bool place_by_key(Partitioner partitioner, bool is_null, ByteSpan key,
                         std::uint32_t& hash) {
    switch (partitioner) {
        case Partitioner::murmur2:
            if (is_null) return false;
            hash = wire::to_positive(wire::murmur2(key));
            return true;
        case Partitioner::consistent:
            hash = wire::crc32(key);
            return true;
        case Partitioner::consistent_random:
            if (key.empty()) return false;
            hash = wire::crc32(key);
            return true;
        case Partitioner::fnv1a_random:
            if (is_null) return false;
            [[fallthrough]];
        case Partitioner::fnv1a:
            hash = wire::absolute(wire::fnv1a(key));
            return true;
        case Partitioner::hashing:
        case Partitioner::xxhash:
        case Partitioner::random:
        case Partitioner::round_robin:
        case Partitioner::sticky: return false;
    }
    return false;
}

}  // namespace ringpost::produce
