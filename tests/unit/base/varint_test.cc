// SPDX-License-Identifier: Apache-2.0
#include "base/varint.h"

#include <gtest/gtest.h>

#include <limits>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "base/prng.h"

namespace ringpost {
namespace {

using Ints = std::numeric_limits<std::int64_t>;

std::vector<std::byte> bytes_of(std::initializer_list<int> values) {
    std::vector<std::byte> bytes;
    for (const int value : values) bytes.push_back(static_cast<std::byte>(value));
    return bytes;
}

std::vector<std::byte> written_uvarint(std::uint64_t n) {
    std::byte room[16];
    return {room, write_uvarint(room, n)};
}

TEST(Varint, ZigzagNumbersSmallMagnitudesFirst) {
    EXPECT_EQ(zigzag(0), 0U);
    EXPECT_EQ(zigzag(-1), 1U);
    EXPECT_EQ(zigzag(1), 2U);
    EXPECT_EQ(zigzag(-2), 3U);
    EXPECT_EQ(zigzag(Ints::max()), UINT64_MAX - 1);
    EXPECT_EQ(zigzag(Ints::min()), UINT64_MAX);
    for (const std::int64_t n : {Ints::min(), Ints::min() + 1, std::int64_t{-1}, std::int64_t{0},
                                 std::int64_t{1}, Ints::max() - 1, Ints::max()}) {
        EXPECT_EQ(unzigzag(zigzag(n)), n);
    }
}

TEST(Varint, HasTheBytesOfTheProtocolGuide) {
    EXPECT_EQ(written_uvarint(0), bytes_of({0}));
    EXPECT_EQ(written_uvarint(127), bytes_of({0x7f}));
    EXPECT_EQ(written_uvarint(128), bytes_of({0x80, 1}));
    EXPECT_EQ(written_uvarint(300), bytes_of({0xac, 2}));
    EXPECT_EQ(written_uvarint(UINT32_MAX), bytes_of({0xff, 0xff, 0xff, 0xff, 0x0f}));
    EXPECT_EQ(written_uvarint(UINT64_MAX),
              bytes_of({0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1}));
    std::byte room[16];
    EXPECT_EQ(write_varint(room, -1), room + 1);
    EXPECT_EQ(room[0], std::byte{1});
}

TEST(Varint, ItsSizeIsWhatIsWrittenAtEveryPowerOfTwo) {
    for (int bit = 0; bit < 64; ++bit) {
        for (const std::uint64_t n : {(std::uint64_t{1} << bit) - 1, std::uint64_t{1} << bit,
                                      (std::uint64_t{1} << bit) + 1}) {
            EXPECT_EQ(written_uvarint(n).size(), uvarint_size(n)) << n;
            EXPECT_LE(uvarint_size(n), varlong_bytes_max);
            const auto s = static_cast<std::int64_t>(n);
            for (const std::int64_t value : {s, s == Ints::min() ? s : -s}) {
                std::byte room[16];
                EXPECT_EQ(static_cast<std::size_t>(write_varint(room, value) - room),
                          varint_size(value));
            }
        }
    }
    EXPECT_EQ(uvarint_size(UINT64_MAX), varlong_bytes_max);
    EXPECT_EQ(uvarint_size(UINT32_MAX), varint_bytes_max);
}

TEST(Varint, EveryValueIsReadBackAsItWasWritten) {
    Prng prng(7);
    for (int i = 0; i < 100'000; ++i) {
        const auto value = static_cast<std::int64_t>(prng.next() >> prng.below(64)) *
                           (prng.below(2) == 0 ? 1 : -1);
        std::byte room[16];
        std::byte* end = write_varint(room, value);
        Reader reader({room, end});
        ASSERT_EQ(reader.varlong(), value);
        ASSERT_TRUE(reader.at_end());
        const auto narrow = static_cast<std::int32_t>(value);
        end = write_varint(room, narrow);
        Reader narrow_reader({room, end});
        ASSERT_EQ(narrow_reader.varint(), narrow);
        ASSERT_TRUE(narrow_reader.at_end());
    }
}

}  // namespace
}  // namespace ringpost
