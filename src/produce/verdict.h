// SPDX-License-Identifier: Apache-2.0
// What a broker's error code means for the batch that it answers.
#pragma once

#include <ringpost/error.h>

namespace ringpost::produce {

enum class Verdict : unsigned char {
    acknowledged,
    acknowledged_unknown_offset,  ///< the broker has it already and no longer remembers where
    retry,
    refresh_and_retry,            ///< the cluster has moved: ask for metadata, too
    sequence,                     ///< the broker's idea of our sequence differs
    too_large,                    ///< as a whole: its halves may not be
    invalid_records,              ///< the broker may name them; the others are sound
    fail,
};

/// Kafka's error codes, by what this producer does about each; see also is_retriable.
constexpr Verdict verdict_of(Errc error) {
    switch (error) {
        case Errc::none: return Verdict::acknowledged;
        case Errc::duplicate_sequence_number: return Verdict::acknowledged_unknown_offset;
        case Errc::out_of_order_sequence_number:
        case Errc::unknown_producer_id:
        case Errc::invalid_producer_epoch:
        case Errc::invalid_producer_id_mapping: return Verdict::sequence;
        case Errc::unknown_topic_or_partition:
        case Errc::leader_not_available:
        case Errc::not_leader_or_follower:
        case Errc::broker_not_available:
        case Errc::replica_not_available:
        case Errc::network_exception:
        case Errc::kafka_storage_error:
        case Errc::listener_not_found:
        case Errc::fenced_leader_epoch:
        case Errc::unknown_leader_epoch:
        case Errc::unknown_topic_id:
        case Errc::inconsistent_topic_id: return Verdict::refresh_and_retry;
        case Errc::corrupt_message:
        case Errc::request_timed_out:
        case Errc::coordinator_load_in_progress:
        case Errc::coordinator_not_available:
        case Errc::not_coordinator:
        case Errc::not_enough_replicas:
        case Errc::not_enough_replicas_after_append:
        case Errc::concurrent_transactions:
        case Errc::throttling_quota_exceeded: return Verdict::retry;
        case Errc::message_too_large:
        case Errc::record_list_too_large: return Verdict::too_large;
        case Errc::invalid_record: return Verdict::invalid_records;
        default: return Verdict::fail;
    }
}

}  // namespace ringpost::produce
