// SPDX-License-Identifier: Apache-2.0
// Counts what the shipped code asks of the allocators, the library's and the C++ one.
#pragma once

#include <cstdint>

namespace ringpost::sim {

/// Allocator calls since the start that were made inside of shipped code. Always 0 under a
/// sanitizer, whose allocator is not replaced.
std::uint64_t allocations();

/// What the library holds of its own allocator's memory. Always 0 under a sanitizer.
std::uint64_t library_bytes();

/// For as long as it lives, shipped code runs, or the world's does inside of that. Fibers have
/// their own: a guard stands on the stack of whoever runs.
class Inside {
public:
    explicit Inside(bool inside = true) : before_(inside_) { inside_ = inside; }
    Inside(const Inside&) = delete;
    Inside& operator=(const Inside&) = delete;
    ~Inside() { inside_ = before_; }
    static bool now() { return inside_; }

private:
    static bool inside_;
    bool before_;
};

}  // namespace ringpost::sim
