// SPDX-License-Identifier: Apache-2.0
// The connection's states, from the name to readiness and back.
#include "broker/connection.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "base/assert.h"
#include "broker/setup_turns.h"
#include "wire/api_versions.h"

namespace ringpost::broker {

namespace {

using State = Connection::State;

constexpr std::uint32_t bit(State state) { return 1U << static_cast<unsigned>(state); }

/// Where each state may go; one row a state, in the order of the enum.
constexpr std::uint32_t edges[] = {
    /* idle        */ bit(State::resolving) | bit(State::waiting),
    /* waiting     */ bit(State::resolving) | bit(State::idle),
    /* resolving   */ bit(State::connecting) | bit(State::backoff) | bit(State::idle),
    /* connecting  */ bit(State::negotiating) | bit(State::closing),
    /* negotiating */ bit(State::ready) | bit(State::closing),
    /* ready       */ bit(State::closing),
    /* closing     */ bit(State::connecting) | bit(State::backoff) | bit(State::idle),
    /* backoff     */ bit(State::resolving) | bit(State::idle),
};

constexpr std::uint32_t negotiation_slot = limits::inflight_requests_max;

}  // namespace

std::string_view to_string(Connection::State state) {
    constexpr std::string_view names[] = {"idle",        "waiting", "resolving", "connecting",
                                          "negotiating", "ready",   "closing",   "backoff"};
    return names[static_cast<unsigned>(state)];
}

Connection::Connection(const ConnectionOptions& options, SetupTurns& turns, std::string name,
                       Prng& prng)
    : options_(options),
      turns_(turns),
      name_(std::move(name)),
      prng_(prng),
      backoff_(options.backoff, options.backoff_max) {
    versions_.fill(-1);
}

void Connection::transition(State to, Instant now) {
    RINGPOST_ASSERT((edges[static_cast<unsigned>(state_)] & bit(to)) != 0);
    options_.log.debug("{}: {} -> {}", name_, to_string(state_), to_string(to));
    state_ = to;
    state_since_ = now;
    state_deadline_ = Instant::never();
    action_due_ = to == State::resolving || to == State::connecting || to == State::closing;
    if (to == State::resolving || to == State::connecting || to == State::negotiating) {
        state_deadline_ = now + options_.setup_timeout;
    }
    const bool is_set_up = to == State::ready || to == State::backoff || to == State::idle;
    if (is_set_up && std::exchange(has_turn_, false)) turns_.give_back(now);
}

// Inputs -----------------------------------------------------------------------------------------

void Connection::want(Instant now) {
    wanted_ = true;
    if (state_ == State::idle) start(now);
}

void Connection::start(Instant now) {
    RINGPOST_ASSERT(!socket_open_);
    RINGPOST_ASSERT(unanswered_ == 0);
    has_turn_ = turns_.try_take(*this);
    transition(has_turn_ ? State::resolving : State::waiting, now);
}

void Connection::on_turn(Instant now) {
    RINGPOST_ASSERT(state_ == State::waiting);
    has_turn_ = true;
    transition(State::resolving, now);
}

void Connection::shut(Instant now) {
    wanted_ = false;
    switch (state_) {
        case State::idle: return;
        case State::backoff: transition(State::idle, now); return;
        case State::waiting:
            turns_.leave(*this);
            transition(State::idle, now);
            return;
        // The look-up can't be called back; its answer finds an idle connection and is dropped.
        case State::resolving: transition(State::idle, now); return;
        case State::closing: rest_after_close_ = true; next_address_ = false; return;
        default: break;
    }
    rest_after_close_ = true;
    last_error_ = Errc::connection_lost;  // of requests that are unanswered
    transition(State::closing, now);
    if (!socket_open_) {
        // The connect was still to be asked for: there is no socket whose end could be told.
        action_due_ = false;
        on_closed(now);
    }
}

void Connection::distrust(std::string_view why, Instant now) {
    if (in_socket_state()) fail(Errc::malformed_response, why, now);
}

void Connection::on_resolved(std::uint32_t address_count, std::string_view reason, Instant now) {
    if (state_ != State::resolving) return;  // shut, or late
    if (address_count == 0) {
        fail(Errc::resolve_failed, reason, now);
        return;
    }
    address_count_ = address_count;
    address_index_ = 0;
    transition(State::connecting, now);
}

void Connection::on_connected(bool ok, std::string_view reason, Instant now) {
    if (state_ != State::connecting) return;
    if (!ok) {
        next_address_ = address_index_ + 1 < address_count_;
        fail(Errc::connect_failed, reason, now);
        return;
    }
    transition(State::negotiating, now);
    negotiate(now);
}

void Connection::on_no_socket(Instant now) {
    RINGPOST_ASSERT(state_ == State::connecting);
    fail(Errc::connect_failed, "no socket could be had (descriptors exhausted?)", now);
    action_due_ = false;
    on_closed(now);
}

void Connection::on_sent(bool ok, Instant now) {
    RINGPOST_ASSERT(sending_);
    sending_ = false;
    if (!ok) {
        if (state_ != State::closing) fail(Errc::connection_lost, "the send failed", now);
        return;
    }
    if (part_end_ != gathered_.size() || !cut_off_.empty()) return;
    for (std::uint32_t i = 0; i < unanswered_; ++i) {
        RequestSlot& slot = slots_[order_[i]];
        if (slot.state != RequestSlot::State::sending) continue;
        slot.state =
            slot.expects_response ? RequestSlot::State::awaiting : RequestSlot::State::done;
    }
}

void Connection::on_received(std::int32_t result, Instant now) {
    RINGPOST_ASSERT(receiving_);
    receiving_ = false;
    if (!in_socket_state()) return;
    if (result > 0) {
        received_end_ += static_cast<std::size_t>(result);
        RINGPOST_ASSERT(received_end_ <= received_.size());
        last_used_ = now;
        return;
    }
    if (state_ == State::ready && unanswered_ == 0) {
        // Brokers close idle connections (connections.max.idle.ms): expected, not alarming.
        options_.log.debug("{}: closed by the broker while idle", name_);
        rest_after_close_ = true;
        last_error_ = Errc::connection_lost;
        transition(State::closing, now);
        return;
    }
    std::string_view why =
        result == 0 ? "the broker closed the connection" : "the connection was reset";
    if (state_ == State::negotiating && unanswered_ != 0) {
        if (api_versions_version_ == 0) {
            why = "the connection was closed instead of an answer to ApiVersions in any version: "
                  "Kafka before 0.10, or not Kafka's port";
        }
        // Some brokers and proxies drop a connection that asks with a version they don't know.
        constexpr std::int16_t next[] = {4, 0, 0, 0, 3};
        api_versions_version_ = next[api_versions_version_];
    }
    fail(Errc::connection_lost, why, now);
}

void Connection::on_closed(Instant now) {
    RINGPOST_ASSERT(state_ == State::closing);
    RINGPOST_ASSERT(!action_due_);
    socket_open_ = false;
    sending_ = false;
    receiving_ = false;
    no_ack_sent_ = false;
    forget_gathered();
    received_begin_ = received_end_ = 0;
    versions_.fill(-1);
    ready_event_due_ = false;
    lost_ = true;
    down_event_due_ = true;
    if (next_address_) {
        next_address_ = false;
        down_event_due_ = false;
        ++address_index_;
        transition(State::connecting, now);
        return;
    }
    rest(now);
}

/// After a connection has ended: back to idle, or into a backoff.
void Connection::rest(Instant now) {
    if (rest_after_close_) {
        rest_after_close_ = false;
        transition(State::idle, now);
        return;
    }
    transition(State::backoff, now);
    state_deadline_ = now + backoff_.next(prng_);
}

void Connection::fail(Errc error, std::string_view why, Instant now) {
    last_error_ = error;
    if (error == logged_error_) {
        options_.log.debug("{}: {}: {}", name_, to_string(error), why);
    } else {
        options_.log.warn("{}: {}: {}", name_, to_string(error), why);
        logged_error_ = error;
    }
    if (socket_open_) {
        transition(State::closing, now);
    } else {
        down_event_due_ = true;
        rest(now);
    }
}

void Connection::on_deadline(Instant now) {
    if (now >= state_deadline_) {
        if (state_ == State::backoff) {
            transition(State::idle, now);
            if (wanted_) start(now);
            return;
        }
        if (state_ == State::connecting) next_address_ = address_index_ + 1 < address_count_;
        fail(state_ == State::resolving ? Errc::resolve_failed : Errc::connect_failed,
             state_ == State::negotiating
                 ? "connected, but nothing answered ApiVersions within "
                   "socket.connection.setup.timeout.ms: is it Kafka's port, and without TLS?"
                 : "took longer than socket.connection.setup.timeout.ms",
             now);
        return;
    }
    if (state_ != State::ready) return;
    if (unanswered_ != 0) {
        if (now >= slots_[order_[0]].deadline) {
            fail(Errc::request_timed_out, "a request had no answer within request.timeout.ms", now);
        }
    } else if (options_.idle_max > Duration{} && now >= last_used_ + options_.idle_max) {
        options_.log.debug("{}: closing, idle", name_);
        wanted_ = false;
        rest_after_close_ = true;
        transition(State::closing, now);
    }
}

// Negotiation (KIP-35, KIP-511) -------------------------------------------------------------------

void Connection::negotiate(Instant now) {
    gathered_.reserve(limits::inflight_control_max);  // each is one piece
    RequestSlot& slot = begin(negotiation_slot, wire::ApiKey::api_versions, api_versions_version_);
    encode_request(slot, options_.client_id,
                   wire::ApiVersionsRequest{"ringpost", RINGPOST_VERSION});
    submit(slot, now);
}

namespace {

/// Without these no record can be sent.
constexpr wire::ApiKey needed[] = {wire::ApiKey::produce, wire::ApiKey::metadata};

std::string versions_text(const char* name, std::int16_t min, std::int16_t max) {
    if (min == max) return fmt::format("{} {}", name, min);
    return fmt::format("{} {} to {}", name, min, max);
}

/// Both sides of what does not overlap.
std::string why_unsupported(const wire::ApiVersionsResponse& response) {
    std::string offered;
    std::string wanted;
    for (const wire::ApiKey key : needed) {
        const wire::ApiInfo& ours = wire::api_info(key);
        const auto* row = response.find(key);
        const char* separator = offered.empty() ? "" : ", ";
        offered += separator + (row == nullptr ? fmt::format("no {}", ours.name)
                                               : versions_text(ours.name, row->min, row->max));
        wanted += separator + versions_text(ours.name, ours.min, ours.max);
    }
    return fmt::format("the broker offers {}; needed are {}: Kafka 2.1 or later", offered, wanted);
}

}  // namespace

void Connection::on_api_versions(ByteSpan body, Instant now) {
    wire::ApiVersionsResponse response;
    if (!wire::decode(body, api_versions_version_, response)) {
        fail(Errc::malformed_response, "the answer to ApiVersions can't be read", now);
        return;
    }
    if (response.error_code == static_cast<std::int16_t>(Errc::unsupported_version)) {
        if (api_versions_version_ == 0) {
            fail(Errc::unsupported_broker, "the broker refuses ApiVersions", now);
            return;
        }
        std::int16_t listed = 0;
        if (const auto* row = response.find(wire::ApiKey::api_versions)) listed = row->max;
        api_versions_version_ = std::clamp<std::int16_t>(
            listed, 0, static_cast<std::int16_t>(api_versions_version_ - 1));
        negotiate(now);
        return;
    }
    if (response.error_code != 0) {
        fail(static_cast<Errc>(response.error_code), "the broker refused ApiVersions", now);
        return;
    }
    for (const auto& row : response.apis) {
        const wire::ApiInfo* ours = wire::find_api(row.key);
        if (ours == nullptr) continue;
        const std::int16_t low = std::max(ours->min, row.min);
        const std::int16_t high = std::min(ours->max, row.max);
        if (low <= high) versions_[static_cast<std::size_t>(row.key)] = high;
    }
    if (std::any_of(std::begin(needed), std::end(needed), [&](wire::ApiKey key) {
            return versions_[static_cast<std::size_t>(key)] < 0;
        })) {
        fail(Errc::unsupported_broker, why_unsupported(response), now);
        return;
    }
    transition(State::ready, now);
    last_error_ = logged_error_ = Errc::none;
    last_used_ = now;
    ready_event_due_ = true;
}

// Observers --------------------------------------------------------------------------------------

std::int16_t Connection::version(wire::ApiKey api) const {
    return state_ == State::ready ? versions_[static_cast<std::size_t>(api)] : std::int16_t{-1};
}

Instant Connection::next_deadline() const {
    Instant next = state_deadline_;
    // A backoff that nobody waits for needs no timer: the next want() looks at the clock itself.
    if (state_ == State::ready) {
        if (unanswered_ != 0) {
            next = std::min(next, slots_[order_[0]].deadline);
        } else if (options_.idle_max > Duration{}) {
            next = std::min(next, last_used_ + options_.idle_max);
        }
    }
    return next;
}

void Connection::check_invariants() const {
    RINGPOST_ASSERT(unanswered_ <= order_.size());
    RINGPOST_ASSERT(turn_hook.linked == (state_ == State::waiting));
    RINGPOST_ASSERT(!has_turn_ || !turn_hook.linked);
    RINGPOST_ASSERT(!sending_ || socket_open_);
    RINGPOST_ASSERT(!receiving_ || socket_open_);
    RINGPOST_ASSERT(received_begin_ <= received_end_);
    for (std::uint32_t i = 0; i < unanswered_; ++i) {
        RINGPOST_ASSERT(slots_[order_[i]].state != RequestSlot::State::free);
    }
}

}  // namespace ringpost::broker
