// SPDX-License-Identifier: Apache-2.0
// The body of a Produce response (0), v3-v13, read without allocating. KIP-467, KIP-951.
#pragma once

#include <cstdint>
#include <string_view>

#include "base/bytes.h"
#include "wire/uuid.h"

namespace ringpost::wire {

/// One partition's answer. Text and spans borrow from the response's body.
struct ProducePartitionResult {
    std::string_view topic_name;  ///< v0-v12
    Uuid topic_id;                ///< v13+
    std::int32_t index = 0;
    std::int16_t error_code = 0;
    std::int64_t base_offset = -1;
    std::int64_t log_append_time_ms = -1;  ///< -1: the topic keeps the producer's timestamps.
    std::int64_t log_start_offset = -1;
    std::string_view error_message;  ///< Empty when null.
    std::uint32_t record_error_count = 0;
    ByteSpan record_errors_raw;   ///< For RecordErrorReader.
    std::int32_t leader_id = -1;  ///< v10+, with leader_epoch: where to go instead.
    std::int32_t leader_epoch = -1;
};

struct ProduceRecordError {
    std::int32_t batch_index = 0;
    std::string_view message;  ///< Empty when null.
};

/// Names the records that spoiled a batch. Borrows what the result borrows.
class RecordErrorReader {
public:
    RecordErrorReader(const ProducePartitionResult& result, std::int16_t version);
    bool next(ProduceRecordError& error);

private:
    Reader in_;
    std::uint32_t left_;
    bool flexible_;
};

struct NodeEndpoint {
    std::int32_t node_id = -1;
    std::string_view host;
    std::int32_t port = 0;
    std::string_view rack;  ///< Empty when null.
};

/// Walks the partitions of a response in the order of the bytes, then what stands behind them. A
/// fault is noticed where it is met: partitions before it have been handed out.
///
/// Borrows: the body, for as long as the reader and its results are used.
class ProduceResponseReader {
public:
    ProduceResponseReader(ByteSpan body, std::int16_t version);

    /// False at the end, and as soon as the body is malformed: ask `ok()` then.
    bool next(ProducePartitionResult& result);
    bool ok() const { return in_.ok(); }

    /// From here on: only after `next` has returned false and `ok()` is true.
    std::int32_t throttle_ms() const { return throttle_ms_; }
    bool next_endpoint(NodeEndpoint& endpoint);

private:
    bool begin_topic();
    void read_partition(ProducePartitionResult& result);
    void read_end();
    void check_endpoints();

    Reader in_;
    Reader endpoints_{ByteSpan{}};
    std::uint32_t topics_left_ = 0;
    std::uint32_t partitions_left_ = 0;
    std::uint32_t endpoints_left_ = 0;
    std::string_view topic_name_;
    Uuid topic_id_;
    std::int32_t throttle_ms_ = 0;
    std::int16_t version_;
    bool flexible_;
    bool in_topic_ = false;
    bool ended_ = false;
};

}  // namespace ringpost::wire
