// SPDX-License-Identifier: Apache-2.0
// The clock, what is to happen when, and the brokers at the other end of the network.
#pragma once

#include <array>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <queue>
#include <string>
#include <tuple>
#include <vector>

#include "fake/broker.h"
#include "io/io.h"
#include "plan.h"
#include "trace.h"
#include "wire/record_batch.h"

namespace ringpost::sim {

class SimIo;

/// The end of a run that has found something. Prints what it knows and ends the process.
[[noreturn]] void fail(const std::string& what);

/// One TCP connection, both directions of it, as the network and the node see it.
struct Wire {
    SimIo* io = nullptr;       ///< null once the client has let go
    std::uint32_t socket = 0;  ///< the client's index
    std::uint32_t producer = 0;
    std::int32_t node = 0;
    std::uint32_t life = 0;     ///< of the node, when it accepted
    bool open_at_node = false;  ///< the node knows this connection
    bool silent = false;        ///< nothing passes any more, unseen by both
    Instant requests_until;     ///< when the last piece towards the node arrives
    Instant answers_until;      ///< and towards the producer
    std::deque<std::vector<std::byte>> requests_under_way;
    std::vector<std::byte> requests;  ///< arrived, not handled
    std::size_t unsent_limit = 0;
    std::deque<std::vector<std::byte>> answers_under_way;
    std::vector<std::byte> answers;  ///< arrived, not received
    bool ended = false;     ///< the node has ended it: read as end of stream behind answers
    std::size_t rest_of_request = 0;   ///< of the request that a send ended in
    std::vector<std::byte> head;       ///< or its first bytes, too few to tell what it is
    bool handling = false;  ///< a request is being worked on
    bool produced = false;  ///< a Produce request was sent
    std::deque<std::int16_t> asked;  ///< APIs of the requests that are to be answered, in order
    Instant quiet_from = Instant::never();  ///< a throttle: no produce request between the two
    Instant quiet_until;
    Instant quiet_since;
};

/// A partition of one incarnation of a topic.
struct LogKey {
    std::array<std::byte, 16> topic;
    std::int32_t partition;
    auto operator<=>(const LogKey&) const = default;
};

LogKey key_of(const fake::Topic& topic, std::int32_t partition);

/// Thread:  one. Owns: everything outside of the producers.
class World {
public:
    World(const Plan& plan, bool verbose);
    World(const World&) = delete;
    World& operator=(const World&) = delete;
    ~World();

    // Time.
    Instant now() const { return now_; }
    void at(Instant when, std::function<void()> what);
    void after(Duration delay, std::function<void()> what) { at(now_ + delay, std::move(what)); }
    /// Everything until `when`. False if `done` said so before.
    bool run_until(Instant when, const std::function<bool()>& done = {});

    Dice& dice() { return dice_; }
    Trace& trace() { return trace_; }
    void note(const char* what, std::int64_t a = 0, std::int64_t b = 0, std::int64_t c = 0) {
        trace_.note(now_, what, a, b, c);
    }
    const Plan& plan() const { return plan_; }

    // The network, as a SimIo uses it.
    void resolve(SimIo& io, std::string host, std::uint16_t port, std::uint64_t token);
    /// Returns the wire's number; SimIo::on_connected follows, unless the address is silent.
    std::uint32_t connect(SimIo& io, std::uint32_t socket, std::uint32_t producer,
                          const io::Address& address);
    Wire& wire(std::uint32_t number) { return *wires_[number]; }
    /// A piece leaves the producer. Returns when it arrives.
    Instant send_piece(std::uint32_t number, std::vector<std::byte> piece);
    /// What the producer is about to send: whole requests, no more of them than it may.
    void look_at_requests(std::uint32_t number, std::span<const std::byte> bytes);
    /// The producer has closed its end.
    void let_go(std::uint32_t number);

    // The cluster.
    fake::Cluster& cluster() { return cluster_; }
    std::string topic_name(std::uint32_t topic) const;
    /// Ends all trouble for good: every node up, every partition led, nothing blocked.
    void heal();
    void begin_faults();
    /// Fault::freeze strikes: some program is to stand still for so long.
    std::function<void(Duration)> on_freeze;
    const std::array<std::uint64_t, fault_kinds>& struck() const { return struck_; }
    /// When a name, a connect, a connection's first Produce or any other request was last asked for
    /// or answered.
    Instant last_question() const { return last_question_; }
    /// Records of a topic's incarnations that are gone, as they stood when it was deleted.
    struct Buried {
        std::string topic;
        std::int32_t partition;
        std::vector<std::byte> log;
    };
    const std::vector<Buried>& graveyard() const { return graveyard_; }
    /// Something that was appended has been lost with a leader.
    bool lossy_crashes() const { return lossy_crashes_; }
    static std::vector<std::byte> read_all(const fake::PartitionLog& log);

private:
    struct Item {
        Instant when;
        std::uint64_t order;
        std::function<void()> what;
        bool operator>(const Item& other) const {
            return when != other.when ? when > other.when : order > other.order;
        }
    };
    struct Host {
        std::unique_ptr<fake::Broker> broker;
        std::uint32_t life = 1;
        std::uint8_t address = 0;  ///< last byte but one of its IP
        Instant paused_until;
        Instant slow_until;
        Instant refuses_until;
        Instant slow_connect_until;
        Instant stale_until;
        wire::MetadataResponse stale;  ///< what it tells meanwhile
    };

    Host& host(std::int32_t node) { return hosts_[static_cast<std::size_t>(node) - 1]; }
    io::Address address_of(std::int32_t node, std::uint8_t address) const;
    Duration latency();
    void accept(std::uint32_t number, const io::Address& address);
    void arrive_at_node(std::uint32_t number);
    void serve(std::uint32_t number);
    void handle(std::uint32_t number, std::vector<std::byte> request, std::uint32_t life);
    void answer(std::uint32_t number, std::vector<std::byte> bytes, Duration throttle);
    void arrive_at_producer(std::uint32_t number, Duration throttle);
    void end_at_node(std::uint32_t number, bool reset);
    std::vector<std::pair<LogKey, std::int64_t>> ends_of_touched();
    bool end_is_known(const LogKey& key, std::int64_t end);
    void take_stock();

    // faults.cc
    void strike(Fault fault);
    void schedule(Fault fault);
    /// True if a strike of that kind waited for a request, and this is it.
    bool armed(Fault fault);
    void crash(Fault fault, std::int32_t node);
    void truncate(const fake::Topic& topic, std::int32_t index, fake::Partition& partition);
    void restart(std::int32_t node);
    bool move_leader(std::int32_t to);
    bool make_stale(std::int32_t node);
    bool delete_topic();
    void bury(fake::Topic& topic);
    bool forget_producers();
    fake::RequestFate fate_of(const fake::RequestAttempt& attempt);
    std::vector<wire::ProduceResponse::RecordError> invalid_in(const fake::ProduceAttempt& attempt);
    fake::ProduceFault fault_of(const fake::ProduceAttempt& attempt);
    template <std::size_t n>
    std::int16_t code_of(const Errc (&errors)[n]);
    Errc producer_id_fault();
    void distort(std::int32_t node, wire::MetadataResponse& response);
    void spoil(std::vector<std::byte>& answer);
    std::uint32_t any_wire();
    std::int32_t any_node_up();
    Duration outage();
    static std::vector<wire::ApiVersionsResponse::Api> old_apis();

    const Plan& plan_;
    Dice dice_;
    Trace trace_;
    Instant last_question_;
    Instant now_ = Instant::from_ns(1'000'000'000);
    std::uint64_t order_ = 0;
    std::priority_queue<Item, std::vector<Item>, std::greater<>> items_;

    fake::Cluster cluster_;
    std::vector<Host> hosts_;
    std::vector<std::unique_ptr<Wire>> wires_;
    /// Nothing passes between a producer and a node until then.
    std::map<std::pair<std::uint32_t, std::int32_t>, Instant> requests_blocked_;
    std::map<std::pair<std::uint32_t, std::int32_t>, Instant> answers_blocked_;
    Instant dns_fails_until_;

    // The produce request under way.
    struct Tried {
        std::string topic;
        std::int32_t partition;
        std::int64_t end_before;
        wire::BatchHeader header;
    };
    bool acks_all_ = false;
    std::vector<std::pair<std::string, std::int32_t>> touched_;
    std::vector<Tried> tried_;

    /// Ends of the logs that every replica has.
    std::map<LogKey, std::int64_t> replicated_;
    /// Batches that a log has taken, by producer id, epoch and sequence: their offsets.
    std::map<std::tuple<LogKey, std::int64_t, std::int16_t, std::int32_t>, std::int64_t> appended_;
    std::map<LogKey, Instant> last_append_;
    std::vector<Buried> graveyard_;
    bool lossy_crashes_ = false;

    bool faults_on_ = false;
    std::array<std::uint64_t, fault_kinds> struck_{};
    std::array<std::uint32_t, fault_kinds> armed_{};  ///< strikes that wait for a request
};

}  // namespace ringpost::sim
