// SPDX-License-Identifier: Apache-2.0
// One io_uring: its set-up on kernels of different age, its two queues, and one way to enter it.
#pragma once

#include <liburing.h>

#include <string>

#include "base/time.h"
#include "io/io.h"

namespace ringpost::io {

/// The most operations that a ring can have outstanding without its completion queue overflowing:
/// the kernel's 65,536 entries less those that are kept for wake-ups.
inline constexpr std::uint32_t operations_limit = 65'536 - 1'024;

/// What a set-up error means for the person who reads it.
Error uring_setup_error(int error);

/// Thread: the one that calls open(): the kernel lets no other enter (SINGLE_ISSUER).
/// Bounds: `operations_max` completions fit its queue, so the queue can't overflow.
class UringRing {
public:
    UringRing() = default;
    ~UringRing() { close(); }
    UringRing(const UringRing&) = delete;
    UringRing& operator=(const UringRing&) = delete;

    /// Sets the ring up with the newest flags that both the kernel and `capabilities` allow.
    Result<void> open(std::uint32_t capabilities, std::uint32_t operations_max);

    /// Lets go of the ring, and with it of what is outstanding. Nothing may be asked of it again.
    void close();

    /// A submission entry for an io_uring_prep_x, or null when the queue is full: submit(), then
    /// try again.
    io_uring_sqe* try_submission();
    bool try_completion(io_uring_cqe& completion);

    /// Something is to be submitted, or the kernel has completions that it posts when entered.
    bool needs_enter() const;
    bool has_completion() const { return io_uring_cq_ready(&ring_) != 0; }

    /// One system call: submits everything. Returns -errno of it, or a number >= 0.
    int submit();
    /// One system call: submits everything and lets the kernel post what has completed.
    int submit_and_reap();
    /// One system call: submits everything, then sleeps until there is a completion or `timeout`
    /// has passed. A null timeout is none.
    int submit_and_sleep(const Duration* timeout);

    /// "SINGLE_ISSUER|DEFER_TASKRUN, registered ring".
    std::string description() const;

private:
    int try_set_up(unsigned flags, std::uint32_t operations_max);
    unsigned publish();
    int enter(unsigned minimum, unsigned flags, void* argument, std::size_t argument_bytes);

    io_uring ring_{};
    bool opened_ = false;
    bool registered_ = false;
    unsigned enter_flags_ = 0;  ///< For each enter.
    unsigned sleep_flags_ = 0;  ///< For an enter that sleeps, in addition.
};

}  // namespace ringpost::io
