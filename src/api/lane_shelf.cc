// SPDX-License-Identifier: Apache-2.0
// Sharing, retiring and adopting of lanes.
#include "api/lane_shelf.h"

#include <algorithm>

#include "base/limits.h"

namespace ringpost::api {

void LaneShelf::add(std::shared_ptr<LaneImpl> lane) {
    const std::lock_guard lock(new_mutex_);
    if (!closed_) new_.push_back(std::move(lane));
}

ReportReader::Read LaneShelf::read(std::span<DeliveryReport> out, std::size_t callbacks_max,
                                   shard::Signal& signal) {
    ReportReader::Read sum;
    if (reader_.load(std::memory_order_relaxed) == std::this_thread::get_id()) return sum;
    std::unique_lock lock(read_mutex_, std::try_to_lock);
    if (!lock) {
        // Either the holder sees this once it has let go, or we find it gone.
        missed_.store(true, std::memory_order_seq_cst);
        if (!lock.try_lock()) return sum;
    }
    reader_.store(std::this_thread::get_id(), std::memory_order_relaxed);
    // Not at the end of the read before: its reports may have shown a lane's last bytes.
    std::erase_if(lanes_, [](const auto& lane) { return lane->spent(); });
    {
        const std::lock_guard new_lock(new_mutex_);
        std::move(new_.begin(), new_.end(), std::back_inserter(lanes_));
        new_.clear();
    }
    const std::size_t count = lanes_.size();
    for (std::size_t i = 0; i < count; ++i) {
        LaneImpl& lane = *lanes_[(first_ + i) % count];
        const auto some = lane.read_shared(out.subspan(sum.reports), callbacks_max - sum.callbacks);
        sum.reports += some.reports;
        sum.callbacks += some.callbacks;
        sum.released += some.released;
    }
    if (count != 0) first_ = (first_ + 1) % count;
    reader_.store({}, std::memory_order_relaxed);
    lock.unlock();
    if (missed_.exchange(false, std::memory_order_seq_cst)) signal.notify();
    return sum;
}

LaneShelf::Watch::Watch(LaneShelf& shelf, shard::Signal& signal) : shelf_(shelf), signal_(signal) {
    const std::lock_guard lock(shelf_.new_mutex_);
    shelf_.watches_.push_back(&signal_);
}

LaneShelf::Watch::~Watch() {
    const std::lock_guard lock(shelf_.new_mutex_);
    auto& all = shelf_.watches_;
    all.erase(std::find(all.begin(), all.end(), &signal_));
}

void LaneShelf::retire(std::shared_ptr<LaneImpl> lane) {
    std::vector<std::shared_ptr<LaneImpl>> dropped;  // outside the lock
    const std::lock_guard lock(new_mutex_);
    if (closed_) return;
    retired_.push_back(std::move(lane));
    // Two for each that comes: what is spent does not pile up.
    for (int looks = 0; looks < 2 && !retired_.empty(); ++looks) {
        std::shared_ptr<LaneImpl> oldest = std::move(retired_.front());
        retired_.pop_front();
        oldest->digest();
        const bool keep = !oldest->spent() && retired_.size() < limits::retired_lanes_max;
        (keep ? retired_.emplace_back() : dropped.emplace_back()) = std::move(oldest);
    }
    retired_count_.store(retired_.size(), std::memory_order_relaxed);
    for (shard::Signal* watch : watches_) watch->notify();
}

std::shared_ptr<LaneImpl> LaneShelf::adopt() {
    if (retired_count_.load(std::memory_order_relaxed) == 0) return nullptr;
    const std::lock_guard lock(new_mutex_);
    if (retired_.empty()) return nullptr;
    std::shared_ptr<LaneImpl> lane = std::move(retired_.front());
    retired_.pop_front();
    retired_count_.store(retired_.size(), std::memory_order_relaxed);
    return lane;
}

void LaneShelf::close() {
    std::vector<std::shared_ptr<LaneImpl>> gone;
    std::deque<std::shared_ptr<LaneImpl>> retired;
    {
        const std::lock_guard lock(read_mutex_);
        gone.swap(lanes_);
    }
    const std::lock_guard lock(new_mutex_);
    closed_ = true;
    std::move(new_.begin(), new_.end(), std::back_inserter(gone));
    new_.clear();
    retired.swap(retired_);
    retired_count_.store(0, std::memory_order_relaxed);
}

}  // namespace ringpost::api
