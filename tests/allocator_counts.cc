// SPDX-License-Identifier: Apache-2.0
// The allocators and pthread_mutex_lock are replaced by ones that count, in a program that links
// this; not under a sanitizer.
#include "allocator_counts.h"

#include <dlfcn.h>
#include <pthread.h>
#include <threads.h>

#include <atomic>
#include <cstddef>

namespace {

struct Calls {
    std::atomic<std::uint64_t> count{0}, bytes{0};

    void add(std::size_t n) {
        count.fetch_add(1, std::memory_order_relaxed);
        bytes.fetch_add(n, std::memory_order_relaxed);
    }
};
Calls of_c, of_mimalloc;
std::atomic<std::uint64_t> locks{0};

/// The C library's own, behind the one of this program.
template <typename Function>
[[maybe_unused]] Function* next(const char* name) {
    return reinterpret_cast<Function*>(dlsym(RTLD_NEXT, name));
}

}  // namespace

#ifndef RINGPOST_SANITIZED
extern "C" {
void* __libc_malloc(std::size_t);
void* __libc_calloc(std::size_t, std::size_t);
void* __libc_realloc(void*, std::size_t);
void* __libc_memalign(std::size_t, std::size_t);
void __libc_free(void*);

void* malloc(std::size_t n) {
    of_c.add(n);
    return __libc_malloc(n);
}
void* calloc(std::size_t n, std::size_t size) {
    of_c.add(n * size);
    return __libc_calloc(n, size);
}
void* realloc(void* p, std::size_t n) {
    of_c.add(n);
    return __libc_realloc(p, n);
}
void free(void* p) { __libc_free(p); }
// In the place of mimalloc's, for the library's own calls.
void* mi_malloc_aligned(std::size_t n, std::size_t alignment) {
    of_mimalloc.add(n);
    return __libc_memalign(alignment, n);
}
void mi_free(void* p) { __libc_free(p); }

int pthread_mutex_lock(pthread_mutex_t* mutex) {
    static auto* const lock = next<int(pthread_mutex_t*)>("pthread_mutex_lock");
    locks.fetch_add(1, std::memory_order_relaxed);
    return lock(mutex);
}
int mtx_lock(mtx_t* mutex) {
    static auto* const lock = next<int(mtx_t*)>("mtx_lock");
    locks.fetch_add(1, std::memory_order_relaxed);
    return lock(mutex);
}
}
#endif

namespace ringpost {

AllocatorCounts allocator_counts() {
    return {.calls = of_c.count + of_mimalloc.count,
            .bytes = of_c.bytes + of_mimalloc.bytes,
            .library_bytes = of_mimalloc.bytes,
            .library_calls = of_mimalloc.count,
            .locks = locks};
}

}  // namespace ringpost
