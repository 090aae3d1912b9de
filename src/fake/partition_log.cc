// SPDX-License-Identifier: Apache-2.0
// Checks in the order of Kafka's ProduceRequest.validateRecords, UnifiedLog and LogValidator, so
// that a batch with several faults gets the code that a Kafka broker would give it.
#include "fake/partition_log.h"

#include <algorithm>
#include <cstring>
#include <limits>

#include "base/assert.h"
#include "wire/codec.h"

namespace ringpost::fake {

namespace {

constexpr std::size_t segment_bytes_min = 16 * 1024;
constexpr std::size_t segment_bytes_max = 4 << 20;
constexpr std::size_t leader_epoch_at = 12;

std::int64_t last_offset_of(const wire::BatchHeader& header) {
    return header.base_offset + header.last_offset_delta;
}

/// Exactly one batch of magic 2, as of Produce v3.
Errc check_frame(ByteSpan records, wire::BatchHeader& header, std::string_view& reason) {
    constexpr std::size_t length_min = wire::batch_header_bytes - wire::batch_length_overhead_bytes;
    reason = "a produce request holds exactly one record batch for a partition";
    if (records.size() < wire::batch_header_bytes) return Errc::invalid_record;
    if (!wire::decode_batch_header(records, header)) {
        reason = "the record batch is not of magic 2";
        return Errc::invalid_record;
    }
    if (header.batch_length < static_cast<std::int32_t>(length_min)) {
        reason = "the batch length is smaller than a batch header";
        return Errc::corrupt_message;
    }
    const std::size_t size =
        static_cast<std::size_t>(header.batch_length) + wire::batch_length_overhead_bytes;
    if (records.size() != size) return Errc::invalid_record;
    return Errc::none;
}

Errc check_header(const wire::BatchHeader& header, std::string_view& reason) {
    if ((header.attributes & wire::attribute_control) != 0) {
        reason = "clients are not allowed to write control records";
        return Errc::invalid_record;
    }
    if ((header.attributes & wire::attribute_transactional) != 0) {
        reason = "this broker has no transactions";
        return Errc::transactional_id_authorization_failed;
    }
    if ((header.attributes & wire::attribute_log_append_time) != 0) {
        reason = "a producer may not set the log append time bit";
        return Errc::invalid_timestamp;
    }
    if ((header.attributes & wire::attribute_codec_mask) >= wire::codec_count) {
        reason = "the compression codec is unknown";
        return Errc::unsupported_compression_type;
    }
    if (header.producer_id >= 0 && header.base_sequence < 0) {
        reason = "a batch with a producer id needs a base sequence";
        return Errc::invalid_record;
    }
    return Errc::none;
}

/// A Kafka broker that can't decompress records has no code for it: the KafkaException of its
/// reader, which is no ApiException, becomes UNKNOWN_SERVER_ERROR.
Errc fault_code(wire::BatchFault fault, std::string_view& reason) {
    reason = wire::to_string(fault);
    if (fault == wire::BatchFault::bad_crc) return Errc::corrupt_message;
    if (fault == wire::BatchFault::bad_compression) return Errc::unknown_server_error;
    return Errc::invalid_record;
}

/// Every record, and whether the header's largest timestamp is theirs. A Kafka broker would put
/// it right without a word; here a producer's mistake is to be seen.
Errc check_records(wire::RecordBatchReader& reader, std::string_view& reason) {
    std::int64_t timestamp_max = std::numeric_limits<std::int64_t>::min();
    for (wire::RecordView record; reader.next(record);) {
        timestamp_max = std::max(timestamp_max, record.timestamp);
    }
    if (reader.fault() != wire::BatchFault::none) return fault_code(reader.fault(), reason);
    if (timestamp_max != reader.header().max_timestamp) {
        reason = "the batch's max timestamp is not the largest of its records'";
        return Errc::invalid_timestamp;
    }
    return Errc::none;
}

}  // namespace

Errc PartitionLog::check(ByteSpan records, std::size_t message_bytes_max, wire::BatchHeader& header,
                         std::string_view& reason) const {
    if (const Errc error = check_frame(records, header, reason); error != Errc::none) return error;
    if (header.base_offset != 0) {
        reason = "the base offset of a batch from a client is 0";
        return Errc::invalid_record;
    }
    if (records.size() > message_bytes_max) {
        reason = "the batch is larger than max.message.bytes";
        return Errc::message_too_large;
    }
    wire::RecordBatchReader reader(records);
    const bool compressed = reader.fault() == wire::BatchFault::compressed;
    const bool unknown_codec = reader.fault() == wire::BatchFault::unknown_codec;
    if (!compressed && !unknown_codec && reader.fault() != wire::BatchFault::none) {
        return fault_code(reader.fault(), reason);
    }
    if (const Errc error = check_header(header, reason); error != Errc::none) return error;
    wire::RecordsBuffer buffer;
    if (compressed) reader.decompress(buffer);
    if (reader.fault() == wire::BatchFault::compressed) {
        reason = "this broker was built without the codec";
        return Errc::unsupported_compression_type;
    }
    return check_records(reader, reason);
}

Appended PartitionLog::append(ByteSpan records, std::int32_t leader_epoch,
                              std::size_t message_bytes_max) {
    wire::BatchHeader header;
    std::string_view reason;
    if (const Errc error = check(records, message_bytes_max, header, reason); error != Errc::none) {
        return {.error = error, .reason = reason};
    }
    const ProducerStates::Verdict verdict = producers_.check(header);
    if (verdict.error == Errc::invalid_producer_epoch) {
        return {.error = verdict.error, .reason = "the producer epoch is older than the known one"};
    }
    if (verdict.error != Errc::none) {
        return {.error = verdict.error, .reason = "the sequence does not follow the known one"};
    }
    if (verdict.duplicate_of) return {.base_offset = *verdict.duplicate_of, .duplicate = true};
    header.base_offset = end_offset_;
    if (!store(records, header, leader_epoch)) {
        return {.error = Errc::kafka_storage_error, .reason = "out of memory"};
    }
    producers_.on_append(header, header.base_offset);
    check_invariants();
    return {.base_offset = header.base_offset};
}

bool PartitionLog::store(ByteSpan batch, const wire::BatchHeader& header,
                         std::int32_t leader_epoch) {
    Segment* segment = room_for(batch.size());
    if (segment == nullptr) return false;
    std::byte* at = segment->memory.data() + segment->used;
    std::memcpy(at, batch.data(), batch.size());
    store_be(at, header.base_offset);
    store_be(at + leader_epoch_at, leader_epoch);
    segment->batches.push_back({header.base_offset, header.max_timestamp, segment->used,
                                static_cast<std::uint32_t>(batch.size())});
    segment->used += static_cast<std::uint32_t>(batch.size());
    stored_bytes_ += batch.size();
    end_offset_ = last_offset_of(header) + 1;
    return true;
}

PartitionLog::Segment* PartitionLog::room_for(std::size_t bytes) {
    std::size_t capacity = segment_bytes_min;
    if (!segments_.empty()) {
        Segment& last = segments_.back();
        if (last.memory.size() - last.used >= bytes) return &last;
        capacity = std::min(last.memory.size() * 2, segment_bytes_max);
    }
    Block memory(std::max(capacity, bytes), alignof(std::max_align_t));
    if (!memory) return nullptr;
    return &segments_.emplace_back(Segment{.memory = std::move(memory)});
}

ByteSpan PartitionLog::read(std::int64_t offset, std::size_t bytes_max, bool at_least_one) const {
    if (offset < start_offset_ || offset >= end_offset_) return {};
    const auto after = std::ranges::upper_bound(segments_, offset, {}, [](const Segment& segment) {
        return segment.batches.front().base_offset;
    });
    RINGPOST_ASSERT(after != segments_.begin());
    const Segment& segment = *std::prev(after);
    const std::vector<Batch>& batches = segment.batches;
    auto batch = std::prev(std::ranges::upper_bound(batches, offset, {}, &Batch::base_offset));
    const std::size_t from = batch->position;
    std::size_t bytes = 0;
    for (; batch != batches.end() && bytes + batch->bytes <= bytes_max; ++batch) {
        bytes += batch->bytes;
    }
    if (bytes == 0 && at_least_one) bytes = batch->bytes;
    return ByteSpan(segment.memory.span()).subspan(from, bytes);
}

OffsetAndTimestamp PartitionLog::find_timestamp(std::int64_t timestamp) const {
    wire::RecordsBuffer buffer;
    for (const Segment& segment : segments_) {
        for (const Batch& batch : segment.batches) {
            if (batch.max_timestamp < timestamp) continue;
            wire::RecordBatchReader reader(segment.bytes_of(batch), buffer);
            for (wire::RecordView record; reader.next(record);) {
                const std::int64_t offset = batch.base_offset + record.offset_delta;
                if (record.timestamp >= timestamp && offset >= start_offset_) {
                    return {offset, record.timestamp};
                }
            }
        }
    }
    return {};
}

OffsetAndTimestamp PartitionLog::find_max_timestamp() const {
    std::int64_t largest = -1;
    for (const Segment& segment : segments_) {
        for (const Batch& batch : segment.batches) largest = std::max(largest, batch.max_timestamp);
    }
    return largest < 0 ? OffsetAndTimestamp{} : find_timestamp(largest);
}

void PartitionLog::truncate(std::int64_t offset) {
    while (!segments_.empty() && end_offset_ > offset) {
        Segment& segment = segments_.back();
        const Batch& last = segment.batches.back();
        stored_bytes_ -= last.bytes;
        segment.used = last.position;
        end_offset_ = last.base_offset;
        segment.batches.pop_back();
        if (segment.batches.empty()) segments_.pop_back();
    }
    start_offset_ = std::min(start_offset_, end_offset_);
    rebuild_producers();
    check_invariants();
}

void PartitionLog::delete_before(std::int64_t offset) {
    start_offset_ = std::clamp(offset, start_offset_, end_offset_);
    while (!segments_.empty()) {
        const bool only = segments_.size() == 1;
        const std::int64_t end = only ? end_offset_ : segments_[1].batches.front().base_offset;
        if (end > start_offset_) break;
        stored_bytes_ -= segments_.front().used;
        segments_.pop_front();
    }
    check_invariants();
}

void PartitionLog::forget_producers() {
    producers_.forget_all();
    producers_from_ = end_offset_;
}

void PartitionLog::rebuild_producers() {
    producers_.forget_all();
    producers_from_ = std::min(producers_from_, end_offset_);
    for (const Segment& segment : segments_) {
        for (const Batch& batch : segment.batches) {
            if (batch.base_offset < producers_from_) continue;
            wire::BatchHeader header;
            const bool decoded = wire::decode_batch_header(segment.bytes_of(batch), header);
            RINGPOST_ASSERT(decoded);
            producers_.on_append(header, batch.base_offset);
        }
    }
}

void PartitionLog::check_invariants() const {
    RINGPOST_ASSERT(start_offset_ >= 0);
    RINGPOST_ASSERT(start_offset_ <= end_offset_);
    RINGPOST_ASSERT(segments_.empty() || !segments_.back().batches.empty());
    RINGPOST_ASSERT(segments_.empty() || segments_.back().used <= segments_.back().memory.size());
    RINGPOST_ASSERT(segments_.empty() == (stored_bytes_ == 0));
}

}  // namespace ringpost::fake
