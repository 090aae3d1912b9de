// SPDX-License-Identifier: Apache-2.0
// The frame of a Produce request (0), v3-v13, around record batches that are not copied into it.
#pragma once

#include <cstdint>
#include <string_view>

#include "base/bytes.h"
#include "wire/uuid.h"

namespace ringpost::wire {

/// Writes the frame of one produce request around record batches that stay in place.
///
/// The bytes that go to the socket are the written ones, cut at each `writer.size()` noted right
/// after `partition()`, with that partition's batch in the gap.
///
/// Borrows: the writer, until `finish`. A writer without room fails (`out.ok()`), and the frame is
/// then useless.
/// Invariant: calls nest as topic (partition end_partition)* end_topic, as often as announced.
class ProduceRequestWriter {
public:
    ProduceRequestWriter(Writer& out, std::int16_t version, std::int32_t correlation_id,
                         std::string_view client_id, std::int16_t acks, std::int32_t timeout_ms,
                         std::uint32_t topic_count);

    /// Sends the name up to v12 and the id from v13.
    void topic(std::string_view name, const Uuid& id, std::uint32_t partition_count);
    /// Up to and including the length of the records; the batch comes next.
    void partition(std::int32_t index, std::uint32_t records_bytes);
    void end_partition();
    void end_topic();
    /// Ends the frame and stores its size: what was written and the batches together.
    void finish(std::uint64_t records_bytes_total);

private:
    void count(std::uint32_t n);
    void tags();

    Writer& out_;
    std::byte* size_at_;
    std::uint32_t topics_left_;
    std::uint32_t partitions_left_ = 0;
    std::uint64_t records_bytes_ = 0;
    bool flexible_;
    bool by_id_;
};

/// Upper bounds over all versions, so that a caller knows whether one more fits.
inline constexpr std::uint32_t produce_partition_frame_bytes_max = 4 + 5 + 1;

/// A topic without its partitions: name or id, partition count, tags.
constexpr std::uint32_t produce_topic_frame_bytes_max(std::string_view name) {
    const auto name_bytes = static_cast<std::uint32_t>(name.size()) + 3;
    return (name_bytes < sizeof(Uuid) ? std::uint32_t{sizeof(Uuid)} : name_bytes) + 5 + 1;
}

/// A request without its topics: size, header, and everything up to the topic count; the last tags.
constexpr std::uint32_t produce_request_frame_bytes_max(std::string_view client_id) {
    return 4 + (8 + 2 + static_cast<std::uint32_t>(client_id.size()) + 1) + (2 + 2 + 4 + 5) + 1;
}

}  // namespace ringpost::wire
