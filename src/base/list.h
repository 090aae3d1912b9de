// SPDX-License-Identifier: Apache-2.0
// An intrusive doubly linked list: membership costs two pointers in the element and no memory.
#pragma once

#include <cstddef>

#include "base/assert.h"

namespace ringpost {

/// A place in one List. An element has one for each list that it may be on.
template <typename T>
struct ListHook {
    T* previous = nullptr;
    T* next = nullptr;
    bool linked = false;
};

/// Borrows its elements. `Hook` says which of the element's hooks this list uses.
template <typename T, ListHook<T> T::*Hook>
class List {
public:
    bool empty() const { return head_ == nullptr; }
    T* front() const { return head_; }
    T* back() const { return tail_; }
    std::size_t size() const { return size_; }
    static T* next(const T& element) { return (element.*Hook).next; }
    static bool linked(const T& element) { return (element.*Hook).linked; }

    void push_back(T& element) { insert_before(element, nullptr); }
    void push_front(T& element) { insert_before(element, head_); }

    /// In front of `place`; at the end when it is null.
    void insert_before(T& element, T* place) {
        ListHook<T>& hook = element.*Hook;
        RINGPOST_ASSERT(!hook.linked);
        T* previous = place == nullptr ? tail_ : (place->*Hook).previous;
        hook = {previous, place, true};
        (previous == nullptr ? head_ : (previous->*Hook).next) = &element;
        (place == nullptr ? tail_ : (place->*Hook).previous) = &element;
        ++size_;
    }

    void remove(T& element) {
        ListHook<T>& hook = element.*Hook;
        RINGPOST_ASSERT(hook.linked);
        (hook.previous == nullptr ? head_ : (hook.previous->*Hook).next) = hook.next;
        (hook.next == nullptr ? tail_ : (hook.next->*Hook).previous) = hook.previous;
        hook = {};
        --size_;
    }

    T* pop_front() {
        T* element = head_;
        if (element != nullptr) remove(*element);
        return element;
    }

private:
    T* head_ = nullptr;
    T* tail_ = nullptr;
    std::size_t size_ = 0;
};

}  // namespace ringpost
