// SPDX-License-Identifier: Apache-2.0
// What a fake broker answers to a consumer's ListOffsets and Fetch.
#pragma once

#include "fake/cluster.h"
#include "wire/fetch.h"
#include "wire/list_offsets.h"

namespace ringpost::fake {

wire::ListOffsetsResponse answer_list_offsets(Cluster& cluster, std::int32_t node_id,
                                              const wire::ListOffsetsRequest& request);

struct FetchAnswer {
    wire::FetchResponse response;  ///< Borrows from the logs, until the cluster changes.
    std::size_t bytes = 0;         ///< Of records.
    bool failed = false;           ///< A partition, or the whole, has an error.

    /// Whether the consumer wants it now, or would rather wait for more.
    bool is_enough(const wire::FetchRequest& request) const;
};

FetchAnswer answer_fetch(Cluster& cluster, std::int32_t node_id, std::int16_t version,
                         const wire::FetchRequest& request);

}  // namespace ringpost::fake
