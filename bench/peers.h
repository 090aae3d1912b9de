// SPDX-License-Identifier: Apache-2.0
// Other clients' programs, where they can be had: Java's own kafka-producer-perf-test, and
// bench/franz_go on top of franz-go.
#pragma once

#include <string>
#include <vector>

#include "compare_worker.h"

namespace ringpost::bench {

struct Peer {
    std::string name;
    std::string version;
    std::string skipped;  ///< Why it can't be run; empty: it can.
};

/// Looks for their tools; builds bench/franz_go if there is Go.
std::vector<Peer> find_peers();

/// One run. CPU, memory and system calls are those of the whole program, its start included.
Measured run_peer(const Work& work);

}  // namespace ringpost::bench
