// SPDX-License-Identifier: Apache-2.0
// How often this process has asked an allocator for memory, and locked a mutex.
#pragma once

#include <cstdint>

namespace ringpost::bench {

struct AllocatorCounts {
    std::uint64_t allocations = 0;
    std::uint64_t locks = 0;
};

/// Since the process began; allocates nothing. Thread: any.
AllocatorCounts allocator_counts();

}  // namespace ringpost::bench
