// SPDX-License-Identifier: Apache-2.0
// The lane that a thread has of a producer without having opened one.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "api/lane_impl.h"
#include "api/lane_shelf.h"

namespace ringpost::api {

/// A thread's own lane of one producer, and those that it has taken over from threads that ended.
struct ThreadLane {
    std::uint64_t serial = 0;                       ///< Host::serial
    std::weak_ptr<LaneShelf> shelf;
    std::shared_ptr<LaneImpl> own;                  ///< null: this thread has only polled
    std::vector<std::shared_ptr<LaneImpl>> adopted;
};

/// The calling thread's, or null. When the thread ends, its lanes are retired to their shelves.
ThreadLane* find_thread_lane(std::uint64_t serial);
/// A new one, for find_thread_lane to find. Those of producers that are gone are forgotten.
ThreadLane& add_thread_lane(std::uint64_t serial, std::weak_ptr<LaneShelf> shelf);

}  // namespace ringpost::api
