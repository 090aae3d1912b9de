// SPDX-License-Identifier: Apache-2.0
// How long the longest turn is of a producer that uses very many topics: the core and the fake
// brokers in one thread, no sockets. Timed is only what a shard's loop would spend in the core.
#include <time.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <functional>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "base/format.h"
#include "fake/broker.h"
#include "produce/producer_core.h"
#include "shard/warm_ups.h"
#include "wire/record.h"

namespace ringpost {
namespace {

using Json = nlohmann::json;
using produce::Node;

constexpr std::int32_t broker_count = 3;
constexpr std::size_t memory_bytes = 128 << 20;
constexpr std::uint32_t drain_records = 1'000;   ///< what a turn takes of its lanes
const Duration second = Duration::seconds(1);

/// Time of the wall and of this thread's CPU: on a busy machine the first has other people's
/// work in it.
struct Spent {
    std::int64_t wall_ns = 0;
    std::int64_t cpu_ns = 0;

    static Spent now() {
        timespec cpu{};
        clock_gettime(CLOCK_THREAD_CPUTIME_ID, &cpu);
        const auto wall = std::chrono::steady_clock::now().time_since_epoch();
        return {std::chrono::nanoseconds(wall).count(), cpu.tv_sec * 1'000'000'000 + cpu.tv_nsec};
    }
    void add_since(const Spent& begin) {
        const Spent end = now();
        wall_ns += end.wall_ns - begin.wall_ns;
        cpu_ns += end.cpu_ns - begin.cpu_ns;
    }
};

struct Phase {
    std::vector<std::int64_t> longest_wall_ns, longest_cpu_ns;   ///< one a repetition
    std::size_t turns = 0;
};

std::int64_t median(std::vector<std::int64_t> values) {
    std::sort(values.begin(), values.end());
    return values[values.size() / 2];
}

/// A shard's loop around a core, with brokers where the kernel would be.
class Loop final : public produce::ReportSink {
public:
    Loop(fake::Cluster& cluster, produce::Config config)
        : config_(std::move(config)), memory_(memory_bytes, 4096) {
        std::fill(memory_.span().begin(), memory_.span().end(), std::byte{1});  // as a shard does
        for (std::int32_t id = 1; id <= broker_count; ++id) {
            brokers_.push_back(std::make_unique<fake::Broker>(cluster, id));
            config_.seeds.push_back({"127.0.0.1", static_cast<std::uint16_t>(9000 + id)});
        }
        core_ = std::make_unique<produce::ProducerCore>(config_, memory_.span(), 1 << 20, *this,
                                                        board_, 1);
    }

    /// A record for each partition given by number, 0..partitions-1 of the topics in turn.
    void produce(std::uint32_t topics, std::uint32_t records) {
        to_come_ = records;
        topics_ = topics;
        begun_ = resolved_ = next_ = 0;
    }
    bool all_resolved() const { return to_come_ == 0 && resolved_ == begun_; }
    bool all_taken() const { return to_come_ == 0; }
    void warm_up(std::uint32_t topics) {
        std::vector<shard::WarmUpCall::Topic> list;
        for (std::uint32_t i = 0; i < topics; ++i) list.push_back({i, topic_name(i)});
        call_ = std::make_shared<shard::WarmUpCall>(std::move(list));
        warm_ups_.add(call_);
    }
    bool warm() const { return call_->done() && call_->outcome().code == Errc::none; }
    void flush() { begin_flush_ = true; }
    void lose_connections() { lose_ = true; }
    /// Nothing reaches a broker, and nothing comes from it. 0: all of them.
    void silence(std::int32_t id) { silent_ = id; }

    /// Turns until `done`, through idle times too; the longest is noted.
    void run(Phase& phase, const std::function<bool()>& done,
             Instant until = Instant::never()) {
        Spent longest;
        for (std::size_t idle = 0; !done(); ++phase.turns) {
            if (phase.turns > 5'000'000) {
                std::fprintf(stderr, "big_cluster: a phase that does not end\n");
                std::exit(1);
            }
            turn_ = {};
            const bool any = turn();
            longest.wall_ns = std::max(longest.wall_ns, turn_.wall_ns);
            longest.cpu_ns = std::max(longest.cpu_ns, turn_.cpu_ns);
            now_ = now_ + Duration::us(10);
            idle = any ? 0 : idle + 1;
            const Instant next = std::min(next_turn_, until);
            if (idle > 1 && !next.is_never()) now_ = std::max(now_, next);
        }
        phase.longest_wall_ns.push_back(longest.wall_ns);
        phase.longest_cpu_ns.push_back(longest.cpu_ns);
    }
    void pass(Phase& phase, Duration time) {
        const Instant until = now_ + time;
        run(phase, [&] { return now_ >= until; }, until);
    }

    std::uint32_t on_resolved(const produce::Batch& batch, const produce::Outcome&) override {
        resolved_ += batch.record_count;
        return 0;
    }

private:
    struct Wire {
        std::vector<std::byte> requests;
        std::vector<std::byte> answers;
        std::size_t delivered = 0;
        bool receiving = false;
    };

    static std::string topic_name(std::uint32_t id) { return fmt::format("a-topic-{:05}", id); }

    template <typename Work>
    decltype(auto) timed(Work&& work) {
        struct Watch {
            Spent begin = Spent::now();
            Spent& turn;
            ~Watch() { turn.add_since(begin); }
        } const watch{.turn = turn_};
        return work();
    }

    bool turn() {
        bool any = false;
        for (std::size_t i = 0; i < core_->nodes().size(); ++i) any |= receive(*core_->nodes()[i]);
        timed([&] {
            for (const auto& node : core_->nodes()) {
                if (node->connection.next_deadline() > now_) continue;
                node->connection.on_deadline(now_);
                core_->pump(*node, now_);
            }
            any |= drain();
            if (begin_flush_ && core_->can_begin_flush()) {
                begin_flush_ = false;
                core_->begin_flush(now_);
            }
            any |= warm_ups_.work(*core_, now_) || warm_ups_.more();
            core_->advance(now_);
        });
        for (std::size_t i = 0; i < core_->nodes().size(); ++i) any |= serve(*core_->nodes()[i]);
        lose_ = false;
        next_turn_ = timed([&] { return core_->next_deadline(now_); });
        return any;
    }

    bool drain() {
        std::uint32_t taken = 0;
        for (; taken < drain_records && to_come_ != 0; ++taken, --to_come_) {
            const std::uint32_t topic = next_ % topics_;
            if (!core_->knows_topic(topic)) core_->add_topic(topic, topic_name(topic), now_);
            const std::size_t tail = wire::record_tail_size(-1, 100);
            alignas(8) std::byte room[256] = {};
            auto& entry = *reinterpret_cast<produce::Entry*>(room);
            entry = {static_cast<std::uint32_t>(produce::Entry::size_for(tail, false)), topic,
                     static_cast<std::int32_t>(next_ / topics_), 0, 1'700'000'000'000, next_,
                     static_cast<std::uint32_t>(tail)};
            wire::write_record_tail(reinterpret_cast<std::byte*>(&entry + 1), nullptr, -1,
                                    value_.data(), static_cast<std::int64_t>(value_.size()));
            if (!core_->try_append(entry, 0, now_)) break;
            ++next_;
            ++begun_;
        }
        return taken != 0;
    }

    bool receive(Node& node) {
        Wire& wire = wires_[node.index];
        if (lose_ && wire.receiving) {
            wire = {};
            timed([&] {
                node.connection.on_received(-104, now_);
                core_->pump(node, now_);
            });
            return true;
        }
        if (is_silent(node) || !wire.receiving || wire.answers.empty()) return false;
        const auto room = timed([&] { return node.connection.receive_room(); });
        const std::size_t n = std::min(room.size(), wire.answers.size() - wire.delivered);
        std::copy_n(wire.answers.data() + wire.delivered, n, room.begin());
        wire.delivered += n;
        if (wire.delivered == wire.answers.size()) {
            wire.answers.clear();
            wire.delivered = 0;
        }
        wire.receiving = false;
        timed([&] {
            node.connection.on_received(static_cast<std::int32_t>(n), now_);
            core_->pump(node, now_);
        });
        return true;
    }

    bool is_silent(const Node& node) const {
        return silent_ == 0 || node.port == static_cast<std::uint16_t>(9000 + silent_);
    }

    bool serve(Node& node) {
        using Action = broker::Connection::Action;
        auto& connection = node.connection;
        Wire& wire = wires_[node.index];
        for (bool any = false;; any = true) {
            const Action action =
                timed([&] { return connection.poll_action(core_->send_bytes()); });
            switch (action) {
                case Action::none: answer(node, wire); return any;
                case Action::resolve: connection.on_resolved(1, "", now_); break;
                case Action::connect: connection.on_connected(true, "", now_); break;
                case Action::receive: wire.receiving = true; break;
                case Action::send:
                    for (const ByteSpan piece : connection.gather()) {
                        wire.requests.insert(wire.requests.end(), piece.begin(), piece.end());
                    }
                    connection.on_sent(true, now_);
                    break;
                case Action::close:
                    wire = {};
                    connection.on_closed(now_);
                    break;
            }
            timed([&] { core_->pump(node, now_); });
        }
    }

    void answer(const Node& node, Wire& wire) {
        if (is_silent(node)) return;
        std::size_t at = 0;
        while (wire.requests.size() - at >= 4) {
            const auto size = static_cast<std::size_t>(load_be<std::int32_t>(&wire.requests[at]));
            if (wire.requests.size() - at < 4 + size) break;
            brokers_[node.port - 9001U]->handle(ByteSpan(wire.requests).subspan(at + 4, size), now_,
                                                now_, wire.answers);
            at += 4 + size;
        }
        wire.requests.erase(wire.requests.begin(),
                            wire.requests.begin() + static_cast<std::ptrdiff_t>(at));
    }

    produce::Config config_;
    Block memory_;
    std::vector<std::unique_ptr<fake::Broker>> brokers_;
    std::map<std::uint32_t, Wire> wires_;
    produce::ShareBoard board_;
    std::unique_ptr<produce::ProducerCore> core_;
    shard::WarmUps warm_ups_;
    shard::WarmUpCallRef call_;
    Instant now_ = Instant::from_ns(1'000'000'000);
    Instant next_turn_ = Instant::never();
    Spent turn_;
    const std::string value_ = std::string(100, 'x');
    std::uint32_t to_come_ = 0, topics_ = 1, next_ = 0;
    std::size_t begun_ = 0, resolved_ = 0;
    bool begin_flush_ = false;
    bool lose_ = false;
    std::int32_t silent_ = -1;
};

struct Work {
    std::uint32_t topics = 10'000;
    std::uint32_t partitions = 10;
};

/// In the order in which they were first met.
class Phases {
public:
    Phase& operator[](const std::string& name) {
        for (auto& [known, phase] : phases_) {
            if (known == name) return *phase;
        }
        return *phases_.emplace_back(name, std::make_unique<Phase>()).second;
    }
    auto begin() const { return phases_.begin(); }
    auto end() const { return phases_.end(); }

private:
    std::vector<std::pair<std::string, std::unique_ptr<Phase>>> phases_;
};

produce::Config config() {
    produce::Config c;
    c.connection.idle_max = Duration{};
    c.allow_auto_create_topics = false;
    c.metadata_max_age = second * 60;
    return c;
}

/// One producer's life in a cluster of many topics.
void live(const Work& work, fake::Cluster& cluster, Phases& phases) {
    bool ids = false;
    cluster.faults().on_init_producer_id = [&] {
        return ids ? Errc::none : Errc::coordinator_load_in_progress;
    };
    produce::Config c = config();
    c.rebootstrap_trigger = second * 20;
    Loop loop(cluster, c);
    // All of them without a producer id, and unknown at first.
    loop.produce(work.topics, work.topics);
    loop.run(phases["first records, metadata"], [&] { return loop.all_taken(); });
    loop.pass(phases["first records, metadata"], second * 2);
    ids = true;
    loop.run(phases["a producer id for all"], [&] { return loop.all_resolved(); });
    loop.pass(phases["metadata.max.age.ms"], c.metadata_max_age + second);
    // Two partitions of each topic.
    loop.produce(work.topics, work.topics * 2);
    loop.run(phases["records to many partitions"], [&] { return loop.all_taken(); });
    loop.flush();
    loop.run(phases["flush"], [&] { return loop.all_resolved(); });
    loop.silence(1);
    loop.produce(work.topics, work.topics);
    loop.pass(phases["a broker that is silent"], second * 3);
    loop.silence(-1);
    loop.lose_connections();
    loop.run(phases["connections lost"], [&] { return loop.all_resolved(); });
    loop.silence(0);
    loop.produce(work.topics, work.topics * 2);
    loop.lose_connections();
    loop.pass(phases["rebootstrap"], second * 60);
    loop.run(phases["delivery.timeout.ms"], [&] { return loop.all_resolved(); });
    loop.silence(-1);
    loop.produce(work.topics, work.topics);
    loop.run(phases["found again"], [&] { return loop.all_resolved(); });
    loop.pass(phases["metadata.max.idle.ms"], c.metadata_max_idle * 3);
    cluster.faults() = {};
}

void warm_up(const Work& work, fake::Cluster& cluster, Phases& phases) {
    Loop loop(cluster, config());
    loop.warm_up(work.topics);
    loop.run(phases["warm-up"], [&] { return loop.warm(); });
}

void miss(const Work& work, Phases& phases) {
    fake::Cluster empty({.brokers = broker_count, .auto_create = false});
    for (std::int32_t id = 1; id <= broker_count; ++id) {
        empty.set_address(id, "127.0.0.1", static_cast<std::uint16_t>(9000 + id));
    }
    Loop loop(empty, config());
    loop.produce(work.topics, work.topics);
    loop.run(phases["topics that don't exist"], [&] { return loop.all_resolved(); });
}

/// All in one topic.
void one_topic(const Work& work, Phases& phases) {
    fake::Cluster cluster({.brokers = broker_count, .discard = true});
    for (std::int32_t id = 1; id <= broker_count; ++id) {
        cluster.set_address(id, "127.0.0.1", static_cast<std::uint16_t>(9000 + id));
    }
    if (!cluster.create_topic("a-topic-00000", work.topics * work.partitions)) std::exit(1);
    Loop loop(cluster, config());
    loop.produce(1, work.topics);
    loop.run(phases["one topic, first records"], [&] { return loop.all_resolved(); });
    loop.pass(phases["one topic, metadata.max.age.ms"], config().metadata_max_age + second);
}

void print(const Work& work, const Phases& phases, std::size_t repetitions, bool json) {
    if (json) {
        Json result{{"topics", work.topics}, {"partitions_each", work.partitions},
                    {"repetitions", repetitions}};
        for (const auto& [name, phase] : phases) {
            result["phases"].push_back({{"name", name},
                                        {"longest_turn_ns", phase->longest_wall_ns},
                                        {"longest_turn_cpu_ns", phase->longest_cpu_ns},
                                        {"median_ns", median(phase->longest_wall_ns)},
                                        {"median_cpu_ns", median(phase->longest_cpu_ns)},
                                        {"turns", phase->turns / repetitions}});
        }
        return fmt::print("{}\n", result.dump(2));
    }
    fmt::print("{} topics of {} partitions; the longest turn, median of {} repetitions\n\n"
               "| | us | of them CPU us | turns |\n|---|---|---|---|\n",
               work.topics, work.partitions, repetitions);
    for (const auto& [name, phase] : phases) {
        fmt::print("| {} | {} | {} | {} |\n", name, median(phase->longest_wall_ns) / 1000,
                   median(phase->longest_cpu_ns) / 1000, phase->turns / repetitions);
    }
}

int run(const Work& work, std::size_t repetitions, bool json) {
    fake::Cluster cluster({.brokers = broker_count, .discard = true});
    for (std::int32_t id = 1; id <= broker_count; ++id) {
        cluster.set_address(id, "127.0.0.1", static_cast<std::uint16_t>(9000 + id));
    }
    for (std::uint32_t i = 0; i < work.topics; ++i) {
        if (!cluster.create_topic(fmt::format("a-topic-{:05}", i), work.partitions)) return 1;
    }
    Phases phases;
    for (std::size_t i = 0; i < repetitions; ++i) {
        live(work, cluster, phases);
        warm_up(work, cluster, phases);
        miss(work, phases);
        one_topic(work, phases);
    }
    print(work, phases, repetitions, json);
    return 0;
}

}  // namespace
}  // namespace ringpost

int main(int argc, char** argv) {
    CLI::App app{"The longest turn of a producer that uses very many topics"};
    ringpost::Work work;
    bool quick = false;
    bool json = false;
    app.add_option("--topics", work.topics, "How many")->check(CLI::Range(1, 90'000));
    app.add_option("--partitions", work.partitions, "Of each")->check(CLI::Range(2, 1'000));
    app.add_flag("--quick", quick, "Three repetitions instead of nine");
    app.add_flag("--json", json, "For machines");
    CLI11_PARSE(app, argc, argv);
    return ringpost::run(work, quick ? 3 : 9, json);
}
