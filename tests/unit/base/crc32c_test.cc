// SPDX-License-Identifier: Apache-2.0
#include "base/crc32c.h"

#include <gtest/gtest.h>
#include <isa-l/crc.h>

#include <algorithm>
#include <numeric>
#include <string>
#include <vector>

#include "base/prng.h"
#include "wire/golden.h"

namespace ringpost {
namespace {

/// Bit by bit, as the polynomial says.
std::uint32_t bitwise(ByteSpan bytes) {
    std::uint32_t crc = ~0U;
    for (const std::byte b : bytes) {
        crc ^= static_cast<std::uint32_t>(b);
        for (int i = 0; i < 8; ++i) crc = (crc >> 1) ^ (0x82f63b78U & (0U - (crc & 1)));
    }
    return ~crc;
}

/// ISA-L's plain C, which stands in where the processor has no CRC instruction.
std::uint32_t portable(ByteSpan bytes) {
    auto* p = reinterpret_cast<unsigned char*>(const_cast<std::byte*>(bytes.data()));
    return ~crc32_iscsi_base(p, static_cast<int>(bytes.size()), ~0U);
}

std::vector<std::byte> random_bytes(std::size_t count) {
    std::vector<std::byte> bytes(count);
    Prng prng(3);
    for (std::byte& b : bytes) b = static_cast<std::byte>(prng.next());
    return bytes;
}

TEST(Crc32c, AgreesWithPublishedVectors) {
    EXPECT_EQ(crc32c(as_bytes("")), 0U);
    EXPECT_EQ(crc32c(as_bytes("123456789")), 0xe3069283U);  // the catalogue's check value
    EXPECT_EQ(crc32c(as_bytes("a")), 0xc1d04330U);
    EXPECT_EQ(crc32c(as_bytes("21")), 0x54e29f0dU);
    EXPECT_EQ(crc32c(as_bytes("abc")), 0x364b3fb7U);
    EXPECT_EQ(crc32c(as_bytes("1234")), 0xf63af4eeU);
    EXPECT_EQ(crc32c(as_bytes("kafka")), 0x084b20e1U);
    EXPECT_EQ(crc32c(as_bytes("foobar")), 0x0d5f5c7fU);
    EXPECT_EQ(crc32c(as_bytes("giberish123456789")), 0xc0c2e444U);
    EXPECT_EQ(crc32c(as_bytes("a-little-bit-long-string")), 0x1917ceb3U);
    EXPECT_EQ(crc32c(as_bytes("lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8")), 0x1dd85092U);
    EXPECT_EQ(crc32c(as_bytes(std::string_view("\0", 1))), 0x527d5351U);
    EXPECT_EQ(crc32c(as_bytes("\xff\xff\xff\xff\xff")), 0x5282acaeU);
    EXPECT_EQ(crc32c(as_bytes("ключ-ä-日本")), 0xaffc9fcbU);
    EXPECT_EQ(crc32c(as_bytes("The quick brown fox jumps over the lazy dog")), 0x22620404U);
}

TEST(Crc32c, AgreesWithTheVectorsOfRfc3720) {
    std::vector<std::byte> bytes(32, std::byte{0});
    EXPECT_EQ(crc32c(bytes), 0x8a9136aaU);
    std::fill(bytes.begin(), bytes.end(), std::byte{0xff});
    EXPECT_EQ(crc32c(bytes), 0x62a8ab43U);
    for (std::size_t i = 0; i < 32; ++i) bytes[i] = static_cast<std::byte>(i);
    EXPECT_EQ(crc32c(bytes), 0x46dd794eU);
    std::reverse(bytes.begin(), bytes.end());
    EXPECT_EQ(crc32c(bytes), 0x113fdb5cU);
}

TEST(Crc32c, IsWhatStandsInTheGoldenBatches) {
    for (const char* name : {"batch_a", "batch_b", "batch_c", "batch_d", "sarama_batch"}) {
        const wire::Bytes batch = wire::golden(name);
        ASSERT_GT(batch.size(), 61U);
        EXPECT_EQ(crc32c(ByteSpan(batch).subspan(21)), load_be<std::uint32_t>(batch.data() + 17))
            << name;
    }
}

TEST(Crc32c, TheProcessorsVariantEqualsPlainCAtEveryLengthAndAlignment) {
    const std::vector<std::byte> bytes = random_bytes(700);
    for (std::size_t offset = 0; offset < 64; ++offset) {
        for (std::size_t length = 0; offset + length <= bytes.size(); ++length) {
            const ByteSpan piece = ByteSpan(bytes).subspan(offset, length);
            ASSERT_EQ(crc32c(piece), portable(piece)) << offset << " " << length;
        }
    }
    for (std::size_t length = 0; length <= bytes.size(); ++length) {
        const ByteSpan piece = ByteSpan(bytes).first(length);
        ASSERT_EQ(crc32c(piece), bitwise(piece)) << length;
    }
}

TEST(Crc32c, TheProcessorsVariantEqualsPlainCOverLongInput) {
    const std::vector<std::byte> bytes = random_bytes(3 << 20);
    for (const std::size_t length : {4096U, 65'537U, 1'048'575U, 1'048'576U, 3U << 20}) {
        const ByteSpan piece = ByteSpan(bytes).first(length);
        EXPECT_EQ(crc32c(piece), portable(piece)) << length;
    }
    EXPECT_EQ(crc32c(bytes), bitwise(bytes));
}

TEST(Crc32c, OfPiecesIsTheCrcOfTheWhole) {
    const std::vector<std::byte> bytes = random_bytes(1000);
    Prng prng(4);
    for (int round = 0; round < 500; ++round) {
        Crc32c crc;
        for (std::size_t at = 0; at < bytes.size();) {
            const std::size_t n = std::min<std::size_t>(prng.below(300), bytes.size() - at);
            crc.update(ByteSpan(bytes).subspan(at, n));
            at += n;
        }
        ASSERT_EQ(crc.value(), crc32c(bytes));
    }
}

TEST(Crc32c, SeesEveryChangeOfOneBit) {
    std::vector<std::byte> bytes = random_bytes(200);
    const std::uint32_t whole = crc32c(bytes);
    for (std::size_t bit = 0; bit < bytes.size() * 8; ++bit) {
        const auto mask = static_cast<std::byte>(1U << (bit % 8));
        bytes[bit / 8] ^= mask;
        ASSERT_NE(crc32c(bytes), whole) << bit;
        bytes[bit / 8] ^= mask;
    }
}

TEST(Crc32c, IsTheSameWhetherBytesOrTheirOwnChecksumAreAppended) {
    const std::vector<std::byte> bytes = random_bytes(300'000);
    for (const std::size_t first : {0U, 1U, 40U, 1000U}) {
        for (const std::size_t size :
             {0U, 1U, 2U, 3U, 63U, 64U, 255U, 256U, 4'097U, 65'535U, 299'000U}) {
            const ByteSpan rest = ByteSpan(bytes).subspan(first, size);
            Crc32c crc;
            crc.update(ByteSpan(bytes).first(first));
            crc.append(crc32c(rest), static_cast<std::uint32_t>(size));
            EXPECT_EQ(crc.value(), crc32c(ByteSpan(bytes).first(first + size)))
                << first << " " << size;
        }
    }
}

/// Each power of x is used: nobody can hold the bytes, but zeros can be appended one after another.
TEST(Crc32c, CanAppendAlmostFourGigabytes) {
    Crc32c once;
    once.update(as_bytes("kafka"));
    Crc32c twice = once;
    Crc32c zeros;
    const std::vector<std::byte> some(1 << 20);
    for (int i = 0; i < 4095; ++i) zeros.update(some);
    once.append(zeros.value(), 4095U << 20);
    for (int i = 0; i < 4095; ++i) twice.update(some);
    EXPECT_EQ(once.value(), twice.value());
}

}  // namespace
}  // namespace ringpost
