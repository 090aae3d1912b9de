// SPDX-License-Identifier: Apache-2.0
// The connection's requests: slots, gathering, framing of responses, and what is lost with a
// socket.
#include <algorithm>
#include <cstring>
#include <utility>

#include "base/assert.h"
#include "broker/connection.h"

namespace ringpost::broker {

using SlotState = RequestSlot::State;

RequestSlot* Connection::try_begin(wire::ApiKey api, Instant now) {
    if (state_ != State::ready || throttled(now)) return nullptr;
    const std::int16_t chosen = version(api);
    if (chosen < 0) return nullptr;
    const bool produce = api == wire::ApiKey::produce;
    const std::uint32_t first = produce ? 0 : limits::inflight_requests_max;
    const std::uint32_t end = produce ? options_.inflight_max : limits::request_slots;
    if (produce && slots_[0].frame.empty()) make_produce_room();
    for (std::uint32_t i = first; i < end; ++i) {
        if (slots_[i].state == SlotState::free) return &begin(i, api, chosen);
    }
    return nullptr;
}

/// All at once: a slot that is first needed when the load is highest must not allocate then. Not
/// before: of a large cluster's brokers a shard may send to few.
void Connection::make_produce_room() {
    gathered_.reserve(limits::send_pieces_max);
    for (std::uint32_t i = 0; i < options_.inflight_max; ++i) {
        slots_[i].frame.resize(limits::request_frame_bytes);
        slots_[i].pieces.reserve(limits::send_pieces_max);
    }
}

RequestSlot& Connection::begin(std::uint32_t number, wire::ApiKey api, std::int16_t version) {
    RequestSlot& slot = slots_[number];
    RINGPOST_ASSERT(slot.state == SlotState::free);
    slot.state = SlotState::building;
    slot.api = api;
    slot.version = version;
    slot.expects_response = true;
    slot.correlation_id = next_correlation_id_;
    next_correlation_id_ = next_correlation_id_ == INT32_MAX ? 1 : next_correlation_id_ + 1;
    slot.pieces.clear();
    return slot;
}

void Connection::submit(RequestSlot& slot, Instant now) {
    RINGPOST_ASSERT(slot.state == SlotState::building);
    RINGPOST_ASSERT(!slot.pieces.empty());
    RINGPOST_ASSERT(slot.pieces.size() <= limits::send_pieces_max);
    slot.state = SlotState::queued;
    slot.submitted = now;
    slot.deadline = now + options_.request_timeout;
    order_[unanswered_++] = slot_number(slot);
    last_used_ = now;
}

void Connection::abandon(RequestSlot& slot) {
    RINGPOST_ASSERT(slot.state == SlotState::building);
    slot.state = SlotState::free;
}

void Connection::remove_from_order(std::uint32_t place) {
    RINGPOST_ASSERT(place < unanswered_);
    slots_[order_[place]].state = SlotState::free;
    std::copy(order_.begin() + place + 1, order_.begin() + unanswered_, order_.begin() + place);
    --unanswered_;
}

// Actions ----------------------------------------------------------------------------------------

Connection::Action Connection::poll_action(std::size_t send_bytes_max) {
    if (action_due_) {
        action_due_ = false;
        if (state_ == State::resolving) return Action::resolve;
        if (state_ == State::closing) return Action::close;
        RINGPOST_ASSERT(state_ == State::connecting);
        socket_open_ = true;
        return Action::connect;
    }
    if (!in_socket_state()) return Action::none;
    if (!receiving_) {
        receiving_ = true;
        return Action::receive;
    }
    if (!sending_ && (next_part(send_bytes_max) || gather_queued(send_bytes_max))) {
        sending_ = true;
        return Action::send;
    }
    return Action::none;
}

/// Everything that waits is gathered: while the socket was busy, that was for free. Two sends at a
/// time would interleave on the wire.
bool Connection::gather_queued(std::size_t bytes_max) {
    forget_gathered();
    std::size_t bytes = 0;
    for (std::uint32_t i = 0; i < unanswered_ && bytes < bytes_max; ++i) {
        RequestSlot& slot = slots_[order_[i]];
        if (slot.state != SlotState::queued) continue;
        if (gathered_.size() + slot.pieces.size() > limits::send_pieces_max) break;
        gathered_.insert(gathered_.end(), slot.pieces.begin(), slot.pieces.end());
        for (const ByteSpan piece : slot.pieces) bytes += piece.size();
        slot.state = SlotState::sending;
        no_ack_sent_ |= !slot.expects_response;
    }
    return next_part(bytes_max);
}

/// False: all that was gathered has been handed over.
bool Connection::next_part(std::size_t bytes_max) {
    part_begin_ = part_end_;
    if (!cut_off_.empty()) gathered_[--part_begin_] = std::exchange(cut_off_, {});
    part_end_ = part_begin_;
    for (std::size_t left = bytes_max; left != 0 && part_end_ != gathered_.size();) {
        ByteSpan& piece = gathered_[part_end_++];
        if (piece.size() > left) {
            cut_off_ = piece.subspan(left);
            piece = piece.first(left);
        }
        left -= piece.size();
    }
    return part_end_ != part_begin_;
}

void Connection::forget_gathered() {
    gathered_.clear();
    part_begin_ = part_end_ = 0;
    cut_off_ = {};
}

// Receiving --------------------------------------------------------------------------------------

/// What is left of an incomplete response moves to the front first.
std::span<std::byte> Connection::receive_room() {
    if (received_begin_ != 0) {
        std::memmove(received_.data(), received_.data() + received_begin_,
                     received_end_ - received_begin_);
        received_end_ -= received_begin_;
        received_begin_ = 0;
    }
    if (received_.size() < limits::receive_buffer_bytes) {
        received_.resize(limits::receive_buffer_bytes);
    }
    // Doubling as bytes really arrive: a length that lies costs a liar as much as it costs us.
    if (received_end_ == received_.size()) received_.resize(received_.size() * 2);
    return {received_.data() + received_end_, received_.size() - received_end_};
}

std::string Connection::strange_bytes() const {
    const ByteSpan head{received_.data() + received_begin_,
                        std::min<std::size_t>(received_end_ - received_begin_, 5)};
    const std::string_view text = as_text(head);
    if (text.starts_with("HTTP")) return "; it speaks HTTP";
    if (head.size() >= 2 && (head[0] == std::byte{0x15} || head[0] == std::byte{0x16}) &&
        head[1] == std::byte{3}) {
        return "; it speaks TLS";
    }
    return "";
}

/// The next whole response, if it is there. A size that can't be one ends the connection.
bool Connection::next_frame(ByteSpan& frame, Instant now) {
    const std::size_t have = received_end_ - received_begin_;
    if (have < 4) return false;
    const auto size = load_be<std::int32_t>(received_.data() + received_begin_);
    if (size < 4 || static_cast<std::uint32_t>(size) > limits::response_bytes_max) {
        fail(Errc::malformed_response,
             fmt::format("the peer announces a response of {} bytes, which no Kafka broker sends{}",
                         size, strange_bytes()),
             now);
        return false;
    }
    if (have < 4 + static_cast<std::size_t>(size)) return false;
    frame = {received_.data() + received_begin_ + 4, static_cast<std::size_t>(size)};
    received_begin_ += 4 + static_cast<std::size_t>(size);
    return true;
}

// Events -----------------------------------------------------------------------------------------

bool Connection::poll_event(Event& event, Instant now) {
    if (lost_) {
        if (poll_lost(event)) return true;
        lost_ = false;
    }
    if (down_event_due_) {
        down_event_due_ = false;
        event = {.kind = Event::Kind::down, .error = last_error_};
        return true;
    }
    if (poll_sent_without_response(event)) return true;
    if (in_socket_state() && poll_response(event, now)) return true;
    if (!ready_event_due_) return false;
    ready_event_due_ = false;
    event = {.kind = Event::Kind::ready};
    return true;
}

bool Connection::poll_lost(Event& event) {
    while (unanswered_ != 0) {
        const std::uint32_t number = order_[0];
        const RequestSlot& slot = slots_[number];
        event = {.kind = Event::Kind::lost, .slot = number, .error = last_error_,
                 .written = slot.state != SlotState::queued};
        const bool negotiation = slot.api == wire::ApiKey::api_versions;
        remove_from_order(0);
        if (!negotiation) return true;
    }
    return false;
}

/// acks=0: the end of the request is the end of its send.
bool Connection::poll_sent_without_response(Event& event) {
    for (std::uint32_t i = 0; i < unanswered_; ++i) {
        const std::uint32_t number = order_[i];
        if (slots_[number].state != SlotState::done) continue;
        event = {.kind = Event::Kind::response, .slot = number};
        remove_from_order(i);
        return true;
    }
    return false;
}

bool Connection::poll_response(Event& event, Instant now) {
    for (;;) {
        // The send's completion may be told after the response; the memory is the kernel's till
        // then.
        if (unanswered_ != 0 && slots_[order_[0]].state == SlotState::sending) return false;
        ByteSpan frame;
        if (!next_frame(frame, now)) return false;
        const auto correlation_id = load_be<std::int32_t>(frame.data());
        if (unanswered_ == 0 || slots_[order_[0]].state != SlotState::awaiting ||
            slots_[order_[0]].correlation_id != correlation_id) {
            if (no_ack_sent_) continue;  // Event Hubs answers acks=0 all the same
            fail(Errc::malformed_response,
                 fmt::format("a response to request {} that is not the oldest one outstanding",
                             correlation_id),
                 now);
            return false;
        }
        const std::uint32_t number = order_[0];
        const RequestSlot& slot = slots_[number];
        Reader reader(frame);
        std::int32_t same = 0;
        if (!wire::decode_response_header(reader, slot.api, slot.version, same)) {
            fail(Errc::malformed_response, "a response header that can't be read", now);
            return false;
        }
        const ByteSpan body = frame.subspan(frame.size() - reader.remaining());
        const bool negotiation = slot.api == wire::ApiKey::api_versions;
        remove_from_order(0);
        if (negotiation) {
            on_api_versions(body, now);
            return false;
        }
        backoff_.reset();
        event = {.kind = Event::Kind::response, .slot = number, .body = body};
        return true;
    }
}

}  // namespace ringpost::broker
