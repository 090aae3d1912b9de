// SPDX-License-Identifier: Apache-2.0
// Three brokers, of which one answers late.
#pragma once

namespace ringpost::bench {

/// Serves them until SIGTERM; prints where the first one listens. What comes from broker 2 reaches
/// its client `delay_ms` later, and what goes there at once: its disk is slow, not its network.
/// Returns the process's exit status.
int serve_slow_cluster(unsigned delay_ms);

}  // namespace ringpost::bench
