// SPDX-License-Identifier: Apache-2.0
// What one seed stands for: the cluster, the producers, the load, and which faults there are.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include <ringpost/options.h>

#include "base/limits.h"
#include "base/prng.h"
#include "base/time.h"

namespace ringpost::sim {

/// Draws from one seed. Helpers that a Prng has not.
class Dice {
public:
    explicit Dice(std::uint64_t seed) : prng_(seed) {}
    std::uint64_t next() { return prng_.next(); }
    std::uint32_t below(std::uint32_t bound) { return prng_.below(bound); }
    /// Uniform over [low, high].
    std::int64_t between(std::int64_t low, std::int64_t high);
    /// Spread evenly over the orders of magnitude between the two (low > 0).
    std::int64_t magnitude(std::int64_t low, std::int64_t high);
    bool one_in(std::uint32_t n) { return below(n) == 0; }
    bool chance(double probability) { return unit() < probability; }
    double unit() { return static_cast<double>(prng_.next() >> 11) * 0x1.0p-53; }
    /// Time to the next of events that come `per_second` on average.
    Duration gap(double per_second);

private:
    Prng prng_;
};

/// Trouble that strikes now and then, at a rate of its own.
enum class Fault : std::uint8_t {
    reset,           ///< a connection is reset, in the middle of anything
    cut_frame,       ///< the broker's side ends the connection inside a response
    half_open,       ///< a connection's peer falls silent for ever
    block_requests,  ///< nothing passes from a producer to a node for a while
    block_answers,   ///< nothing passes from a node to a producer for a while
    refuse,          ///< a node refuses connections for a while
    slow_connect,    ///< connecting to a node takes seconds for a while
    dns_fails,       ///< no name resolves for a while
    crash,           ///< a node dies; another leads; it comes back later
    crash_lossy,     ///< the same, and what was not replicated is lost
    crash_silent,    ///< the same without a reset: the peers see nothing at all
    pause,           ///< a node answers nothing for a while
    slow_disk,       ///< a node takes long for each append for a while
    new_address,     ///< a node comes back under another address
    move_leader,     ///< a partition's leader changes
    stale_metadata,  ///< a node tells of the leaders of a moment ago for a while
    odd_metadata,    ///< a metadata answer lacks its controller, a leader, a node or a topic
    delete_topic,    ///< a topic is deleted and made again under a new id
    add_partitions,
    upgrade,             ///< a node restarts as an older or a newer Kafka
    request_error,       ///< a partition's answer has an error of the table
    error_after_append,  ///< the same, though the batch was appended
    swallow,             ///< a request is never answered
    close_request,       ///< a request ends the connection
    close_after_append,  ///< what was asked for happens, and the connection ends unanswered
    throttle,            ///< answers ask for quiet
    idle_close,          ///< a node closes connections that were quiet for a while
    forget_producers,    ///< a partition forgets its producer ids
    garbage,             ///< a response's bytes are altered
    producer_id_error,   ///< InitProducerId is answered with an error of the table
    invalid_records,     ///< brokers find some records invalid, and name them
    freeze,              ///< a program stands still for up to ten minutes; the clocks go on
    count
};
inline constexpr std::size_t fault_kinds = static_cast<std::size_t>(Fault::count);
std::string_view name_of(Fault fault);

struct ProducerPlan {
    Options options;
    std::uint32_t turn_items_max = 1'000;   ///< produce::Config's
    std::uint32_t slice_bytes_max = UINT32_MAX;   ///< likewise
    std::uint32_t turn_bytes_max = limits::turn_bytes;   ///< likewise
    std::uint32_t lanes = 1;
    bool is_inline = false;
};

enum class PollStyle : std::uint8_t { greedy, late, never };

struct Plan {
    std::uint64_t seed = 0;
    std::uint32_t nodes = 1;
    std::uint32_t topics = 1;
    std::uint32_t partitions = 1;
    bool topics_exist = true;  ///< else the first metadata request makes them
    std::vector<ProducerPlan> producers;
    Duration faults_last;                    ///< the safety phase
    std::array<double, fault_kinds> rate{};  ///< strikes a second; 0: not in this world
    Duration latency;                        ///< one way, typically
    double latency_tail = 0;                 ///< share of pieces that take up to 100 times as long
    std::uint32_t piece_bytes_max = 0;       ///< a send or an answer passes in pieces of so many
    std::uint32_t socket_buffer_bytes = 0;   ///< bytes on their way that a send may be ahead
    Duration process_time;                   ///< of a node, for a request
    Duration replication_time;               ///< until acks=all is answered
    Duration turn_time;                      ///< of a loop's turn
    double records_per_second = 0;           ///< of a lane
    std::uint32_t value_bytes_max = 0;
    std::uint32_t records_max = 0;  ///< of the whole world
    double flush_share = 0;         ///< of a lane's steps
    double reopen_share = 0;        ///< of a lane's steps: it is dropped, another opens
    double purge_share = 0;        ///< of a lane's steps
    double own_timeout_share = 0;  ///< of records
    bool stop_early = false;        ///< a producer stops amid the faults
    bool kafka_is_old = false;      ///< 2.1-like ApiVersions

    bool has(Fault fault) const { return rate[static_cast<std::size_t>(fault)] > 0; }
    /// A line an option, for a failure's report.
    std::string text() const;
    /// Its library takes memory within each call.
    bool has_snappy() const;
};

/// `idle`: for a long rest, in which what is done now and then is not done all the time.
Plan draw_plan(std::uint64_t seed, bool idle = false);

}  // namespace ringpost::sim
