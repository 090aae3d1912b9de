// SPDX-License-Identifier: Apache-2.0
#include "base/memory.h"

#include <dlfcn.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <cstring>
#include <string>

#include "base/limits.h"

namespace ringpost {
namespace {

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr bool sanitized = true;
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
constexpr bool sanitized = true;
#else
constexpr bool sanitized = false;
#endif
#else
constexpr bool sanitized = false;
#endif

/// The file that the program's calls of `symbol` end up in.
std::string home_of(const char* symbol) {
    void* address = dlsym(RTLD_DEFAULT, symbol);
    Dl_info info{};
    if (address == nullptr || dladdr(address, &info) == 0) return "nowhere";
    return info.dli_fname;
}

TEST(Memory, GivesAlignedMemoryThatCanBeWrittenToItsEnd) {
    for (std::size_t alignment = 1; alignment <= (2U << 20); alignment *= 2) {
        for (const std::size_t bytes :
             {std::size_t{1}, std::size_t{100}, alignment, alignment + 1, 3 * alignment}) {
            void* p = allocate(bytes, alignment);
            ASSERT_NE(p, nullptr);
            EXPECT_EQ(reinterpret_cast<std::uintptr_t>(p) % alignment, 0U);
            std::memset(p, 0x77, bytes);
            deallocate(p);
        }
    }
}

TEST(Memory, NothingHasAnAddressOfItsOwn) {
    void* a = allocate(0, 8);
    void* b = allocate(0, 8);
    EXPECT_NE(a, nullptr);
    EXPECT_NE(a, b);
    deallocate(a);
    deallocate(b);
    deallocate(nullptr);
}

TEST(Memory, AnswersNullWhenThereIsNone) {
    if (sanitized) GTEST_SKIP() << "a sanitizer ends the program for such a request";
    EXPECT_EQ(allocate(std::size_t{1} << 62, 128), nullptr);
    const Block block(std::size_t{1} << 62, 128);
    EXPECT_FALSE(block);
    EXPECT_EQ(block.size(), 0U);
    EXPECT_TRUE(block.span().empty());
}

TEST(Memory, ABlockMovesWithItsMemory) {
    Block a(100, 64);
    std::byte* memory = a.data();
    Block b(std::move(a));
    EXPECT_EQ(b.data(), memory);
    EXPECT_EQ(b.size(), 100U);
    EXPECT_FALSE(a);  // NOLINT: moved from, and empty by contract
    Block c(10, 8);
    c = std::move(b);
    EXPECT_EQ(c.data(), memory);
    EXPECT_FALSE(Block{});
}

TEST(Memory, AVectorGrowsInIt) {
    Vector<std::uint64_t> numbers;
    for (std::uint64_t i = 0; i < 100'000; ++i) numbers.push_back(i);
    EXPECT_EQ(numbers[99'999], 99'999U);
}

TEST(MemoryDeath, AVectorThatCanNotGrowAborts) {
    if (sanitized) GTEST_SKIP() << "a sanitizer ends the program for such a request";
    EXPECT_DEATH(Allocator<std::uint64_t>{}.allocate(SIZE_MAX / 4), "memory for set-up");
    EXPECT_DEATH(Allocator<std::uint64_t>{}.allocate(std::size_t{1} << 58), "memory for set-up");
}

// mimalloc's library also exports malloc and operator new; linked carelessly it would take over
// the allocator of every program that embeds ours.
TEST(Memory, TheProgramKeepsItsOwnMallocAndOperatorNew) {
    if (sanitized) GTEST_SKIP() << "a sanitizer brings a malloc of its own";
    void* ours = allocate(100, 8);
    ASSERT_NE(home_of("mi_malloc_aligned").find("mimalloc"), std::string::npos)
        << "mimalloc is not even there, so this test shows nothing";
    for (const char* symbol : {"malloc", "free", "calloc", "realloc", "posix_memalign"}) {
        EXPECT_NE(home_of(symbol).find("libc.so"), std::string::npos) << symbol << " is in "
                                                                      << home_of(symbol);
    }
    for (const char* symbol : {"_Znwm", "_ZdlPv"}) {
        EXPECT_NE(home_of(symbol).find("libstdc++"), std::string::npos)
            << symbol << " is in " << home_of(symbol);
    }
    deallocate(ours);
}

}  // namespace
}  // namespace ringpost
