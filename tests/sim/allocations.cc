// SPDX-License-Identifier: Apache-2.0
// Stands in the place of mimalloc's functions, and of operator new.
#include "allocations.h"

#include <malloc.h>

#include <algorithm>
#include <cstddef>
#include <cstdlib>
#include <new>

#include "base/sanitized.h"

namespace ringpost::sim {

namespace {
std::uint64_t count = 0;
std::uint64_t held = 0;
}  // namespace

bool Inside::inside_ = false;

std::uint64_t allocations() { return count; }
std::uint64_t library_bytes() { return held; }

}  // namespace ringpost::sim

#ifndef RINGPOST_SANITIZED
namespace {

void* counted(std::size_t bytes, std::size_t alignment) {
    alignment = std::max(alignment, alignof(std::max_align_t));
    ringpost::sim::count += ringpost::sim::Inside::now();
    return std::aligned_alloc(alignment, (bytes + alignment - 1) / alignment * alignment);
}

}  // namespace

extern "C" {
void* mi_malloc_aligned(std::size_t bytes, std::size_t alignment) {
    void* const memory = counted(bytes, alignment);
    ringpost::sim::held += malloc_usable_size(memory);
    return memory;
}
void mi_free(void* memory) {
    ringpost::sim::held -= malloc_usable_size(memory);
    std::free(memory);
}
}

void* operator new(std::size_t bytes) {
    void* memory = counted(bytes, 1);
    if (memory == nullptr) std::abort();
    return memory;
}
void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, std::size_t) noexcept { std::free(memory); }
#endif
