// SPDX-License-Identifier: Apache-2.0
// One counted run of one client, in a process of its own.
#pragma once

#include <cstdint>
#include <string>

#include "kernel_counts.h"

namespace ringpost::bench {

struct CountedWork {
    std::string client;            ///< ringpost, ringpost-inline or librdkafka
    std::string brokers;
    std::uint64_t warm_up = 2'000'000;  ///< until all rings have been gone round
    std::uint64_t records = 4'000'000;
    std::uint64_t burst = 0;       ///< if set: so many at once, the next ones after their reports
    double idle_s = 0;             ///< instead: count what so long an idleness takes
    bool waiting_record = false;   ///< idle but for one record, which nobody takes
};

/// What was counted: a million records, or of the whole idleness.
Counts count_client(const CountedWork& work, const KernelCounts& counter);

}  // namespace ringpost::bench
