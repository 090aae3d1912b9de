// SPDX-License-Identifier: Apache-2.0
// Reading of records: off the hot path, and trusting nothing.
#include "wire/record.h"

namespace ringpost::wire {
namespace {

/// Null data() for a null, and for a failed read.
ByteSpan read_sized_field(Reader& in) {
    const std::int32_t size = in.varint();
    if (size < -1) in.fail();
    return size < 0 ? ByteSpan{} : in.take(static_cast<std::size_t>(size));
}

bool read_header(Reader& in, HeaderView& header) {
    const ByteSpan key = read_sized_field(in);
    if (key.data() == nullptr) in.fail();  // A value may be null, a key never is.
    const ByteSpan value = read_sized_field(in);
    header.key = as_text(key);
    header.value = value.data();
    header.value_size = value.data() == nullptr ? -1 : static_cast<std::int64_t>(value.size());
    return in.ok();
}

}  // namespace

bool read_record_tail(Reader& in, RecordView& record) {
    record.key = read_sized_field(in);
    record.key_null = record.key.data() == nullptr;
    record.value = read_sized_field(in);
    record.value_null = record.value.data() == nullptr;
    const std::int32_t count = in.varint();
    if (count < 0) in.fail();
    record.header_count = static_cast<std::uint32_t>(count);

    const ByteSpan before{in.take(0).data(), in.remaining()};
    HeaderView header;
    for (std::int32_t i = 0; i < count && in.ok(); ++i) read_header(in, header);
    record.headers = before.first(before.size() - in.remaining());
    return in.ok();
}

bool HeaderReader::next(HeaderView& header) {
    if (left_ == 0) return false;
    --left_;
    return read_header(in_, header);
}

}  // namespace ringpost::wire
