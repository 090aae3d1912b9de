// SPDX-License-Identifier: Apache-2.0
// Getting everything ready that a topic's first record would else have to wait for.
#pragma once

#include <span>
#include <string>

#include "produce/cluster.h"
#include "produce/config.h"
#include "produce/housekeeping.h"
#include "produce/sequence.h"

namespace ringpost::produce {

/// What is still missing.
struct Obstacle {
    Errc error = Errc::none;   ///< what was last met; none: nothing yet but time
    std::string where;         ///< a topic, a broker, the producer id; empty: nothing is missing
    bool is_final = false;     ///< the cluster has refused: no use in waiting

    bool any() const { return !where.empty(); }
};

/// A look at all topics of a warm-up, which may take more than one turn.
struct WarmUpLook {
    std::size_t topic = 0;         ///< how far it has come
    std::uint32_t partition = 0;
    Obstacle first;                ///< at its end: what is missing
    bool ended = false;            ///< begins anew if there are news, or at `again_at`
    Instant again_at;              ///< or its topics would be forgotten
    std::uint64_t news = 0;        ///< ProducerCore's, at its beginning

    bool at_beginning() const { return topic == 0 && partition == 0; }
};

/// Thread: one. Borrows everything.
class WarmUp {
public:
    WarmUp(const Config& config, Cluster& cluster, Housekeeping& housekeeping,
           const ProducerIdentity& identity)
        : config_(config), cluster_(cluster), housekeeping_(housekeeping), identity_(identity) {}

    /// Asks for the topics, which the cluster view has, and for what was refused before.
    void begin(std::span<const std::uint32_t> topics, Instant now);
    /// Wants whatever is missing, and names the first of it; a bounded number of partitions at a
    /// time. True: the look is at its end. To be done again after every event.
    bool go_on(WarmUpLook& look, std::span<const std::uint32_t> topics, Instant now);

private:
    Obstacle look_at_topic(const Topic& topic) const;
    static void look_at_leader(const Partition& partition, Obstacle& first, Instant now);
    Errc why_no_answer() const;

    const Config& config_;
    Cluster& cluster_;
    Housekeeping& housekeeping_;
    const ProducerIdentity& identity_;
};

}  // namespace ringpost::produce
