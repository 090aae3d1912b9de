// SPDX-License-Identifier: Apache-2.0
// The programs that use ringpost: producers with their shards, and threads with their lanes.
#pragma once

#include <deque>
#include <memory>
#include <set>
#include <vector>

#include "api/lane_impl.h"
#include "api/producer_impl.h"
#include "fiber.h"
#include "oracle.h"
#include "sim_io.h"
#include "world.h"

namespace ringpost::sim {

/// One producer: its shards' loops on fibers of their own, or, inline, one fiber for all of it.
class SimProducer {
public:
    SimProducer(World& world, Oracle& oracle, const Plan& plan, std::uint32_t index);
    SimProducer(const SimProducer&) = delete;
    SimProducer& operator=(const SimProducer&) = delete;
    ~SimProducer();

    void start();
    /// No more records; whoever polled never polls now.
    void calm_down();
    /// In a healed world: a record to every partition, which must be delivered.
    void probe() {
        probing_ = true;
        probes_ = 0;
    }
    bool asked_to_stop() const { return asked_to_stop_; }
    /// All its threads stand still for so long.
    void freeze(Duration duration);
    Instant frozen_until() const { return frozen_until_; }
    /// Stops it, wherever it is. `timeout` as in Producer::stop.
    void stop(Duration timeout);
    /// Nothing accepted is without a polled report, and no warm-up without its end.
    bool quiet() const;
    /// What stands in their way.
    std::string unfinished_warm_ups() const;
    bool stopped() const;
    /// Everything is reported and polled; when it has lasted, look whether it rests.
    void begin_rest(Duration lasts) {
        waits_before_rest_ = waits();
        rest_ = lasts;
    }
    /// What must hold then: memory back, loops asleep.
    void check_at_rest();
    /// After its stop: that its statistics tell the same as the oracle.
    void check_statistics() const;
    std::uint64_t waits() const;
    /// By when a record accepted now has its report.
    Duration report_within() const;
    /// Likewise, until nothing at all is under way.
    Duration at_rest_within() const;

private:
    struct SimLane {
        std::uint32_t number = 0;  ///< of all lanes that ever were
        std::shared_ptr<api::LaneImpl> lane;
        PollStyle style = PollStyle::greedy;
        std::uint32_t bound_shard = 0;
        std::deque<std::uint32_t> waiting;  ///< accepted, oldest first; the front unreported
        std::uint64_t flush_ticket = 0;     ///< 0: no flush under way
        std::uint32_t flush_before = 0;     ///< numbers below are to be reported by then
        Instant next_step;
        std::set<std::uint32_t> topics;  ///< whose handles it has found
    };
    struct SimShard {
        SimIo* io = nullptr;  ///< the shard owns it
        std::unique_ptr<Fiber> fiber;
    };

    void open_lane(SimLane& lane);
    void step_later(std::size_t index);
    void produce_some(SimLane& lane);
    bool produce_one(SimLane& lane);
    bool produce_record(SimLane& lane, Sent& sent);
    std::uint32_t probes_wanted() const;
    void send_probes(SimLane& lane);
    bool network_is_fast_enough() const;
    bool probes_must_arrive() const;
    void poll(SimLane& lane);
    void look_at_flush(SimLane& lane);
    void step_lane(SimLane& lane);
    void check_limits(const SimLane& lane);
    void purge();
    void warm_up();
    void finish_lanes();
    Duration step_gap();
    std::uint64_t rest_turns_max() const;
    std::string memory_text() const;
    void run_shard(std::uint32_t index);
    void run_inline();

    World& world_;
    Oracle& oracle_;
    const Plan& plan_;
    const ProducerPlan& mine_;
    const std::uint32_t index_;
    std::shared_ptr<api::Host> host_;
    std::vector<SimShard> shards_;
    std::vector<std::unique_ptr<SimLane>> lanes_;
    std::vector<shard::WarmUpCallRef> warm_ups_;  ///< asked for, perhaps done
    bool calm_ = false;
    bool probing_ = false;
    std::uint32_t probes_ = 0;  ///< sent so far
    bool up_ = false;
    bool asked_to_stop_ = false;
    Duration stop_timeout_;
    std::uint64_t waits_before_rest_ = 0;
    Duration rest_;
    Instant frozen_until_;
};

}  // namespace ringpost::sim
