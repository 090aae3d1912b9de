// SPDX-License-Identifier: Apache-2.0
// An Io without a kernel: time stands still until the loop sleeps, and behind every port there is a
// broker of a fake cluster, or whatever trouble the test has in mind.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <cerrno>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "fake/broker.h"
#include "io/io.h"

namespace ringpost::shard {

/// The world that a ScriptedIo shows to its loop. Outlives it.
struct Script {
    explicit Script(fake::ClusterOptions options = {.partitions = 1}) : cluster(options) {
        for (std::uint32_t i = 1; i <= options.brokers; ++i) {
            const auto id = static_cast<std::int32_t>(i);
            cluster.set_address(id, "127.0.0.1", port_of(id));
            brokers.push_back(std::make_unique<fake::Broker>(cluster, id));
        }
    }
    static std::uint16_t port_of(std::int32_t id) { return static_cast<std::uint16_t>(9000 + id); }

    Instant now = Instant::from_ns(1'000'000'000);
    fake::Cluster cluster;
    std::vector<std::unique_ptr<fake::Broker>> brokers;

    bool resolver_answers = true;
    bool names_exist = true;
    bool connects_answer = true;
    bool sends_complete = true;
    bool answers_come = true;
    bool closes_complete = true;
    bool sockets_left = true;

    /// Called in the loop's place of sleeping: what happens elsewhere meanwhile.
    std::function<void()> on_sleep;

    std::uint64_t waits = 0;
    std::uint64_t sleeps = 0;
    std::uint64_t wakes = 0;
    bool asleep_for_ever = false;   ///< the last wait had nothing to wait for
    std::uint32_t sockets_open = 0;
};

class ScriptedIo final : public io::Io {
public:
    explicit ScriptedIo(Script& script) : script_(script) {}
    ~ScriptedIo() override {
        EXPECT_EQ(script_.sockets_open, 0U) << "sockets were left open";
    }

    Instant now() override { return script_.now; }
    std::int64_t wall_ms() override { return script_.now.count_ns() / 1'000'000; }

    void resolve(std::string_view, std::uint16_t port, std::uint64_t token) override {
        look_ups_.push_back({port, token});
    }

    io::SocketId connect(const io::Address& address, std::uint64_t token) override {
        if (!script_.sockets_left) return {};
        const io::SocketId id{static_cast<std::uint32_t>(sockets_.size()), 7};
        auto& s = *sockets_.emplace_back(std::make_unique<Socket>());
        s.node = address.port - 9000;
        s.token = token;
        s.connecting = true;
        ++script_.sockets_open;
        return id;
    }

    void send(io::SocketId id, std::span<const io::Piece> pieces) override {
        Socket& s = socket(id);
        EXPECT_TRUE(s.connected);
        EXPECT_FALSE(s.closing);
        ASSERT_FALSE(s.sending) << "two sends at a time";
        ASSERT_FALSE(pieces.empty());
        s.sending = true;
        s.pieces.assign(pieces.begin(), pieces.end());
        s.as_given = bytes_of(s.pieces);
    }
    void receive(io::SocketId id, std::span<std::byte> room) override {
        Socket& s = socket(id);
        EXPECT_TRUE(s.connected);
        EXPECT_FALSE(s.closing);
        ASSERT_TRUE(s.room.empty()) << "two receives at a time";
        ASSERT_FALSE(room.empty());
        s.room = room;
    }
    void close(io::SocketId id) override { socket(id).closing = true; }

    Result<io::SocketId> listen(const io::Address&, std::uint64_t, io::Address&) override {
        return Errc::system_error;
    }
    void set_token(io::SocketId, std::uint64_t) override {}

    std::size_t wait(std::span<io::Event> out, Instant until) override {
        ++script_.waits;
        script_.asleep_for_ever = false;
        if (until > script_.now && !any_event() && !woken_) {
            ++script_.sleeps;
            if (script_.on_sleep) script_.on_sleep();
            if (!any_event() && !woken_) {
                script_.asleep_for_ever = until.is_never();
                if (!until.is_never()) script_.now = until;
            }
        } else {
            script_.now = script_.now + Duration::us(1);  // work takes time, too
        }
        woken_ = false;
        return collect(out);
    }
    void wake() noexcept override {
        woken_ = true;
        ++script_.wakes;
    }

    std::string description() const override { return "a script"; }
    Counters counters() const override { return {script_.sleeps, script_.waits}; }

    /// The broker ends every connection, between two of its answers.
    void drop_connections() {
        for (auto& s : sockets_) {
            if (s->connected && !s->closed) s->dropped = true;
        }
    }

private:
    struct LookUp {
        std::uint16_t port;
        std::uint64_t token;
    };
    struct Socket {
        std::int32_t node = 0;
        std::uint64_t token = 0;
        bool connecting = false;
        bool connected = false;
        bool sending = false;
        bool dropped = false;
        bool closing = false;
        bool closed = false;
        std::vector<io::Piece> pieces;
        std::vector<std::byte> as_given;    ///< what the pieces held when they were given
        std::span<std::byte> room;
        std::vector<std::byte> requests;    ///< not yet handled
        std::vector<std::byte> answers;     ///< not yet received
    };

    static std::vector<std::byte> bytes_of(const std::vector<io::Piece>& pieces) {
        std::vector<std::byte> bytes;
        for (const auto& piece : pieces) bytes.insert(bytes.end(), piece.begin(), piece.end());
        return bytes;
    }
    Socket& socket(io::SocketId id) {
        RINGPOST_ASSERT(id.valid() && id.index < sockets_.size());
        RINGPOST_ASSERT(!sockets_[id.index]->closed);
        return *sockets_[id.index];
    }

    bool any_event() {
        std::array<io::Event, 1> one;
        for (std::size_t i = 0; i < sockets_.size(); ++i) {
            if (has_event(*sockets_[i])) return true;
        }
        return script_.resolver_answers && !look_ups_.empty();
    }
    bool has_event(const Socket& s) const {
        if (s.closed) return false;
        if (s.closing) return script_.closes_complete;
        if (s.connecting) return script_.connects_answer;
        if (s.sending && script_.sends_complete) return true;
        if (s.room.empty()) return false;
        return s.dropped || (script_.answers_come && (!s.answers.empty() || has_request(s)));
    }
    static bool has_request(const Socket& s) {
        return s.requests.size() >= 4 &&
               s.requests.size() >= 4 + static_cast<std::size_t>(
                                            load_be<std::int32_t>(s.requests.data()));
    }

    std::size_t collect(std::span<io::Event> out) {
        std::size_t count = 0;
        while (script_.resolver_answers && !look_ups_.empty() && count < out.size()) {
            const LookUp look_up = look_ups_.front();
            look_ups_.pop_front();
            address_[0] = io::Address::from_literal("127.0.0.1", look_up.port);
            io::Event& event = out[count++];
            event = {.kind = io::Event::Kind::resolved, .token = look_up.token};
            if (script_.names_exist) {
                event.addresses = address_;
            } else {
                event.result = -2;
            }
            return count;  // there is memory for one address
        }
        for (std::size_t i = 0; i < sockets_.size(); ++i) {
            while (count < out.size() && has_event(*sockets_[i])) {
                out[count] = next_event(*sockets_[i]);
                out[count].token = sockets_[i]->token;
                out[count].socket = {static_cast<std::uint32_t>(i), 7};
                ++count;
            }
        }
        return count;
    }

    io::Event next_event(Socket& s) {
        using Kind = io::Event::Kind;
        if (s.closing) {
            // What is cancelled is told first.
            if (std::exchange(s.sending, false)) return {.kind = Kind::sent, .result = -ECANCELED};
            if (!std::exchange(s.room, {}).empty()) {
                return {.kind = Kind::received, .result = -ECANCELED};
            }
            s.closed = true;
            --script_.sockets_open;
            return {.kind = Kind::closed};
        }
        if (std::exchange(s.connecting, false)) {
            s.connected = script_.cluster.is_up(s.node);
            return {.kind = Kind::connected, .result = s.connected ? 0 : -ECONNREFUSED};
        }
        if (s.sending && script_.sends_complete) {
            s.sending = false;
            EXPECT_TRUE(bytes_of(s.pieces) == s.as_given) << "memory changed while it was sent";
            if (s.dropped) return {.kind = Kind::sent, .result = -EPIPE};
            s.requests.insert(s.requests.end(), s.as_given.begin(), s.as_given.end());
            return {.kind = Kind::sent, .result = static_cast<std::int32_t>(s.as_given.size())};
        }
        const std::span<std::byte> room = std::exchange(s.room, {});
        while (script_.answers_come && has_request(s)) handle_one(s);
        if (s.dropped || s.answers.empty()) return {.kind = Kind::received, .result = 0};
        const std::size_t n = std::min(room.size(), s.answers.size());
        std::copy_n(s.answers.begin(), n, room.begin());
        s.answers.erase(s.answers.begin(), s.answers.begin() + static_cast<std::ptrdiff_t>(n));
        return {.kind = Kind::received, .result = static_cast<std::int32_t>(n)};
    }

    void handle_one(Socket& s) {
        const auto size = static_cast<std::size_t>(load_be<std::int32_t>(s.requests.data()));
        const auto handled = script_.brokers.at(static_cast<std::size_t>(s.node) - 1)
                                 ->handle(ByteSpan(s.requests).subspan(4, size), script_.now,
                                          script_.now, s.answers);
        s.requests.erase(s.requests.begin(),
                         s.requests.begin() + 4 + static_cast<std::ptrdiff_t>(size));
        if (handled.outcome == fake::Outcome::close) s.dropped = true;
    }

    Script& script_;
    bool woken_ = false;
    std::deque<LookUp> look_ups_;
    std::vector<std::unique_ptr<Socket>> sockets_;
    std::array<io::Address, 1> address_;
};

}  // namespace ringpost::shard
