// SPDX-License-Identifier: Apache-2.0
// Serves a fake cluster over TCP: one listener a node, all in one loop on one thread.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include <ringpost/error.h>

#include "fake/broker.h"
#include "fake/cluster.h"
#include "frame_buffer.h"
#include "io/io.h"

namespace ringpost::tools {

struct BrokerServerOptions {
    fake::ClusterOptions cluster;
    std::string host = "127.0.0.1";  ///< A name or a numeric address.
    std::uint16_t port = 0;          ///< Of the first node, the others follow; 0: any free ones.
    /// What metadata tells clients; empty: `host`, or the loopback address for "any address".
    std::string advertised_host;
    io::IoOptions io;
};

/// Thread:  open, run and everything else from one thread, but for stop, post, and what was fixed
///          by open (ports, addresses, bootstrap).
/// Owns:    the cluster, the Io, every connection.
/// Bounds:  IoOptions::sockets_max listeners and connections together; a request of
///          request_bytes_max; a connection that doesn't read its answers is not served on.
class BrokerServer {
public:
    /// Listens; serves nothing yet. The error says what could not be listened on, and why.
    static Result<std::unique_ptr<BrokerServer>> open(BrokerServerOptions options);
    ~BrokerServer();
    BrokerServer(const BrokerServer&) = delete;
    BrokerServer& operator=(const BrokerServer&) = delete;

    /// By node, as the kernel gave them.
    std::vector<std::uint16_t> ports() const;
    /// By node: "127.0.0.1:34567".
    std::vector<std::string> addresses() const;
    /// What a client begins with: the advertised host and every port.
    std::string bootstrap() const;
    /// From all clients, requests of every kind.
    std::uint64_t bytes_received() const { return bytes_received_; }
    std::string io_description() const { return io_->description(); }

    /// Serves until stop().
    void run() { run_until({}); }
    /// Serves until stop(), or until `done` says so; it is asked after each turn of the loop.
    void run_until(const std::function<bool()>& done);
    /// Thread: any; also from a signal handler.
    void stop() noexcept;
    /// Calls `action` on the serving thread, in the next turn of its loop. Thread: any.
    void post(std::function<void(fake::Cluster&)> action);

    /// Nodes that are stopped here refuse connections as soon as the loop has turned.
    fake::Cluster& cluster() { return cluster_; }

private:
    struct Listener {
        explicit Listener(fake::Broker b) : broker(std::move(b)) {}
        fake::Broker broker;
        io::Address address;  ///< With the port that the kernel chose.
        io::SocketId socket;
        bool closing = false;
        Instant retry_at;  ///< After it could not listen again.
    };
    struct Connection {
        Connection(io::SocketId s, std::size_t node, std::size_t bytes)
            : socket(s), node_index(node), in(bytes) {}
        const io::SocketId socket;
        const std::size_t node_index;
        FrameBuffer in;
        std::vector<std::byte> responses;  ///< That wait for the send under way.
        std::vector<std::byte> sending;
        bool receives = false;
        bool sends = false;
        bool waits = false;   ///< The request in front is a fetch that finds too little yet...
        Instant received_at;  ///< ...since this instant...
        Instant due;          ///< ...and till this one.
        bool ends = false;    ///< To be closed when its last responses are sent.
        bool closing = false;
    };

    BrokerServer(BrokerServerOptions options, std::unique_ptr<io::Io> io);
    Result<io::Address> find_address();
    Result<void> listen();
    Result<void> listen_again(Listener& listener);

    void turn();
    void run_posted();
    void follow_nodes();
    void resume_waiting();
    Instant next_due();
    void on_event(const io::Event& event);
    void on_accepted(const io::Event& event);
    void on_closed(const io::Event& event);

    void serve(Connection& connection);
    void handle_requests(Connection& connection);
    void start_send(Connection& connection);
    void start_receive(Connection& connection);
    void close(Connection& connection);

    const BrokerServerOptions options_;
    fake::Cluster cluster_;
    std::vector<Listener> listeners_;                       ///< By node.
    std::vector<std::unique_ptr<Connection>> connections_;  ///< By token; null: free.
    std::uint64_t changes_seen_ = 0;
    std::uint64_t bytes_received_ = 0;
    std::atomic<bool> stopping_ = false;  ///< Set by whoever calls stop(), never cleared.
    std::mutex posted_mutex_;
    std::vector<std::function<void(fake::Cluster&)>> posted_;
    std::array<io::Event, 256> events_;
    std::unique_ptr<io::Io> io_;  ///< Last, hence destroyed first: it borrows the buffers above.
};

}  // namespace ringpost::tools
