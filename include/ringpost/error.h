// SPDX-License-Identifier: Apache-2.0
// Error codes and the value-or-error type. Nothing in ringpost throws.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace ringpost {

/// What went wrong. Values below 1000 are Kafka's own error codes (the protocol guide's table
/// "Error Codes"), so a code that this library does not name can still be carried and printed.
/// Values from 1000 up are ringpost's own.
enum class Errc : std::int16_t {
    none = 0,

    // Kafka's.
    unknown_server_error = -1,
    corrupt_message = 2,
    unknown_topic_or_partition = 3,
    leader_not_available = 5,
    not_leader_or_follower = 6,
    request_timed_out = 7,
    broker_not_available = 8,
    replica_not_available = 9,
    message_too_large = 10,
    network_exception = 13,
    coordinator_load_in_progress = 14,
    coordinator_not_available = 15,
    not_coordinator = 16,
    invalid_topic_exception = 17,
    record_list_too_large = 18,
    not_enough_replicas = 19,
    not_enough_replicas_after_append = 20,
    invalid_required_acks = 21,
    illegal_generation = 22,
    invalid_group_id = 24,
    unknown_member_id = 25,
    topic_authorization_failed = 29,
    group_authorization_failed = 30,
    cluster_authorization_failed = 31,
    invalid_timestamp = 32,
    unsupported_sasl_mechanism = 33,
    illegal_sasl_state = 34,
    unsupported_version = 35,
    not_controller = 41,
    invalid_request = 42,
    unsupported_for_message_format = 43,
    policy_violation = 44,
    out_of_order_sequence_number = 45,
    duplicate_sequence_number = 46,
    invalid_producer_epoch = 47,
    invalid_txn_state = 48,
    invalid_producer_id_mapping = 49,
    invalid_transaction_timeout = 50,
    concurrent_transactions = 51,
    transaction_coordinator_fenced = 52,
    transactional_id_authorization_failed = 53,
    operation_not_attempted = 55,
    kafka_storage_error = 56,
    sasl_authentication_failed = 58,
    unknown_producer_id = 59,
    delegation_token_auth_disabled = 61,
    delegation_token_not_found = 62,
    delegation_token_owner_mismatch = 63,
    delegation_token_request_not_allowed = 64,
    delegation_token_authorization_failed = 65,
    delegation_token_expired = 66,
    listener_not_found = 72,
    fenced_leader_epoch = 74,
    unknown_leader_epoch = 75,
    unsupported_compression_type = 76,
    offset_not_available = 78,
    fenced_instance_id = 82,
    invalid_record = 87,
    unstable_offset_commit = 88,
    throttling_quota_exceeded = 89,
    producer_fenced = 90,
    unknown_topic_id = 100,
    inconsistent_topic_id = 103,
    transactional_id_not_found = 105,
    unknown_subscription_id = 117,
    telemetry_too_large = 118,
    transaction_abortable = 120,
    rebootstrap_required = 129,
    streams_invalid_topology = 130,
    streams_invalid_topology_epoch = 131,
    streams_topology_fenced = 132,
    share_session_limit_reached = 133,

    // Said at once by a call, nothing accepted.
    queue_full = 1000,         ///< The lane's ring has no room for the record's bytes.
    reports_full,              ///< The lane has its limit of records without a polled report.
    producer_full,             ///< All lanes together have Options::queue_records_max of them.
    record_too_large,          ///< The encoded record exceeds Options::message_max_bytes.
    invalid_partition,         ///< Negative (other than any_partition), or not in the topic.
    invalid_topic_name,        ///< Empty, too long, "." or "..", or a character Kafka refuses.
    invalid_argument,          ///< A field of the call is malformed; see the call's contract.
    not_started,               ///< The producer has not been started.
    stopped,                   ///< The producer is stopping or has stopped.
    timed_out,                 ///< The call's own deadline passed first.
    too_many_topics,           ///< limits: 2^20 topic names a producer.
    too_many_lanes,            ///< limits: 65,535 lanes a shard.
    forked,                    ///< This process is a fork of the one that started the producer.
    wrong_thread,              ///< An inline producer was used from a second thread.
    partition_full,            ///< The record's partition, or the broker that leads it, holds its
                               ///< share of the memory; there is room for records of others.

    // Reported for an accepted record, or logged for a connection.
    delivery_timeout = 1100,   ///< Options::delivery_timeout passed; see last_error for the reason.
    purged,                    ///< stop()'s deadline passed before the record was delivered.
    connection_lost,           ///< The broker closed or reset the connection.
    connect_failed,            ///< No address of the broker could be connected to.
    resolve_failed,            ///< The broker's name has no address.
    malformed_response,        ///< The peer's bytes are not a Kafka response to our request.
    unsupported_broker,        ///< The broker speaks no version of a request that is needed.
    no_producer_id,            ///< No broker has given a producer id (needed for idempotence).
    no_metadata,               ///< No broker has answered a metadata request.

    // Setup.
    invalid_option = 1200,
    out_of_memory,
    system_error,              ///< The kernel refused something; the text says what.
};

/// The code's name, such as "not_leader_or_follower"; "error 1234" style text is never returned:
/// a code without a name gives "unknown_error_code".
[[gnu::visibility("default")]] std::string_view to_string(Errc code) noexcept;

/// A sentence for a person: what happened and what can be done.
[[gnu::visibility("default")]] std::string_view message(Errc code) noexcept;

/// True if the same request may succeed when it is sent again (Kafka's RetriableException).
[[gnu::visibility("default")]] bool is_retriable(Errc code) noexcept;

/// True if it is about the whole producer: whatever is sent would fail alike. Answered by a broker,
/// it fails all that waits in the shard; what is produced a while later is tried again, since
/// somebody may have granted meanwhile what was missing.
[[gnu::visibility("default")]] bool is_fatal(Errc code) noexcept;

/// True if a call said so because of a limit: it may succeed once more was delivered or polled.
constexpr bool is_full(Errc code) noexcept {
    return code == Errc::queue_full || code == Errc::reports_full ||
           code == Errc::producer_full || code == Errc::partition_full;
}

/// True if records answered with this code may stand in the log all the same.
[[gnu::visibility("default")]] bool may_have_been_written(Errc code) noexcept;

/// A code and, for setup errors, a text that names the culprit and what would be right.
struct Error {
    Errc code = Errc::none;
    std::string text;
};

/// A value of T, or an Error.
template <typename T>
class [[nodiscard]] Result {
public:
    Result(T value) : value_(std::move(value)) {}           // NOLINT: implicit by design
    Result(Error error) : error_(std::move(error)) {}       // NOLINT
    Result(Errc code) : error_{code, {}} {}                 // NOLINT

    explicit operator bool() const noexcept { return value_.has_value(); }
    bool has_value() const noexcept { return value_.has_value(); }
    T& operator*() & noexcept { return *value_; }
    const T& operator*() const& noexcept { return *value_; }
    T&& operator*() && noexcept { return std::move(*value_); }
    T* operator->() noexcept { return &*value_; }
    const T* operator->() const noexcept { return &*value_; }
    /// `code` is none when there is a value.
    const Error& error() const noexcept { return error_; }

private:
    std::optional<T> value_;
    Error error_;
};

/// Success, or an Error.
template <>
class [[nodiscard]] Result<void> {
public:
    Result() = default;
    Result(Error error) : error_(std::move(error)) {}       // NOLINT
    Result(Errc code) : error_{code, {}} {}                 // NOLINT

    explicit operator bool() const noexcept { return error_.code == Errc::none; }
    bool has_value() const noexcept { return error_.code == Errc::none; }
    const Error& error() const noexcept { return error_; }

private:
    Error error_;
};

}  // namespace ringpost
