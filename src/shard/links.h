// SPDX-License-Identifier: Apache-2.0
// Between a connection that knows no sockets and an Io that knows no brokers.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "io/io.h"
#include "produce/producer_core.h"

namespace ringpost::shard {

/// Carries each connection's actions to the Io and the Io's events back.
///
/// Thread: the shard's. Borrows: the Io and the core.
class Links {
public:
    Links(io::Io& io, produce::ProducerCore& core, Log log)
        : io_(io), core_(core), log_(std::move(log)) {}

    void on_event(const io::Event& event, Instant now);
    /// Does what the connections ask for. True if anything was asked of the Io.
    bool serve(Instant now);

private:
    struct Link {
        io::SocketId socket;
        std::vector<io::Address> addresses;
        bool resolving = false;      ///< an answer is still to come
        bool ask_again = false;      ///< it came for an address that the broker has left
        std::string asked_host;      ///< of the last look-up
        std::uint16_t asked_port = 0;
    };
    bool serve_one(produce::Node& node, Instant now);
    void resolve(produce::Node& node);
    void connect(produce::Node& node, Instant now);

    io::Io& io_;
    produce::ProducerCore& core_;
    Log log_;
    std::vector<Link> links_;       ///< by Node::index
    bool freed_turn_ = false;       ///< a connection served before may have been started by it
};

}  // namespace ringpost::shard
