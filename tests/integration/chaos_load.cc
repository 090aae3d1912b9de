// SPDX-License-Identifier: Apache-2.0
// chaos_load NAME BROKERS SECONDS LANES OPTIONS TOPIC...: one producer, idempotent, with a thread a
// lane that produces at a steady pace and polls. OPTIONS are NAME=VALUE, separated by blanks.
// Writes a line a record, when its report is there:
//   VALUE TOPIC PARTITION OFFSET ERROR MAY_HAVE_BEEN_WRITTEN
// and at the end how many it accepted. Exits with 0 if each of them was reported.

#include <ringpost/ringpost.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <mutex>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

namespace {

using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;

struct Load {
    std::string name;
    Clock::time_point end;
    std::vector<ringpost::Topic> topics;
    std::vector<std::string> topic_names;
    std::mutex output;
    std::atomic<std::uint64_t> accepted{0};
    std::atomic<std::uint64_t> reported{0};
};

/// In each record, so that a batch of a few is worth compressing.
constexpr std::string_view ballast =
    "the broker took a batch of records from this partition and closed its segment; "
    "the broker gave a batch of records to this replica and opened its segment";

std::string value_of(const Load& load, unsigned lane, std::uint64_t sequence) {
    return load.name + "." + std::to_string(lane) + "." + std::to_string(sequence);
}

std::size_t take_reports(Load& load, unsigned number, ringpost::Lane& lane,
                         std::chrono::nanoseconds wait) {
    std::vector<ringpost::DeliveryReport> reports(1024);
    const std::size_t count = lane.poll_for(reports, wait);
    std::string text;
    for (std::size_t i = 0; i < count; ++i) {
        const ringpost::DeliveryReport& r = reports[i];
        text += value_of(load, number, r.tag) + ' ' + load.topic_names[r.tag % load.topics.size()] +
                ' ' + std::to_string(r.partition) + ' ' + std::to_string(r.offset) + ' ' +
                std::string(to_string(r.error)) + (r.may_have_been_written ? " 1\n" : " 0\n");
    }
    load.reported += count;
    const std::lock_guard lock(load.output);
    std::fwrite(text.data(), 1, text.size(), stdout);
    return count;
}

void run_lane(Load& load, unsigned number, ringpost::Lane lane) {
    constexpr auto pace = 2ms;
    std::uint64_t sequence = 0;
    for (auto next = Clock::now(); Clock::now() < load.end; next += pace) {
        const std::string value = value_of(load, number, sequence);
        const ringpost::Header header{"ballast", ballast};
        const std::string key = "key-" + std::to_string(sequence % 17);
        ringpost::Record record{.topic = load.topics[sequence % load.topics.size()],
                                .value = value,
                                .headers = {&header, 1},
                                .tag = sequence};
        if (number % 2 == 0) record.key = key;
        if (lane.produce(record) == ringpost::Errc::none) {
            ++sequence;
            ++load.accepted;
        }
        take_reports(load, number, lane, std::max<Clock::duration>(next - Clock::now(), 0ns));
    }
    lane.flush(60s);
    while (lane.outstanding() != 0 && take_reports(load, number, lane, 1s) != 0) {}
}

/// NAME=VALUE ...; says what is wrong with one that is refused.
bool set_all(ringpost::Options& options, const std::string& settings) {
    std::istringstream words(settings);
    for (std::string word; words >> word;) {
        const std::size_t equals = std::min(word.find('='), word.size() - 1);
        const auto set = options.set(word.substr(0, equals), word.substr(equals + 1), "arguments");
        if (set) continue;
        std::fprintf(stderr, "%s\n", set.error().text.c_str());
        return false;
    }
    return true;
}

}  // namespace

int main(int argc, char** argv) {
    if (argc < 7) {
        std::fprintf(stderr, "chaos_load NAME BROKERS SECONDS LANES OPTIONS TOPIC...\n");
        return 2;
    }
    Load load;
    load.name = argv[1];
    ringpost::Options options;
    options.bootstrap_servers = argv[2];
    options.delivery_timeout = 30s;
    options.request_timeout = 3s;
    options.log_sink = [](ringpost::LogLevel, std::string_view line) {
        std::fprintf(stderr, "%.*s\n", static_cast<int>(line.size()), line.data());
    };
    if (!set_all(options, argv[5])) return 2;
    load.end = Clock::now() + std::chrono::seconds(std::atoi(argv[3]));
    ringpost::Producer producer(options);
    if (const auto up = producer.start(); !up) {
        std::fprintf(stderr, "%s\n", up.error().text.c_str());
        return 1;
    }
    for (int i = 6; i < argc; ++i) {
        load.topics.push_back(*producer.topic(argv[i]));
        load.topic_names.emplace_back(argv[i]);
    }
    std::vector<std::thread> threads;
    for (int i = 0; i < std::atoi(argv[4]); ++i) {
        threads.emplace_back(run_lane, std::ref(load), static_cast<unsigned>(i),
                             *producer.open_lane());
    }
    for (std::thread& thread : threads) thread.join();
    producer.stop(10s);
    const ringpost::ShardStatistics sent = producer.statistics().total();
    std::fprintf(stderr, "sent %lu of %lu bytes\n", sent.batch_bytes_sent, sent.plain_bytes_sent);
    std::printf("accepted %lu\n", load.accepted.load());
    return load.accepted == load.reported ? 0 : 1;
}
