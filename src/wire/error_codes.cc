// SPDX-License-Identifier: Apache-2.0
// What each error code is called, says, and means, and what is done about it. One row a code.
#include "wire/error_codes.h"

#include <algorithm>

namespace ringpost {
namespace wire {
namespace {

// Retriable: Kafka's RetriableException. Each such code is retried.
//
// Fatal: what stops the Java producer when Produce answers it. Ringpost fails what waits and, for
// retry.backoff.max.ms, what comes, with the code; then it tries again, as with a refused topic or
// producer id: a grant, or a broker that has been replaced, needs no new producer.
//
// Written: all codes but those that are known to come before the append. 6 may come after it, from
// a leader that is deposed while it waits for its followers; 3 and 100, if the partition is dropped
// during that wait; 56 from the append itself; with 46 the records *are* in the log. Codes that are
// no answer to Produce tell nothing.
//
// Verdicts that are not the Java client's:
//   8  is refreshed and retried, as by librdkafka: a broker that is gone has been replaced.
//   18 is split like 10, for a smaller batch fits the segment.
//   47 and 49, like 45 and 59, are retried at the head, where Java fails the batch: nothing was
//      written, so that a new identity can't let it in twice. 47 takes the next epoch; 49 refuses
//      the producer id itself, and takes a new one.
constexpr bool retriable = true, fatal = true, written = true;
constexpr bool no = false;
using enum Verdict;

constexpr ErrorRow rows[] = {
    {Errc::unknown_server_error, no, no, written, fail, "unknown_server_error",
     "The broker met an error it has no code for; its log says more. The records may or may not "
     "have been written."},
    {Errc::none, no, no, no, acknowledge, "none",
     "No error."},
    {Errc::corrupt_message, retriable, no, no, retry, "corrupt_message",
     "The broker received a batch whose checksum is wrong; nothing was written. Sending it again "
     "usually helps; if it goes on, suspect memory or the network."},
    {Errc::unknown_topic_or_partition, retriable, no, written, refresh_and_retry,
     "unknown_topic_or_partition",
     "The broker does not host this topic or partition. Check the name, or create the topic; a "
     "topic just created becomes known shortly."},
    {Errc::leader_not_available, retriable, no, written, refresh_and_retry, "leader_not_available",
     "The partition has no leader at the moment; an election is usually under way."},
    {Errc::not_leader_or_follower, retriable, no, written, refresh_and_retry,
     "not_leader_or_follower",
     "The broker no longer leads this partition. Leadership has moved and will be looked up again; "
     "the records may have been written before it moved."},
    {Errc::request_timed_out, retriable, no, written, retry, "request_timed_out",
     "The replicas did not confirm in time. The records may have been written; check the health "
     "of the partition's followers."},
    {Errc::broker_not_available, no, no, written, refresh_and_retry, "broker_not_available",
     "The broker that was asked for is not available."},
    {Errc::replica_not_available, retriable, no, written, refresh_and_retry,
     "replica_not_available",
     "A replica of the partition is not available at the moment."},
    {Errc::message_too_large, no, no, no, split, "message_too_large",
     "The batch exceeds the topic's max.message.bytes; nothing was written. Raise that setting or "
     "send smaller records."},
    {Errc::network_exception, retriable, no, written, refresh_and_retry, "network_exception",
     "The connection broke before the answer came, so the records may have been written."},
    {Errc::coordinator_load_in_progress, retriable, no, written, retry,
     "coordinator_load_in_progress",
     "The coordinator is still loading its state; try again shortly."},
    {Errc::coordinator_not_available, retriable, no, written, retry, "coordinator_not_available",
     "There is no coordinator at the moment; try again shortly."},
    {Errc::not_coordinator, retriable, no, written, retry, "not_coordinator",
     "Another broker is the coordinator now; it has to be looked up again."},
    {Errc::invalid_topic_exception, no, no, no, fail, "invalid_topic_exception",
     "The broker refuses this topic: the name is not allowed, or it may not be written to."},
    {Errc::record_list_too_large, no, no, no, split, "record_list_too_large",
     "The batch exceeds the topic's segment.bytes; nothing was written. Use smaller batches."},
    {Errc::not_enough_replicas, retriable, no, no, retry, "not_enough_replicas",
     "Fewer replicas are in sync than min.insync.replicas demands; nothing was written. Bring "
     "brokers back, or lower that setting."},
    {Errc::not_enough_replicas_after_append, retriable, no, written, retry,
     "not_enough_replicas_after_append",
     "The records were written, but by fewer replicas than min.insync.replicas demands."},
    {Errc::invalid_required_acks, no, no, no, fail, "invalid_required_acks",
     "The broker does not know this value of acks; use 0, 1 or all."},
    {Errc::illegal_generation, no, no, written, fail, "illegal_generation",
     "The consumer group has moved on to another generation; join it again."},
    {Errc::invalid_group_id, no, no, written, fail, "invalid_group_id",
     "The consumer group's name is not one that the broker takes."},
    {Errc::unknown_member_id, no, no, written, fail, "unknown_member_id",
     "The consumer group does not know this member; join it again."},
    {Errc::topic_authorization_failed, no, no, no, fail, "topic_authorization_failed",
     "The client's principal may not write to this topic; grant it WRITE."},
    {Errc::group_authorization_failed, no, no, written, fail, "group_authorization_failed",
     "The client's principal may not use this consumer group; grant it READ."},
    {Errc::cluster_authorization_failed, no, fatal, no, fail_producer,
     "cluster_authorization_failed",
     "The client's principal may not do this on the cluster. For idempotence grant it "
     "IDEMPOTENT_WRITE, or switch idempotence off."},
    {Errc::invalid_timestamp, no, no, no, fail, "invalid_timestamp",
     "A record's timestamp lies outside what the topic accepts; see "
     "message.timestamp.before.max.ms "
     "and message.timestamp.after.max.ms."},
    {Errc::unsupported_sasl_mechanism, no, no, written, fail, "unsupported_sasl_mechanism",
     "The broker does not offer this SASL mechanism; see sasl.enabled.mechanisms."},
    {Errc::illegal_sasl_state, no, no, written, fail, "illegal_sasl_state",
     "The broker did not expect this request at this point of the SASL handshake."},
    {Errc::unsupported_version, no, fatal, no, fail_producer, "unsupported_version",
     "The broker does not speak the version of a request; it is too old, or was replaced by an "
     "older one."},
    {Errc::not_controller, retriable, no, written, retry, "not_controller",
     "Another broker is the controller now; it has to be looked up again."},
    {Errc::invalid_request, no, no, no, fail, "invalid_request",
     "The broker could not make sense of the request. Client and broker may disagree on the "
     "protocol; the broker's log says more."},
    {Errc::unsupported_for_message_format, no, no, no, fail, "unsupported_for_message_format",
     "The topic's message format or the service's plan does not allow this, for example the chosen "
     "compression."},
    {Errc::policy_violation, no, no, written, fail, "policy_violation",
     "A policy configured on the broker refuses the request."},
    {Errc::out_of_order_sequence_number, no, no, no, sequence, "out_of_order_sequence_number",
     "The broker misses records before these ones; nothing was written. Earlier records were lost, "
     "or the broker forgot this producer."},
    {Errc::duplicate_sequence_number, no, no, written, acknowledge_unknown_offset,
     "duplicate_sequence_number",
     "The broker has these records already; their offset is unknown."},
    {Errc::invalid_producer_epoch, no, no, no, sequence, "invalid_producer_epoch",
     "The producer's epoch is outdated; nothing was written. Another producer may use the same "
     "transactional id."},
    {Errc::invalid_txn_state, no, no, no, fail, "invalid_txn_state",
     "The request does not fit the state of the transaction."},
    {Errc::invalid_producer_id_mapping, no, no, no, sequence, "invalid_producer_id_mapping",
     "The producer id is not the one that belongs to the transactional id."},
    {Errc::invalid_transaction_timeout, no, no, written, fail, "invalid_transaction_timeout",
     "The transaction timeout exceeds the broker's transaction.max.timeout.ms."},
    {Errc::concurrent_transactions, retriable, no, written, retry, "concurrent_transactions",
     "The previous transaction is still being completed; try again shortly."},
    {Errc::transaction_coordinator_fenced, no, no, written, fail, "transaction_coordinator_fenced",
     "The transaction coordinator has lost its place to a newer one."},
    {Errc::transactional_id_authorization_failed, no, fatal, no, fail_producer,
     "transactional_id_authorization_failed",
     "The client's principal may not use this transactional id; grant it WRITE on it."},
    {Errc::operation_not_attempted, no, no, written, fail, "operation_not_attempted",
     "The broker did not try this because another part of the request failed."},
    {Errc::kafka_storage_error, retriable, no, written, refresh_and_retry, "kafka_storage_error",
     "The broker's disk failed; the partition should move to another broker. The records may have "
     "been written."},
    {Errc::sasl_authentication_failed, no, no, written, fail, "sasl_authentication_failed",
     "The broker refused the credentials; check mechanism, user name and password."},
    {Errc::unknown_producer_id, no, no, no, sequence, "unknown_producer_id",
     "The broker has forgotten this producer; nothing was written. All of its records had expired "
     "from the partition."},
    {Errc::delegation_token_auth_disabled, no, no, written, fail, "delegation_token_auth_disabled",
     "The broker has delegation tokens switched off."},
    {Errc::delegation_token_not_found, no, no, written, fail, "delegation_token_not_found",
     "The broker does not know this delegation token."},
    {Errc::delegation_token_owner_mismatch, no, no, written, fail,
     "delegation_token_owner_mismatch",
     "The delegation token belongs to another principal."},
    {Errc::delegation_token_request_not_allowed, no, no, written, fail,
     "delegation_token_request_not_allowed",
     "Delegation tokens can't be asked for over this kind of connection."},
    {Errc::delegation_token_authorization_failed, no, no, written, fail,
     "delegation_token_authorization_failed",
     "The client's principal may not do this with delegation tokens."},
    {Errc::delegation_token_expired, no, no, written, fail, "delegation_token_expired",
     "The delegation token has expired; get a new one."},
    {Errc::listener_not_found, retriable, no, written, refresh_and_retry, "listener_not_found",
     "The leader has no listener of the name that this client connects to; check the brokers' "
     "listeners."},
    {Errc::fenced_leader_epoch, retriable, no, no, refresh_and_retry, "fenced_leader_epoch",
     "The client's view of the partition's leader is older than the broker's; it will be looked up "
     "again."},
    {Errc::unknown_leader_epoch, retriable, no, written, retry, "unknown_leader_epoch",
     "The client's view of the partition's leader is newer than the broker's; the broker catches "
     "up "
     "shortly."},
    {Errc::unsupported_compression_type, no, no, no, fail, "unsupported_compression_type",
     "The broker can't use this compression; choose another codec. zstd needs Kafka 2.1."},
    {Errc::offset_not_available, retriable, no, written, retry, "offset_not_available",
     "A new leader can't tell the offset yet; try again shortly."},
    {Errc::fenced_instance_id, no, no, written, fail, "fenced_instance_id",
     "Another consumer of the same group.instance.id has taken over."},
    {Errc::invalid_record, no, no, no, fail_named, "invalid_record",
     "The broker refuses a record, and with it its whole batch; nothing was written. A compacted "
     "topic, for example, takes no record without a key."},
    {Errc::unstable_offset_commit, retriable, no, written, retry, "unstable_offset_commit",
     "Offsets wait for a transaction to end; try again shortly."},
    {Errc::throttling_quota_exceeded, retriable, no, written, retry, "throttling_quota_exceeded",
     "A quota is used up; try again after the time that the broker gave."},
    {Errc::producer_fenced, no, fatal, no, fail_producer, "producer_fenced",
     "A newer producer with the same transactional id has taken over; this one must close."},
    {Errc::unknown_topic_id, retriable, no, written, refresh_and_retry, "unknown_topic_id",
     "The broker does not know the topic's id; the topic was just created, or deleted and made "
     "again."},
    {Errc::inconsistent_topic_id, retriable, no, written, refresh_and_retry,
     "inconsistent_topic_id",
     "The topic's id is not the one in the broker's log; the topic was deleted and made again."},
    {Errc::transactional_id_not_found, no, no, written, fail, "transactional_id_not_found",
     "The coordinator knows no transaction of this transactional id."},
    {Errc::unknown_subscription_id, no, no, written, fail, "unknown_subscription_id",
     "The broker does not know this telemetry subscription; ask for it again."},
    {Errc::telemetry_too_large, no, no, written, fail, "telemetry_too_large",
     "The telemetry that was pushed exceeds the broker's limit."},
    {Errc::transaction_abortable, no, no, no, fail, "transaction_abortable",
     "The transaction met an error; abort it, then go on with a new one."},
    {Errc::rebootstrap_required, no, no, written, fail, "rebootstrap_required",
     "The broker wants the client to start again from its bootstrap servers."},
    {Errc::streams_invalid_topology, no, no, written, fail, "streams_invalid_topology",
     "The broker refuses the topology of this Kafka Streams application."},
    {Errc::streams_invalid_topology_epoch, no, no, written, fail, "streams_invalid_topology_epoch",
     "The epoch of the Kafka Streams topology is not one that the broker takes."},
    {Errc::streams_topology_fenced, no, no, written, fail, "streams_topology_fenced",
     "The Kafka Streams topology is older than the one that the group has."},
    {Errc::share_session_limit_reached, no, no, written, fail, "share_session_limit_reached",
     "The broker has as many share sessions as it can have."},

    {Errc::queue_full, retriable, no, no, fail, "queue_full",
     "The lane has no room for the record. Poll and try again, slow down, or give lanes more "
     "bytes."},
    {Errc::reports_full, retriable, no, no, fail, "reports_full",
     "Too many records of this lane wait for their report to be polled. Poll and try again."},
    {Errc::producer_full, retriable, no, no, fail, "producer_full",
     "All lanes together have queue.buffering.max.messages records accepted and not yet reported. "
     "Poll, wait, or raise the limit."},
    {Errc::record_too_large, no, no, no, fail, "record_too_large",
     "The record exceeds the producer's message_max_bytes. Send less, or raise that option and the "
     "topic's max.message.bytes."},
    {Errc::invalid_partition, no, no, no, fail, "invalid_partition",
     "The topic has no such partition."},
    {Errc::invalid_topic_name, no, no, no, fail, "invalid_topic_name",
     "A topic name has 1 to 249 letters, digits, dots, underscores and hyphens, and is neither "
     "\".\" nor \"..\"."},
    {Errc::invalid_argument, no, no, no, fail, "invalid_argument",
     "An argument of the call is malformed; see the call's contract."},
    {Errc::not_started, no, no, no, fail, "not_started",
     "The producer has not been started; call start first."},
    {Errc::stopped, no, fatal, no, fail, "stopped",
     "The producer is stopping or has stopped; open another to go on."},
    {Errc::timed_out, retriable, no, no, fail, "timed_out",
     "The call's own deadline passed first. What was accepted goes on; call again to wait longer."},
    {Errc::too_many_topics, no, no, no, fail, "too_many_topics",
     "This producer has named as many topics as it can; use another producer."},
    {Errc::too_many_lanes, no, no, no, fail, "too_many_lanes",
     "The shard has as many lanes as it can; release one, or use more shards."},
    {Errc::forked, no, fatal, no, fail, "forked",
     "This process was forked from the one that started the producer. Open a producer of its own "
     "after the fork."},
    {Errc::wrong_thread, no, no, no, fail, "wrong_thread",
     "An inline producer or a lane was used from a second thread; each belongs to one."},
    {Errc::partition_full, retriable, no, no, fail, "partition_full",
     "The record's partition, or the broker that leads it, is slower than its records come and "
     "holds its share of buffer.memory. Go on with records for others, or wait."},

    {Errc::delivery_timeout, retriable, no, written, fail, "delivery_timeout",
     "The record was not confirmed within delivery_timeout. The last error says what stood in the "
     "way, and the report whether it may have been written."},
    {Errc::purged, no, no, written, fail, "purged",
     "The producer was stopped before the record was confirmed. Its report says whether it may "
     "have been written."},
    {Errc::connection_lost, retriable, no, written, fail, "connection_lost",
     "The broker closed or reset the connection, or the network did. What was unanswered may have "
     "been written."},
    {Errc::connect_failed, retriable, no, no, fail, "connect_failed",
     "No address of the broker could be connected to, or what is there does not answer as Kafka. "
     "Check that it runs, and that host and port can be reached and are Kafka's."},
    {Errc::resolve_failed, retriable, no, no, fail, "resolve_failed",
     "The broker's name has no address. Check the bootstrap servers and the brokers' "
     "advertised.listeners."},
    {Errc::malformed_response, retriable, no, written, fail, "malformed_response",
     "The peer's bytes are not an answer to our request. Check that the port is Kafka's and that "
     "TLS is set alike on both sides."},
    {Errc::unsupported_broker, no, no, no, fail, "unsupported_broker",
     "The broker speaks no version of a request that is needed; Kafka 2.1 or newer is."},
    {Errc::no_producer_id, retriable, no, no, fail, "no_producer_id",
     "No broker has given a producer id, which idempotence needs; see the log for what they "
     "answered."},
    {Errc::no_metadata, retriable, no, no, fail, "no_metadata",
     "No broker has answered a metadata request. Check the bootstrap servers and the network."},

    {Errc::invalid_option, no, no, no, fail, "invalid_option",
     "An option is out of range or contradicts another; the error's text names it."},
    {Errc::out_of_memory, no, no, no, fail, "out_of_memory",
     "The memory that the options ask for could not be had; lower memory_bytes or the number of "
     "lanes."},
    {Errc::system_error, no, no, no, fail, "system_error",
     "The operating system refused something that is needed; the error's text says what."},
};
static_assert(std::ranges::is_sorted(rows, {}, &ErrorRow::code));

/// A code from a newer broker is handled as Kafka's own clients do: as unknown_server_error.
constexpr ErrorRow unknown = {
    Errc::unknown_server_error,
    no,
    no,
    written,
    fail,
    "unknown_error_code",
    "The broker answered a code that this version of the library does not know. The records may "
    "or may not have been written."};

const ErrorRow& row_of(Errc code) {
    const ErrorRow* row = std::ranges::lower_bound(rows, code, {}, &ErrorRow::code);
    return row != std::end(rows) && row->code == code ? *row : unknown;
}

}  // namespace

std::span<const ErrorRow> error_table() { return rows; }

Verdict verdict_of(Errc code) { return row_of(code).verdict; }

}  // namespace wire

std::string_view to_string(Errc code) noexcept { return wire::row_of(code).name; }
std::string_view message(Errc code) noexcept { return wire::row_of(code).message; }
bool is_retriable(Errc code) noexcept { return wire::row_of(code).retriable; }
bool is_fatal(Errc code) noexcept { return wire::row_of(code).fatal; }
bool may_have_been_written(Errc code) noexcept { return wire::row_of(code).may_have_been_written; }

}  // namespace ringpost
