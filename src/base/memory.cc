// SPDX-License-Identifier: Apache-2.0
// mimalloc behind two functions. Under a sanitizer the C library's allocator stands in, so that an
// overrun of a block, or a race for one, is seen.
#include "base/memory.h"

#include <algorithm>
#include <cstdlib>

#include "base/assert.h"

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__) || defined(__SANITIZE_THREAD__)
#define RINGPOST_PLAIN_MALLOC 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define RINGPOST_PLAIN_MALLOC 1
#endif
#endif
#ifndef RINGPOST_PLAIN_MALLOC
#include <mimalloc.h>
#endif

namespace ringpost {

void* allocate(std::size_t bytes, std::size_t alignment) noexcept {
    if (bytes == 0) bytes = 1;
#ifdef RINGPOST_PLAIN_MALLOC
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
#ifdef RINGPOST_PLAIN_MALLOC
    std::free(memory);
#else
    mi_free(memory);
#endif
}

void out_of_memory() noexcept { assert_failed(__FILE__, __LINE__, "memory for set-up"); }

}  // namespace ringpost
