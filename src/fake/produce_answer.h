// SPDX-License-Identifier: Apache-2.0
// What a fake broker does with a produce request, and what it answers.
#pragma once

#include "fake/cluster.h"
#include "wire/produce.h"

namespace ringpost::fake {

/// `failed` tells whether any partition's error is not none: with acks=0 there is no other sign of
/// it than the end of the connection.
wire::ProduceResponse answer_produce(Cluster& cluster, std::int32_t node_id, std::int16_t version,
                                     const wire::ProduceRequest& request, bool& failed);

}  // namespace ringpost::fake
