// SPDX-License-Identifier: Apache-2.0
// The futex behind Signal.
#include "shard/wakeup.h"

#include <linux/futex.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <climits>
#include <ctime>

namespace ringpost::shard {

void Signal::wait(std::uint32_t seen, Duration timeout) {
    if (timeout > Duration{}) {
        const timespec relative{timeout.count_ns() / 1'000'000'000,
                                timeout.count_ns() % 1'000'000'000};
        syscall(SYS_futex, &word_, FUTEX_WAIT_PRIVATE, seen, &relative, nullptr, 0);
    }
    cancel();
}

void Signal::wake_all() {
    word_.fetch_add(1, std::memory_order_release);
    syscall(SYS_futex, &word_, FUTEX_WAKE_PRIVATE, INT_MAX, nullptr, nullptr, 0);
}

}  // namespace ringpost::shard
