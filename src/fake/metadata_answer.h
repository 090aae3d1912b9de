// SPDX-License-Identifier: Apache-2.0
// What a fake broker answers to a metadata request.
#pragma once

#include "fake/cluster.h"
#include "wire/metadata.h"

namespace ringpost::fake {

/// Creates the topics that are asked for, if the request and the cluster's options allow it.
wire::MetadataResponse answer_metadata(Cluster& cluster, std::int16_t version,
                                       const wire::MetadataRequest& request);

}  // namespace ringpost::fake
