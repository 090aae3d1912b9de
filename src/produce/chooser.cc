// SPDX-License-Identifier: Apache-2.0
// Choosing for records whose hash does not stand in their entries.
#include "produce/chooser.h"

#include "produce/node.h"
#include "wire/partition_hash.h"

namespace ringpost::produce {

namespace {

/// Null where the record has none, as the public API has it.
Bytes key_of(const Entry& entry) {
    bool is_null = false;
    const ByteSpan key = wire::key_of_tail({entry.tail(), entry.tail_size()}, is_null);
    return is_null ? Bytes{} : Bytes{key};
}

}  // namespace

std::uint32_t Chooser::choose_unhashed(Topic& topic, const Entry& entry, Instant now) {
    stuck_ = false;
    switch (config_.unhashed) {
        case Unhashed::sticky: return sticky(topic, entry, now);
        case Unhashed::random: return led(topic, [&] { return prng_.next(); });
        case Unhashed::round_robin: return led(topic, [&] { return topic.turn++; });
        case Unhashed::sha1: return by_hash(KeyHash::sha1, topic, entry, now);
        case Unhashed::xxhash: return by_hash(KeyHash::xxhash, topic, entry, now);
        case Unhashed::own: return by_own(topic, entry, now);
    }
    return nowhere;
}

std::uint32_t Chooser::by_hash(KeyHash hash, Topic& topic, const Entry& entry, Instant now) {
    const Bytes key = key_of(entry);
    if (key.is_null()) return hash == KeyHash::sha1 ? nowhere : sticky(topic, entry, now);
    Sha1* const sha1 = sha1_ ? &*sha1_ : nullptr;
    const std::int32_t index = key_modulo(hash, key.bytes(), topic.partition_count, sha1);
    return index < 0 ? nowhere : static_cast<std::uint32_t>(index);
}

std::uint32_t Chooser::by_own(Topic& topic, const Entry& entry, Instant now) {
    const std::int32_t answer = config_.own->choose({.topic = topic.name,
                                                     .key = key_of(entry),
                                                     .partition_count = topic.partition_count,
                                                     .led = topic.with_leader,
                                                     .random = prng_.next(),
                                                     .sha1 = &*sha1_});
    if (answer == any_partition) return sticky(topic, entry, now);
    // What is negative is too large, too.
    const auto index = static_cast<std::uint32_t>(answer);
    return index < topic.partition_count ? index : nowhere;
}

std::uint32_t Chooser::sticky(Topic& topic, const Entry& entry, Instant now) {
    stuck_ = true;
    return sticky_.place(topic, entry.tail_size(), now);
}

void Chooser::take_back(Topic& topic, const Entry& entry) {
    const bool unhashed = entry.partition < 0 && !entry.is_hashed();
    const bool stuck = config_.unhashed == Unhashed::sticky || stuck_;
    if (unhashed && stuck) sticky_.take_back(topic, entry.tail_size());
}

void Chooser::on_sealed(const Partition& partition, const Batch& batch) {
    sticky_.on_sealed(partition, batch);
    if (config_.own == nullptr) return;
    config_.own->on_batch_sealed(partition.topic->name, partition.index);
}

/// Of the partitions with a leader that of the next number, counted round, or the first among the
/// next few that is not full. Of all, if none is led.
template <typename Next>
std::uint32_t Chooser::led(const Topic& topic, Next&& next) {
    const auto& choices = topic.with_leader;
    if (choices.empty()) return static_cast<std::uint32_t>(next() % topic.partition_count);
    std::uint32_t choice = 0;
    for (int tries = 0; tries < 16; ++tries) {
        choice = static_cast<std::uint32_t>(choices[next() % choices.size()]);
        if (!is_full(*topic.partitions[choice])) break;
    }
    return choice;
}

}  // namespace ringpost::produce
