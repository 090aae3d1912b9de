// SPDX-License-Identifier: Apache-2.0
// One measured run of one shape of cluster and producer, in a process of its own.
#pragma once

#include <cstdint>
#include <string>

namespace ringpost::bench {

struct Shape {
    std::uint32_t brokers = 3;
    std::uint32_t topics = 1;
    std::uint32_t partitions = 24;   ///< of each topic
    std::uint32_t lanes = 1;         ///< a thread each
    std::uint32_t shards = 1;
    /// Records name the partitions of all topics in turn; else topics in turn, and no partition.
    bool named = true;
};

struct Scaled {
    double messages_per_second = 0;
    double cpu_s_per_million = 0;    ///< of all threads, user and system
};

/// `records` of 100 B, shared out to the lanes, after a record to each partition.
Scaled run_shape(const Shape& shape, const std::string& brokers, std::uint64_t records);

}  // namespace ringpost::bench
