// SPDX-License-Identifier: Apache-2.0
// The requests that carry no records: Metadata and InitProducerId. When each is due, which broker
// is asked, what an answer changes.
#pragma once

#include <cstdint>
#include <utility>

#include "base/prng.h"
#include "broker/backoff.h"
#include "produce/cluster.h"
#include "produce/config.h"
#include "produce/sequence.h"

namespace ringpost::produce {

/// One kind of request that is wanted now and then, outstanding at most once, and backed off from
/// after a failure.
class Errand {
public:
    Errand(Duration backoff, Duration backoff_max) : backoff_(backoff, backoff_max) {}

    /// As soon as the backoff allows.
    void want(Instant now) { due_ = std::min(due_, std::max(now, not_before_)); }
    void want_at(Instant at) { due_ = std::min(due_, std::max(at, not_before_)); }
    /// Not until it is wanted again.
    void unwant() { due_ = Instant::never(); }
    bool due(Instant now) const { return !outstanding_ && due_ <= now; }
    void on_sent() {
        outstanding_ = true;
        due_ = Instant::never();
    }
    void on_success() {
        outstanding_ = false;
        backoff_.reset();
        not_before_ = Instant{};
    }
    /// Wanted again, after a wait.
    void on_failure(Instant now, Prng& prng) {
        outstanding_ = false;
        not_before_ = now + backoff_.next(prng);
        due_ = not_before_;
    }
    /// Not to be repeated by itself; when it is wanted again, the wait holds.
    void on_refusal(Instant now, Prng& prng) {
        on_failure(now, prng);
        due_ = Instant::never();
    }
    Instant next_deadline() const { return outstanding_ ? Instant::never() : due_; }
    Instant not_before() const { return not_before_; }
    bool outstanding() const { return outstanding_; }

private:
    broker::Backoff backoff_;
    Instant due_ = Instant::never();
    Instant not_before_;
    bool outstanding_ = false;
};

/// Thread: one. Borrows everything.
class Housekeeping {
public:
    Housekeeping(const Config& config, Cluster& cluster, ProducerIdentity& identity, Prng& prng);

    /// Nothing happens if there is an id, or nothing to send yet.
    void want_producer_id(Instant now);

    /// Sends what is due through some broker that is ready; wakes a connection up if none is.
    void fill(Instant now);
    /// The next time at which fill has something to do. What waits for a connection has no time.
    Instant next_deadline(Instant now) const;

    /// False: the answer can't be read, so the connection is not to be trusted.
    bool on_metadata(std::int16_t version, ByteSpan body, Instant now, Cluster::Change& change);
    bool on_producer_id(std::int16_t version, ByteSpan body, Instant now);
    void on_lost(const InFlight& what, Instant now);

    /// Why the cluster gives no producer id, once for each time that it has said so. Look before
    /// wanting one.
    Errc take_refusal() { return std::exchange(refusal_, Errc::none); }
    /// The same, for as long as nobody has given one.
    Errc producer_id_refusal() const { return id_refused_; }
    void forget_refusal() { id_refused_ = Errc::none; }
    /// What the last failed attempt of either kind met.
    Errc last_error() const { return last_error_; }

private:
    /// When metadata is due.
    Instant question_at() const;
    Node* ready_node(Instant now);
    Instant end_of_throttle(Instant now) const;
    void rest();
    void watch_recovery(Instant now);
    void wake_a_node(Instant now);
    void send_metadata(Node& node, broker::RequestSlot& slot, Instant now);
    void send_producer_id(Node& node, broker::RequestSlot& slot, Instant now);
    void refuse_producer_id(Errc error, Instant now);
    void on_metadata_failed(Instant now);

    const Config& config_;
    Cluster& cluster_;
    ProducerIdentity& identity_;
    Prng& prng_;
    Errand metadata_;                  ///< its due time is the topics'
    Errand producer_id_;
    bool look_again_ = false;          ///< there may be more topics to forget
    std::size_t next_node_ = 0;
    Instant rebootstrap_at_ = Instant::never();  ///< unless metadata comes before
    Errc refusal_ = Errc::none;
    Errc id_refused_ = Errc::none;
    Errc last_error_ = Errc::none;
};

}  // namespace ringpost::produce
