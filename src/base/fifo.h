// SPDX-License-Identifier: Apache-2.0
// A queue that keeps its memory: once it has been as long as it gets, it allocates no more.
#pragma once

#include <bit>
#include <cstddef>

#include "base/assert.h"
#include "base/memory.h"

namespace ringpost {

/// Of values that are cheap to copy. Grows by doubling, never shrinks.
template <typename T>
class Fifo {
public:
    bool empty() const { return first_ == end_; }
    std::size_t size() const { return end_ - first_; }
    T& front() { return (*this)[0]; }
    const T& front() const { return (*this)[0]; }
    T& back() { return (*this)[size() - 1]; }
    /// The i-th from the front.
    T& operator[](std::size_t i) {
        RINGPOST_ASSERT(i < size());
        return items_[(first_ + i) & (items_.size() - 1)];
    }
    const T& operator[](std::size_t i) const { return const_cast<Fifo&>(*this)[i]; }

    /// Room for so many, at least.
    void reserve(std::size_t count) {
        while (items_.size() < count) grow();
    }
    void push_back(const T& item) {
        if (size() == items_.size()) grow();
        items_[end_++ & (items_.size() - 1)] = item;
    }
    void pop_front() {
        RINGPOST_ASSERT(!empty());
        ++first_;
    }
    void clear() { first_ = end_; }

private:
    void grow() {
        Vector<T> more(items_.empty() ? 8 : items_.size() * 2);
        const std::size_t count = size();
        for (std::size_t i = 0; i < count; ++i) more[i] = (*this)[i];
        items_ = std::move(more);
        first_ = 0;
        end_ = count;
    }

    Vector<T> items_;              ///< a power of two of them
    std::size_t first_ = 0;
    std::size_t end_ = 0;
};

}  // namespace ringpost
