// SPDX-License-Identifier: Apache-2.0
// One caller thread's records, once: what bench/instructions counts under callgrind. Options of the
// producer can be given in the environment (RINGPOST_STATISTICS_ENABLE=false).
#include <ringpost/ringpost.h>

#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

int main(int argc, char** argv) {
    using namespace std::chrono_literals;
    const bool complete = argc == 6 || argc == 7;
    const std::string_view place = complete ? argv[4] : "";
    const std::string_view mode = complete ? argv[5] : "";
    const std::size_t at_once = argc == 7 ? std::strtoul(argv[6], nullptr, 10) : 1;
    const bool by_key = place == "key";
    if ((!by_key && place != "partition" && place != "none") ||
        (mode != "threaded" && mode != "inline") || at_once == 0) {
        std::fprintf(stderr, "record_path BROKERS RECORDS VALUE_BYTES partition|key|none "
                             "threaded|inline [RECORDS AT ONCE]\n");
        return 2;
    }
    ringpost::Options options;
    options.bootstrap_servers = argv[1];
    options.acks = ringpost::Acks::leader;
    if (mode == "inline") options.mode = ringpost::Mode::inline_;
    // While a thread waits in io_uring_enter, valgrind 3.19 lets no other run.
    options.io_backend = ringpost::IoBackend::epoll;
    options.spin = 0us;  // a spinning loop counts the time, not the work
    options.lane_records_max = 1'000'000;
    options.lane_ring_bytes = 64 << 20;
    options.buffer_memory = 64 << 20;
    if (!options.load_environment()) return 2;
    const auto records = std::strtoull(argv[2], nullptr, 10);
    const std::string value(std::strtoul(argv[3], nullptr, 10), 'x');
    std::vector<std::string> keys;
    for (int i = 0; i < 64; ++i) keys.push_back("key-" + std::to_string(1000 + i));
    ringpost::Producer producer(options);
    if (!producer.start()) return 1;
    const ringpost::Topic topic = *producer.topic("instructions");
    const std::string_view names[] = {"instructions"};
    if (!producer.warm_up(names, 60s)) return 1;  // what waits for metadata costs more
    ringpost::Lane lane = *producer.open_lane();
    ringpost::Record record{.topic = topic, .value = value};
    std::vector<ringpost::Record> few;
    few.reserve(at_once);
    for (std::uint64_t i = 0; i < records; ++i) {
        if (place == "partition") record.partition = static_cast<std::int32_t>(i % 8);
        if (by_key) record.key = keys[i % keys.size()];
        record.tag = i;
        if (at_once == 1) {
            if (lane.produce(record) != ringpost::Errc::none) return 1;
            continue;
        }
        few.push_back(record);
        if (few.size() < at_once && i + 1 < records) continue;
        if (lane.produce(few) != few.size()) return 1;
        few.clear();
    }
    if (!lane.flush(600s).ok()) return 1;
    std::vector<ringpost::DeliveryReport> reports(4096);
    std::uint64_t seen = 0;
    while (const std::size_t n = lane.poll(reports)) seen += n;
    return seen == records && producer.stop(60s) ? 0 : 1;
}
