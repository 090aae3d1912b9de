// SPDX-License-Identifier: Apache-2.0
// Where a record goes that names no partition: the caller's half hashes the key, the shard's half
// (Chooser) knows the partitions.
#pragma once

#include <cstdint>

#include <ringpost/options.h>
#include <ringpost/partitioner.h>

#include "base/hash.h"
#include "base/sha1.h"
#include "wire/partition_hash.h"

namespace ringpost::produce {

/// What the caller's half goes by: an own partitioner is asked in the shard, where those records
/// come that no hash in their entry places.
inline Partitioner effective(const Options& options) {
    if (options.own_partitioner != nullptr) return Partitioner::sticky;
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
    own,          ///< as Options::own_partitioner says
};

inline Unhashed unhashed_by(const Options& options) {
    if (options.own_partitioner != nullptr) return Unhashed::own;
    switch (effective(options)) {
        case Partitioner::random: return Unhashed::random;
        case Partitioner::round_robin: return Unhashed::round_robin;
        case Partitioner::hashing: return Unhashed::sha1;
        case Partitioner::xxhash: return Unhashed::xxhash;
        default: return Unhashed::sticky;
    }
}

/// Whether there is no place for a record without a key.
constexpr bool needs_key(Partitioner partitioner) { return partitioner == Partitioner::hashing; }

/// Whether a hash places a record without a key, too.
constexpr bool places_unkeyed(Partitioner partitioner) {
    return partitioner == Partitioner::consistent || partitioner == Partitioner::fnv1a;
}

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

/// The key's hash modulo `count`, which is not zero; -1 if this machine has no such hash.
inline std::int32_t key_modulo(KeyHash hash, ByteSpan key, std::uint32_t count, Sha1* sha1) {
    const auto modulo = [count](std::uint64_t n) { return static_cast<std::int32_t>(n % count); };
    switch (hash) {
        case KeyHash::murmur2: return modulo(wire::to_positive(wire::murmur2(key)));
        case KeyHash::crc32: return modulo(wire::crc32(key));
        case KeyHash::fnv1a: return modulo(wire::absolute(wire::fnv1a(key)));
        case KeyHash::xxhash: return modulo(xxh64(key));
        case KeyHash::sha1: {
            Sha1::Digest digest;
            if (!sha1->digest(key, digest)) return -1;
            return static_cast<std::int32_t>(wire::remainder(digest, count));
        }
    }
    return -1;
}

}  // namespace ringpost::produce
