// SPDX-License-Identifier: Apache-2.0
// What librdkafka and Java compress, read here: tests/golden/compressed_batches.py wrote it.
#include <fmt/format.h>

#include "codecs.h"
#include "golden.h"
#include "wire/record_batch.h"

namespace ringpost::wire {
namespace {

constexpr int record_count = 120;

std::string value_of(int number) {
    const std::string word = fmt::format("{:04}", number);
    std::string value;
    for (int i = 0; i < 1 + 3 * number; ++i) value += word;
    return value;
}

/// Reads the first batch of `bytes` and takes it off; its first record is `number`.
void read_batch(ByteSpan& bytes, Codec codec, int& number) {
    RecordsBuffer buffer;
    RecordBatchReader reader(bytes, buffer);
    EXPECT_EQ(reader.codec(), static_cast<int>(codec));
    EXPECT_EQ(reader.header().base_offset, number);
    for (RecordView record; reader.next(record); ++number) {
        EXPECT_EQ(as_text(record.key), fmt::format("key-{}", number));
        EXPECT_EQ(as_text(record.value), value_of(number));
        HeaderReader headers(record);
        HeaderView header;
        EXPECT_TRUE(headers.next(header));
        EXPECT_EQ(header.key, "from");
        ASSERT_EQ(header.value_size, 9);
        EXPECT_EQ(as_text({header.value, 9}), "elsewhere");
        EXPECT_FALSE(headers.next(header));
    }
    EXPECT_EQ(reader.fault(), BatchFault::none) << to_string(reader.fault());
    ASSERT_NE(reader.size(), 0U);
    bytes = bytes.subspan(reader.size());
}

void reads_all_of(const std::string& producer) {
    const auto entries = read_golden("compressed_batches.txt");
    for (const Codec codec : built_in_codecs()) {
        const std::string name = producer + " " + std::string(to_string(codec));
        SCOPED_TRACE(name);
        const auto entry = entries.find(name);
        ASSERT_NE(entry, entries.end());
        ByteSpan bytes = entry->second;
        int number = 0;
        while (!bytes.empty() && !testing::Test::HasFailure()) read_batch(bytes, codec, number);
        EXPECT_EQ(number, record_count);
    }
}

TEST(OtherProducers, WhatLibrdkafkaCompressesIsRead) { reads_all_of("librdkafka"); }
TEST(OtherProducers, WhatJavaCompressesIsRead) { reads_all_of("java"); }

TEST(OtherProducers, ALimitBelowTheirSizeIsKept) {
    for (const auto& [name, batch] : read_golden("compressed_batches.txt")) {
        RecordsBuffer buffer{.bytes_max = 10'000, .bytes = {}};
        RecordBatchReader reader(batch, buffer);
        const auto codec = static_cast<Codec>(reader.codec());
        EXPECT_EQ(reader.fault(),
                  is_built_in(codec) ? BatchFault::too_large : BatchFault::compressed)
            << name;
    }
}

}  // namespace
}  // namespace ringpost::wire
