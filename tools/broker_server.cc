// SPDX-License-Identifier: Apache-2.0
// The loop of the embedded brokers.
#include "broker_server.h"

#include <fmt/format.h>
#include <netdb.h>

#include <algorithm>
#include <limits>

namespace ringpost::tools {

namespace {

/// Responses that may wait for a peer to read before its requests wait too.
constexpr std::size_t responses_bytes_max = 1 << 20;
/// A buffer that a large fetch has made larger than this is given back.
constexpr std::size_t responses_bytes_kept = 4 << 20;
constexpr std::size_t receive_bytes = 64 * 1024;
/// Big enough for a frame of 1 MB to be received at one go, whatever comes before it.
constexpr std::size_t receive_bytes_discarding = 4 << 20;
constexpr Duration resolve_max = Duration::seconds(30);
constexpr Duration listen_pause = Duration::ms(20);

/// Tokens of connections lie above those of the listeners.
constexpr std::uint64_t connection_token = std::uint64_t{1} << 32;

bool is_any_address(const io::Address& address) {
    return std::ranges::all_of(address.ip, [](std::uint8_t byte) { return byte == 0; });
}

std::string advertised_host(const BrokerServerOptions& options, const io::Address& address) {
    if (!options.advertised_host.empty()) return options.advertised_host;
    if (is_any_address(address)) {
        return address.family == io::Address::Family::ipv6 ? "::1" : "127.0.0.1";
    }
    std::string_view host = options.host;
    if (host.starts_with('[') && host.ends_with(']')) host = host.substr(1, host.size() - 2);
    return std::string(host);
}

}  // namespace

BrokerServer::BrokerServer(BrokerServerOptions options, std::unique_ptr<io::Io> io)
    : options_(std::move(options)), cluster_(options_.cluster), io_(std::move(io)) {}

BrokerServer::~BrokerServer() = default;

Result<std::unique_ptr<BrokerServer>> BrokerServer::open(BrokerServerOptions options) {
    if (options.port != 0 && options.cluster.brokers > 65'536U - options.port) {
        return Error{Errc::invalid_option,
                     fmt::format("port {} and {} brokers: the last one's port would be past 65535",
                                 options.port, options.cluster.brokers)};
    }
    Result<std::unique_ptr<io::Io>> io = io::make_io(options.io);
    if (!io) return io.error();
    std::unique_ptr<BrokerServer> server(new BrokerServer(std::move(options), std::move(*io)));
    if (Result<void> listening = server->listen(); !listening) return listening.error();
    return server;
}

Result<io::Address> BrokerServer::find_address() {
    io_->resolve(options_.host, options_.port, 0);
    const Instant deadline = io_->now() + resolve_max;
    while (io_->now() < deadline) {
        const std::size_t count = io_->wait(events_, deadline);
        for (std::size_t i = 0; i < count; ++i) {
            const io::Event& event = events_[i];
            if (event.kind != io::Event::Kind::resolved) continue;
            if (event.result == 0 && !event.addresses.empty()) return event.addresses[0];
            return Error{Errc::resolve_failed, fmt::format("can't listen on {}: {}", options_.host,
                                                           ::gai_strerror(event.result))};
        }
    }
    return Error{Errc::resolve_failed,
                 fmt::format("can't listen on {}: no answer from the name service", options_.host)};
}

Result<void> BrokerServer::listen() {
    const Result<io::Address> address = find_address();
    if (!address) return address.error();
    for (const fake::Node& node : cluster_.nodes()) {
        Listener& listener = listeners_.emplace_back(fake::Broker(cluster_, node.id));
        listener.address = *address;
        const auto place = static_cast<std::uint16_t>(node.id - 1);
        if (options_.port != 0) listener.address.port = options_.port + place;
        if (Result<void> listening = listen_again(listener); !listening) return listening;
    }
    const std::string host = advertised_host(options_, *address);
    for (const Listener& listener : listeners_) {
        cluster_.set_address(listener.broker.node_id(), host, listener.address.port);
    }
    return {};
}

Result<void> BrokerServer::listen_again(Listener& listener) {
    const auto token = static_cast<std::uint64_t>(&listener - listeners_.data());
    io::Address bound;
    const Result<io::SocketId> socket = io_->listen(listener.address, token, bound);
    if (!socket) return socket.error();
    if (!socket->valid()) {
        return Error{Errc::invalid_option,
                     fmt::format("{} sockets are too few for {} brokers", options_.io.sockets_max,
                                 options_.cluster.brokers)};
    }
    listener.socket = *socket;
    // Once chosen it stays, as other threads read it.
    if (listener.address.port == 0) listener.address = bound;
    return {};
}

std::vector<std::uint16_t> BrokerServer::ports() const {
    std::vector<std::uint16_t> ports;
    for (const Listener& listener : listeners_) ports.push_back(listener.address.port);
    return ports;
}

std::vector<std::string> BrokerServer::addresses() const {
    std::vector<std::string> addresses;
    for (const Listener& listener : listeners_) addresses.push_back(listener.address.text());
    return addresses;
}

std::string BrokerServer::bootstrap() const {
    const std::string host = advertised_host(options_, listeners_.front().address);
    const bool ipv6 = host.find(':') != std::string::npos;
    std::string list;
    for (const std::uint16_t port : ports()) {
        if (!list.empty()) list += ',';
        list += fmt::format(fmt::runtime(ipv6 ? "[{}]:{}" : "{}:{}"), host, port);
    }
    return list;
}

void BrokerServer::run_until(const std::function<bool()>& done) {
    while (!stopping_.load(std::memory_order_relaxed) && !(done && done())) turn();
}

void BrokerServer::stop() noexcept {
    stopping_.store(true, std::memory_order_relaxed);
    io_->wake();
}

void BrokerServer::post(std::function<void(fake::Cluster&)> action) {
    {
        const std::lock_guard lock(posted_mutex_);
        posted_.push_back(std::move(action));
    }
    io_->wake();
}

void BrokerServer::turn() {
    run_posted();
    follow_nodes();
    resume_waiting();
    const std::size_t count = io_->wait(events_, next_due());
    for (std::size_t i = 0; i < count; ++i) on_event(events_[i]);
}

void BrokerServer::run_posted() {
    std::vector<std::function<void(fake::Cluster&)>> actions;
    {
        const std::lock_guard lock(posted_mutex_);
        actions.swap(posted_);
    }
    for (const auto& action : actions) action(cluster_);
}

/// A node that is down does not listen, and one that is up does.
void BrokerServer::follow_nodes() {
    for (Listener& listener : listeners_) {
        const bool up = cluster_.is_up(listener.broker.node_id());
        const bool listens = listener.socket.valid();
        if (up == listens || listener.closing) continue;
        if (up) {
            if (io_->now() < listener.retry_at || listen_again(listener)) continue;
            listener.retry_at = io_->now() + listen_pause;
            continue;
        }
        listener.closing = true;
        io_->close(listener.socket);
        const auto index = static_cast<std::size_t>(&listener - listeners_.data());
        for (const auto& connection : connections_) {
            if (connection && connection->node_index == index) close(*connection);
        }
    }
}

void BrokerServer::resume_waiting() {
    const bool changed = cluster_.changes() != changes_seen_;
    changes_seen_ = cluster_.changes();
    const Instant now = io_->now();
    for (const auto& connection : connections_) {
        if (!connection || !connection->waits) continue;
        if (changed || connection->due <= now) serve(*connection);
    }
}

Instant BrokerServer::next_due() {
    // What was handled just now may have been waited for by a connection seen before it.
    if (cluster_.changes() != changes_seen_) return Instant{};
    Instant next = Instant::never();
    for (const Listener& listener : listeners_) {
        const bool retries = !listener.socket.valid() && cluster_.is_up(listener.broker.node_id());
        if (retries) next = std::min(next, listener.retry_at);
    }
    for (const auto& connection : connections_) {
        if (connection && connection->waits) next = std::min(next, connection->due);
    }
    return next;
}

void BrokerServer::on_event(const io::Event& event) {
    if (event.kind == io::Event::Kind::accepted) return on_accepted(event);
    if (event.kind == io::Event::Kind::closed) return on_closed(event);
    if (event.token < connection_token) return;
    Connection& connection = *connections_[event.token - connection_token];
    if (connection.closing) return;
    if (event.kind == io::Event::Kind::received) {
        connection.receives = false;
        if (event.result <= 0) return close(connection);
        connection.in.on_received(static_cast<std::size_t>(event.result));
        bytes_received_ += static_cast<std::uint64_t>(event.result);
    } else {
        connection.sends = false;
        if (event.result < 0) return close(connection);
    }
    serve(connection);
}

void BrokerServer::on_accepted(const io::Event& event) {
    const auto free = std::find_if(connections_.begin(), connections_.end(),
                                   [](const auto& connection) { return connection == nullptr; });
    const auto index = static_cast<std::size_t>(free - connections_.begin());
    if (free == connections_.end()) connections_.emplace_back();
    const bool discards = options_.cluster.discard;
    connections_[index] = std::make_unique<Connection>(
        event.socket, event.token, discards ? receive_bytes_discarding : receive_bytes);
    io_->set_token(event.socket, connection_token + index);
    Connection& connection = *connections_[index];
    // It may have come before its node was stopped.
    if (!cluster_.is_up(listeners_[connection.node_index].broker.node_id())) close(connection);
    start_receive(connection);
}

void BrokerServer::on_closed(const io::Event& event) {
    if (event.token >= connection_token) {
        connections_[event.token - connection_token].reset();
        return;
    }
    listeners_[event.token].socket = {};
    listeners_[event.token].closing = false;
}

void BrokerServer::serve(Connection& connection) {
    if (connection.closing) return;
    handle_requests(connection);
    start_send(connection);
    start_receive(connection);
}

void BrokerServer::handle_requests(Connection& connection) {
    fake::Broker& broker = listeners_[connection.node_index].broker;
    const Instant now = io_->now();
    while (!connection.ends && connection.responses.size() < responses_bytes_max) {
        ByteSpan request;
        const FrameBuffer::Front front = connection.in.front(request);
        if (front == FrameBuffer::Front::malformed) connection.ends = true;
        if (front != FrameBuffer::Front::frame) return;
        if (!connection.waits) connection.received_at = now;
        const fake::Handled handled =
            broker.handle(request, connection.received_at, now, connection.responses);
        connection.waits = handled.outcome == fake::Outcome::later;
        connection.due = handled.due;
        if (connection.waits) return;
        connection.in.pop();
        if (handled.outcome == fake::Outcome::close) connection.ends = true;
    }
}

void BrokerServer::start_send(Connection& connection) {
    if (connection.sends) return;
    if (connection.responses.empty()) {
        if (connection.ends) close(connection);
        return;
    }
    connection.sending.swap(connection.responses);
    connection.responses.clear();
    if (connection.responses.capacity() > responses_bytes_kept) connection.responses = {};
    connection.sends = true;
    const io::Piece piece = connection.sending;
    io_->send(connection.socket, {&piece, 1});
}

void BrokerServer::start_receive(Connection& connection) {
    if (connection.receives || connection.ends || connection.closing) return;
    const std::span<std::byte> room = connection.in.room();
    if (room.empty()) return;
    connection.receives = true;
    io_->receive(connection.socket, room);
}

void BrokerServer::close(Connection& connection) {
    if (connection.closing) return;
    connection.closing = true;
    connection.waits = false;
    io_->close(connection.socket);
}

}  // namespace ringpost::tools
