// SPDX-License-Identifier: Apache-2.0
// Each thread's short list of lanes.
#include "api/thread_lanes.h"

#include <utility>

namespace ringpost::api {

namespace {

void retire(ThreadLane& lane) {
    const std::shared_ptr<LaneShelf> shelf = lane.shelf.lock();
    const auto hand_over = [&](std::shared_ptr<LaneImpl> one) {
        if (one == nullptr) return;
        const bool shared = one->shared();
        one->forsake();
        const bool keep = shelf != nullptr && !shared && one->wants_reports() && !one->spent();
        if (keep) shelf->retire(std::move(one));
    };
    hand_over(std::move(lane.own));
    for (auto& adopted : lane.adopted) hand_over(std::move(adopted));
}

struct List {
    std::vector<std::unique_ptr<ThreadLane>> lanes;
    ~List() {
        for (const auto& lane : lanes) retire(*lane);
    }
};

List& list() {
    thread_local List mine;
    return mine;
}

}  // namespace

ThreadLane* find_thread_lane(std::uint64_t serial) {
    for (const auto& lane : list().lanes) {
        if (lane->serial == serial) [[likely]] return lane.get();
    }
    return nullptr;
}

ThreadLane& add_thread_lane(std::uint64_t serial, std::weak_ptr<LaneShelf> shelf) {
    auto& lanes = list().lanes;
    std::erase_if(lanes, [](const auto& lane) { return lane->shelf.expired(); });
    lanes.push_back(std::make_unique<ThreadLane>(ThreadLane{serial, std::move(shelf), {}, {}}));
    return *lanes.back();
}

}  // namespace ringpost::api
