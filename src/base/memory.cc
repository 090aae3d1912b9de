// SPDX-License-Identifier: Apache-2.0
// mimalloc behind two functions. Under a sanitizer the C library's allocator stands in, so that an
// overrun of a block, or a race for one, is seen.
#include "base/memory.h"

#include <algorithm>
#include <cstdlib>

#include "base/assert.h"
#include "base/sanitized.h"

#ifndef RINGPOST_SANITIZED
#include <mimalloc.h>
#endif

namespace ringpost {

void* allocate(std::size_t bytes, std::size_t alignment) noexcept {
    if (bytes == 0) bytes = 1;
#ifdef RINGPOST_SANITIZED
    void* p = nullptr;
    if (alignment < sizeof(void*)) alignment = sizeof(void*);
    return posix_memalign(&p, alignment, bytes) == 0 ? p : nullptr;
#else
    // mimalloc 2.0 aligns blocks of 256, 512 and 1024 bytes to less than it is asked for.
    if (alignment >= 256) bytes = std::max<std::size_t>(bytes, 1025);
    return mi_malloc_aligned(bytes, alignment);
#endif
}

void deallocate(void* memory) noexcept {
#ifdef RINGPOST_SANITIZED
    std::free(memory);
#else
    mi_free(memory);
#endif
}

void out_of_memory() noexcept { assert_failed(__FILE__, __LINE__, "memory for set-up"); }

}  // namespace ringpost
