// SPDX-License-Identifier: Apache-2.0
// Choosing for records whose hash does not stand in their entries.
#include "produce/chooser.h"

#include "base/hash.h"
#include "wire/partition_hash.h"

namespace ringpost::produce {

std::uint32_t Chooser::choose_unhashed(Topic& topic, const Entry& entry) {
    switch (config_.unhashed) {
        case Unhashed::sticky: return sticky(topic);
        case Unhashed::random: return led(topic, prng_.next());
        case Unhashed::round_robin: return led(topic, topic.turn++);
        case Unhashed::sha1: return by_sha1(topic, entry);
        case Unhashed::xxhash: return by_xxhash(topic, entry);
    }
    return no_partition;
}

namespace {

ByteSpan key_of(const Entry& entry, bool& is_null) {
    return wire::key_of_tail({entry.tail(), entry.tail_size()}, is_null);
}

}  // namespace

std::uint32_t Chooser::by_sha1(const Topic& topic, const Entry& entry) {
    bool is_null = false;
    const ByteSpan key = key_of(entry, is_null);
    Sha1::Digest digest;
    if (is_null || !sha1_->digest(key, digest)) return no_partition;
    return wire::remainder(digest, topic.partition_count);
}

std::uint32_t Chooser::by_xxhash(Topic& topic, const Entry& entry) {
    bool is_null = false;
    const ByteSpan key = key_of(entry, is_null);
    if (is_null) return sticky(topic);
    return static_cast<std::uint32_t>(xxh64(key) % topic.partition_count);
}

std::uint32_t Chooser::sticky(Topic& topic) {
    if (topic.sticky < 0) topic.sticky = static_cast<std::int32_t>(led(topic, prng_.next()));
    return static_cast<std::uint32_t>(topic.sticky);
}

void Chooser::on_sealed(const Partition& partition) {
    if (partition.topic->sticky == partition.index) partition.topic->sticky = -1;
}

/// The `n`th, counted round, of the partitions with a leader; of all, if none has.
std::uint32_t Chooser::led(const Topic& topic, std::uint64_t n) {
    const auto& choices = topic.with_leader;
    if (choices.empty()) return static_cast<std::uint32_t>(n % topic.partition_count);
    return static_cast<std::uint32_t>(choices[n % choices.size()]);
}

}  // namespace ringpost::produce
