// SPDX-License-Identifier: Apache-2.0
// The one way in which a caller waits. Included by host.h.
#pragma once

#include <ctime>

#include "api/host.h"

namespace ringpost::api {

inline Instant monotonic_now() {
    timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return Instant::from_ns(t.tv_sec * 1'000'000'000 + t.tv_nsec);
}

inline Instant Host::now(shard::Shard& shard) const {
    return inline_mode() ? shard.now() : monotonic_now();
}

inline Instant deadline_after(Instant now, Timeout timeout) {
    return now + Duration::from(timeout);
}
inline Timeout time_left(Instant until, Instant now) {
    return until.is_never() ? forever : Timeout((until - now).count_ns());
}

template <typename Done>
bool wait_for(Host& host, shard::Shard& shard, shard::Signal& signal, Timeout timeout,
              Done&& done) {
    if (done()) return true;
    if (timeout <= Timeout::zero()) return false;
    if (host.inline_mode()) {
        const Instant until = shard.now() + Duration::from(timeout);
        while (!done()) {
            if (host.fork_mark.forked()) return false;  // the loop's sockets are the parent's
            if (shard.finished() || shard.now() >= until) return done();
            shard.turn(until);
        }
        return true;
    }
    const Instant until = monotonic_now() + Duration::from(timeout);
    for (;;) {
        const std::uint32_t seen = signal.prepare();
        if (done()) {
            signal.cancel();
            return true;
        }
        const Duration left = until - monotonic_now();
        if (left <= Duration{} || host.fork_mark.forked()) {
            signal.cancel();
            return false;
        }
        // At most an hour at a time: the kernel's own bounds on a timeout are nobody's business.
        signal.wait(seen, std::min(left, Duration::seconds(3600)));
    }
}

}  // namespace ringpost::api
