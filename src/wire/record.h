// SPDX-License-Identifier: Apache-2.0
// One record of a magic 2 batch, in two parts: a *prefix* that depends on its place in the batch,
// and a *tail* that does not and is therefore written once, when the record is accepted.
//
//   prefix: length V, attributes i8, timestamp delta V, offset delta V
//   tail:   key length V, key, value length V, value, header count V, headers
//   header: key length V, key, value length V, value
//
// V is a zigzag varint; a length of -1 is null. These functions are the hottest of the library.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string_view>

#include "base/bytes.h"
#include "base/varint.h"

namespace ringpost::wire {

struct HeaderView {
    std::string_view key;
    const std::byte* value = nullptr;
    std::int64_t value_size = -1;  ///< -1: null.

    bool value_null() const { return value_size < 0; }
};

/// Borrows from the bytes it was read from.
struct RecordView {
    ByteSpan key;
    bool key_null = true;
    ByteSpan value;
    bool value_null = true;
    ByteSpan headers;  ///< For HeaderReader.
    std::uint32_t header_count = 0;
    std::int64_t timestamp = 0;
    std::int64_t offset_delta = 0;
    std::uint8_t attributes = 0;
};

/// length, attributes, timestamp delta, offset delta.
inline constexpr std::size_t record_prefix_bytes_max =
    varint_bytes_max + 1 + varlong_bytes_max + varint_bytes_max;

/// Bytes of a length and what it counts; -1 is null.
inline std::size_t sized_field_size(std::int64_t size) {
    return small_varint_size(size) + static_cast<std::size_t>(size < 0 ? 0 : size);
}

inline std::size_t record_tail_size(std::int64_t key_size, std::int64_t value_size,
                                    std::span<const HeaderView> headers = {}) {
    std::size_t n = sized_field_size(key_size) + sized_field_size(value_size) +
                    small_varint_size(static_cast<std::int64_t>(headers.size()));
    for (const HeaderView& h : headers) {
        n += sized_field_size(static_cast<std::int64_t>(h.key.size()));
        n += sized_field_size(h.value_size);
    }
    return n;
}

/// Writes without a bounds check, as all writes here. Returns the end.
inline std::byte* write_sized_field(std::byte* out, const void* bytes, std::int64_t size) {
    out = write_small_varint(out, size);
    if (size <= 0) return out;  // Also keeps a null pointer away from memcpy.
    std::memcpy(out, bytes, static_cast<std::size_t>(size));
    return out + size;
}

inline std::byte* write_record_headers(std::byte* out, std::span<const HeaderView> headers) {
    out = write_small_varint(out, static_cast<std::int64_t>(headers.size()));
    for (const HeaderView& h : headers) {
        out = write_sized_field(out, h.key.data(), static_cast<std::int64_t>(h.key.size()));
        out = write_sized_field(out, h.value, h.value_size);
    }
    return out;
}

inline std::byte* write_record_tail(std::byte* out, const void* key, std::int64_t key_size,
                                    const void* value, std::int64_t value_size,
                                    std::span<const HeaderView> headers = {}) {
    out = write_sized_field(out, key, key_size);
    out = write_sized_field(out, value, value_size);
    return write_record_headers(out, headers);
}

/// What the record's length field counts.
inline std::size_t record_body_size(std::size_t tail_size, std::int64_t timestamp_delta,
                                    std::int64_t offset_delta) {
    return 1 + small_varint_size(timestamp_delta) + small_varint_size(offset_delta) + tail_size;
}

/// The whole record.
inline std::size_t record_size(std::size_t tail_size, std::int64_t timestamp_delta,
                               std::int64_t offset_delta) {
    const std::size_t body = record_body_size(tail_size, timestamp_delta, offset_delta);
    return small_varint_size(static_cast<std::int64_t>(body)) + body;
}

/// Everything in front of the tail, which the caller copies to the returned end.
inline std::byte* write_record_prefix(std::byte* out, std::size_t tail_size,
                                      std::int64_t timestamp_delta, std::int64_t offset_delta) {
    const std::size_t body = record_body_size(tail_size, timestamp_delta, offset_delta);
    out = write_small_varint(out, static_cast<std::int64_t>(body));
    *out++ = std::byte{0};
    out = write_small_varint(out, timestamp_delta);
    return write_small_varint(out, offset_delta);
}

/// Reads a tail and leaves the reader behind it. Sets key, value and headers only; every header is
/// checked, so a HeaderReader over the result cannot fail.
bool read_record_tail(Reader& in, RecordView& record);

/// The key of a tail that is our own; where that is null, empty and `is_null`.
inline ByteSpan key_of_tail(ByteSpan tail, bool& is_null) {
    Reader in(tail);
    const std::int32_t size = in.varint();
    is_null = size < 0;
    return is_null ? ByteSpan{} : in.take(static_cast<std::size_t>(size));
}

/// Iterates the headers of a record that `read_record_tail` has accepted.
class HeaderReader {
public:
    explicit HeaderReader(const RecordView& record)
        : in_(record.headers), left_(record.header_count) {}
    bool next(HeaderView& header);

private:
    Reader in_;
    std::uint32_t left_;
};

}  // namespace ringpost::wire
