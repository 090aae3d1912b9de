// SPDX-License-Identifier: Apache-2.0
// Each thread's short list of lanes.
#include "api/thread_lanes.h"

#include <utility>

namespace ringpost::api {

namespace {

void retire(ThreadLane& lane) {
    const std::shared_ptr<LaneShelf> shelf = lane.shelf.lock();
    const auto hand_over = [&](std::shared_ptr<LaneImpl> one) {
        if (one == nullptr || one->forked()) return;
        const bool shared = one->shared();
        one->forsake();
        const bool keep = shelf != nullptr && !shared && one->wants_reports() && !one->spent();
        if (keep) shelf->retire(std::move(one));
    };
    hand_over(std::move(lane.own));
    for (auto& adopted : lane.adopted) hand_over(std::move(adopted));
}

using List = std::vector<std::unique_ptr<ThreadLane>>;

// Both need no destructor, so that they may be asked after the thread's others have run: a static
// object may produce its last records in its own. What it leaves there ends with the process.
thread_local List* lanes_of_thread = nullptr;
thread_local bool ended = false;

struct AtThreadsEnd {
    ~AtThreadsEnd() {
        for (const auto& lane : *lanes_of_thread) retire(*lane);
        delete std::exchange(lanes_of_thread, nullptr);
        ended = true;
    }
};

List& list() {
    if (lanes_of_thread == nullptr) [[unlikely]] {
        lanes_of_thread = new List;
        if (!ended) thread_local AtThreadsEnd at_threads_end;
    }
    return *lanes_of_thread;
}

}  // namespace

ThreadLane* find_thread_lane(std::uint64_t serial) {
    for (const auto& lane : list()) {
        if (lane->serial == serial) [[likely]] return lane.get();
    }
    return nullptr;
}

ThreadLane& add_thread_lane(std::uint64_t serial, std::weak_ptr<LaneShelf> shelf) {
    List& lanes = list();
    std::erase_if(lanes, [](const auto& lane) { return lane->shelf.expired(); });
    lanes.push_back(std::make_unique<ThreadLane>(ThreadLane{serial, std::move(shelf), {}, {}}));
    return *lanes.back();
}

}  // namespace ringpost::api
