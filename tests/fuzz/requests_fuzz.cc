// SPDX-License-Identifier: Apache-2.0
// The fake broker's request side: any bytes at all, one request after another.
#include <vector>

#include "fake/broker.h"
#include "fuzz.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace ringpost;
    fake::Cluster cluster({.brokers = 2, .partitions = 2});
    (void)cluster.create_topic("t");
    fake::Broker broker(cluster, 1);
    fuzz::Input in(data, size);
    Instant now = Instant::from_ns(1'000'000'000);
    while (!in.empty()) {
        const std::size_t bytes = in.byte() * 256U + in.byte();
        std::vector<std::byte> out;
        const fake::Handled handled = broker.handle(in.take(bytes), now, now, out);
        fuzz::must(out.empty() == (handled.outcome != fake::Outcome::respond),
                   "an answer that is none, or none where there is one");
        if (!out.empty()) {
            fuzz::must(out.size() >= 8 && load_be<std::uint32_t>(out.data()) == out.size() - 4,
                       "an answer is not as long as it says");
        }
        now = now + Duration::ms(1);
    }
    for (const auto& topic : cluster.topics()) {
        for (const fake::Partition& partition : topic->partitions) partition.log.check_invariants();
    }
    return 0;
}
