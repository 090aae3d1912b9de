// SPDX-License-Identifier: Apache-2.0
// mmap, madvise and mbind, the last by its number: nothing else here would need libnuma.
#include "shard/placed_memory.h"

#include <fcntl.h>
#include <linux/mempolicy.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <cstdio>
#include <cstring>

#include "base/assert.h"
#include "base/format.h"
#include "base/memory.h"

#ifndef MADV_POPULATE_WRITE
#define MADV_POPULATE_WRITE 23
#endif

namespace ringpost::shard {

namespace {

constexpr const char* nodes_file = "/sys/devices/system/node/has_memory";
constexpr std::string_view reserve_folder = "/sys/kernel/mm/hugepages/hugepages-2048kB/";
constexpr std::size_t nodes_max = 1024;
constexpr std::size_t guard_bytes = 4096;

constexpr std::size_t rounded_up(std::size_t bytes) {
    return (bytes + huge_page_bytes - 1) / huge_page_bytes * huge_page_bytes;
}

/// The beginning of a small file; empty if it can't be read.
std::string read_line(const char* path) {
    std::array<char, 4096> text;
    const int fd = ::open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) return {};
    const ssize_t n = ::read(fd, text.data(), text.size());
    ::close(fd);
    std::string_view line(text.data(), static_cast<std::size_t>(std::max<ssize_t>(n, 0)));
    return std::string(line.substr(0, line.find('\n')));
}

std::uint64_t reserve_count(std::string_view name) {
    const std::string text = read_line(fmt::format("{}{}", reserve_folder, name).c_str());
    std::uint64_t count = 0;
    std::from_chars(text.data(), text.data() + text.size(), count);
    return count;
}

/// The kernel's refusal, and what somebody may do about it.
Error no_reserve(std::size_t pages, int error) {
    const std::uint64_t total = reserve_count("nr_hugepages");
    const std::uint64_t taken = reserve_count("resv_hugepages");
    const std::uint64_t untaken = reserve_count("free_hugepages");
    const std::uint64_t left = untaken - std::min(untaken, taken);
    std::string text = fmt::format(
        "memory.huge.pages=on: {} huge pages of 2 MiB are needed for each shard, and of {} in the "
        "kernel's reserve {} are free ({})",
        pages, total, left, std::strerror(error));
    if (left >= pages) {
        text += ": a cgroup's hugetlb limit or a NUMA node without them may be why; use try";
    } else {
        text += fmt::format(": write {} to {}nr_hugepages (vm.nr_hugepages), or use try",
                            total + pages - left, reserve_folder);
    }
    return {Errc::out_of_memory, std::move(text)};
}

Error no_memory(std::string_view what, std::size_t bytes) {
    return {Errc::out_of_memory, fmt::format("{}: {} bytes could not be had", what, bytes)};
}

Error not_bound(std::int32_t node, int error) {
    const char* why = error == EPERM || error == ENOSYS
                          ? "; a container may need the capability SYS_NICE for that"
                      : error == EINVAL
                          ? "; it must be among Mems_allowed_list in /proc/self/status"
                          : "";
    return {Errc::system_error,
            fmt::format("memory.numa.node: memory could not be bound to node {}: mbind says {}{}; "
                        "-1 leaves it to the kernel",
                        node, std::strerror(error), why)};
}

/// Preferred, not MPOL_BIND: where the node is full, memory further away is slower, and a strict
/// bond would have the kernel end the program.
Result<void> bind_to(std::byte* memory, std::size_t bytes, std::int32_t node) {
    if (node == Options::any_node) return {};
    constexpr std::size_t bits = 8 * sizeof(unsigned long);
    std::array<unsigned long, nodes_max / bits> mask{};
    mask[static_cast<std::size_t>(node) / bits] = 1UL << (static_cast<std::size_t>(node) % bits);
    // The kernel counts one bit less than it is told.
    if (::syscall(SYS_mbind, memory, bytes, MPOL_PREFERRED, mask.data(), nodes_max + 1, 0) == 0) {
        return {};
    }
    return not_bound(node, errno);
}

/// Has the kernel find the pages. A kernel before 5.14 can't be asked, and finds them when they are
/// touched.
int populate(std::byte* memory, std::size_t bytes) {
    while (::madvise(memory, bytes, MADV_POPULATE_WRITE) != 0) {
        if (errno == EINVAL) return 0;
        if (errno != EINTR && errno != EAGAIN) return errno;
    }
    return 0;
}

/// `bytes` at a huge page's beginning, and behind them one page that nobody may touch, so that the
/// kernel takes no neighbour for a part of this; or null.
std::byte* map_aligned(std::size_t bytes) {
    const std::size_t all = bytes + guard_bytes + huge_page_bytes;
    void* const got = ::mmap(nullptr, all, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (got == MAP_FAILED) return nullptr;
    auto* const begin = static_cast<std::byte*>(got);
    const std::size_t ahead =
        (huge_page_bytes - reinterpret_cast<std::uintptr_t>(begin) % huge_page_bytes) %
        huge_page_bytes;
    std::byte* const memory = begin + ahead;
    if (::mprotect(memory, bytes, PROT_READ | PROT_WRITE) != 0) {
        ::munmap(begin, all);
        return nullptr;
    }
    if (ahead != 0) ::munmap(begin, ahead);
    ::munmap(memory + bytes + guard_bytes, huge_page_bytes - ahead);
    return memory;
}

}  // namespace

PlacedMemory::~PlacedMemory() {
    if (memory_ == nullptr) return;
    if (mapped_ != 0) {
        ::munmap(memory_, mapped_);
    } else {
        deallocate(memory_);
    }
}

Result<PlacedMemory> PlacedMemory::take_reserved(std::size_t bytes, std::int32_t node) {
    const std::size_t all = rounded_up(bytes);
    constexpr int flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_HUGETLB | (21 << MAP_HUGE_SHIFT);
    void* const got = ::mmap(nullptr, all, PROT_READ | PROT_WRITE, flags, -1, 0);
    if (got == MAP_FAILED) return no_reserve(all / huge_page_bytes, errno);
    PlacedMemory memory(static_cast<std::byte*>(got), bytes, all, Pages::reserved);
    if (auto bound = bind_to(memory.memory_, all, node); !bound) return bound.error();
    if (const int error = populate(memory.memory_, all); error != 0) {
        memory = PlacedMemory();  // what is free is counted without it
        return no_reserve(all / huge_page_bytes, error);
    }
    return memory;
}

Result<PlacedMemory> PlacedMemory::take(std::size_t bytes, std::size_t alignment,
                                        const Placement& placement, std::string_view what) {
    const auto [huge, node] = placement;
    RINGPOST_ASSERT(node >= Options::any_node && node < static_cast<std::int32_t>(nodes_max));
    if (huge == HugePages::on || huge == HugePages::try_) {
        auto reserved = take_reserved(bytes, node);
        if (reserved || huge == HugePages::on) return reserved;
    }
    // A region that has no room for a huge page is not worth one.
    const bool transparent = huge != HugePages::off && bytes >= huge_page_bytes;
    if (!transparent && node == Options::any_node) {
        auto* const memory = static_cast<std::byte*>(allocate(bytes, alignment));
        if (memory == nullptr) return no_memory(what, bytes);
        return PlacedMemory(memory, bytes, 0, Pages::usual);
    }
    const std::size_t all = transparent ? rounded_up(bytes)
                                        : (bytes + guard_bytes - 1) / guard_bytes * guard_bytes;
    std::byte* const mapped = all < bytes ? nullptr : map_aligned(all);
    if (mapped == nullptr) return no_memory(what, bytes);
    PlacedMemory memory(mapped, bytes, all + guard_bytes, Pages::usual);
    if (auto bound = bind_to(mapped, all, node); !bound) return bound.error();
    // A kernel without them says EINVAL, and gives its usual pages.
    if (transparent && ::madvise(mapped, all, MADV_HUGEPAGE) == 0) {
        memory.pages_ = Pages::transparent;
    }
    return memory;
}

std::size_t PlacedMemory::huge_bytes() const {
    if (pages_ == Pages::reserved) return mapped_;
    std::FILE* const file = std::fopen("/proc/self/smaps", "re");
    if (file == nullptr) return 0;
    const auto mine = reinterpret_cast<std::uintptr_t>(memory_);
    std::array<char, 512> line;
    bool here = false;
    std::size_t kib = 0;
    while (std::fgets(line.data(), line.size(), file) != nullptr) {
        std::uintptr_t begin = 0;
        std::uintptr_t end = 0;
        if (std::sscanf(line.data(), "%lx-%lx ", &begin, &end) == 2) {
            if (here) break;
            here = begin <= mine && mine < end;
        } else if (here && std::sscanf(line.data(), "AnonHugePages: %zu kB", &kib) == 1) {
            break;
        }
    }
    std::fclose(file);
    return std::min(kib * 1024, rounded_up(bytes_));
}

bool list_has(std::string_view list, std::uint32_t number) {
    while (!list.empty()) {
        const std::string_view range = list.substr(0, list.find(','));
        list.remove_prefix(std::min(range.size() + 1, list.size()));
        std::uint32_t low = 0;
        const char* const end = range.data() + range.size();
        const auto [after, error] = std::from_chars(range.data(), end, low);
        if (error != std::errc{}) return false;
        std::uint32_t high = low;
        if (after != end && std::from_chars(after + 1, end, high).ec != std::errc{}) return false;
        if (low <= number && number <= high) return true;
    }
    return false;
}

Result<void> check_numa_node(std::int32_t node) {
    if (node < 0) return {};
    const std::string nodes = read_line(nodes_file);
    // A kernel without NUMA has no such file; mbind says what it thinks.
    if (nodes.empty() || list_has(nodes, static_cast<std::uint32_t>(node))) return {};
    return Error{Errc::invalid_option,
                 fmt::format("memory.numa.node={}: the nodes with memory here are {} ({})", node,
                             nodes, nodes_file)};
}

std::int32_t node_of_this_cpu() {
    unsigned cpu = 0;
    unsigned node = 0;
    return ::getcpu(&cpu, &node) == 0 ? static_cast<std::int32_t>(node) : Options::any_node;
}

}  // namespace ringpost::shard
