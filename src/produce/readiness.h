// SPDX-License-Identifier: Apache-2.0
// Which partitions could be sent right now, and when the others will be.
#pragma once

#include <algorithm>
#include <utility>

#include "base/memory.h"
#include "produce/config.h"
#include "produce/node.h"

namespace ringpost::produce {

/// Keeps each node's ready list: a partition is on it exactly while it has a batch to send and
/// nothing of its own stands in the way. Work is done for partitions that change, never for all.
///
/// Bounds: one heap entry a partition in backoff.
class Readiness {
public:
    explicit Readiness(const Config& config) : config_(config) {}

    /// While there is none (idempotent only), a partition that has no id of its own can't send.
    void set_producer_id_known(bool known) { producer_id_known_ = known; }

    /// To be called after anything about the partition has changed.
    void update(Partition& partition, Instant now) {
        const bool ready = is_ready(partition, now);
        if (!ready && lacks_id(partition) && !partition.id_hook.linked) {
            without_id_.push_back(partition);
        }
        if (ready == partition.ready_hook.linked) return;
        if (ready) {
            partition.node->ready.push_back(partition);
        } else {
            partition.node->ready.remove(partition);
        }
    }

    /// Sends nothing for the partition before `until`.
    void back_off(Partition& partition, Instant until) {
        partition.retry_at = std::max(partition.retry_at, until);
        if (partition.in_backoff) return;
        partition.in_backoff = true;
        heap_.push_back({partition.retry_at, &partition});
        std::push_heap(heap_.begin(), heap_.end(), later);
    }

    /// A bounded number of those whose time has come, and of those that an id has come for.
    void on_deadline(Instant now) {
        std::uint32_t left = config_.turn_items_max;
        for (; left != 0 && producer_id_known_ && !without_id_.empty(); --left) {
            update(*without_id_.pop_front(), now);
        }
        for (; left != 0 && !heap_.empty() && heap_.front().at <= now; --left) {
            Partition& partition = *heap_.front().partition;
            std::pop_heap(heap_.begin(), heap_.end(), later);
            heap_.pop_back();
            partition.in_backoff = false;
            if (partition.retry_at > now) {
                back_off(partition, partition.retry_at);
            } else {
                update(partition, now);
            }
        }
    }
    Instant next_deadline() const {
        if (producer_id_known_ && !without_id_.empty()) return Instant{};
        return heap_.empty() ? Instant::never() : heap_.front().at;
    }

    bool is_ready(const Partition& p, Instant now) const {
        if (p.node == nullptr || p.bump_due || p.queue.empty()) return false;
        if (lacks_id(p)) return false;
        if (p.in_flight >= (p.gate_open ? config_.max_in_flight : 1)) return false;
        if (p.retry_at > now) return false;
        const Batch* next = p.next_batch();
        return next != nullptr && !next->pack_hook.linked;
    }

private:
    struct Waiting {
        Instant at;
        Partition* partition;
    };
    static bool later(const Waiting& a, const Waiting& b) { return a.at > b.at; }

    bool lacks_id(const Partition& p) const {
        return config_.idempotent && p.producer_id < 0 && !producer_id_known_;
    }

    const Config& config_;
    List<Partition, &Partition::id_hook> without_id_;
    bool producer_id_known_ = false;
    Vector<Waiting> heap_;
};

}  // namespace ringpost::produce
