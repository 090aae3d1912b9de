// SPDX-License-Identifier: Apache-2.0
// Comparing counts.
#include "statistics.h"

#include "base/format.h"

namespace ringpost::sim {

namespace {

/// `low` and `high` are both fine.
void expect(const char* what, std::uint64_t told, std::uint64_t low, std::uint64_t high) {
    if (told >= low && told <= high) return;
    fail(fmt::format("the statistics say {} {}, and there were {} to {}", told, what, low, high));
}
void expect(const char* what, std::uint64_t told, std::uint64_t seen) {
    expect(what, told, seen, seen);
}

}  // namespace

void check_statistics(const ShardStatistics& told, const Oracle::Ends& seen, bool amid_faults) {
    expect("records taken", told.records_taken, amid_faults ? 0 : seen.accepted, seen.accepted);
    expect("records delivered", told.records_delivered, seen.delivered,
           seen.delivered + seen.unpolled);
    const std::uint64_t failed_at_least = amid_faults ? 0 : seen.failed;
    expect("records failed", told.records_failed, failed_at_least, seen.failed + seen.unpolled);
    expect("records queued", told.records_queued(), 0);
    if (!amid_faults) {   // else some were lent to lanes that poll when the loop has left
        expect("bytes left in rings", told.ring_bytes_queued, 0);
        expect("bytes of memory in use", told.memory_used, 0);
        expect("batches held", told.batches_held, 0);
    }
    expect("requests in flight", told.requests_in_flight, 0);
    expect("connections up", told.connections_up, 0);
    expect("batches with a latency", told.latency.total(), told.batches_delivered);
    expect("records sent", told.batch_records_sent, told.records_delivered, UINT64_MAX);
    expect("batches sent for the first time", told.batches_sent - told.batches_retried,
           told.batches_delivered == 0 ? 0 : 1, told.batches_sent);
    expect("sleeps", told.sleeps, 0, told.turns);
    expect("turns with a time", told.turn_time.total(), told.turns);
    std::uint64_t sent = 0;
    for (const BrokerStatistics& broker : told.brokers) {
        sent += broker.requests_sent;
        expect("requests in flight to a broker", broker.requests_in_flight(), 0);
        expect("round trips", broker.round_trip.total(), broker.requests_answered);
    }
    expect("requests to all brokers", sent, told.requests_sent);
}

}  // namespace ringpost::sim
