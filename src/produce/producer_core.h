// SPDX-License-Identifier: Apache-2.0
// One shard's brain, without I/O: records in, connections to serve, reports out.
#pragma once

#include <cstdint>
#include <memory>
#include <queue>
#include <string_view>
#include <utility>

#include "base/arena.h"
#include "base/fifo.h"
#include "base/prng.h"
#include "produce/accumulator.h"
#include "produce/answers.h"
#include "produce/cluster.h"
#include "produce/config.h"
#include "produce/delivery.h"
#include "produce/housekeeping.h"
#include "produce/lookahead.h"
#include "produce/sender.h"
#include "produce/shares.h"
#include "produce/warm_up.h"

namespace ringpost::produce {

/// Thread:    one.
/// Owns:      topics, partitions, batches, nodes and their connections. Borrows: the arena's
///            memory, the sink, the board and the config, for its whole life.
/// Bounds:    the arena. At its end try_append refuses, until something was delivered.
/// Allocates: for metadata and new topics; nothing for a record or a batch.
class ProducerCore {
public:
    ProducerCore(const Config& config, std::span<std::byte> memory, std::uint32_t block_bytes_max,
                 ReportSink& sink, ShareBoard& board, std::uint64_t seed);
    ProducerCore(const ProducerCore&) = delete;
    ProducerCore& operator=(const ProducerCore&) = delete;

    /// Takes the memory that compression needs. Errors: out_of_memory.
    Result<void> open() { return packer_.open(); }

    // Records.

    bool knows_topic(std::uint32_t id) { return cluster_.topic(id) != nullptr; }
    /// Null if it was never added. To look at.
    Topic* find_topic(std::uint32_t id) { return cluster_.topic(id); }
    void add_topic(std::uint32_t id, std::string_view name, Instant now);
    /// Copies the record into a batch. False: no memory; every open batch is now on its way, and
    /// the record is to be offered again after something was resolved. Or what was parked for its
    /// topic moves first: then it is to be offered again in the next turn.
    bool try_append(const Entry& entry, std::uint16_t lane, Instant now) {
        using enum Accumulator::Appended;
        const Accumulator::Appended appended = accumulator_.append(entry, lane, now);
        return appended == yes || (appended == no_memory && on_no_memory(entry, now));
    }
    /// For one drain of the ring.
    Lookahead look_ahead(SpscRing& ring) {
        return {ring, cluster_, delivery_.lingering().size() >= config_.lookahead_batches};
    }
    void end_of_drain(Instant now) { accumulator_.end_of_drain(now); }
    void release_lent(Batch& batch) { delivery_.release_lent(batch); }
    /// What all lanes together may have under way.
    void set_records_max(std::uint64_t records) { shares_.set_records_max(records); }
    /// Whether records of some partition are not kept back any more, since the last call.
    bool take_share_eased() { return std::exchange(share_eased_, false); }

    // Time and connections.

    /// Timers, then requests: to be called once a turn, after every input.
    void advance(Instant now);
    /// What a lane may give just now.
    std::uint32_t turn_bytes() const {
        return std::min(config_.turn_bytes_max,
                        packer_.is_busy() ? limits::packing_turn_bytes : limits::turn_bytes);
    }
    /// What one send may have just now.
    std::uint32_t send_bytes() const {
        return turn_bytes() < limits::turn_bytes ? turn_bytes() : limits::send_bytes_max;
    }
    /// After any input to the node's connection: takes its events.
    void pump(Node& node, Instant now);
    std::vector<std::unique_ptr<Node>>& nodes() { return cluster_.nodes(); }
    Instant next_deadline(Instant now) const;
    /// What has come so far does not linger, parked or not: somebody waits for room.
    void end_linger(Instant now) { accumulator_.make_all_due(now); }
    /// Whether callers have more for us than this turn has taken.
    void set_backlog(bool backlog) { accumulator_.set_backlog(backlog); }
    /// When the oldest lingering batch leaves.
    Instant linger_deadline() const { return accumulator_.next_deadline(); }
    /// Whatever lingers, the next record may be one that does not (linger.adaptive).
    bool sends_at_once() const;

    // Warming up. The topics have been added.

    void begin_warm_up(std::span<const std::uint32_t> topics, Instant now) {
        warm_up_.begin(topics, now);
    }
    /// Goes on with a look at what is missing. True: `look.first` says what, if anything.
    bool look_at_warm_up(WarmUpLook& look, std::span<const std::uint32_t> topics, Instant now);

    // Flush and the end.

    bool can_begin_flush() const { return flushes_.can_begin(); }
    /// Everything appended so far leaves at once. Returns what to ask flush_done for.
    std::uint64_t begin_flush(Instant now);
    bool flush_done(std::uint64_t epoch) const { return flushes_.done(epoch); }
    /// Reports unresolved records as purged. What was in flight may have been written.
    void purge(Purge what, Instant now);
    /// No unresolved batch is left.
    bool idle() const { return delivery_.idle(); }
    /// Nothing is left that memory or the kernel would have to be waited for.
    bool drained() const;
    void shut_connections(Instant now);

    std::uint64_t records_failed() const { return delivery_.failed().records; }
    /// Fills in what is known here.
    void count(ShardCounters& counters) const;
    const BrokerBoard& brokers() const { return sender_.brokers(); }
    std::size_t memory_used() const { return arena_.bytes_used(); }
    std::size_t memory_total() const { return arena_.bytes_total(); }

private:
    bool on_no_memory(const Entry& entry, Instant now);
    void on_change(const Cluster::Change& change, Instant now);
    void on_response(Node& node, const broker::Connection::Event& event, Instant now);
    void on_lost(Node& node, const broker::Connection::Event& event, Instant now);
    void count_connection(Node& node, bool up);
    void count_answer(Node& node, std::uint32_t slot, Instant now);
    void expire(Instant now);
    void expire_own(Instant now);
    void log_expiry(const Batch& batch, Errc why, Instant now);
    void watch_missing(Topic& topic);
    void expire_missing_topics(Instant now);
    void work_on_topics(Instant now);
    void fail_without_id(Errc error, Instant now);
    void fail_producer(Errc error, Instant now);
    template <typename IsMeant>
    void fail_waiting(Errc error, IsMeant&& is_meant, Instant now);
    void end_early(Batch& batch, Errc error, Instant now);
    void want_connections(Instant now);
    static void follow_address(Node& node, Instant now);
    Errc why_unsent(const Batch& batch) const;
    Stage stage_of(const Batch& batch, Instant now) const;

    const Config& config_;
    Prng prng_;
    Arena arena_;
    BatchPool pool_;
    FlushTracker flushes_;
    Shares shares_;
    Delivery delivery_;
    Cluster cluster_;
    Readiness readiness_;
    ProducerIdentity identity_;
    Accumulator accumulator_;
    Packer packer_;
    Sender sender_;
    Answers answers_;
    Housekeeping housekeeping_;
    WarmUp warm_up_;
    std::uint64_t news_ = 0;              ///< counts what connections have told
    std::uint64_t requests_ended_ = 0;    ///< of those that were sent: answered or lost
    std::uint64_t connections_up_ = 0;
    Fifo<Topic*> to_unpark_;              ///< topics with parked records and an answer
    std::size_t unpark_left_ = 0;         ///< of to_unpark_: not looked at since they last all were
    bool unpark_moves_ = false;           ///< something moved since then
    std::size_t starved_at_ = SIZE_MAX;   ///< of the arena in use when nothing could move
    bool unparked_ = false;               ///< this turn: what waited behind in the rings may come
    Instant next_expiry_log_;
    bool share_eased_ = false;
    bool shut_ = false;                   ///< nothing is sent any more
    /// A topic that the cluster does not have, and when its oldest record has waited long enough.
    struct Missing {
        Instant at;
        Topic* topic;
        bool operator<(const Missing& other) const { return at > other.at; }
    };
    std::priority_queue<Missing> missing_;
};

}  // namespace ringpost::produce
