// SPDX-License-Identifier: Apache-2.0
// Time, the network and the nodes as they are when nothing is wrong; faults.cc is what goes wrong.
#include "world.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

#include "base/format.h"
#include "sim_io.h"

namespace ringpost::sim {

namespace {

constexpr std::size_t request_bytes_max = 100 << 20;
/// A throttle holds from when its answer was read, and for what is not yet on its way.
constexpr Duration throttle_slack = Duration::ms(60);

fake::ClusterOptions cluster_options(const Plan& plan) {
    fake::ClusterOptions o;
    o.brokers = plan.nodes;
    o.partitions = plan.partitions;
    o.seed = plan.seed + 1;
    return o;
}

}  // namespace

LogKey key_of(const fake::Topic& topic, std::int32_t partition) {
    LogKey key{.topic = {}, .partition = partition};
    static_assert(sizeof topic.id == sizeof key.topic);
    std::memcpy(key.topic.data(), &topic.id, sizeof key.topic);
    return key;
}

World::World(const Plan& plan, bool verbose)
    : plan_(plan),
      dice_(plan.seed ^ 0x5157'0000),
      trace_(verbose),
      cluster_(cluster_options(plan)) {
    hosts_.resize(plan.nodes);
    for (std::uint32_t i = 1; i <= plan.nodes; ++i) {
        const auto id = static_cast<std::int32_t>(i);
        cluster_.set_address(id, fmt::format("node{}.sim", i), 9092);
        host(id).broker = std::make_unique<fake::Broker>(cluster_, id);
        if (plan.kafka_is_old) host(id).broker->set_apis(old_apis());
    }
    if (plan.topics_exist) {
        for (std::uint32_t t = 0; t < plan.topics; ++t) {
            if (!cluster_.create_topic(topic_name(t))) fail("a topic could not be made");
        }
    }
    fake::Faults& f = cluster_.faults();
    f.on_request = [this](const fake::RequestAttempt& attempt) { return fate_of(attempt); };
    f.on_produce = [this](const fake::ProduceAttempt& attempt) { return fault_of(attempt); };
    f.on_init_producer_id = [this] { return producer_id_fault(); };
    f.on_metadata = [this](std::int32_t node, wire::MetadataResponse& r) { distort(node, r); };
}

World::~World() = default;

std::string World::topic_name(std::uint32_t topic) const { return fmt::format("topic-{}", topic); }

// Time
// --------------------------------------------------------------------------------------------

void World::at(Instant when, std::function<void()> what) {
    items_.push({std::max(when, now_), order_++, std::move(what)});
}

bool World::run_until(Instant when, const std::function<bool()>& done) {
    for (;;) {
        if (done && done()) return false;
        if (items_.empty() || items_.top().when > when) break;
        const auto what = std::move(const_cast<Item&>(items_.top()).what);
        now_ = items_.top().when;
        items_.pop();
        what();
    }
    now_ = std::max(now_, when);
    return true;
}

Duration World::latency() {
    const std::int64_t ns = plan_.latency.count_ns();
    std::int64_t drawn = dice_.between(ns / 2, ns + ns / 2);
    if (plan_.latency_tail > 0 && dice_.chance(plan_.latency_tail)) drawn *= dice_.between(2, 100);
    return Duration::ns(std::min(drawn, Duration::seconds(5).count_ns()));
}

// The network
// -------------------------------------------------------------------------------------

io::Address World::address_of(std::int32_t node, std::uint8_t address) const {
    return io::Address::from_literal(fmt::format("10.0.{}.{}", address, node), 9092);
}

void World::resolve(SimIo& io, std::string name, std::uint16_t port, std::uint64_t token) {
    last_question_ = now_;
    const bool fails = now_ < dns_fails_until_;
    std::vector<io::Address> addresses;
    for (std::uint32_t i = 1; i <= plan_.nodes && !fails; ++i) {
        if (!name.starts_with(fmt::format("node{}.", i))) continue;
        const auto id = static_cast<std::int32_t>(i);
        addresses.push_back(address_of(id, host(id).address));
        if (plan_.has(Fault::dns_fails) && dice_.one_in(2)) {
            addresses.insert(addresses.begin(), address_of(id, 200));  // nobody is there
        }
    }
    for (io::Address& a : addresses) a.port = port;
    const int result = addresses.empty() ? -2 : 0;
    after(latency(), [this, &io, alive = io.alive(), token, result, addresses] {
        last_question_ = now_;
        if (*alive) io.on_resolved(token, result, addresses);
    });
}

std::uint32_t World::connect(SimIo& io, std::uint32_t socket, std::uint32_t producer,
                             const io::Address& address) {
    last_question_ = now_;
    const auto number = static_cast<std::uint32_t>(wires_.size());
    auto wire = std::make_unique<Wire>();
    wire->io = &io;
    wire->socket = socket;
    wire->producer = producer;
    wire->node = address.ip[3];
    wires_.push_back(std::move(wire));
    note("connect", producer, address.ip[3], address.ip[2]);
    Instant when = now_ + latency();
    if (when < host(address.ip[3]).slow_connect_until) {
        when = when + Duration::ms(dice_.magnitude(100, 10'000));
    }
    at(when, [this, number, address] { accept(number, address); });
    return number;
}

void World::accept(std::uint32_t number, const io::Address& address) {
    Wire& w = *wires_[number];
    if (w.io == nullptr) return;
    last_question_ = now_;
    const Host& h = host(w.node);
    if (address.ip[2] == 200) return;  // an address that swallows every packet
    const bool there =
        cluster_.is_up(w.node) && address.ip[2] == h.address && now_ >= h.refuses_until;
    w.open_at_node = there;
    w.life = h.life;
    w.quiet_since = now_;
    w.io->on_connected(w.socket, there ? 0 : -ECONNREFUSED);
}

void World::look_at_requests(std::uint32_t number, std::span<const std::byte> bytes) {
    Wire& w = *wires_[number];
    const auto produce = static_cast<std::int16_t>(wire::ApiKey::produce);
    constexpr std::size_t head_bytes = 6;  // size and API
    while (!bytes.empty()) {
        const std::size_t passed = std::min(w.rest_of_request, bytes.size());
        w.rest_of_request -= passed;
        bytes = bytes.subspan(passed);
        const std::size_t more = std::min(head_bytes - w.head.size(), bytes.size());
        const ByteSpan head = bytes.first(more);
        w.head.insert(w.head.end(), head.begin(), head.end());
        bytes = bytes.subspan(more);
        if (w.head.size() < head_bytes) return;
        const auto size = static_cast<std::size_t>(load_be<std::int32_t>(w.head.data()));
        const auto key = load_be<std::int16_t>(w.head.data() + 4);
        w.rest_of_request = size + 4 - head_bytes;
        w.head.clear();
        if (key != produce || !std::exchange(w.produced, true)) last_question_ = now_;
        // In sends of a few bytes what was begun before a throttle may wait long for its turn.
        const bool prompt = plan_.producers[w.producer].turn_bytes_max == limits::turn_bytes;
        if (key == produce && prompt && now_ > w.quiet_from && now_ < w.quiet_until) {
            fail("a produce request was sent in spite of a throttle");
        }
        const bool answered =
            key != produce || plan_.producers[w.producer].options.acks != Acks::none;
        if (answered) w.asked.push_back(key);
    }
    const auto unanswered = std::ranges::count(w.asked, produce);
    if (unanswered > plan_.producers[w.producer].options.max_in_flight) {
        fail(fmt::format("{} produce requests are unanswered on one connection", unanswered));
    }
}

Instant World::send_piece(std::uint32_t number, std::vector<std::byte> piece) {
    Wire& w = *wires_[number];
    if (w.silent) return Instant::never();
    Instant when = std::max(w.requests_until, now_ + latency());
    const auto blocked = requests_blocked_.find({w.producer, w.node});
    if (blocked != requests_blocked_.end() && blocked->second > now_) {
        when = std::max(when, blocked->second + latency());
    }
    w.requests_until = when;
    w.requests_under_way.push_back(std::move(piece));
    at(when, [this, number] { arrive_at_node(number); });
    return when;
}

void World::arrive_at_node(std::uint32_t number) {
    Wire& w = *wires_[number];
    if (w.requests_under_way.empty()) return;
    const std::vector<std::byte> piece = std::move(w.requests_under_way.front());
    w.requests_under_way.pop_front();
    if (w.silent) return;
    if (!w.open_at_node || w.life != host(w.node).life) {
        // Nobody knows this connection any more, and says so.
        end_at_node(number, true);
        return;
    }
    w.quiet_since = now_;
    w.requests.insert(w.requests.end(), piece.begin(), piece.end());
    serve(number);
}

void World::let_go(std::uint32_t number) {
    Wire& w = *wires_[number];
    w.io = nullptr;
    w.answers.clear();
    w.answers_under_way.clear();
    // What has left may still arrive, or, in a bad world, be thrown away with the connection.
    const bool bad = std::ranges::any_of(plan_.rate, [](double rate) { return rate > 0; });
    if (bad && dice_.one_in(2)) w.requests_under_way.clear();
}

void World::end_at_node(std::uint32_t number, bool reset) {
    Wire& w = *wires_[number];
    w.open_at_node = false;
    w.requests.clear();
    w.requests_under_way.clear();
    if (w.io == nullptr || w.silent) return;
    after(latency(), [this, number, reset] {
        Wire& ended = *wires_[number];
        if (ended.io == nullptr || ended.silent) return;
        if (reset) {
            ended.answers.clear();
            ended.answers_under_way.clear();
            ended.io->on_reset(ended.socket, ECONNRESET);
        } else {
            at(std::max(now_, ended.answers_until), [this, number] {
                Wire& last = *wires_[number];
                last.ended = true;
                if (last.io != nullptr && !last.silent) last.io->on_answers(last.socket);
            });
        }
    });
}

// A node's work
// -----------------------------------------------------------------------------------

void World::serve(std::uint32_t number) {
    Wire& w = *wires_[number];
    if (!w.open_at_node || w.handling || w.requests.size() < 4) return;
    if (w.life != host(w.node).life) return;
    const auto size = load_be<std::int32_t>(w.requests.data());
    if (size < 0 || static_cast<std::size_t>(size) > request_bytes_max) {
        fail(fmt::format("a request announces {} bytes", size));
    }
    const std::size_t whole = 4 + static_cast<std::size_t>(size);
    if (w.requests.size() < whole) return;
    const auto end = w.requests.begin() + static_cast<std::ptrdiff_t>(whole);
    std::vector<std::byte> request(w.requests.begin() + 4, end);
    w.requests.erase(w.requests.begin(), end);
    w.handling = true;
    const Host& h = host(w.node);
    Duration takes = Duration::ns(dice_.between(1, plan_.process_time.count_ns() * 2));
    if (now_ < h.slow_until) takes = takes + Duration::ms(dice_.magnitude(5, 3'000));
    const Instant begins = std::max(now_, h.paused_until);
    const std::uint32_t life = h.life;
    at(begins + takes, [this, number, life, request = std::move(request)]() mutable {
        handle(number, std::move(request), life);
    });
}

void World::handle(std::uint32_t number, std::vector<std::byte> request, std::uint32_t life) {
    Wire& w = *wires_[number];
    Host& h = host(w.node);
    if (h.life != life || !w.open_at_node) return;
    if (now_ < h.paused_until) {
        at(h.paused_until, [this, number, life, request = std::move(request)]() mutable {
            handle(number, std::move(request), life);
        });
        return;
    }
    touched_.clear();
    std::vector<std::byte> out;
    const auto key = load_be<std::int16_t>(request.data());
    const Duration throttle = Duration::ms(cluster_.faults().produce_throttle_ms);
    const fake::Handled handled = h.broker->handle(request, now_, now_, out);
    note("request handled", w.node, key, static_cast<std::int64_t>(handled.outcome));
    take_stock();
    if (handled.outcome == fake::Outcome::close) {
        w.handling = false;
        return end_at_node(number, dice_.one_in(2));
    }
    const bool is_produce = key == static_cast<std::int16_t>(wire::ApiKey::produce);
    const bool waits = is_produce && acks_all_ && !touched_.empty();
    const Instant replicated =
        now_ + Duration::ns(dice_.between(1, plan_.replication_time.count_ns() * 2));
    if (!touched_.empty()) {
        at(replicated, [this, ends = ends_of_touched()] {
            for (const auto& [log, end] : ends) {
                // What was truncated meanwhile is another log's past.
                if (!end_is_known(log, end)) continue;
                std::int64_t& known = replicated_[log];
                known = std::max(known, end);
            }
        });
    }
    if (handled.outcome == fake::Outcome::no_response) {
        w.handling = false;
        return serve(number);
    }
    at(waits ? replicated : now_, [this, number, life, throttle, out = std::move(out)]() mutable {
        Wire& done = *wires_[number];
        if (host(done.node).life != life || !done.open_at_node) return;
        done.handling = false;
        answer(number, std::move(out), throttle);
        serve(number);
    });
}

std::vector<std::pair<LogKey, std::int64_t>> World::ends_of_touched() {
    std::vector<std::pair<LogKey, std::int64_t>> ends;
    for (const auto& [name, partition] : touched_) {
        fake::Topic* topic = cluster_.find_topic(name);
        if (topic == nullptr) continue;
        ends.emplace_back(key_of(*topic, partition), topic->find(partition)->log.end_offset());
    }
    return ends;
}

bool World::end_is_known(const LogKey& key, std::int64_t end) {
    for (const auto& topic : cluster_.topics()) {
        if (key_of(*topic, key.partition) != key) continue;
        fake::Partition* partition = topic->find(key.partition);
        return partition != nullptr && partition->log.end_offset() >= end;
    }
    return false;
}

/// Which of the batches that were tried now stand in their logs.
void World::take_stock() {
    for (const Tried& tried : tried_) {
        fake::Topic* topic = cluster_.find_topic(tried.topic);
        if (topic == nullptr) continue;
        const fake::Partition* partition = topic->find(tried.partition);
        if (partition == nullptr || partition->log.end_offset() <= tried.end_before) continue;
        const LogKey key = key_of(*topic, tried.partition);
        last_append_[key] = now_;
        appended_[{key, tried.header.producer_id, tried.header.producer_epoch,
                   tried.header.base_sequence}] = tried.end_before;
        note("appended", tried.partition, tried.end_before, tried.header.record_count);
    }
    tried_.clear();
}

void World::answer(std::uint32_t number, std::vector<std::byte> bytes, Duration throttle) {
    Wire& w = *wires_[number];
    if (w.io == nullptr || w.silent) return;
    bool ends = false;
    if (armed(Fault::garbage)) spoil(bytes);
    if (armed(Fault::cut_frame)) {
        bytes.resize(dice_.below(static_cast<std::uint32_t>(bytes.size())));
        ends = true;
    }
    Instant when = std::max(w.answers_until, now_ + latency());
    const auto blocked = answers_blocked_.find({w.producer, w.node});
    if (blocked != answers_blocked_.end() && blocked->second > now_) {
        when = std::max(when, blocked->second + latency());
    }
    w.answers_until = when;
    w.quiet_since = now_;
    w.answers_under_way.push_back(std::move(bytes));
    at(when, [this, number, throttle] { arrive_at_producer(number, throttle); });
    if (ends) end_at_node(number, dice_.one_in(2));
}

void World::arrive_at_producer(std::uint32_t number, Duration throttle) {
    Wire& w = *wires_[number];
    if (w.answers_under_way.empty()) return;
    const std::vector<std::byte> piece = std::move(w.answers_under_way.front());
    w.answers_under_way.pop_front();
    if (w.io == nullptr || w.silent) return;
    if (!w.asked.empty()) {
        const bool produce = w.asked.front() == static_cast<std::int16_t>(wire::ApiKey::produce);
        if (!produce) last_question_ = now_;
        const bool throttled =
            produce && throttle > throttle_slack * 2 && !plan_.has(Fault::garbage);
        if (throttled) {
            w.quiet_from = now_ + throttle_slack;
            w.quiet_until = now_ + (throttle - throttle_slack);
        }
        w.asked.pop_front();
    }
    w.answers.insert(w.answers.end(), piece.begin(), piece.end());
    w.io->on_answers(w.socket);
}

}  // namespace ringpost::sim
