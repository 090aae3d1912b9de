// SPDX-License-Identifier: Apache-2.0
// One connection from one shard to one broker, without I/O: states, negotiation, a pipeline of
// requests, framing of responses, deadlines.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string>

#include <ringpost/error.h>

#include "base/assert.h"
#include "base/limits.h"
#include "base/list.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/prng.h"
#include "base/time.h"
#include "broker/backoff.h"
#include "wire/api.h"

namespace ringpost::broker {

class SetupTurns;

/// What every connection of a shard has in common. Borrowed by each for its whole life.
struct ConnectionOptions {
    std::string client_id;
    Duration setup_timeout = Duration::seconds(10);
    Duration request_timeout = Duration::seconds(30);
    Duration idle_max = Duration::seconds(540);   ///< Zero: never closed for idleness.
    Duration backoff = Duration::ms(50);
    Duration backoff_max = Duration::ms(1000);
    std::uint32_t inflight_max = limits::inflight_requests_max;
    Log log;
};

/// One request from its making to its end. The owner fills `frame` and `pieces`; the slot's number
/// is how both sides speak of it.
struct RequestSlot {
    enum class State : std::uint8_t {
        free,      ///< nobody's
        building,  ///< handed out by try_begin
        queued,    ///< submitted, not yet given to the socket
        sending,   ///< its bytes are named by the send under way
        awaiting,  ///< sent; the response is outstanding
        done,      ///< its end stands in an event that the owner has not looked at
    };
    State state = State::free;
    wire::ApiKey api{};
    std::int16_t version = 0;
    std::int32_t correlation_id = 0;
    bool expects_response = true;      ///< False for Produce with acks=0.
    Instant submitted;
    Instant deadline = Instant::never();
    Vector<std::byte> frame;           ///< Request bytes other than record batches.
    Vector<ByteSpan> pieces;           ///< What to send, in order; may point into `frame`.
};

/// Fills a slot with one whole request that has no record batches. `request` is any of wire's.
template <typename Request>
void encode_request(RequestSlot& slot, std::string_view client_id, const Request& request) {
    slot.frame.resize(64 + client_id.size() + encoded_size(slot.version, request));
    Writer w(slot.frame);
    std::byte* size_at = wire::begin_frame(w);
    wire::encode_request_header(w, slot.api, slot.version, slot.correlation_id, client_id);
    encode(w, slot.version, request);
    wire::end_frame(w, size_at);
    RINGPOST_ASSERT(w.ok());
    slot.pieces.assign(1, w.written());
}

/// Thread:    one.
/// Owns:      its request slots and its receive buffer. Borrows what the slots' pieces name, until
///            the slot's event.
/// Bounds:    ConnectionOptions::inflight_max produce requests and limits::inflight_control_max
///            others; a response of limits::response_bytes_max.
/// Allocates: the receive buffer, when a response is larger than any before; at connects.
///
///   idle --want--> resolving --> connecting --> negotiating --> ready
///    ^  \           ^  |             |              |             |
///    |   +> waiting +  |             |              |             |
///    +--- backoff <----+------- closing <-----------+-------------+
///
/// From `resolving` on, until it is ready or has failed, it holds one of the shard's SetupTurns; it
/// is `waiting` while there is none.
///
/// Invariant 1: responses come in the order of the requests (KIP-219 and the broker's own rule).
/// Invariant 2: a slot's memory is not named by the kernel any more when its event is given out.
class Connection {
public:
    enum class State : std::uint8_t {
        idle, waiting, resolving, connecting, negotiating, ready, closing, backoff
    };

    /// What the owner shall do at the socket, one at a time, each answered by an input.
    enum class Action : std::uint8_t { none, resolve, connect, receive, send, close };

    struct Event {
        enum class Kind : std::uint8_t {
            ready,     ///< negotiated: requests may be begun
            response,  ///< `slot` was answered with `body`
            lost,      ///< `slot` has no answer; `written` says whether bytes of it left
            down,      ///< the connection ended; every slot's event came before. See `error`.
        };
        Kind kind;
        std::uint32_t slot = 0;
        ByteSpan body;                ///< Response body, valid until the next call but poll_event.
        Errc error = Errc::none;
        bool written = false;
    };

    Connection(const ConnectionOptions& options, SetupTurns& turns, std::string name, Prng& prng);
    Connection(const Connection&) = delete;
    Connection& operator=(const Connection&) = delete;

    // Inputs.

    /// Somebody has work for this broker: an idle connection starts, a backing-off one will.
    void want(Instant now);
    /// Nobody has: a backing-off connection rests when its wait is over.
    void unwant() { wanted_ = false; }
    /// Ends the connection whatever it does; it rests afterwards.
    void shut(Instant now);
    /// What an idle connection is called in messages from now on.
    void rename(std::string name) {
        RINGPOST_ASSERT(state_ == State::idle);
        name_ = std::move(name);
    }

    /// The owner can't make sense of what came: the connection ends, as after a bad frame.
    void distrust(std::string_view why, Instant now);

    /// SetupTurns: a connection that waits may go on.
    void on_turn(Instant now);
    void on_resolved(std::uint32_t address_count, std::string_view reason, Instant now);
    void on_connected(bool ok, std::string_view reason, Instant now);
    /// The connect could not even begin: no socket is left.
    void on_no_socket(Instant now);
    void on_sent(bool ok, Instant now);
    /// `result`: bytes, 0 at the end of the stream, negative for an error.
    void on_received(std::int32_t result, Instant now);
    void on_closed(Instant now);
    void on_deadline(Instant now);

    // Requests.

    /// A free slot, or null if the connection is not ready, is throttled, or has its fill. Slot
    /// numbers 0..inflight_requests_max-1 are Produce requests, the others the rest. A Produce
    /// slot comes with a frame of request_frame_bytes and with capacity for send_pieces_max pieces.
    RequestSlot* try_begin(wire::ApiKey api, Instant now);
    std::uint32_t slot_number(const RequestSlot& slot) const {
        return static_cast<std::uint32_t>(&slot - slots_.data());
    }
    /// The version that the request in a slot, or the one just answered, was written in.
    std::int16_t slot_version(std::uint32_t number) const { return slots_[number].version; }
    /// When the request in a slot, or the one just answered, was handed over.
    Instant slot_submitted(std::uint32_t number) const { return slots_[number].submitted; }
    /// Hands a filled slot over; it leaves with the next send.
    void submit(RequestSlot& slot, Instant now);
    /// Gives a slot back unused.
    void abandon(RequestSlot& slot);

    // Outputs. Poll each after any input, until it yields nothing.

    /// `close` is repeated by nobody: after it the owner answers with on_closed. A send has
    /// `send_bytes_max` at most: the kernel copies them while the loop stands still.
    Action poll_action(std::size_t send_bytes_max);
    /// For Action::send: what it hands over of the queued requests, in order.
    std::span<const ByteSpan> gather() const {
        return std::span(gathered_).subspan(part_begin_, part_end_ - part_begin_);
    }
    /// For Action::receive.
    std::span<std::byte> receive_room();
    /// For Action::connect: which of the addresses.
    std::uint32_t address_index() const { return address_index_; }
    bool poll_event(Event& event, Instant now);
    Instant next_deadline() const;

    // Observers.

    State state() const { return state_; }
    bool ready() const { return state_ == State::ready; }
    /// It will be ready, or fail, without anybody's doing.
    bool on_its_way() const { return state_ >= State::waiting && state_ <= State::negotiating; }
    /// The version to use for an API, or -1 if this broker has none that we speak.
    std::int16_t version(wire::ApiKey api) const;
    std::uint32_t requests_unanswered() const { return unanswered_; }
    bool send_outstanding() const { return sending_; }
    const std::string& name() const { return name_; }
    Errc last_error() const { return last_error_; }
    Instant ready_since() const { return state_since_; }
    void check_invariants() const;

    /// The broker's throttle: no request is begun before `until` (KIP-219).
    void mute(Instant until) { muted_until_ = std::max(muted_until_, until); }
    Instant muted_until() const { return muted_until_; }
    bool throttled(Instant now) const { return now < muted_until_; }

    ListHook<Connection> turn_hook;    ///< of SetupTurns

private:
    void transition(State to, Instant now);
    void fail(Errc error, std::string_view why, Instant now);
    void start(Instant now);
    void negotiate(Instant now);
    void on_api_versions(ByteSpan body, Instant now);
    void rest(Instant now);
    void make_produce_room();
    RequestSlot& begin(std::uint32_t number, wire::ApiKey api, std::int16_t version);
    void remove_from_order(std::uint32_t place);
    bool next_frame(ByteSpan& frame, Instant now);
    std::string strange_bytes() const;
    bool poll_lost(Event& event);
    bool poll_sent_without_response(Event& event);
    bool poll_response(Event& event, Instant now);
    bool gather_queued(std::size_t bytes_max);
    bool next_part(std::size_t bytes_max);
    void forget_gathered();
    bool in_socket_state() const {
        return state_ == State::negotiating || state_ == State::ready;
    }

    const ConnectionOptions& options_;
    SetupTurns& turns_;
    std::string name_;                 ///< "host:port", for messages.
    Prng& prng_;
    Backoff backoff_;

    State state_ = State::idle;
    Instant state_since_;
    Instant state_deadline_ = Instant::never();
    bool wanted_ = false;
    bool has_turn_ = false;
    bool rest_after_close_ = false;    ///< no backoff, no reconnect: shut or idle
    bool next_address_ = false;        ///< after the close, try the next address
    Errc last_error_ = Errc::none;

    std::uint32_t address_count_ = 0;
    std::uint32_t address_index_ = 0;

    // What the socket is doing.
    bool socket_open_ = false;         ///< from Action::connect to on_closed
    bool action_due_ = false;          ///< resolve, connect or close stands for this state
    bool sending_ = false;
    bool receiving_ = false;
    bool lost_ = false;                ///< the slots in `order_` have lost their socket
    bool no_ack_sent_ = false;         ///< stray answers to acks=0 requests may come

    std::array<RequestSlot, limits::request_slots> slots_;
    /// Slot numbers queued, sending, awaiting or done, oldest first.
    std::array<std::uint32_t, limits::request_slots> order_{};
    std::uint32_t unanswered_ = 0;     ///< how many of `order_` are in use
    std::int32_t next_correlation_id_ = 1;
    Vector<ByteSpan> gathered_;        ///< of all requests that are `sending`
    std::size_t part_begin_ = 0;       ///< of `gathered_`: what this send hands over
    std::size_t part_end_ = 0;
    ByteSpan cut_off_;                 ///< its last piece's end, for the next send

    /// By API key; -1 where this broker and we have no version in common.
    std::array<std::int16_t, 80> versions_{};
    std::int16_t api_versions_version_ = 4;  ///< What the next negotiation asks with.

    Vector<std::byte> received_;
    std::size_t received_begin_ = 0;   ///< first byte not yet consumed
    std::size_t received_end_ = 0;     ///< one past the last byte received
    Instant last_used_;
    Instant muted_until_;
    bool ready_event_due_ = false;
    bool down_event_due_ = false;
    Errc logged_error_ = Errc::none;   ///< said once at warn level, repeats at debug
};

std::string_view to_string(Connection::State state);

}  // namespace ringpost::broker
