// SPDX-License-Identifier: Apache-2.0
// One slice of bench/latency: records (or messages of a ping-pong) at times fixed beforehand, each
// one's latency counted from the time that was meant for it.
#pragma once

#include <ringpost/statistics.h>

#include <cstdint>
#include <string>

#include "histogram.h"

namespace ringpost::bench {

struct Slice {
    std::string client;            ///< a name of latency.cc's table
    std::string brokers;
    double rate = 1000;            ///< messages a second; 0: as fast as it goes
    double seconds = 1;
    std::uint32_t value_bytes = 100;
};

struct Latencies {
    Histogram open;                ///< from the intended time to the report
    Histogram closed;              ///< from the call, as a closed loop would count
    Histogram late;                ///< from the intended time to the call
    Histogram turn;                ///< inline mode: how long each turn of the loop took
    double achieved = 0;           ///< messages a second, from the first call to the last report
    std::uint64_t failed = 0;
    std::uint64_t batches = 0;     ///< ringpost's, that the records went in
    ShardStatistics shard;         ///< ringpost's own: what it counted of them
};

/// Whether the caller sleeps until its next time or report, or polls without end.
enum class Caller : std::uint8_t { sleeps, polls };

enum class Reactor : std::uint8_t { by_default, sleeps, polls, inline_ };

struct Linger {
    double ms = 0;
    bool adaptive = false;
};

Latencies run_ringpost(const Slice& slice, Caller caller, Reactor reactor, Linger linger = {});
Latencies run_librdkafka(const Slice& slice, Caller caller);
Latencies run_ping_pong(const Slice& slice, Caller caller, Caller peer);
/// With a thread between the caller and the socket; the peer blocks.
Latencies run_ping_pong_thread(const Slice& slice, Caller caller, Caller thread);
std::string librdkafka_version();

}  // namespace ringpost::bench
