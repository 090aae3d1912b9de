// SPDX-License-Identifier: Apache-2.0
// The connection's state machine, driven by a byte string of inputs: whatever the kernel and the
// peer say, in any order that an Io allows.
#include <algorithm>
#include <vector>

#include "broker/connection.h"
#include "broker/setup_turns.h"
#include "fuzz.h"
#include "wire/init_producer_id.h"

namespace ringpost::fuzz {

namespace {

using broker::Connection;

/// An Io's side of one connection: it knows what is outstanding.
class Machine {
public:
    Machine() : prng_(1), connection_(options_, turns_, "peer:9092", prng_) {}

    void step(Input& in) {
        const std::uint8_t what = in.byte();
        switch (what % 12) {
            case 0: connection_.want(now_); break;
            case 1: connection_.shut(now_); break;
            case 2:
                if (!resolving_) break;
                resolving_ = false;
                connection_.on_resolved(what / 12 % 4, "", now_);
                break;
            case 3:
                if (connecting_) {
                    connecting_ = false;
                    connected_ = what / 12 % 4 != 0;
                    connection_.on_connected(connected_, "refused", now_);
                }
                break;
            case 4:
                if (sending_) sending_ = false, connection_.on_sent(what / 12 % 8 != 0, now_);
                break;
            case 5:
            case 6: receive(in); break;
            case 7:
                if (!room_.empty()) room_ = {}, connection_.on_received(-104, now_);
                break;
            case 8:
                if (closing_) close();
                break;
            case 9: now_ = now_ + Duration::ms(what); break;
            case 10:
                if (connection_.next_deadline() <= now_ ||
                    (what > 128 && !connection_.next_deadline().is_never())) {
                    now_ = std::max(now_, connection_.next_deadline());
                    connection_.on_deadline(now_);
                }
                break;
            default: ask();
        }
        poll();
    }

private:
    void receive(Input& in) {
        if (room_.empty()) return;
        const ByteSpan bytes = in.take(std::min<std::size_t>(in.byte(), room_.size()));
        if (bytes.empty()) return;
        std::copy(bytes.begin(), bytes.end(), room_.begin());
        room_ = {};
        connection_.on_received(static_cast<std::int32_t>(bytes.size()), now_);
    }
    void close() {
        closing_ = sending_ = connecting_ = connected_ = false;
        room_ = {};
        connection_.on_closed(now_);
    }
    void ask() {
        if (!connection_.ready()) return;
        broker::RequestSlot* slot = connection_.try_begin(wire::ApiKey::init_producer_id, now_);
        if (slot == nullptr) return;
        broker::encode_request(*slot, "fuzz", wire::InitProducerIdRequest{});
        connection_.submit(*slot, now_);
    }
    void poll() {
        for (int rounds = 0;; ++rounds) {
            must(rounds < 1'000, "the connection never comes to rest");
            Connection::Event event;
            while (connection_.poll_event(event, now_)) {
                if (event.kind == Connection::Event::Kind::down) connection_.unwant();
            }
            connection_.check_invariants();
            switch (connection_.poll_action(1000)) {
                case Connection::Action::none: return;
                case Connection::Action::resolve: resolving_ = true; break;
                case Connection::Action::connect:
                    must(!connecting_ && !connected_, "a second socket");
                    connecting_ = true;
                    break;
                case Connection::Action::receive:
                    must(connected_ && room_.empty(), "a receive that must not be");
                    room_ = connection_.receive_room();
                    break;
                case Connection::Action::send:
                    must(connected_ && !sending_, "a send that must not be");
                    sending_ = true;
                    (void)connection_.gather();
                    break;
                case Connection::Action::close: closing_ = true; break;
            }
        }
    }

    broker::ConnectionOptions options_;
    broker::SetupTurns turns_;
    Prng prng_;
    Connection connection_;
    Instant now_ = Instant::from_ns(1'000'000'000);
    bool resolving_ = false;
    bool connecting_ = false;
    bool connected_ = false;
    bool sending_ = false;
    bool closing_ = false;
    std::span<std::byte> room_;
};

}  // namespace

}  // namespace ringpost::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace ringpost;
    fuzz::Input in(data, size);
    fuzz::Machine machine;
    for (int steps = 0; !in.empty() && steps < 10'000; ++steps) machine.step(in);
    return 0;
}
