// SPDX-License-Identifier: Apache-2.0
// Which partition of its topic a record goes to: the shard's half, which knows the partitions.
#pragma once

#include <cstdint>
#include <optional>

#include "base/prng.h"
#include "base/sha1.h"
#include "produce/config.h"
#include "produce/entry.h"
#include "produce/partition.h"
#include "produce/sticky.h"

namespace ringpost::produce {

/// Thread:    one.
/// Borrows:   the config and the randomness.
/// Allocates: never, once it is made.
class Chooser {
public:
    Chooser(const Config& config, Prng& prng)
        : config_(config), prng_(prng), sticky_(config, prng) {
        if (config.unhashed == Unhashed::sha1 || config.own != nullptr) sha1_.emplace();
    }

    /// The record's own choice, else by its key's hash over all partitions, else one that is led,
    /// or what the own partitioner says. Null: there is no such partition.
    Partition* choose(Topic& topic, const Entry& entry, Instant now) {
        if (is_placed(entry)) return placed(topic, entry);
        if (topic.partition_count == 0) return nullptr;
        std::uint32_t index;
        if (config_.unhashed == Unhashed::sticky) {
            index = sticky_.place(topic, entry.tail_size(), now);
        } else {
            index = choose_unhashed(topic, entry, now);
            if (index == nowhere) return nullptr;
        }
        return topic.partitions[index].get();
    }

    /// Whether the record itself says where it goes: by its number, or its key's hash.
    static bool is_placed(const Entry& entry) { return entry.partition >= 0 || entry.is_hashed(); }
    static Partition* placed(const Topic& topic, const Entry& entry) {
        const std::uint32_t count = topic.partition_count;
        auto index = static_cast<std::uint32_t>(entry.partition);
        if (entry.partition < 0 && count != 0) index = entry.key_hash % count;
        return index < count ? topic.partitions[index].get() : nullptr;
    }

    /// The record has found no memory there, and will be chosen for again.
    void take_back(Topic& topic, const Entry& entry);
    /// The batch takes no more records.
    void on_sealed(const Partition& partition, const Batch& batch);
    /// Whether what may go elsewhere does not go to this node's partitions.
    bool leaves_out(const Node& node, Instant now) const { return sticky_.leaves_out(node, now); }

private:
    static constexpr std::uint32_t nowhere = UINT32_MAX;

    std::uint32_t choose_unhashed(Topic& topic, const Entry& entry, Instant now);
    std::uint32_t by_hash(KeyHash hash, Topic& topic, const Entry& entry, Instant now);
    std::uint32_t by_own(Topic& topic, const Entry& entry, Instant now);
    std::uint32_t sticky(Topic& topic, const Entry& entry, Instant now);
    template <typename Next>
    static std::uint32_t led(const Topic& topic, Next&& next);

    const Config& config_;
    Prng& prng_;
    Sticky sticky_;
    bool stuck_ = false;                 ///< the last record without a hash went by sticky_
    std::optional<Sha1> sha1_;           ///< if it may be asked for
};

}  // namespace ringpost::produce
