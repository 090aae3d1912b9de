// SPDX-License-Identifier: Apache-2.0
// Where the library's memory comes from: mimalloc's own calls, so that the embedding program keeps
// its malloc. Taken at start and on the cold paths (metadata, connects), never for a record.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <utility>
#include <vector>

namespace ringpost {

/// `bytes` of uninitialised memory, or null when there is none. Alignment: a power of two.
void* allocate(std::size_t bytes, std::size_t alignment) noexcept;
void deallocate(void* memory) noexcept;

/// Runs out of memory by assertion, as the C++ library's own containers do without exceptions: for
/// what is small and grows with the cluster (brokers, topics, answers to metadata), and would have
/// no other answer. A start makes sure that there is room (limits::set_up_room_bytes).
template <typename T>
struct Allocator {
    using value_type = T;
    Allocator() = default;
    template <typename U>
    Allocator(const Allocator<U>&) noexcept {}  // NOLINT: required to be implicit
    T* allocate(std::size_t n);
    void deallocate(T* p, std::size_t) noexcept { ringpost::deallocate(p); }
    bool operator==(const Allocator&) const { return true; }
};

[[noreturn]] void out_of_memory() noexcept;

template <typename T>
T* Allocator<T>::allocate(std::size_t n) {
    void* p = n > SIZE_MAX / sizeof(T) ? nullptr : ringpost::allocate(n * sizeof(T), alignof(T));
    if (p == nullptr) out_of_memory();
    return static_cast<T*>(p);
}

template <typename T>
using Vector = std::vector<T, Allocator<T>>;

/// One block of bytes, freed with its owner. Empty when the memory could not be had.
class Block {
public:
    Block() = default;
    Block(std::size_t bytes, std::size_t alignment)
        : memory_(static_cast<std::byte*>(allocate(bytes, alignment))),
          bytes_(memory_ == nullptr ? 0 : bytes) {}
    Block(Block&& b) noexcept
        : memory_(std::exchange(b.memory_, nullptr)), bytes_(std::exchange(b.bytes_, 0)) {}
    Block& operator=(Block&& b) noexcept {
        std::swap(memory_, b.memory_);
        std::swap(bytes_, b.bytes_);
        return *this;
    }
    ~Block() { deallocate(memory_); }

    std::byte* data() const { return memory_; }
    std::size_t size() const { return bytes_; }
    std::span<std::byte> span() const { return {memory_, bytes_}; }
    explicit operator bool() const { return memory_ != nullptr; }

private:
    std::byte* memory_ = nullptr;
    std::size_t bytes_ = 0;
};

}  // namespace ringpost
