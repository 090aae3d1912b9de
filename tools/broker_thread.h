// SPDX-License-Identifier: Apache-2.0
// A BrokerServer on a thread of its own, for tests and benches in the same process.
#pragma once

#include <future>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "broker_server.h"

namespace ringpost::tools {

/// Thread: its owner's. Serves until it is destroyed.
class BrokerThread {
public:
    /// Comes back when it listens, or with the reason why it can't.
    static Result<std::unique_ptr<BrokerThread>> start(BrokerServerOptions options) {
        std::unique_ptr<BrokerThread> broker(new BrokerThread);
        std::promise<Error> opened;
        std::future<Error> error = opened.get_future();
        broker->thread_ = std::thread([&b = *broker, &opened, options = std::move(options)]() {
            // The Io belongs to the thread that makes it.
            auto server = BrokerServer::open(options);
            if (!server) return opened.set_value(server.error());
            b.server_ = std::move(*server);
            opened.set_value({});
            b.server_->run();
            // ...and ends on it, once stop() has been left.
            b.stopped_.get_future().wait();
            b.server_.reset();
        });
        Error failure = error.get();
        if (failure.code != Errc::none) return failure;
        return broker;
    }
    ~BrokerThread() {
        if (server_) {
            server_->stop();
            stopped_.set_value();
        }
        thread_.join();
    }
    BrokerThread(const BrokerThread&) = delete;
    BrokerThread& operator=(const BrokerThread&) = delete;

    std::string bootstrap() const { return server_->bootstrap(); }
    std::vector<std::uint16_t> ports() const { return server_->ports(); }

    /// Has `action` done with the cluster on the serving thread, and waits until it is.
    template <typename Action>
    auto call(Action action) {
        using Returned = decltype(action(std::declval<fake::Cluster&>()));
        std::packaged_task<Returned(fake::Cluster&)> task(std::move(action));
        auto returned = task.get_future();
        server_->post([&task](fake::Cluster& cluster) { task(cluster); });
        return returned.get();
    }

    /// Has `action` done here while the serving thread waits, holding nothing.
    template <typename Action>
    auto call_while_it_waits(Action action) {
        std::promise<void> waits;
        std::promise<void> over;
        server_->post([&waits, go_on = over.get_future().share()](fake::Cluster&) {
            waits.set_value();
            go_on.wait();
        });
        waits.get_future().wait();
        auto returned = action();
        over.set_value();
        call([](fake::Cluster&) {});  // it has left both promises
        return returned;
    }

private:
    BrokerThread() = default;

    std::unique_ptr<BrokerServer> server_;  ///< Made by the thread before start() comes back.
    std::promise<void> stopped_;
    std::thread thread_;
};

}  // namespace ringpost::tools
