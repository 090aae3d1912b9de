// SPDX-License-Identifier: Apache-2.0
// RecordBatch of magic 2: its header, its checksum, and a reader that trusts nothing. KIP-98.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "base/limits.h"
#include "wire/record.h"

namespace ringpost::wire {

inline constexpr std::size_t batch_header_bytes = 61;
/// What `batch_length` does not count: itself and the base offset.
inline constexpr std::size_t batch_length_overhead_bytes = 12;
/// The checksum covers everything from here on.
inline constexpr std::size_t batch_crc_from = 21;
inline constexpr std::int8_t batch_magic = 2;

inline constexpr std::int16_t attribute_codec_mask = 0x07;
inline constexpr std::int16_t attribute_log_append_time = 0x08;
inline constexpr std::int16_t attribute_transactional = 0x10;
inline constexpr std::int16_t attribute_control = 0x20;

/// | at | field                  | type | at | field           | type |
/// |----|------------------------|------|----|-----------------|------|
/// |  0 | base offset            | i64  | 27 | base timestamp  | i64  |
/// |  8 | batch length           | i32  | 35 | max timestamp   | i64  |
/// | 12 | partition leader epoch | i32  | 43 | producer id     | i64  |
/// | 16 | magic                  | i8   | 51 | producer epoch  | i16  |
/// | 17 | crc                    | u32  | 53 | base sequence   | i32  |
/// | 21 | attributes             | i16  | 57 | record count    | i32  |
/// | 23 | last offset delta      | i32  | 61 | records         |      |
struct BatchHeader {
    std::int64_t base_offset = 0;
    std::int32_t batch_length = 0;
    std::int32_t partition_leader_epoch = -1;
    std::uint32_t crc = 0;
    std::int16_t attributes = 0;
    std::int32_t last_offset_delta = 0;
    std::int64_t base_timestamp = 0;
    std::int64_t max_timestamp = 0;
    std::int64_t producer_id = -1;
    std::int16_t producer_epoch = -1;
    std::int32_t base_sequence = -1;
    std::int32_t record_count = 0;
    bool operator==(const BatchHeader&) const = default;
};

/// Writes 61 bytes.
void write_batch_header(std::byte* out, const BatchHeader& header);
/// False for fewer than 61 bytes, and for another magic than 2. Nothing else is looked at.
bool decode_batch_header(ByteSpan bytes, BatchHeader& header);

/// The checksum of a batch given as its pieces in order; the first holds the whole header.
std::uint32_t batch_crc(std::span<const ByteSpan> pieces);
/// The same of a batch whose records' own CRC32C is known.
std::uint32_t batch_crc(const std::byte* header, std::uint32_t records_crc,
                        std::uint32_t records_bytes);
void store_batch_crc(std::byte* header, std::uint32_t crc);

enum class BatchFault : std::uint8_t {
    none,
    truncated,   ///< Fewer bytes than a header, or than the header announces.
    bad_magic,   ///< Not 2.
    bad_length,  ///< Announces fewer bytes than a header has.
    bad_crc,
    bad_count,       ///< No record, or last_offset_delta is not record_count - 1.
    bad_record,      ///< A record's own length, fields or offset delta do not fit.
    trailing_bytes,  ///< More bytes than the records need.
    compressed,      ///< Header and checksum are right; the records can't be read here: nowhere to
                     ///< decompress them to, or this build is without the codec's library.
    unknown_codec,   ///< Header and checksum are right; no codec has that number.
    bad_compression,  ///< The records are no whole stream of their codec.
    too_large,        ///< Decompressed, the records pass the buffer's limit.
};
std::string_view to_string(BatchFault fault);

/// Where a compressed batch's records are decompressed to, one batch at a time.
struct RecordsBuffer {
    std::size_t bytes_max = limits::decompressed_bytes_max;
    std::vector<std::byte> bytes;
};

/// Reads the first batch of `bytes`, which must be contiguous; more may follow it.
///
/// Everything of the header is checked at construction, the checksum included; records are checked
/// as they are read.
/// Borrows: the bytes, and the buffer if the batch is compressed; also by the views it hands out.
class RecordBatchReader {
public:
    /// Without a buffer, records that are compressed are not read.
    explicit RecordBatchReader(ByteSpan bytes);
    RecordBatchReader(ByteSpan bytes, RecordsBuffer& buffer);

    /// After the fault `compressed`: puts the records into `buffer`, to be read from there.
    void decompress(RecordsBuffer& buffer);

    BatchFault fault() const { return fault_; }
    /// Meaningful unless the fault is truncated with fewer than 61 bytes, or bad_magic.
    const BatchHeader& header() const { return header_; }
    /// Bytes of the batch, header included. Zero when they could not be told.
    std::size_t size() const { return size_; }
    int codec() const { return header_.attributes & attribute_codec_mask; }

    /// False at the end and at a fault: ask `fault()`.
    bool next(RecordView& record);

private:
    BatchFault check(ByteSpan bytes);
    bool fail(BatchFault fault);

    ByteSpan compressed_;
    Reader records_{ByteSpan{}};
    BatchHeader header_;
    std::size_t size_ = 0;
    std::int32_t next_delta_ = 0;
    BatchFault fault_ = BatchFault::none;
};

}  // namespace ringpost::wire
