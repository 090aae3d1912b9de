// SPDX-License-Identifier: Apache-2.0
// The record batch reader, with a checksum that is right, so that it gets to the records.
#include <vector>

#include "fuzz.h"
#include "wire/record_batch.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace ringpost;
    fuzz::Input in(data, size);
    const bool mend = in.byte() % 2 == 0;
    std::vector<std::byte> bytes(in.rest().begin(), in.rest().end());
    if (mend && bytes.size() >= wire::batch_header_bytes) {
        store_be<std::int32_t>(bytes.data() + 8, static_cast<std::int32_t>(bytes.size()) - 12);
        bytes[16] = std::byte{wire::batch_magic};
        const ByteSpan whole(bytes);
        wire::store_batch_crc(bytes.data(), wire::batch_crc({&whole, 1}));
    }
    static wire::RecordsBuffer buffer{.bytes_max = 1 << 20, .bytes = {}};
    wire::RecordBatchReader reader(bytes, buffer);
    wire::RecordView record;
    std::int32_t count = 0;
    while (reader.next(record)) {
        ++count;
        wire::HeaderReader headers(record);
        wire::HeaderView header;
        std::uint32_t seen = 0;
        while (headers.next(header)) ++seen;
        fuzz::must(seen == record.header_count, "headers were promised that are not there");
    }
    if (reader.fault() == wire::BatchFault::none) {
        fuzz::must(count == reader.header().record_count, "a batch without fault lacks records");
        fuzz::must(reader.size() <= bytes.size(), "a batch reaches beyond its bytes");
    }
    return 0;
}
