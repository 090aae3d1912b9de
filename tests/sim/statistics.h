// SPDX-License-Identifier: Apache-2.0
// What a producer says of itself, against what the oracle has seen of it.
#pragma once

#include <ringpost/statistics.h>

#include "oracle.h"

namespace ringpost::sim {

/// Of a producer that has stopped. `amid_faults`: it may have left records in their rings. Fails if
/// anything does not agree.
void check_statistics(const ShardStatistics& told, const Oracle::Ends& seen, bool amid_faults);

}  // namespace ringpost::sim
