// SPDX-License-Identifier: Apache-2.0
// A partitioner of your own, for Options::own_partitioner, and ready-made ones of pykafka's kind.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string_view>

#include <ringpost/error.h>
#include <ringpost/record.h>

namespace ringpost {

class Sha1;

/// A key's hash, as the number that is taken modulo the number of partitions.
enum class KeyHash : std::uint8_t {
    murmur2,  ///< Java's: 31 bits.
    crc32,    ///< librdkafka's `consistent`: 32 bits.
    fnv1a,    ///< librdkafka's and Sarama's: of 32 bits with a sign, the absolute value.
    xxhash,   ///< XXH64 with the seed 0: 64 bits.
    sha1,     ///< pykafka's `hashing`: 160 bits.
};

/// "Nowhere": what OwnPartitioner::choose answers to have the record fail.
inline constexpr std::int32_t no_partition = -2;

/// What is known when a record needs a partition. All of it is borrowed for the call only.
struct [[gnu::visibility("default")]] PartitionQuestion {
    std::string_view topic;
    Bytes key;                          ///< Null: the record has none.
    std::uint32_t partition_count = 0;  ///< At least 1; partitions are 0 to partition_count - 1.
    std::span<const std::int32_t> led;  ///< Partitions that have a leader now; maybe none.
    std::uint64_t random = 0;           ///< Drawn anew for each question.
    Sha1* sha1 = nullptr;               ///< The shard's own, for key_modulo.

    /// The key's hash modulo partition_count; -1 if there is no key.
    std::int32_t key_modulo(KeyHash hash) const noexcept;
};

/// Says where records go that name no partition. It is not asked about those that do.
///
/// Thread: the shard's. Several shards, or producers that were given the same one, may call at the
///         same time: then what it keeps has to stand that. In inline mode: the owner's thread.
/// Blocks: never, or all of the shard's records and connections wait with it. It throws nothing,
///         and calls nothing of the producer that asks.
class [[gnu::visibility("default")]] OwnPartitioner {
public:
    virtual ~OwnPartitioner() = default;

    /// A partition's index, or any_partition: the sticky one. Anything else fails this record, and
    /// no other, with invalid_partition. A record is asked about once its topic is known, in the
    /// order in which its lane produced it; and again, as long as there is no memory for it.
    virtual std::int32_t choose(const PartitionQuestion& question) noexcept = 0;

    /// A batch of the partition takes no more records; the next one begins another.
    virtual void on_batch_sealed(std::string_view /*topic*/, std::int32_t /*partition*/) noexcept {}

protected:
    OwnPartitioner() = default;
    OwnPartitioner(const OwnPartitioner&) = default;
    OwnPartitioner& operator=(const OwnPartitioner&) = default;
};

/// A hash of your own; what is negative counts by its absolute value. May be called by several
/// shards at the same time, and throws nothing.
using KeyHashFunction = std::function<std::int64_t(std::string_view key)>;

/// pykafka's HashingPartitioner with a hash of your own, modulo the number of partitions. A record
/// without a key fails with invalid_partition. The error: there is no function.
[[gnu::visibility("default")]] Result<std::shared_ptr<OwnPartitioner>> hashing_partitioner(
    KeyHashFunction hash);

/// pykafka's GroupHashingPartitioner: each record goes to one of `group_size` neighbouring
/// partitions, drawn at random; the key's hash says which is the first. A record without a key
/// fails with invalid_partition, as any does while the topic has fewer partitions than
/// `group_size`. The error: `group_size` is below 1, or there is no such hash or no function.
[[gnu::visibility("default")]] Result<std::shared_ptr<OwnPartitioner>> group_hashing_partitioner(
    KeyHash hash, std::int64_t group_size);
[[gnu::visibility("default")]] Result<std::shared_ptr<OwnPartitioner>> group_hashing_partitioner(
    KeyHashFunction hash, std::int64_t group_size);

}  // namespace ringpost
