// SPDX-License-Identifier: Apache-2.0
// RecordBatch of magic 2.
#include "wire/record_batch.h"

#include "base/assert.h"
#include "base/crc32c.h"
#include "wire/decompress.h"

namespace ringpost::wire {
namespace {

constexpr std::size_t batch_magic_at = 16;
constexpr std::size_t batch_crc_at = 17;

BatchFault fault_of(DecompressFault fault) {
    switch (fault) {
        case DecompressFault::none:
            return BatchFault::none;
        case DecompressFault::corrupt:
            return BatchFault::bad_compression;
        case DecompressFault::too_large:
            return BatchFault::too_large;
        case DecompressFault::not_built_in:
            return BatchFault::compressed;
    }
    return BatchFault::bad_compression;
}

}  // namespace

void write_batch_header(std::byte* out, const BatchHeader& header) {
    store_be(out, header.base_offset);
    store_be(out + 8, header.batch_length);
    store_be(out + 12, header.partition_leader_epoch);
    out[batch_magic_at] = static_cast<std::byte>(batch_magic);
    store_be(out + batch_crc_at, header.crc);
    store_be(out + 21, header.attributes);
    store_be(out + 23, header.last_offset_delta);
    store_be(out + 27, header.base_timestamp);
    store_be(out + 35, header.max_timestamp);
    store_be(out + 43, header.producer_id);
    store_be(out + 51, header.producer_epoch);
    store_be(out + 53, header.base_sequence);
    store_be(out + 57, header.record_count);
}

bool decode_batch_header(ByteSpan bytes, BatchHeader& header) {
    Reader in(bytes.first(bytes.size() < batch_header_bytes ? 0 : batch_header_bytes));
    header.base_offset = in.i64();
    header.batch_length = in.i32();
    header.partition_leader_epoch = in.i32();
    const std::int8_t magic = in.i8();
    header.crc = in.u32();
    header.attributes = in.i16();
    header.last_offset_delta = in.i32();
    header.base_timestamp = in.i64();
    header.max_timestamp = in.i64();
    header.producer_id = in.i64();
    header.producer_epoch = in.i16();
    header.base_sequence = in.i32();
    header.record_count = in.i32();
    return in.ok() && magic == batch_magic;
}

std::uint32_t batch_crc(std::span<const ByteSpan> pieces) {
    RINGPOST_ASSERT(!pieces.empty());
    RINGPOST_ASSERT(pieces.front().size() >= batch_header_bytes);
    Crc32c crc;
    crc.update(pieces.front().subspan(batch_crc_from));
    for (const ByteSpan piece : pieces.subspan(1)) crc.update(piece);
    return crc.value();
}

std::uint32_t batch_crc(const std::byte* header, std::uint32_t records_crc,
                        std::uint32_t records_bytes) {
    Crc32c crc;
    crc.update(ByteSpan{header, batch_header_bytes}.subspan(batch_crc_from));
    crc.append(records_crc, records_bytes);
    return crc.value();
}

void store_batch_crc(std::byte* header, std::uint32_t crc) { store_be(header + batch_crc_at, crc); }

std::string_view to_string(BatchFault fault) {
    switch (fault) {
        case BatchFault::none:
            return "none";
        case BatchFault::truncated:
            return "truncated";
        case BatchFault::bad_magic:
            return "bad_magic";
        case BatchFault::bad_length:
            return "bad_length";
        case BatchFault::bad_crc:
            return "bad_crc";
        case BatchFault::bad_count:
            return "bad_count";
        case BatchFault::bad_record:
            return "bad_record";
        case BatchFault::trailing_bytes:
            return "trailing_bytes";
        case BatchFault::compressed:
            return "compressed";
        case BatchFault::unknown_codec:
            return "unknown_codec";
        case BatchFault::bad_compression:
            return "bad_compression";
        case BatchFault::too_large:
            return "too_large";
    }
    return "unknown";
}

RecordBatchReader::RecordBatchReader(ByteSpan bytes) {
    if (bytes.size() < batch_header_bytes) {
        fail(BatchFault::truncated);
        return;
    }
    if (!decode_batch_header(bytes, header_)) {
        fail(BatchFault::bad_magic);
        return;
    }
    fail(check(bytes));
}

RecordBatchReader::RecordBatchReader(ByteSpan bytes, RecordsBuffer& buffer)
    : RecordBatchReader(bytes) {
    if (fault_ == BatchFault::compressed) decompress(buffer);
}

void RecordBatchReader::decompress(RecordsBuffer& buffer) {
    RINGPOST_ASSERT(fault_ == BatchFault::compressed);
    buffer.bytes.clear();
    fault_ = fault_of(wire::decompress(static_cast<Codec>(codec()), compressed_, buffer.bytes_max,
                                       buffer.bytes));
    records_ = Reader(buffer.bytes);
}

BatchFault RecordBatchReader::check(ByteSpan bytes) {
    constexpr std::size_t length_min = batch_header_bytes - batch_length_overhead_bytes;
    if (header_.batch_length < static_cast<std::int32_t>(length_min)) return BatchFault::bad_length;
    size_ = static_cast<std::size_t>(header_.batch_length) + batch_length_overhead_bytes;
    if (bytes.size() < size_) return BatchFault::truncated;

    const ByteSpan batch = bytes.first(size_);
    if (batch_crc({&batch, 1}) != header_.crc) return BatchFault::bad_crc;
    if (header_.record_count <= 0) return BatchFault::bad_count;
    if (header_.last_offset_delta != header_.record_count - 1) return BatchFault::bad_count;
    if (codec() >= codec_count) return BatchFault::unknown_codec;
    const ByteSpan records = batch.subspan(batch_header_bytes);
    if (codec() != 0) {
        compressed_ = records;
        return BatchFault::compressed;
    }
    records_ = Reader(records);
    return BatchFault::none;
}

bool RecordBatchReader::next(RecordView& record) {
    if (fault_ != BatchFault::none) return false;
    if (next_delta_ == header_.record_count) {
        return records_.remaining() == 0 ? false : fail(BatchFault::trailing_bytes);
    }
    record = {};
    const std::int32_t size = records_.varint();
    if (size < 0) records_.fail();
    Reader in(records_.take(static_cast<std::size_t>(size)));
    record.attributes = static_cast<std::uint8_t>(in.i8());
    // Sums of hostile numbers wrap instead of overflowing.
    record.timestamp =
        static_cast<std::int64_t>(static_cast<std::uint64_t>(in.varlong()) +
                                  static_cast<std::uint64_t>(header_.base_timestamp));
    record.offset_delta = in.varint();
    if (!read_record_tail(in, record)) return fail(BatchFault::bad_record);
    if (!in.at_end()) return fail(BatchFault::bad_record);
    if (record.offset_delta != next_delta_) return fail(BatchFault::bad_record);
    ++next_delta_;
    return true;
}

bool RecordBatchReader::fail(BatchFault fault) {
    fault_ = fault;
    return false;
}

}  // namespace ringpost::wire
