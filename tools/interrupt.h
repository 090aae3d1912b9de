// SPDX-License-Identifier: Apache-2.0
// Ctrl-C: the first asks for a tidy end, the second ends at once.
#pragma once

#include <csignal>
#include <unistd.h>

namespace ringpost::tools {

inline volatile std::sig_atomic_t interrupts = 0;

/// Without SA_RESTART, so that a read from a terminal or a pipe comes back.
inline void catch_interrupts() {
    struct sigaction action {};
    action.sa_handler = [](int) {
        interrupts = interrupts + 1;
        if (interrupts > 1) _exit(130);
    };
    sigaction(SIGINT, &action, nullptr);
    sigaction(SIGTERM, &action, nullptr);
    signal(SIGPIPE, SIG_IGN);
}

inline bool interrupted() { return interrupts != 0; }

}  // namespace ringpost::tools
