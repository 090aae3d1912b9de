// SPDX-License-Identifier: Apache-2.0
// The frame of a Produce request (0), v3-v13.
#include "wire/produce_request_writer.h"

#include <limits>

#include "base/assert.h"
#include "wire/api.h"
#include "wire/field_writer.h"

namespace ringpost::wire {
namespace {

constexpr std::int16_t first_version_by_id = 13;

}  // namespace

ProduceRequestWriter::ProduceRequestWriter(Writer& out, std::int16_t version,
                                           std::int32_t correlation_id, std::string_view client_id,
                                           std::int16_t acks, std::int32_t timeout_ms,
                                           std::uint32_t topic_count)
    : out_(out),
      size_at_(begin_frame(out)),
      topics_left_(topic_count),
      flexible_(is_flexible(ApiKey::produce, version)),
      by_id_(version >= first_version_by_id) {
    encode_request_header(out_, ApiKey::produce, version, correlation_id, client_id);
    FieldWriter(out_, version, flexible_).nullable_string("");  // Transactional id.
    out_.i16(acks);
    out_.i32(timeout_ms);
    count(topic_count);
}

void ProduceRequestWriter::topic(std::string_view name, const Uuid& id,
                                 std::uint32_t partition_count) {
    RINGPOST_ASSERT(topics_left_ > 0);
    RINGPOST_ASSERT(partitions_left_ == 0);
    --topics_left_;
    partitions_left_ = partition_count;
    FieldWriter writer(out_, 0, flexible_);
    if (by_id_) {
        RINGPOST_ASSERT(!id.is_zero());
        writer.uuid(id);
    } else {
        writer.string(name);
    }
    count(partition_count);
}

void ProduceRequestWriter::partition(std::int32_t index, std::uint32_t records_bytes) {
    RINGPOST_ASSERT(partitions_left_ > 0);
    --partitions_left_;
    records_bytes_ += records_bytes;
    out_.i32(index);
    count(records_bytes);
}

void ProduceRequestWriter::end_partition() { tags(); }

void ProduceRequestWriter::end_topic() {
    RINGPOST_ASSERT(partitions_left_ == 0);
    tags();
}

void ProduceRequestWriter::finish(std::uint64_t records_bytes_total) {
    RINGPOST_ASSERT(topics_left_ == 0);
    RINGPOST_ASSERT(records_bytes_total == records_bytes_);
    tags();
    if (!out_.ok()) return;
    const auto frame_bytes = static_cast<std::uint64_t>(out_.position() - size_at_);
    const std::uint64_t size = frame_bytes - frame_size_bytes + records_bytes_total;
    RINGPOST_ASSERT(size <= std::numeric_limits<std::int32_t>::max());
    store_be(size_at_, static_cast<std::int32_t>(size));
}

/// Array counts and the length of records have the same two forms.
void ProduceRequestWriter::count(std::uint32_t n) {
    if (flexible_) {
        out_.uvarint(std::uint64_t{n} + 1);
    } else {
        out_.u32(n);
    }
}

void ProduceRequestWriter::tags() {
    if (flexible_) out_.uvarint(0);
}

}  // namespace ringpost::wire
