// SPDX-License-Identifier: Apache-2.0
// How many connections may be on their way at once, and who is next.
#pragma once

#include <cstdint>

#include "base/limits.h"
#include "base/list.h"
#include "base/time.h"
#include "broker/connection.h"

namespace ringpost::broker {

/// The turns of a shard's connections to look up a name, connect and negotiate. One that finds none
/// left waits, and is started by the connection that gives one back: nobody asks twice.
///
/// Thread:    one. Borrows: the connections that wait.
/// Bounds:    `turns_max` connections on their way at once; the others follow as they have asked.
class SetupTurns {
public:
    explicit SetupTurns(std::uint32_t turns_max = limits::connection_setups_max)
        : turns_max_(turns_max) {
        RINGPOST_ASSERT(turns_max != 0);
    }
    SetupTurns(const SetupTurns&) = delete;
    SetupTurns& operator=(const SetupTurns&) = delete;

    /// False: none is left. The connection is on the list, and its on_turn will be called.
    bool try_take(Connection& connection) {
        if (taken_ == turns_max_) {
            waiting_.push_back(connection);
            return false;
        }
        RINGPOST_ASSERT(waiting_.empty());
        ++taken_;
        return true;
    }
    /// A turn's end: the longest waiting connection has it now.
    void give_back(Instant now) {
        RINGPOST_ASSERT(taken_ != 0);
        if (Connection* next = waiting_.pop_front()) {
            next->on_turn(now);
        } else {
            --taken_;
        }
    }
    /// The connection does not want its turn any more.
    void leave(Connection& connection) { waiting_.remove(connection); }

    std::uint32_t taken() const { return taken_; }
    std::size_t waiting() const { return waiting_.size(); }

private:
    const std::uint32_t turns_max_;
    std::uint32_t taken_ = 0;
    List<Connection, &Connection::turn_hook> waiting_;
};

}  // namespace ringpost::broker
