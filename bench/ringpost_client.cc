// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>
#include <ringpost/ringpost.h>

#include <cstdlib>
#include <thread>

#include "client.h"
#include "lane_sender.h"

namespace ringpost::bench {

namespace {

using namespace std::chrono_literals;

void set(Options& options, std::string_view name, const std::string& value) {
    if (auto done = options.set(name, value); !done) die(done.error().text);
}

Options options_of(const ClientOptions& asked) {
    Options options;
    options.bootstrap_servers = asked.brokers;
    options.acks = static_cast<Acks>(asked.acks);
    options.linger = std::chrono::microseconds(static_cast<std::int64_t>(asked.linger_ms * 1000));
    options.queue_records_max = asked.queue_records_max;
    options.lane_records_max = asked.queue_records_max;
    set(options, "compression.type", asked.codec());
    if (!asked.level().empty()) set(options, "compression.level", asked.level());
    if (asked.batch_bytes != 0) options.batch_bytes = asked.batch_bytes;
    if (asked.queue_bytes_max != 0) options.buffer_memory = asked.queue_bytes_max;
    if (asked.client == "ringpost-inline") options.mode = Mode::inline_;
    // RINGPOST_MEMORY_HUGE_PAGES=on, to compare a run with another.
    if (const auto read = options.load_environment(); !read) {
        fmt::print(stderr, "{}\n", read.error().text);
        std::exit(2);
    }
    options.log_sink = [](LogLevel, std::string_view line) { fmt::print(stderr, "{}\n", line); };
    return options;
}

class RingpostClient : public Client {
public:
    explicit RingpostClient(const ClientOptions& asked)
        : partitions_(asked.partitions),
          inline_(asked.client == "ringpost-inline"),
          payload_(asked.payload, asked.value_bytes),
          producer_(options_of(asked)),
          sender_(open()) {
        record_.topic = *producer_.topic(asked.topic);
    }

    void send(std::uint64_t records) override {
        if (partitions_ == 0) {
            sender_.send(record_, records,
                         [this](Record& record, std::uint64_t) { record.value = payload_.next(); });
            return;
        }
        sender_.send(record_, records, [this](Record& record, std::uint64_t i) {
            record.partition = static_cast<std::int32_t>(i % partitions_);
            record.value = payload_.next();
        });
    }

    std::uint64_t queue(std::uint64_t records) override {
        for (std::uint64_t i = 0; i < records; ++i) {
            if (partitions_ != 0) record_.partition = static_cast<std::int32_t>(i % partitions_);
            record_.value = payload_.next();
            // Until the shard has taken what is in the ring; it never waits for the broker.
            if (sender_.lane().produce_for(record_, 1s) != Errc::none) return i;
        }
        return records;
    }

    /// Who drives the loop himself has to wait in it.
    void idle(std::chrono::nanoseconds time) override {
        if (inline_) {
            sender_.take(time);
        } else {
            std::this_thread::sleep_for(time);
        }
    }

    void purge() override { producer_.purge(Purge::all, 1s); }

private:
    Lane open() {
        if (auto started = producer_.start(); !started) die(started.error().text);
        auto lane = producer_.open_lane();
        if (!lane) die(lane.error().text);
        return std::move(*lane);
    }

    const std::uint32_t partitions_;
    const bool inline_;
    Payload payload_;
    Producer producer_;
    LaneSender sender_;
    Record record_;
};

}  // namespace

std::unique_ptr<Client> make_ringpost(const ClientOptions& options) {
    return std::make_unique<RingpostClient>(options);
}

}  // namespace ringpost::bench
