// SPDX-License-Identifier: Apache-2.0
// The same work as bench/compare's, linger 5 ms, counted between two moments of a steady state.
#include "syscalls_worker.h"

#include <algorithm>
#include <chrono>

#include "allocator_counts.h"
#include "client.h"

namespace ringpost::bench {

namespace {

using namespace std::chrono_literals;
/// After the last record, until connections and first metadata have come to rest.
constexpr auto settle = 1s;

void send(Client& client, std::uint64_t records, std::uint64_t burst) {
    for (std::uint64_t left = records; left != 0;) {
        const std::uint64_t now = burst == 0 ? left : std::min(left, burst);
        client.send(now);
        left -= now;
    }
}

/// What `work` takes, divided.
template <typename Work>
Counts count(const KernelCounts& counter, double divisor, const Work& work) {
    const KernelCounts::Snapshot before = counter.now();
    const AllocatorCounts allocator = allocator_counts();
    work();
    const AllocatorCounts allocator_after = allocator_counts();
    Counts counts = counter.between(before, counter.now(), divisor);
    const auto per = [&](std::uint64_t n) { return static_cast<double>(n) / divisor; };
    counts["allocations"] = per(allocator_after.calls - allocator.calls);
    counts["locks"] = per(allocator_after.locks - allocator.locks);
    return counts;
}

}  // namespace

Counts count_client(const CountedWork& work, const KernelCounts& counter) {
    ClientOptions options;
    options.client = work.client;
    options.brokers = work.brokers;
    const std::unique_ptr<Client> client = make_client(options);
    Counts counts;
    if (work.idle_s <= 0) {
        send(*client, work.warm_up, work.burst);
        counts = count(counter, static_cast<double>(work.records) / 1e6,
                       [&] { send(*client, work.records, work.burst); });
    } else {
        if (work.waiting_record) {
            if (client->queue(1) != 1) die("the record was not accepted");
        } else if (work.warm_up > 0) {
            client->send(options.partitions);
        }
        client->idle(settle);
        counts = count(counter, 1, [&] {
            client->idle(std::chrono::nanoseconds(static_cast<std::int64_t>(work.idle_s * 1e9)));
        });
    }
    client->purge();
    return counts;
}

}  // namespace ringpost::bench
