// SPDX-License-Identifier: Apache-2.0
// Sockets for connections.
#include "shard/links.h"

#include <netdb.h>

#include <utility>

#include "io/kernel_error.h"

namespace ringpost::shard {

using Action = broker::Connection::Action;
using State = broker::Connection::State;

void Links::on_event(const io::Event& event, Instant now) {
    if (event.token >= links_.size()) return;
    Link& link = links_[event.token];
    produce::Node& node = *core_.nodes()[event.token];
    broker::Connection& connection = node.connection;
    if (event.kind == io::Event::Kind::resolved) {
        link.resolving = false;
        link.ask_again = link.asked_host != node.host || link.asked_port != node.port;
        if (link.ask_again) return;
        link.addresses.assign(event.addresses.begin(), event.addresses.end());
        if (event.result != 0) link.addresses.clear();
        connection.on_resolved(static_cast<std::uint32_t>(link.addresses.size()),
                               event.result == 0 ? "" : ::gai_strerror(event.result), now);
        core_.pump(node, now);
        return;
    }
    if (event.socket != link.socket) return;  // of a socket before this one
    switch (event.kind) {
        case io::Event::Kind::connected:
            connection.on_connected(event.result == 0,
                                    event.result == 0 ? "" : io::kernel_error(-event.result), now);
            break;
        case io::Event::Kind::sent:
            connection.on_sent(event.result >= 0, now);
            break;
        case io::Event::Kind::received:
            connection.on_received(event.result, now);
            break;
        case io::Event::Kind::closed:
            link.socket = {};
            connection.on_closed(now);
            break;
        default: return;
    }
    core_.pump(node, now);
}

bool Links::serve(Instant now) {
    if (links_.size() < core_.nodes().size()) links_.resize(core_.nodes().size());
    bool any = false;
    do {
        freed_turn_ = false;
        for (std::size_t i = 0; i < links_.size(); ++i) any |= serve_one(*core_.nodes()[i], now);
    } while (freed_turn_);
    return any;
}

bool Links::serve_one(produce::Node& node, Instant now) {
    broker::Connection& connection = node.connection;
    Link& link = links_[node.index];
    bool any = false;
    if (std::exchange(link.ask_again, false) && connection.state() == State::resolving) {
        resolve(node);
        any = true;
    }
    for (;;) {
        switch (connection.poll_action(core_.send_bytes())) {
            case Action::none: return any;
            case Action::resolve: resolve(node); break;
            case Action::connect: connect(node, now); break;
            case Action::receive: io_.receive(link.socket, connection.receive_room()); break;
            case Action::send: io_.send(link.socket, connection.gather()); break;
            case Action::close: io_.close(link.socket); break;
        }
        any = true;
    }
}

void Links::resolve(produce::Node& node) {
    // A look-up that outlived its connection answers for the next one as well, if that goes to the
    // same place.
    Link& link = links_[node.index];
    if (link.resolving) return;
    link.resolving = true;
    link.asked_host = node.host;
    link.asked_port = node.port;
    io_.resolve(node.host, node.port, node.index);
}

void Links::connect(produce::Node& node, Instant now) {
    Link& link = links_[node.index];
    const io::Address& address = link.addresses[node.connection.address_index()];
    log_.debug("{}: connecting to {}", node.connection.name(), address.text());
    link.socket = io_.connect(address, node.index);
    if (!link.socket.valid()) {
        node.connection.on_no_socket(now);
        freed_turn_ = true;
        core_.pump(node, now);
    }
}

}  // namespace ringpost::shard
