// SPDX-License-Identifier: Apache-2.0
// A connection with its owner played by the test: what it asks for is noted, time is moved by hand.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <deque>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "broker/connection.h"
#include "broker/setup_turns.h"
#include "wire/api_versions.h"
#include "wire/metadata.h"

namespace ringpost::broker {

using Action = Connection::Action;
using Bytes = std::vector<std::byte>;
using Kind = Connection::Event::Kind;
using State = Connection::State;

inline void append(Bytes& to, ByteSpan bytes) { to.insert(to.end(), bytes.begin(), bytes.end()); }

/// Size, correlation id, body: a response with the old header.
inline Bytes response_frame(std::int32_t correlation_id, ByteSpan body) {
    Bytes frame(8 + body.size());
    Writer out(frame);
    out.i32(static_cast<std::int32_t>(4 + body.size()));
    out.i32(correlation_id);
    out.bytes(body);
    return frame;
}

inline Bytes encoded(std::int16_t version, const wire::ApiVersionsResponse& response) {
    Bytes body(encoded_size(version, response));
    Writer out(body);
    encode(out, version, response);
    return body;
}

/// What a broker of today says, as far as this library cares. Produce and Metadata stay below
/// their flexible versions, so that a response's body may be anything.
inline wire::ApiVersionsResponse usual_versions() {
    wire::ApiVersionsResponse response;
    response.apis = {{wire::ApiKey::produce, 3, 8},
                     {wire::ApiKey::metadata, 0, 8},
                     {wire::ApiKey::api_versions, 0, 4},
                     {wire::ApiKey::init_producer_id, 0, 1}};
    return response;
}

struct Driver {
    /// An event whose body is a copy.
    struct Seen {
        Kind kind;
        std::uint32_t slot = 0;
        Errc error = Errc::none;
        bool written = false;
        std::string body;
    };
    struct SentRequest {
        wire::ApiKey key;
        std::int16_t version;
        std::int32_t correlation_id;
    };

    ConnectionOptions options;
    std::vector<std::pair<LogLevel, std::string>> lines;
    Prng prng{42};
    Instant now = Instant::from_ns(1'000'000'000);
    SetupTurns turns;
    std::optional<Connection> made;
    std::vector<Action> actions;        ///< asked for since the last take_actions
    std::vector<Seen> events;           ///< since the last take_events
    std::span<std::byte> room;          ///< of the receive that is outstanding
    Bytes sent;                         ///< of all sends, not yet parsed
    std::uint32_t sends = 0;
    std::size_t send_bytes_max = limits::turn_bytes;
    bool sending = false;
    bool open = false;                  ///< from connect to closed

    Driver() {
        options.client_id = "test";
        options.log = Log(LogLevel::debug, [this](LogLevel level, std::string_view line) {
            lines.emplace_back(level, line);
        });
    }
    Connection& c() {
        if (!made) made.emplace(options, turns, "b1:9092", prng);
        return *made;
    }

    // Polls everything that the connection has to say.
    void poll() {
        Connection::Event event;
        while (c().poll_event(event, now)) {
            events.push_back({event.kind, event.slot, event.error, event.written,
                              std::string(as_text(event.body))});
            c().check_invariants();
        }
        for (Action action; (action = c().poll_action(send_bytes_max)) != Action::none;) {
            actions.push_back(action);
            if (action == Action::connect) open = true;
            if (action == Action::receive) room = c().receive_room();
            if (action == Action::send) {
                EXPECT_FALSE(sending) << "two sends at a time";
                sending = true;
                ++sends;
                for (const ByteSpan piece : c().gather()) append(sent, piece);
            }
            c().check_invariants();
        }
    }
    std::vector<Action> take_actions() { return std::exchange(actions, {}); }
    std::vector<Seen> take_events() { return std::exchange(events, {}); }
    State state() { return c().state(); }

    // Inputs, each followed by a poll.

    void want() { c().want(now), poll(); }
    void shut() { c().shut(now), poll(); }
    void resolved(std::uint32_t addresses) {
        c().on_resolved(addresses, "no address", now);
        poll();
    }
    void connected() { c().on_connected(true, "", now), poll(); }
    void refused() { c().on_connected(false, "Connection refused", now), poll(); }
    void no_socket() {
        open = false;
        c().on_no_socket(now);
        poll();
    }
    void sent_ok(bool ok = true) {
        sending = false;
        c().on_sent(ok, now);
        poll();
    }
    /// `bytes` arrive, in as many reads as the rooms make of them.
    void receive(ByteSpan bytes) {
        while (!bytes.empty()) {
            ASSERT_FALSE(room.empty()) << "nothing is being received";
            const std::size_t n = std::min(bytes.size(), room.size());
            std::copy_n(bytes.begin(), n, room.begin());
            bytes = bytes.subspan(n);
            received(static_cast<std::int32_t>(n));
            if (state() == State::closing) return;
        }
    }
    void received(std::int32_t result) {
        room = {};
        c().on_received(result, now);
        poll();
    }
    void closed() {
        open = sending = false;
        room = {};
        c().on_closed(now);
        poll();
    }
    void deadline() { c().on_deadline(now), poll(); }
    void pass(Duration d) { now = now + d; }
    /// To the connection's next deadline, which is not due a nanosecond earlier.
    void pass_to_deadline() {
        const Instant at = c().next_deadline();
        ASSERT_FALSE(at.is_never());
        const State before = state();
        now = at + Duration::ns(-1);
        deadline();
        EXPECT_EQ(state(), before) << "a timer that fired early was taken for a deadline";
        now = at;
        deadline();
    }

    // Whole stretches.

    void to_negotiating() {
        want();
        resolved(1);
        connected();
    }
    /// The ApiVersions request is on its way: completes the send and answers.
    void answer_versions(const wire::ApiVersionsResponse& response) {
        const SentRequest request = next_sent();
        EXPECT_EQ(request.key, wire::ApiKey::api_versions);
        sent_ok();
        receive(response_frame(request.correlation_id, encoded(request.version, response)));
    }
    void to_ready() {
        to_negotiating();
        answer_versions(usual_versions());
        ASSERT_EQ(state(), State::ready);
        take_actions();
        take_events();
    }
    void to_backoff() {
        want();
        resolved(0);
        ASSERT_EQ(state(), State::backoff);
        take_actions();
        take_events();
    }
    SentRequest next_sent() {
        Reader in(sent);
        const auto size = static_cast<std::size_t>(in.i32());
        wire::RequestHeader header;
        Reader request(in.take(size));
        EXPECT_TRUE(in.ok());
        EXPECT_TRUE(wire::decode_request_header(request, header));
        EXPECT_EQ(header.client_id, "test");
        sent.erase(sent.begin(), sent.begin() + static_cast<std::ptrdiff_t>(4 + size));
        return {header.key, header.version, header.correlation_id};
    }
    /// Begins a request whose payload is four bytes. Null if the connection has no slot.
    RequestSlot* begin(wire::ApiKey api) {
        RequestSlot* slot = c().try_begin(api, now);
        if (slot == nullptr) return nullptr;
        slot->frame.resize(std::max<std::size_t>(slot->frame.size(), 100));
        Writer out(slot->frame);
        std::byte* size_at = wire::begin_frame(out);
        wire::encode_request_header(out, slot->api, slot->version, slot->correlation_id, "test");
        out.i32(7);
        wire::end_frame(out, size_at);
        slot->pieces.assign(1, out.written());
        return slot;
    }
    /// Begins and submits; the request's slot, whose number and correlation id stay readable.
    RequestSlot* submit(wire::ApiKey api) {
        RequestSlot* slot = begin(api);
        if (slot == nullptr) return nullptr;
        c().submit(*slot, now);
        poll();
        return slot;
    }
    RequestSlot* produce() { return submit(wire::ApiKey::produce); }
    RequestSlot* metadata() { return submit(wire::ApiKey::metadata); }

    std::size_t lines_at(LogLevel level) const {
        return static_cast<std::size_t>(std::count_if(
            lines.begin(), lines.end(), [&](const auto& line) { return line.first == level; }));
    }
    /// The text of the last line of that level.
    std::string last_line(LogLevel level) const {
        for (auto line = lines.rbegin(); line != lines.rend(); ++line) {
            if (line->first == level) return line->second;
        }
        return "";
    }
};

inline bool mentions(const std::string& text, std::string_view part) {
    return text.find(part) != std::string::npos;
}

inline Bytes text_bytes(std::string_view text) {
    const ByteSpan bytes = as_bytes(text);
    return {bytes.begin(), bytes.end()};
}

}  // namespace ringpost::broker
