// SPDX-License-Identifier: Apache-2.0
// The producer's topic names and their handles.
#pragma once

#include <tsl/robin_map.h>

#include <cstdint>
#include <deque>
#include <mutex>
#include <string>
#include <string_view>

#include <ringpost/error.h>
#include <ringpost/record.h>

#include "base/hash.h"

namespace ringpost::api {

/// Names that Kafka takes (org.apache.kafka.common.internals.Topic): 1..249 of [a-zA-Z0-9._-],
/// and neither "." nor "..".
bool is_valid_topic_name(std::string_view name);

/// Thread: any; a lock, taken once a lane and name.
/// Bounds: limits::topics_max names; none is ever removed.
class TopicTable {
public:
    Result<Topic> find_or_add(std::string_view name);
    /// Empty for an unknown handle. Stays valid.
    std::string_view name(Topic topic) const;

private:
    mutable std::mutex mutex_;
    std::deque<std::string> names_;
    tsl::robin_map<std::string_view, std::uint32_t, NameHash, NameEqual> ids_;
};

}  // namespace ringpost::api
