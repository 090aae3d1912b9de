// SPDX-License-Identifier: Apache-2.0
#include "shard/placed_memory.h"

#include <gtest/gtest.h>
#include <sys/mman.h>

#include <cerrno>
#include <cstring>

#include "io/raw_peer.h"
#include "memory_seen.h"

namespace ringpost::shard {
namespace {

using io::deny_system_call;
using io::run_in_child;

constexpr std::size_t some_bytes = 8U << 20;
constexpr std::size_t some_pages = some_bytes / huge_page_bytes;
constexpr Placement transparent{.huge_pages = HugePages::transparent};
constexpr Placement on{.huge_pages = HugePages::on};

Result<PlacedMemory> take(const Placement& placement, std::size_t bytes = some_bytes) {
    return PlacedMemory::take(bytes, huge_page_bytes, placement, "buffer.memory");
}
void touch(const PlacedMemory& memory) { std::memset(memory.data(), 1, memory.size()); }

bool is_mapped(const std::byte* address) {
    unsigned char there = 0;
    return ::mincore(const_cast<std::byte*>(address), 1, &there) == 0;
}
bool is_aligned(const PlacedMemory& memory) {
    return reinterpret_cast<std::uintptr_t>(memory.data()) % huge_page_bytes == 0;
}

TEST(PlacedMemory, IsTheAllocatorsWhereNothingIsAskedFor) {
    EXPECT_FALSE(Placement{}.any());
    auto memory = take({});
    ASSERT_TRUE(memory);
    EXPECT_EQ(memory->size(), some_bytes);
    EXPECT_EQ(memory->pages(), PlacedMemory::Pages::usual);
    EXPECT_TRUE(is_aligned(*memory));
    touch(*memory);
}

TEST(PlacedMemory, LiesInTransparentHugePagesOnceTouched) {
    if (!has_transparent_pages()) GTEST_SKIP() << "this kernel makes no transparent huge pages";
    auto memory = take(transparent);
    ASSERT_TRUE(memory);
    EXPECT_EQ(memory->pages(), PlacedMemory::Pages::transparent);
    EXPECT_TRUE(is_aligned(*memory));
    EXPECT_EQ(memory->huge_bytes(), 0U);
    EXPECT_NE(smaps_field(memory->data(), "VmFlags").find(" hg"), std::string::npos);
    touch(*memory);
    EXPECT_EQ(smaps_kib(memory->data(), "AnonHugePages") * 1024, some_bytes);
    EXPECT_EQ(memory->huge_bytes(), some_bytes);
}

TEST(PlacedMemory, OfAnOddSizeLiesInHugePagesToItsEnd) {
    if (!has_transparent_pages()) GTEST_SKIP() << "this kernel makes no transparent huge pages";
    auto memory = take(transparent, some_bytes - 1000);
    ASSERT_TRUE(memory);
    EXPECT_EQ(memory->size(), some_bytes - 1000);
    touch(*memory);
    EXPECT_EQ(memory->huge_bytes(), some_bytes);
}

TEST(PlacedMemory, SmallerThanAHugePageAsksForNone) {
    for (const HugePages huge : {HugePages::transparent, HugePages::off}) {
        auto memory = take({.huge_pages = huge}, huge_page_bytes - 1);
        ASSERT_TRUE(memory);
        EXPECT_EQ(memory->pages(), PlacedMemory::Pages::usual);
    }
}

TEST(PlacedMemory, HasNothingBehindItThatCouldBeWrittenTo) {
    auto memory = take(transparent);
    ASSERT_TRUE(memory);
    EXPECT_DEATH(memory->data()[some_bytes] = std::byte{1}, "");
}

TEST(PlacedMemory, IsUnmappedWithItsOwner) {
    const std::byte* where = nullptr;
    {
        auto first = take(transparent);
        ASSERT_TRUE(first);
        where = first->data();
        PlacedMemory second(std::move(*first));
        EXPECT_FALSE(*first);
        EXPECT_EQ(first->size(), 0U);
        PlacedMemory third;
        third = std::move(second);
        EXPECT_EQ(third.data(), where);
        EXPECT_TRUE(is_mapped(where));
    }
    EXPECT_FALSE(is_mapped(where));
    EXPECT_FALSE(is_mapped(where + some_bytes));
}

TEST(PlacedMemory, SaysWhatThereWasNoMemoryFor) {
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
    GTEST_SKIP() << "a sanitizer ends the program for such a request";
#endif
    for (const Placement& placement : {Placement{}, transparent}) {
        const auto memory = take(placement, std::size_t{1} << 56);
        ASSERT_FALSE(memory);
        EXPECT_EQ(memory.error().code, Errc::out_of_memory);
        EXPECT_NE(memory.error().text.find("buffer.memory: 72057594037927936"), std::string::npos);
    }
}

TEST(PlacedMemory, MakesDoWithoutTransparentPagesAndWithAnOldKernel) {
    const std::string wrong = run_in_child([]() -> std::string {
        if (!deny_system_call(SYS_madvise, EINVAL)) return "no seccomp filter";
        auto memory = take(transparent);
        if (!memory) return memory.error().text;
        touch(*memory);
        return memory->pages() == PlacedMemory::Pages::usual ? "" : "it says that it has them";
    });
    EXPECT_EQ(wrong, "");
}

// The reserve -------------------------------------------------------------------------------------

constexpr const char* no_root = "the kernel's reserve of huge pages can't be changed: not root?";

TEST(PlacedMemory, SaysWhatTheReserveLacks) {
    const HugePageReserve as_it_is(0);
    const std::size_t pages = HugePageReserve::free_pages() + 1'000'000;
    const auto memory = take(on, pages * huge_page_bytes);
    ASSERT_FALSE(memory);
    EXPECT_EQ(memory.error().code, Errc::out_of_memory);
    const std::string& text = memory.error().text;
    const auto has = [&](const std::string& part) { return text.find(part) != std::string::npos; };
    const auto number = [](std::size_t n) { return std::to_string(n); };
    EXPECT_TRUE(has("memory.huge.pages=on: " + number(pages) + " huge pages of 2 MiB")) << text;
    EXPECT_TRUE(has(number(HugePageReserve::free_pages()) + " are free")) << text;
    EXPECT_TRUE(has("write " + number(HugePageReserve::count("nr") + 1'000'000) + " to ")) << text;
    EXPECT_TRUE(has("/nr_hugepages (vm.nr_hugepages)")) << text;
}

TEST(PlacedMemory, TakesItsPagesOutOfTheReserveAndGivesThemBack) {
    const HugePageReserve reserve(some_pages);
    if (!reserve.usable()) GTEST_SKIP() << no_root;
    for (const HugePages huge : {HugePages::on, HugePages::try_}) {
        const std::size_t free_before = HugePageReserve::count("free");
        {
            const auto memory = take({.huge_pages = huge}, some_bytes - 1000);
            ASSERT_TRUE(memory) << memory.error().text;
            EXPECT_EQ(memory->pages(), PlacedMemory::Pages::reserved);
            EXPECT_EQ(memory->size(), some_bytes - 1000);
            // Before it is touched: none of them can be missing then.
            EXPECT_EQ(HugePageReserve::count("free"), free_before - some_pages);
            EXPECT_EQ(smaps_kib(memory->data(), "Private_Hugetlb") * 1024, some_bytes);
            EXPECT_EQ(memory->huge_bytes(), some_bytes);
            touch(*memory);
        }
        EXPECT_EQ(HugePageReserve::count("free"), free_before);
    }
}

TEST(PlacedMemory, TriesTransparentPagesWhereTheReserveIsTooSmall) {
    if (!has_transparent_pages()) GTEST_SKIP() << "this kernel makes no transparent huge pages";
    const HugePageReserve as_it_is(0);
    if (HugePageReserve::free_pages() >= 64) GTEST_SKIP() << "somebody's reserve is large enough";
    auto memory = take({.huge_pages = HugePages::try_}, 64 * huge_page_bytes);
    ASSERT_TRUE(memory);
    EXPECT_EQ(memory->pages(), PlacedMemory::Pages::transparent);
}

TEST(PlacedMemory, DoesNotWaitForASigbusWhereAReservedPageIsRefused) {
    // As a cgroup's hugetlb limit does it, which is counted when a page is touched.
    const HugePageReserve reserve(some_pages);
    if (!reserve.usable()) GTEST_SKIP() << no_root;
    const std::string wrong = run_in_child([]() -> std::string {
        if (!deny_system_call(SYS_madvise, EFAULT)) return "no seccomp filter";
        const auto memory = take(on);
        if (memory) return "it has them";
        if (memory.error().text.find("cgroup") == std::string::npos) return memory.error().text;
        const auto other = take({.huge_pages = HugePages::try_});
        if (!other) return other.error().text;
        return other->pages() == PlacedMemory::Pages::reserved ? "tried, and has them" : "";
    });
    EXPECT_EQ(wrong, "");
    EXPECT_GE(HugePageReserve::free_pages(), some_pages) << "what was refused was given back";
}

// Nodes -------------------------------------------------------------------------------------------

TEST(PlacedMemory, PrefersItsNode) {
    if (!has_numa()) GTEST_SKIP() << "this kernel knows no NUMA nodes";
    const std::int32_t node = node_of_this_cpu();
    if (!check_numa_node(node)) GTEST_SKIP() << "this CPU's node has no memory";
    for (const HugePages huge : {HugePages::off, HugePages::transparent}) {
        auto memory = take({.huge_pages = huge, .numa_node = node});
        ASSERT_TRUE(memory) << memory.error().text;
        EXPECT_TRUE(is_aligned(*memory));
        touch(*memory);
        const std::string line = numa_line(memory->data());
        EXPECT_NE(line.find("prefer"), std::string::npos) << line;
        EXPECT_NE(line.find(" N" + std::to_string(node) + "="), std::string::npos) << line;
        EXPECT_EQ(numa_line(take({.huge_pages = huge})->data()).find("prefer"), std::string::npos);
    }
}

TEST(PlacedMemory, PrefersItsNodeOfTheReserveToo) {
    if (!has_numa()) GTEST_SKIP() << "this kernel knows no NUMA nodes";
    const HugePageReserve reserve(some_pages);
    if (!reserve.usable()) GTEST_SKIP() << no_root;
    const std::int32_t node = node_of_this_cpu();
    if (!check_numa_node(node)) GTEST_SKIP() << "this CPU's node has no memory";
    auto memory = take({.huge_pages = HugePages::on, .numa_node = node});
    ASSERT_TRUE(memory) << memory.error().text;
    const std::string line = numa_line(memory->data());
    EXPECT_NE(line.find("prefer"), std::string::npos) << line;
    EXPECT_NE(line.find(" huge"), std::string::npos) << line;
}

TEST(PlacedMemory, SaysWhyItCouldNotBeBound) {
    const auto beyond = take({.numa_node = 1023});
    ASSERT_FALSE(beyond);
    EXPECT_EQ(beyond.error().code, Errc::system_error);
    EXPECT_NE(beyond.error().text.find("memory.numa.node"), std::string::npos);
    struct Refusal {
        unsigned error;
        const char* hint;
    };
    for (const Refusal& refusal : {Refusal{EPERM, "SYS_NICE"}, Refusal{ENOSYS, "SYS_NICE"},
                                   Refusal{EINVAL, "Mems_allowed"}}) {
        const std::string said = run_in_child([&]() -> std::string {
            if (!deny_system_call(SYS_mbind, refusal.error)) return "no filter";
            const auto memory = take({.numa_node = 0});
            return memory ? "bound" : memory.error().text;
        });
        EXPECT_NE(said.find("bound to node 0: mbind says"), std::string::npos) << said;
        EXPECT_NE(said.find(refusal.hint), std::string::npos) << said;
    }
}

TEST(PlacedMemory, ANodeMustBeOneOfTheMachines) {
    if (!has_numa()) GTEST_SKIP() << "this kernel knows no NUMA nodes";
    EXPECT_TRUE(check_numa_node(Options::any_node));
    EXPECT_TRUE(check_numa_node(Options::local_node));
    const Result<void> none = check_numa_node(1023);
    ASSERT_FALSE(none);
    EXPECT_EQ(none.error().code, Errc::invalid_option);
    EXPECT_NE(none.error().text.find("memory.numa.node=1023: the nodes with memory here are "),
              std::string::npos)
        << none.error().text;
}

TEST(PlacedMemory, ReadsTheKernelsLists) {
    const auto members = [](std::string_view list) {
        std::string all;
        for (std::uint32_t n = 0; n < 20; ++n) {
            if (list_has(list, n)) all += std::to_string(n) + " ";
        }
        return all;
    };
    EXPECT_EQ(members("0"), "0 ");
    EXPECT_EQ(members("0-3"), "0 1 2 3 ");
    EXPECT_EQ(members("0,2-3,11"), "0 2 3 11 ");
    EXPECT_EQ(members(""), "");
    for (const char* const odd : {"-", ",", "a", "1-", "1-a", "3-1", "99999999999"}) {
        EXPECT_EQ(members(odd), "") << odd;
    }
}

}  // namespace
}  // namespace ringpost::shard
