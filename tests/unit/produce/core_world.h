// SPDX-License-Identifier: Apache-2.0
// A ProducerCore and a fake cluster in one room: no sockets, no threads, time moved by hand.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "fake/broker.h"
#include "produce/producer_core.h"
#include "wire/partition_hash.h"
#include "wire/record_batch.h"

namespace ringpost::produce {

struct Told {
    Errc error = Errc::none;
    Errc last_error = Errc::none;
    std::int32_t partition = -1;
    std::int64_t offset = -1;
    bool may_have_been_written = false;
    Stage stage = Stage::none;
    unsigned attempts = 0;
    unsigned lane = 0;
};

class CoreWorld : public ReportSink {
public:
    explicit CoreWorld(fake::ClusterOptions cluster_options = {.partitions = 1}, Config c = {},
                       std::size_t memory_bytes = 4 << 20)
        : config(std::move(c)), cluster(cluster_options), memory_(memory_bytes, 4096) {
        for (std::uint32_t i = 1; i <= cluster_options.brokers; ++i) {
            const auto id = static_cast<std::int32_t>(i);
            cluster.set_address(id, "127.0.0.1", port_of(id));
            brokers_.push_back(std::make_unique<fake::Broker>(cluster, id));
        }
        config.seeds = {{"127.0.0.1", port_of(1)}};
        restart_core();
    }
    /// A new core, as the config is now.
    void restart_core() {
        core = nullptr;
        wires_.clear();
        board.emplace();
        core = std::make_unique<ProducerCore>(config, memory_.span(), 1 << 20, *this, *board, 1);
        EXPECT_TRUE(core->open());
    }

    static std::uint16_t port_of(std::int32_t id) { return static_cast<std::uint16_t>(9000 + id); }

    // Records. The slot is the record's name in the reports.

    void add_topic(std::uint32_t id, std::string_view name) { core->add_topic(id, name, now); }
    bool produce(std::uint32_t topic, std::uint32_t slot, std::string_view value,
                 std::int32_t partition = -1, const char* key = nullptr, std::uint16_t lane = 0,
                 std::uint32_t flags = 0, std::uint32_t timeout_ms = 0) {
        const auto key_size = key == nullptr ? -1 : static_cast<std::int64_t>(strlen(key));
        const auto value_size = static_cast<std::int64_t>(value.size());
        const std::size_t tail = wire::record_tail_size(key_size, value_size);
        const std::size_t size = Entry::size_for(tail, timeout_ms != 0);
        std::vector<std::uint64_t> room(size / 8);
        auto& entry = *reinterpret_cast<Entry*>(room.data());
        entry = {static_cast<std::uint32_t>(size), topic, partition, 0,
                 1'700'000'000'000, slot, static_cast<std::uint32_t>(tail) | flags};
        if (timeout_ms != 0) {
            entry.tail_bytes |= Entry::flag_timeout;
            std::memcpy(&room.back(), &timeout_ms, sizeof timeout_ms);
        }
        if (key != nullptr && config.unhashed < Unhashed::sha1) {
            entry.tail_bytes |= Entry::flag_hashed;
            entry.key_hash = wire::to_positive(wire::murmur2(as_bytes(key)));
        }
        wire::write_record_tail(reinterpret_cast<std::byte*>(&entry + 1), key, key_size,
                                value.data(), value_size);
        if (!core->try_append(entry, lane, now)) return false;
        ++accepted;
        return true;
    }

    // Time.

    /// Everything that can happen without time passing.
    void settle() {
        for (int i = 0; i < 1000; ++i) {
            core->advance(now);
            bool any = false;
            for (std::size_t n = 0; n < core->nodes().size(); ++n) any |= serve(*core->nodes()[n]);
            if (!any) return;
        }
        FAIL() << "the core and its brokers do not come to rest";
    }
    /// Lets time pass, stopping at each deadline on the way.
    void pass(Duration d) {
        const Instant until = now + d;
        settle();
        for (int i = 0; i < 100'000; ++i) {
            const Instant next = core->next_deadline(now);
            if (next > until) break;
            now = std::max(now + Duration::us(1), next);
            for (const auto& node : core->nodes()) {
                node->connection.on_deadline(now);
                core->pump(*node, now);
            }
            settle();
        }
        now = until;
    }

    // Trouble.

    /// Requests reach the broker, but its answers stay on the way.
    void hold_answers(bool hold) {
        held_ = hold;
        if (!hold) settle();
    }
    /// The same for one broker only; none: -1.
    void hold_answers_of(std::int32_t id) {
        held_id_ = id;
        settle();
    }
    /// Produce requests are swallowed.
    void swallow_produce(bool hold) {
        cluster.faults().on_request = [hold](const fake::RequestAttempt& attempt) {
            const bool produce = attempt.header.key == wire::ApiKey::produce;
            return hold && produce ? fake::RequestFate::swallow : fake::RequestFate::handle;
        };
    }
    /// Requests don't reach the broker either.
    void hold_requests(bool hold) { requests_held_ = hold; }
    void reset_connections() {
        for (const auto& node : core->nodes()) {
            Wire& wire = wires_[node->index];
            wire.answers.clear();
            wire.requests.clear();
            if (wire.receiving) {
                wire.receiving = false;
                node->connection.on_received(-104, now);
                core->pump(*node, now);
            }
        }
    }

    fake::Broker& broker(std::int32_t id) { return *brokers_[static_cast<std::size_t>(id) - 1]; }

    /// Where a name leads, instead of to the broker that its port stands for; 0: to nobody.
    std::map<std::string, std::int32_t> names;

    // What came of it.

    /// Values in the partition's log, in order.
    std::vector<std::string> log(std::string_view topic, std::int32_t partition = 0) {
        std::vector<std::string> values;
        fake::Topic* t = cluster.find_topic(topic);
        fake::Partition* p = t == nullptr ? nullptr : t->find(partition);
        if (p == nullptr) return values;
        wire::RecordsBuffer buffer;
        for (std::int64_t at = p->log.start_offset(); at < p->log.end_offset();) {
            wire::RecordBatchReader reader(p->log.read(at, 1, true), buffer);
            wire::RecordView record;
            while (reader.next(record)) values.emplace_back(as_text(record.value));
            at = reader.header().base_offset + reader.header().record_count;
        }
        return values;
    }
    const Told& told(std::uint32_t slot) const {
        static const Told nothing{Errc::unknown_server_error};
        const auto found = reports.find(slot);
        EXPECT_NE(found, reports.end()) << "no report for record " << slot;
        return found == reports.end() ? nothing : found->second;
    }
    std::size_t count(Errc error) const {
        return static_cast<std::size_t>(
            std::count_if(reports.begin(), reports.end(),
                          [&](const auto& r) { return r.second.error == error; }));
    }

    std::uint32_t on_resolved(const Batch& batch, const Outcome& outcome) override {
        std::int64_t offset = outcome.base_offset;
        for (const Slab& slab : batch.used_slabs()) {
            for (std::uint32_t i = 0; i < slab.run_count; ++i) {
                const Run run = slab.run(i);
                for (std::uint32_t k = 0; k < run.count; ++k) {
                    const Told one{outcome.error, outcome.last_error,
                                   batch.partition == nullptr ? -1 : batch.partition->index,
                                   offset < 0 ? -1 : offset++, outcome.may_have_been_written,
                                   outcome.stage, batch.attempts, run.lane};
                    const bool first = reports.emplace(run.first_slot + k, one).second;
                    EXPECT_TRUE(first) << "record " << run.first_slot + k << " reported twice";
                }
            }
        }
        return lend && outcome.error != Errc::none ? 1 : 0;
    }

    bool lend = false;  ///< failed batches are read by somebody, for ever
    Config config;
    fake::Cluster cluster;
    Instant now = Instant::from_ns(1'000'000'000);
    std::optional<ShareBoard> board;
    std::unique_ptr<ProducerCore> core;
    std::map<std::uint32_t, Told> reports;
    std::size_t accepted = 0;
    std::size_t requests = 0;

private:
    struct Wire {
        std::vector<std::byte> requests;
        std::vector<std::byte> answers;
        bool receiving = false;
        std::int32_t broker = 0;
    };

    bool serve(Node& node) {
        using Action = broker::Connection::Action;
        auto& connection = node.connection;
        Wire& wire = wires_[node.index];
        bool any = false;
        for (bool more = true; more;) {
            switch (connection.poll_action(core->send_bytes())) {
                case Action::none: more = false; break;
                case Action::resolve: connection.on_resolved(1, "", now); break;
                case Action::connect: {
                    const auto named = names.find(node.host);
                    wire.broker = named == names.end() ? node.port - 9000 : named->second;
                    if (wire.broker == 0) break;
                    const bool up = cluster.is_up(wire.broker);
                    connection.on_connected(up, up ? "" : "refused", now);
                    break;
                }
                case Action::receive: wire.receiving = true; break;
                case Action::send:
                    for (const ByteSpan piece : connection.gather()) {
                        wire.requests.insert(wire.requests.end(), piece.begin(), piece.end());
                    }
                    connection.on_sent(true, now);
                    break;
                case Action::close:
                    wire = {};
                    connection.on_closed(now);
                    break;
            }
            any |= more;
            core->pump(node, now);
        }
        return handle_requests(node, wire) || deliver(node, wire) || any;
    }

    bool handle_requests(Node& node, Wire& wire) {
        bool any = false;
        while (!requests_held_ && wire.requests.size() >= 4) {
            const auto size = static_cast<std::size_t>(load_be<std::int32_t>(wire.requests.data()));
            if (wire.requests.size() < 4 + size) break;
            ++requests;
            const auto handled = broker(wire.broker).handle(
                ByteSpan(wire.requests).subspan(4, size), now, now, wire.answers);
            wire.requests.erase(wire.requests.begin(),
                                wire.requests.begin() + 4 + static_cast<std::ptrdiff_t>(size));
            any = true;
            if (handled.outcome == fake::Outcome::close) close_ = &node;
        }
        if (close_ == &node && wire.receiving) {
            close_ = nullptr;
            wire.receiving = false;
            node.connection.on_received(0, now);
            core->pump(node, now);
            return true;
        }
        return any;
    }

    bool deliver(Node& node, Wire& wire) {
        const bool held = held_ || node.port == port_of(held_id_);
        if (held || !wire.receiving || wire.answers.empty()) return false;
        const auto room = node.connection.receive_room();
        const std::size_t n = std::min(room.size(), wire.answers.size());
        std::copy_n(wire.answers.begin(), n, room.begin());
        wire.answers.erase(wire.answers.begin(),
                           wire.answers.begin() + static_cast<std::ptrdiff_t>(n));
        wire.receiving = false;
        node.connection.on_received(static_cast<std::int32_t>(n), now);
        core->pump(node, now);
        return true;
    }

    Block memory_;
    std::vector<std::unique_ptr<fake::Broker>> brokers_;
    std::map<std::uint32_t, Wire> wires_;
    Node* close_ = nullptr;
    bool held_ = false;
    std::int32_t held_id_ = -1;
    bool requests_held_ = false;
};

}  // namespace ringpost::produce
