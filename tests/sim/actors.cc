// SPDX-License-Identifier: Apache-2.0
// Behaviour of simulated programs.
#include "actors.h"

#include <algorithm>
#include <array>

#include "allocations.h"
#include "base/format.h"
#include "produce/partitioner.h"
#include "statistics.h"

namespace ringpost::sim {

namespace {

using Timeout = std::chrono::nanoseconds;

constexpr std::uint32_t keys = 12;

constexpr Duration long_rest = Duration::seconds(60);

Timeout as_timeout(Duration d) { return Timeout{d.count_ns()}; }

}  // namespace

SimProducer::SimProducer(World& world, Oracle& oracle, const Plan& plan, std::uint32_t index)
    : world_(world), oracle_(oracle), plan_(plan), mine_(plan.producers[index]), index_(index) {}

SimProducer::~SimProducer() {
    lanes_.clear();
    for (SimShard& shard : shards_) shard.io = nullptr;
    host_.reset();
}

void SimProducer::start() {
    if (const Result<void> valid = mine_.options.validate(); !valid) fail(valid.error().text);
    Options options = mine_.options;
    if (world_.trace().verbose()) {
        options.log_level = LogLevel::debug;
        options.log_sink = [this](LogLevel, std::string_view text) {
            fmt::print("{:>14.6f} ms  producer {}: {}\n",
                       static_cast<double>(world_.now().count_ns()) / 1e6, index_, text);
        };
    }
    host_ = std::make_shared<api::Host>(options);
    host_->owner_thread = pthread_self();
    shards_.resize(options.shards);
    for (std::uint32_t i = 0; i < options.shards; ++i) {
        shard::ShardOptions shard_options = api::shard_options(options, i);
        shard_options.seed = world_.dice().next();
        shard_options.produce.turn_items_max = mine_.turn_items_max;
        shard_options.produce.slice_bytes_max = mine_.slice_bytes_max;
        shard_options.produce.turn_bytes_max = mine_.turn_bytes_max;
        shard_options.produce.lookahead_batches = 0;   // always: few are open here
        host_->shards.push_back(std::make_unique<api::ShardHost>(shard_options));
    }
    for (std::uint32_t i = 0; i < options.shards; ++i) {
        shards_[i].fiber = std::make_unique<Fiber>([this, i] {
            auto io = std::make_unique<SimIo>(world_, index_);
            shards_[i].io = io.get();
            if (!host_->shards[i]->shard.open(std::move(io))) fail("a shard did not open");
            mine_.is_inline ? run_inline() : run_shard(i);
        });
    }
    if (!mine_.is_inline) {
        for (SimShard& shard : shards_) shard.fiber->resume();
        host_->state.store(Producer::State::running);
    }
    for (std::uint32_t i = 0; i < mine_.lanes; ++i) {
        lanes_.push_back(std::make_unique<SimLane>());
        if (!mine_.is_inline) {
            open_lane(*lanes_.back());
            step_later(i);
        }
    }
    up_ = true;
    if (mine_.is_inline) shards_[0].fiber->resume();
}

void SimProducer::run_shard(std::uint32_t index) {
    shard::Shard& shard = host_->shards[index]->shard;
    while (!shard.finished()) {
        const Inside inside;
        shard.turn(Instant::never());
    }
    shard.close();
    shards_[index].io = nullptr;
    world_.note("shard has left", index_, index);
}

/// The owner's one thread: steps of its lanes, and between them polls that drive the loop.
void SimProducer::run_inline() {
    host_->state.store(Producer::State::running);
    for (const auto& lane : lanes_) {
        open_lane(*lane);
        lane->next_step = world_.now() + step_gap();
    }
    while (!asked_to_stop_) {
        Instant next = world_.now() + (rest_ > long_rest ? rest_ : Duration::ms(20));
        for (const auto& lane : lanes_) {
            if (lane->next_step <= world_.now()) {
                step_lane(*lane);
                lane->next_step = world_.now() + step_gap();
            }
            next = std::min(next, lane->next_step);
        }
        std::array<DeliveryReport, 16> reports;
        SimLane& lane = *lanes_[world_.dice().below(static_cast<std::uint32_t>(lanes_.size()))];
        const bool polls = lane.style != PollStyle::never || calm_;
        const Duration wait = std::max(next - world_.now(), Duration::us(1));
        std::size_t count = 0;
        {
            const Inside inside;
            count = lane.lane->poll_for(std::span(reports).first(polls ? reports.size() : 0),
                                        as_timeout(wait));
        }
        for (std::size_t i = 0; i < count; ++i) oracle_.on_report(reports[i], lane.number);
        // Whoever does not poll drives the loop all the same: it is his own.
        if (!polls) host_->shards[0]->shard.turn(next);
    }
    host_->state.store(Producer::State::stopping);
    shard::Shard& shard = host_->shards[0]->shard;
    shard.request_stop(stop_timeout_);
    while (!shard.finished()) shard.turn(Instant::never());
    host_->state.store(Producer::State::stopped);
    finish_lanes();
    shard.close();
    shards_[0].io = nullptr;
}

void SimProducer::open_lane(SimLane& lane) {
    auto opened = api::open_lane(host_, Reports::all);
    if (!opened) fail("a lane did not open: " + opened.error().text);
    lane.lane = std::move(*opened);
    lane.number = oracle_.next_lane();
    lane.waiting.clear();
    lane.flush_ticket = 0;
    lane.topics.clear();
    const std::uint32_t style = world_.dice().below(6);
    lane.style = style == 0 ? PollStyle::never : style == 1 ? PollStyle::late : PollStyle::greedy;
    world_.note("lane opened", index_, lane.number, static_cast<std::int64_t>(lane.style));
}

Duration SimProducer::step_gap() {
    // Who rests for long looks in once a minute.
    if (calm_ && rest_ > long_rest) return Duration::seconds(60);
    return world_.dice().gap(plan_.records_per_second / 4 + 1);
}

void SimProducer::freeze(Duration duration) {
    frozen_until_ = std::max(frozen_until_, world_.now() + duration);
    for (const SimShard& shard : shards_) {
        if (shard.io != nullptr) shard.io->freeze(frozen_until_);
    }
    world_.note("freeze", index_, duration.count_ms());
}

void SimProducer::step_later(std::size_t index) {
    world_.after(step_gap(), [this, index] {
        SimLane& lane = *lanes_[index];
        if (stopped()) return;
        if (world_.now() < frozen_until_) {
            return world_.at(frozen_until_, [this, index] { step_later(index); });
        }
        step_lane(lane);
        step_later(index);
    });
}

void SimProducer::step_lane(SimLane& lane) {
    Dice& dice = world_.dice();
    if (calm_) {
        poll(lane);
        if (probing_ && &lane == lanes_[0].get()) send_probes(lane);
    } else {
        produce_some(lane);
        if (lane.style == PollStyle::greedy || (lane.style == PollStyle::late && dice.one_in(30))) {
            poll(lane);
        }
        if (lane.flush_ticket == 0 && dice.chance(plan_.flush_share)) {
            if (mine_.is_inline) {
                lane.lane->flush(as_timeout(Duration::us(dice.magnitude(1, 100'000))),
                                 Serve::nothing);
            } else {
                lane.flush_before = oracle_.next_number();
                lane.lane->flush(Timeout{}, Serve::nothing);
                // The same again, with a ticket to look at: which shard is the lane's own can't
                // be seen from here, unless there is but one.
                if (host_->shards.size() == 1) {
                    lane.flush_ticket = host_->shards[0]->shard.request_flush();
                }
            }
        }
        if (!asked_to_stop_ && dice.chance(plan_.purge_share)) purge();
        if (!asked_to_stop_ && dice.chance(plan_.reopen_share)) {
            poll(lane);
            oracle_.on_lane_gone(lane.number);
            lane.lane.reset();
            open_lane(lane);
        }
        // Where connections are closed for idleness sooner than others are set up, all of them are
        // perhaps never there at once.
        const bool stay = mine_.options.connections_max_idle > std::chrono::seconds(10) &&
                          network_is_fast_enough();
        if (!asked_to_stop_ && stay && dice.one_in(60)) warm_up();
    }
    look_at_flush(lane);
}

/// Of some topic on some shard; or the caller of an earlier one has lost his patience.
void SimProducer::warm_up() {
    Dice& dice = world_.dice();
    std::erase_if(warm_ups_, [](const auto& call) { return call->done(); });
    if (warm_ups_.size() == 4) {
        warm_ups_.front()->abandon();
        warm_ups_.erase(warm_ups_.begin());
    }
    const std::string name = world_.topic_name(dice.below(plan_.topics));
    const Result<Topic> topic = host_->topics->find_or_add(name);
    warm_ups_.push_back(std::make_shared<shard::WarmUpCall>(
        std::vector<shard::WarmUpCall::Topic>{{topic->id(), name}}));
    const auto shard = dice.below(static_cast<std::uint32_t>(host_->shards.size()));
    host_->shards[shard]->shard.request_warm_up(warm_ups_.back());
    world_.note("warm-up", index_, shard);
}

void SimProducer::look_at_flush(SimLane& lane) {
    if (lane.flush_ticket == 0 || !host_->shards[0]->shard.flush_done(lane.flush_ticket)) return;
    lane.flush_ticket = 0;
    poll(lane);
    if (!lane.waiting.empty() && lane.waiting.front() < lane.flush_before) {
        fail(fmt::format("a flush was done without record {} of lane {}", lane.waiting.front(),
                         lane.number));
    }
}

void SimProducer::produce_some(SimLane& lane) {
    Dice& dice = world_.dice();
    const auto burst = dice.one_in(20) ? dice.between(1, 200) : dice.between(1, 8);
    for (std::int64_t i = 0; i < burst && oracle_.accepted() < plan_.records_max; ++i) {
        if (!produce_one(lane)) return;
    }
}

bool SimProducer::produce_one(SimLane& lane) {
    Dice& dice = world_.dice();
    Sent sent;
    sent.producer = index_;
    sent.lane = lane.number;
    sent.topic = dice.below(plan_.topics);
    if (dice.one_in(4)) sent.partition = static_cast<std::int32_t>(dice.below(plan_.partitions));
    if (dice.one_in(2)) sent.key = static_cast<std::int32_t>(dice.below(keys));
    sent.invalid = plan_.has(Fault::invalid_records) && dice.one_in(20);
    sent.own_timeout = dice.chance(plan_.own_timeout_share);
    sent.value_bytes = static_cast<std::uint32_t>(
        dice.magnitude(10, std::min(plan_.value_bytes_max, mine_.options.message_max_bytes - 200)));
    return produce_record(lane, sent);
}

/// Where the network is too slow for the timeouts, even in good times, nobody can promise it.
bool SimProducer::network_is_fast_enough() const {
    const Options& o = mine_.options;
    const Duration slowest = plan_.latency * (plan_.latency_tail > 0 ? 320 : 8) +
                             (plan_.process_time + plan_.replication_time) * 4;
    return slowest < Duration::from(o.request_timeout) &&
           slowest < Duration::from(o.connection_setup_timeout);
}

bool SimProducer::probes_must_arrive() const {
    const Options& o = mine_.options;
    const Duration request = Duration::from(o.request_timeout);
    const Duration setup = Duration::from(o.connection_setup_timeout);
    return o.acks != Acks::none && o.retries > 1'000 && network_is_fast_enough() &&
           Duration::from(o.delivery_timeout) > (request + setup) * 4 + Duration::seconds(4);
}

/// A record a partition; where each may take its whole timeout, no more than go at a time.
std::uint32_t SimProducer::probes_wanted() const {
    const std::uint32_t all = plan_.topics * plan_.partitions;
    const std::uint32_t limit =
        std::min(mine_.options.lane_records_max, mine_.options.queue_records_max);
    return probes_must_arrive() ? all : std::min(all, limit);
}

void SimProducer::send_probes(SimLane& lane) {
    while (probes_ < probes_wanted()) {
        Sent sent;
        sent.producer = index_;
        sent.lane = lane.number;
        sent.topic = probes_ / plan_.partitions;
        sent.partition = static_cast<std::int32_t>(probes_ % plan_.partitions);
        sent.value_bytes = 20;
        sent.must_arrive = probes_must_arrive();
        if (!produce_record(lane, sent)) return;
        ++probes_;
    }
}

bool SimProducer::produce_record(SimLane& lane, Sent& sent) {
    sent.accepted = world_.now();
    const std::uint32_t number = oracle_.next_number();
    const std::string topic = world_.topic_name(sent.topic);
    const std::string key = Oracle::key_of(sent.key);
    const std::string value = Oracle::value_of(number, sent.value_bytes, sent.invalid);
    Record record;
    record.topic_name = topic;
    record.partition = sent.partition;
    if (sent.key >= 0) record.key = key;
    record.value = value;
    record.timestamp_ms = 1'700'000'000'000 + world_.now().count_ns() / 1'000'000;
    record.tag = number;
    if (sent.own_timeout) {
        record.delivery_timeout = std::chrono::milliseconds(world_.dice().magnitude(1, 20'000));
    }
    const std::uint64_t before = allocations();
    const Errc error = [&] {
        const Inside inside;
        return lane.lane->produce(record);
    }();
    // The first record of a topic's name finds its handle.
    if (allocations() != before && !lane.topics.insert(sent.topic).second) {
        fail("a call to produce called the allocator");
    }
    if (error == Errc::none) {
        check_limits(lane);
        oracle_.on_accepted(sent);
        lane.waiting.push_back(number);
        return true;
    }
    const bool without_its_key = sent.partition < 0 && sent.key < 0 &&
                                 produce::needs_key(produce::effective(mine_.options));
    if (error == Errc::invalid_argument && without_its_key) return true;
    const bool expected = is_full(error) || (error == Errc::stopped && asked_to_stop_);
    if (!expected) fail(fmt::format("produce said {}", to_string(error)));
    return false;
}

void SimProducer::check_limits(const SimLane& lane) {
    if (lane.lane->outstanding() > mine_.options.lane_records_max) {
        fail("a lane took more records than lane.records.max");
    }
    std::uint64_t sum = 0;
    for (const auto& one : lanes_) sum += one->lane == nullptr ? 0 : one->lane->outstanding();
    if (sum > mine_.options.queue_records_max) {
        fail("the lanes took more records than queue.buffering.max.messages");
    }
}

/// What is under way ends here and now, sent or not.
void SimProducer::purge() {
    const auto what = static_cast<Purge>(world_.dice().below(3));
    world_.note("purge", index_, static_cast<std::int64_t>(what));
    for (const auto& shard : host_->shards) shard->shard.request_purge(what);
    if (mine_.is_inline) host_->shards[0]->shard.turn(Instant{});
}

void SimProducer::poll(SimLane& lane) {
    std::array<DeliveryReport, 64> reports;
    const std::size_t room = 1 + world_.dice().below(reports.size());
    for (;;) {
        const std::uint64_t before = allocations();
        const std::size_t count = [&] {
            const Inside inside;
            return lane.lane->poll(std::span(reports).first(room));
        }();
        if (allocations() != before && !mine_.is_inline) fail("a poll called the allocator");
        for (std::size_t i = 0; i < count; ++i) oracle_.on_report(reports[i], lane.number);
        if (count == 0) break;
    }
    while (!lane.waiting.empty() && oracle_.is_reported(lane.waiting.front())) {
        lane.waiting.pop_front();
    }
    if (lane.waiting.empty()) return;
    // What timed out while nothing ran is reported when it runs again.
    const Duration age =
        world_.now() - std::max(oracle_.accepted_at(lane.waiting.front()), frozen_until_);
    if (age > report_within()) {
        const FlushResult left = lane.lane->flush(Timeout{}, Serve::nothing);
        oracle_.fail_about(
            lane.waiting.front(),
            fmt::format("no report after {} ms; delivery.timeout.ms is {}; of its lane {} are not "
                        "polled, of these {} not reported{}",
                        age.count_ms(), mine_.options.delivery_timeout.count(),
                        lane.lane->outstanding(), left.outstanding, memory_text()));
    }
}

Duration SimProducer::report_within() const {
    return Duration::from(mine_.options.delivery_timeout) + Duration::ms(1'000);
}

/// A warm-up has no timeout of its own: a wrong address or two, then the right one and its answers.
Duration SimProducer::at_rest_within() const {
    const Options& o = mine_.options;
    return report_within() + Duration::from(o.connection_setup_timeout) * 3 +
           Duration::from(o.request_timeout) * 2;
}

void SimProducer::calm_down() { calm_ = true; }

void SimProducer::stop(Duration timeout) {
    if (asked_to_stop_) return;
    asked_to_stop_ = true;
    stop_timeout_ = timeout;
    world_.note("stop", index_, timeout.count_ms());
    if (mine_.is_inline) {
        if (shards_[0].io != nullptr) shards_[0].io->wake();
        return;
    }
    host_->state.store(Producer::State::stopping);
    for (const auto& shard : host_->shards) shard->shard.request_stop(timeout);
}

bool SimProducer::stopped() const {
    return up_ && std::ranges::all_of(shards_, [](const SimShard& s) { return s.fiber->done(); });
}

bool SimProducer::quiet() const {
    if (probing_ && probes_ < probes_wanted()) return false;
    // Records of lanes that went before their reports came are still under way.
    for (const auto& shard : host_->shards) {
        if (shard->shard.memory_used() != 0) return false;
    }
    if (!std::ranges::all_of(warm_ups_, [](const auto& call) { return call->done(); })) {
        return false;
    }
    return std::ranges::all_of(lanes_, [](const auto& lane) {
        return lane->lane->outstanding() == 0 && lane->flush_ticket == 0;
    });
}

std::string SimProducer::unfinished_warm_ups() const {
    std::string text;
    for (const auto& call : warm_ups_) {
        if (!call->done()) text += "; no end of a warm-up: " + call->outcome().text;
    }
    return text;
}

/// The last reports, of lanes whose producer has gone.
void SimProducer::finish_lanes() {
    for (const auto& lane : lanes_) {
        poll(*lane);
        if (lane->lane->outstanding() != 0) {
            fail(fmt::format("lane {}: {} records without a report after the stop", lane->number,
                             lane->lane->outstanding()));
        }
    }
}

std::string SimProducer::memory_text() const {
    std::string text;
    for (const auto& shard : host_->shards) {
        text += fmt::format("; batch memory in use: {}", shard->shard.memory_used());
    }
    return text;
}

std::uint64_t SimProducer::waits() const {
    std::uint64_t sum = 0;
    for (const SimShard& shard : shards_) sum += shard.io == nullptr ? 0 : shard.io->waits();
    return sum;
}

/// Each refresh costs a connect, a negotiation and a question, in pieces of whatever size.
std::uint64_t SimProducer::rest_turns_max() const {
    const auto often = std::min(mine_.options.metadata_max_age, mine_.options.connections_max_idle);
    const auto refreshes = static_cast<std::uint64_t>(2 + rest_.count_ms() / often.count());
    const std::int64_t spin_ns = Duration::from(mine_.options.spin).count_ns();
    const auto spins = static_cast<std::uint64_t>(8 * spin_ns / plan_.turn_time.count_ns());
    const std::uint64_t pieces = (plan_.piece_bytes_max < 1'000 ? 1'000 : 40) + spins;
    return refreshes * pieces * (plan_.nodes + 1) * mine_.options.shards;
}

void SimProducer::check_at_rest() {
    if (asked_to_stop_) {
        if (!stopped()) fail("a stop did not come to its end");
        if (!mine_.is_inline) {
            host_->state.store(Producer::State::stopped);
            finish_lanes();
        }
        return;
    }
    // Refreshes and idle connections may wake a loop, as often as the options say; one that is its
    // owner's turns when he polls.
    const std::uint64_t turns = waits() - waits_before_rest_;
    if (!mine_.is_inline && turns > rest_turns_max()) {
        fail(fmt::format("{} turns of a producer that has nothing to do", turns));
    }
    for (std::size_t i = 0; i < shards_.size(); ++i) {
        const std::size_t used = host_->shards[i]->shard.memory_used();
        if (used != 0) fail(fmt::format("{} bytes of batch memory are in use at rest", used));
        const bool full = host_->shards[i]->shard.shares().any_full();
        if (full) fail("a partition is said to be full at rest");
    }
}

void SimProducer::check_statistics() const {
    Statistics told;
    for (const auto& shard : host_->shards) shard->shard.read(told.shards.emplace_back());
    const bool amid_faults = plan_.stop_early && index_ == 0;
    sim::check_statistics(told.total(), oracle_.ends_of(index_), amid_faults);
}

}  // namespace ringpost::sim
