// SPDX-License-Identifier: Apache-2.0
// Memory with a say in how large its pages are and on which NUMA node they lie.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include <ringpost/error.h>
#include <ringpost/options.h>

namespace ringpost::shard {

/// What is asked for. By default nothing: the memory is then the allocator's (base/memory).
struct Placement {
    HugePages huge_pages = HugePages::off;
    std::int32_t numa_node = Options::any_node;   ///< or a node's number; to PlacedMemory no other

    bool any() const {
        return huge_pages != HugePages::off || numa_node != Options::any_node;
    }
};

inline constexpr std::size_t huge_page_bytes = 2U << 20;

/// One block, not yet touched, given back with its owner. What is placed is mapped for itself.
///
/// Thread:    any. A page that nobody placed lies on the node of the CPU that touches it first.
/// Invariant: huge pages out of the kernel's reserve are all there once it is taken; without that,
///            one that is missing would end the program by SIGBUS when it is touched.
class PlacedMemory {
public:
    enum class Pages : std::uint8_t { usual, transparent, reserved };

    PlacedMemory() = default;
    PlacedMemory(PlacedMemory&& m) noexcept
        : memory_(std::exchange(m.memory_, nullptr)), bytes_(m.bytes_), mapped_(m.mapped_),
          pages_(m.pages_) {}
    PlacedMemory& operator=(PlacedMemory&& m) noexcept {
        std::swap(memory_, m.memory_);
        std::swap(bytes_, m.bytes_);
        std::swap(mapped_, m.mapped_);
        std::swap(pages_, m.pages_);
        return *this;
    }
    ~PlacedMemory();

    /// `alignment` is what the allocator is asked for; what is placed begins with a huge page.
    /// `what` is the option whose bytes these are. Errors name the option that is to be changed.
    static Result<PlacedMemory> take(std::size_t bytes, std::size_t alignment,
                                     const Placement& placement, std::string_view what);

    std::byte* data() const { return memory_; }
    std::size_t size() const { return memory_ == nullptr ? 0 : bytes_; }
    std::span<std::byte> span() const { return {memory_, size()}; }
    explicit operator bool() const { return memory_ != nullptr; }

    Pages pages() const { return pages_; }
    /// Bytes of it that lie in huge pages now. Reads /proc/self/smaps, which may take a while.
    std::size_t huge_bytes() const;

private:
    PlacedMemory(std::byte* memory, std::size_t bytes, std::size_t mapped, Pages pages)
        : memory_(memory), bytes_(bytes), mapped_(mapped), pages_(pages) {}
    static Result<PlacedMemory> take_reserved(std::size_t bytes, std::int32_t node);

    std::byte* memory_ = nullptr;
    std::size_t bytes_ = 0;
    std::size_t mapped_ = 0;   ///< 0: it is the allocator's
    Pages pages_ = Pages::usual;
};

/// Whether a list as the kernel writes them ("0-3,8") has the number.
bool list_has(std::string_view list, std::uint32_t number);

/// An error if memory.numa.node is none of the machine's nodes that have memory.
Result<void> check_numa_node(std::int32_t node);

/// The node of the CPU that the calling thread runs on.
std::int32_t node_of_this_cpu();

}  // namespace ringpost::shard
