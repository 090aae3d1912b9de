// SPDX-License-Identifier: Apache-2.0
// Host names into addresses by getaddrinfo, on one helper thread that is started by the first name.
#pragma once

#include <pthread.h>

#include <cstdint>
#include <memory>
#include <string_view>

#include "base/memory.h"
#include "io/io.h"

namespace ringpost::io {

/// What became of one question.
struct Answer {
    std::uint64_t token = 0;
    int result = 0;  ///< 0, or an EAI_* code, which are negative.
    Vector<Address> addresses;
};

/// Appends the addresses of `host`, without a port. Returns 0 or an EAI_* code.
using LookUp = int (*)(const char* host, Vector<Address>& addresses);

/// getaddrinfo for TCP, for the families that this host has an address of, without duplicates.
int look_up(const char* host, Vector<Address>& addresses);

/// Thread:    one thread, the Io's.
/// Borrows:   `wake_descriptor`, an eventfd that is written after each answer, until destruction.
/// Bounds:    names are looked up one after another, so one slow DNS server delays the rest.
/// Blocks:    never. The destructor joins an idle helper; one that is inside a look-up is left to
///            finish by itself, with nothing of this object but what they share.
/// Allocates: for each question (a cold path).
class Resolver {
public:
    explicit Resolver(int wake_descriptor, LookUp look_up_function = look_up);
    ~Resolver();
    Resolver(const Resolver&) = delete;
    Resolver& operator=(const Resolver&) = delete;

    /// Exactly one Answer with `token` can be taken later.
    void ask(std::string_view host, std::uint16_t port, std::uint64_t token);

    /// Appends the answers that are there.
    void take(Vector<Answer>& answers);

private:
    struct Shared;
    static void* run(void* argument);
    bool start();

    std::shared_ptr<Shared> shared_;
    pthread_t thread_{};
    bool started_ = false;
};

}  // namespace ringpost::io
