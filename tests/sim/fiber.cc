// SPDX-License-Identifier: Apache-2.0
// Stack switching by ucontext, with the notes that the address sanitizer needs.
#include "fiber.h"

#include <sys/mman.h>

#include <cstdlib>
#include <utility>
#include <vector>

#if defined(__SANITIZE_ADDRESS__)
#include <sanitizer/common_interface_defs.h>
#endif

namespace ringpost::sim {

namespace {

constexpr std::size_t stack_bytes = 256 * 1024;

/// Stacks are used again: taking one from the kernel costs more than most fibers do.
std::vector<std::byte*>& free_stacks() {
    static std::vector<std::byte*> stacks;
    return stacks;
}

std::byte* take_stack() {
    if (!free_stacks().empty()) {
        std::byte* stack = free_stacks().back();
        free_stacks().pop_back();
        return stack;
    }
    void* stack = mmap(nullptr, stack_bytes, PROT_READ | PROT_WRITE,
                       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (stack == MAP_FAILED) std::abort();
    mprotect(stack, 4096, PROT_NONE);  // an overflow ends here, not in the neighbour
    return static_cast<std::byte*>(stack);
}

void before_switch([[maybe_unused]] void** fake_stack, [[maybe_unused]] const void* stack,
                   [[maybe_unused]] std::size_t size) {
#if defined(__SANITIZE_ADDRESS__)
    __sanitizer_start_switch_fiber(fake_stack, stack, size);
#endif
}

void after_switch([[maybe_unused]] void* fake_stack, [[maybe_unused]] const void** stack,
                  [[maybe_unused]] std::size_t* size) {
#if defined(__SANITIZE_ADDRESS__)
    __sanitizer_finish_switch_fiber(fake_stack, stack, size);
#endif
}

}  // namespace

Fiber* Fiber::current_ = nullptr;

Fiber::Fiber(std::function<void()> body) : body_(std::move(body)), stack_(sim::take_stack()) {
    getcontext(&inside_);
    inside_.uc_stack = {.ss_sp = stack_, .ss_flags = 0, .ss_size = stack_bytes};
    inside_.uc_link = nullptr;
    makecontext(&inside_, &Fiber::enter, 0);
}

Fiber::~Fiber() { free_stacks().push_back(stack_); }

void Fiber::resume() {
    Fiber* before = std::exchange(current_, this);
    void* fake_stack = nullptr;
    before_switch(&fake_stack, stack_, stack_bytes);
    swapcontext(&outside_, &inside_);
    after_switch(fake_stack, nullptr, nullptr);
    current_ = before;
}

void Fiber::suspend() {
    Fiber& me = *current_;
    before_switch(&me.fake_stack_, me.outside_stack_, me.outside_size_);
    swapcontext(&me.inside_, &me.outside_);
    after_switch(me.fake_stack_, &me.outside_stack_, &me.outside_size_);
}

void Fiber::enter() {
    Fiber& me = *current_;
    after_switch(nullptr, &me.outside_stack_, &me.outside_size_);
    me.body_();
    me.done_ = true;
    before_switch(nullptr, me.outside_stack_, me.outside_size_);
    swapcontext(&me.inside_, &me.outside_);
}

}  // namespace ringpost::sim
