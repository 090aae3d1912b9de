// SPDX-License-Identifier: Apache-2.0
// Record batches as a producer would send them, right but for what a test makes wrong.
#pragma once

#include <cstdint>
#include <cstring>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "wire/codecs.h"
#include "wire/record_batch.h"

namespace ringpost::fake {

using Bytes = std::vector<std::byte>;

struct BatchSpec {
    std::int32_t count = 1;
    std::int64_t producer_id = -1;
    std::int16_t epoch = -1;
    std::int32_t sequence = -1;
    std::string_view value = "value";
    std::int64_t timestamp = 1'700'000'000'000;  ///< The next record's is one higher.
};

/// Makes the checksum right for what the batch says now.
inline void seal(Bytes& batch) {
    const ByteSpan whole = batch;
    wire::store_batch_crc(batch.data(), wire::batch_crc({&whole, 1}));
}

inline Bytes make_batch(const BatchSpec& spec = {}) {
    Bytes batch(wire::batch_header_bytes);
    const auto value_size = static_cast<std::int64_t>(spec.value.size());
    const std::size_t tail = wire::record_tail_size(-1, value_size);
    for (std::int32_t i = 0; i < spec.count; ++i) {
        const std::size_t at = batch.size();
        batch.resize(at + wire::record_size(tail, i, i));
        std::byte* out = wire::write_record_prefix(batch.data() + at, tail, i, i);
        wire::write_record_tail(out, nullptr, -1, spec.value.data(), value_size);
    }
    wire::BatchHeader header;
    header.batch_length =
        static_cast<std::int32_t>(batch.size() - wire::batch_length_overhead_bytes);
    header.last_offset_delta = spec.count - 1;
    header.base_timestamp = spec.timestamp;
    header.max_timestamp = spec.timestamp + spec.count - 1;
    header.producer_id = spec.producer_id;
    header.producer_epoch = spec.epoch;
    header.base_sequence = spec.sequence;
    header.record_count = spec.count;
    wire::write_batch_header(batch.data(), header);
    seal(batch);
    return batch;
}

/// With one header field changed, and the checksum right again.
template <typename T>
Bytes with(Bytes batch, std::size_t at, T value) {
    store_be(batch.data() + at, value);
    seal(batch);
    return batch;
}

/// The same batch, its records compressed.
inline Bytes compressed_batch(wire::Codec codec, const Bytes& batch) {
    Bytes out(batch.begin(), batch.begin() + wire::batch_header_bytes);
    const Bytes records =
        wire::compressed(codec, ByteSpan(batch).subspan(wire::batch_header_bytes));
    out.insert(out.end(), records.begin(), records.end());
    store_be(out.data() + 8,
             static_cast<std::int32_t>(out.size() - wire::batch_length_overhead_bytes));
    return with(out, 21, static_cast<std::int16_t>(codec));
}

}  // namespace ringpost::fake
