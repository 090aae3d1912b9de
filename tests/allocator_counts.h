// SPDX-License-Identifier: Apache-2.0
// How often this program has asked an allocator for memory, and locked a mutex: one that is linked
// with allocator_counts.cc.
#pragma once

#include <cstdint>

#include "base/sanitized.h"

namespace ringpost {

struct AllocatorCounts {
    std::uint64_t calls = 0, bytes = 0;  ///< of malloc and its like, and of mimalloc
    std::uint64_t library_bytes = 0;     ///< of mimalloc's: ringpost's own
    std::uint64_t library_calls = 0;
    std::uint64_t locks = 0;
};

/// Since the program began; allocates nothing. Thread: any.
AllocatorCounts allocator_counts();

/// A sanitizer brings an allocator of its own: all counts stay 0.
#ifdef RINGPOST_SANITIZED
constexpr bool counts_allocations = false;
#else
constexpr bool counts_allocations = true;
#endif

}  // namespace ringpost
