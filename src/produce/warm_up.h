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

/// Thread: one. Borrows everything.
class WarmUp {
public:
    WarmUp(const Config& config, Cluster& cluster, Housekeeping& housekeeping,
           const ProducerIdentity& identity)
        : config_(config), cluster_(cluster), housekeeping_(housekeeping), identity_(identity) {}

    /// Asks for the topics, which the cluster view has, and for what was refused before.
    void begin(std::span<const std::uint32_t> topics, Instant now);
    /// Wants whatever is missing, and names the first of it. To be called again after every event.
    Obstacle look(std::span<const std::uint32_t> topics, Instant now);

private:
    Obstacle look_at_topic(Topic& topic, Instant now);
    Obstacle look_at_leaders(const Topic& topic, Instant now);
    Errc why_no_answer() const;

    const Config& config_;
    Cluster& cluster_;
    Housekeeping& housekeeping_;
    const ProducerIdentity& identity_;
};

}  // namespace ringpost::produce
