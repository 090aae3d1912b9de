// SPDX-License-Identifier: Apache-2.0
// Every Io that there is, as a test's parameter: epoll, and each rung of the io_uring ladder.
#pragma once

#include <gtest/gtest.h>

#include <array>
#include <memory>
#include <ostream>
#include <string>
#include <vector>

#include "io/io.h"
#include "raw_peer.h"

namespace ringpost::io {

struct Way {
    const char* name;
    Backend backend;
    std::uint32_t capabilities;
};
inline void PrintTo(const Way& way, std::ostream* out) { *out << way.name; }

inline constexpr std::uint32_t no_defer = cap_all & ~cap_defer_taskrun;
inline constexpr std::uint32_t no_single = no_defer & ~cap_single_issuer;
inline constexpr std::uint32_t no_coop = no_single & ~cap_coop_taskrun;

inline constexpr Way ways[] = {
    {"uring_defer_taskrun", Backend::io_uring, cap_all},
    {"uring_single_issuer", Backend::io_uring, no_defer},
    {"uring_coop_taskrun", Backend::io_uring, no_single},
    {"uring_plain", Backend::io_uring, no_coop},
    {"uring_without_registered_ring", Backend::io_uring, cap_all & ~cap_registered_ring},
    {"uring_with_short_sends", Backend::io_uring, cap_all & ~cap_send_waitall},
    {"epoll", Backend::epoll, cap_all},
};

/// Long enough for any machine: a test that gets here has hung.
inline constexpr Duration patience = Duration::seconds(30);

inline std::string text_of(const Event& e) {
    static constexpr const char* names[] = {"resolved", "connected", "sent",
                                            "received", "accepted",  "closed"};
    return std::string(names[static_cast<int>(e.kind)]) + " " + std::to_string(e.result);
}

class IoTest : public testing::TestWithParam<Way> {
protected:
    void SetUp() override { open(16); }

    void open(std::uint32_t sockets_max, const StreamTuning& tuning = {}) {
        IoOptions options;
        options.tuning = tuning;
        options.backend = GetParam().backend;
        options.capabilities = GetParam().capabilities;
        options.sockets_max = sockets_max;
        options.log = Log(LogLevel::debug,
                          [this](LogLevel, std::string_view line) { lines_.emplace_back(line); });
        io_.reset();
        Result<std::unique_ptr<Io>> made = make_io(options);
        if (!made) GTEST_SKIP() << made.error().text;
        io_ = *std::move(made);
    }

    Io& io() { return *io_; }

    /// The next event; fails the test if none comes.
    Event next() {
        Event event{};
        const Instant deadline = io().now() + patience;
        while (io().now() < deadline) {
            if (io().wait({&event, 1}, deadline) == 1) return event;
        }
        ADD_FAILURE() << "no event came";
        return event;
    }
    Event expect(Event::Kind kind, SocketId socket, std::int32_t result = 0) {
        const Event event = next();
        EXPECT_EQ(event.kind, kind) << text_of(event);
        EXPECT_EQ(event.socket, socket) << text_of(event);
        EXPECT_EQ(event.result, result) << text_of(event);
        return event;
    }
    void expect_nothing() {
        Event event{};
        EXPECT_EQ(io().wait({&event, 1}, Instant{}), 0u) << text_of(event);
    }

    /// A connection to `listener`; its other end in `peer`.
    SocketId connect_to(const RawListener& listener, Descriptor& peer, std::uint64_t token = 7) {
        const SocketId s = io().connect(listener.address(), token);
        EXPECT_TRUE(s.valid());
        EXPECT_EQ(expect(Event::Kind::connected, s).token, token);
        peer = listener.accept();
        return s;
    }
    void send_text(SocketId s, std::string_view text) {
        const Piece piece = as_bytes(text);
        io().send(s, {&piece, 1});
        expect(Event::Kind::sent, s, static_cast<std::int32_t>(text.size()));
    }
    void close_and_expect_closed(SocketId s) {
        io().close(s);
        expect(Event::Kind::closed, s);
    }

    std::unique_ptr<Io> io_;
    std::vector<std::string> lines_;
    std::array<std::byte, 4096> room_{};
};

inline const auto every_way = testing::ValuesIn(ways);
inline std::string way_name(const testing::TestParamInfo<Way>& info) { return info.param.name; }

}  // namespace ringpost::io
