// SPDX-License-Identifier: Apache-2.0
// Lanes whose reports are not, or no longer, their own thread's alone.
#pragma once

#include <atomic>
#include <deque>
#include <memory>
#include <mutex>
#include <span>
#include <thread>
#include <vector>

#include "api/lane_impl.h"

namespace ringpost::api {

/// With shared reports: every lane of the producer, read by whoever polls the producer. Else: the
/// lanes of threads that have ended with reports unpolled, for another thread to adopt.
///
/// Thread: any; locks, none of which a record ever meets.
/// Bounds: limits::retired_lanes_max retired lanes; then the oldest's reports are dropped.
class LaneShelf {
public:
    /// With shared reports: a new lane.
    void add(std::shared_ptr<LaneImpl> lane);
    /// Reports of all lanes, in turn. Callbacks run in the calling thread. Nothing while another
    /// thread reads; then `signal` is notified when that one has done. Nothing, if called by one of
    /// its callbacks. A lane that has been given up and read to its end is forgotten.
    ReportReader::Read read(std::span<DeliveryReport> out, std::size_t callbacks_max,
                            shard::Signal& signal);

    /// While it lives, the signal is notified of lanes that retire.
    class Watch {
    public:
        Watch(LaneShelf& shelf, shard::Signal& signal);
        ~Watch();
        Watch(const Watch&) = delete;
        Watch& operator=(const Watch&) = delete;

    private:
        LaneShelf& shelf_;
        shard::Signal& signal_;
    };

    /// A thread has ended. Those that came before, and that nobody need poll any more, go.
    void retire(std::shared_ptr<LaneImpl> lane);
    /// The lane that retired first, or null.
    std::shared_ptr<LaneImpl> adopt();

    /// The producer is gone: so are the lanes, and those that come yet.
    void close();

private:
    std::mutex new_mutex_;                          ///< never held while a callback runs
    std::vector<std::shared_ptr<LaneImpl>> new_;
    std::deque<std::shared_ptr<LaneImpl>> retired_;
    std::atomic<std::size_t> retired_count_{0};     ///< written under new_mutex_
    std::vector<shard::Signal*> watches_;
    bool closed_ = false;

    std::mutex read_mutex_;                         ///< held while reports are read
    std::atomic<std::thread::id> reader_{};         ///< who holds it
    std::atomic<bool> missed_{false};               ///< somebody found it held
    std::vector<std::shared_ptr<LaneImpl>> lanes_;
    std::size_t first_ = 0;                         ///< where the next read begins
};

}  // namespace ringpost::api
