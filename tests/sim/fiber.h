// SPDX-License-Identifier: Apache-2.0
// A simulated thread: a stack of its own on the one real thread. Runs until it sleeps.
#pragma once

#include <ucontext.h>

#include <cstddef>
#include <functional>

namespace ringpost::sim {

/// Thread: the one that made it. Owns: its stack.
class Fiber {
public:
    explicit Fiber(std::function<void()> body);
    Fiber(const Fiber&) = delete;
    Fiber& operator=(const Fiber&) = delete;
    ~Fiber();

    /// From outside: runs the body until it suspends or returns.
    void resume();
    /// From inside a body: back to whoever resumed it.
    static void suspend();
    static Fiber* current() { return current_; }
    bool done() const { return done_; }

private:
    static void enter();

    static Fiber* current_;
    std::function<void()> body_;
    std::byte* stack_;
    ucontext_t inside_{};
    ucontext_t outside_{};
    bool done_ = false;
    // What the address sanitizer wants to know of a stack switch.
    void* fake_stack_ = nullptr;
    const void* outside_stack_ = nullptr;
    std::size_t outside_size_ = 0;
};

}  // namespace ringpost::sim
