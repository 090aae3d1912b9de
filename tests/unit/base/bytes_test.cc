// SPDX-License-Identifier: Apache-2.0
#include "base/bytes.h"

#include <gtest/gtest.h>

#include <limits>
#include <memory>
#include <string>
#include <vector>

#include "base/prng.h"

namespace ringpost {
namespace {

using Bytes = std::vector<std::byte>;

Bytes of(std::initializer_list<int> values) {
    Bytes bytes;
    for (const int value : values) bytes.push_back(static_cast<std::byte>(value));
    return bytes;
}

/// A copy whose end a sanitizer watches.
struct Exact {
    explicit Exact(ByteSpan bytes) : copy(new std::byte[bytes.size()]), size(bytes.size()) {
        std::copy(bytes.begin(), bytes.end(), copy.get());
    }
    ByteSpan span() const { return {copy.get(), size}; }
    std::unique_ptr<std::byte[]> copy;
    std::size_t size;
};

TEST(Bytes, IntegersAreInNetworkOrderWithoutAlignment) {
    std::byte room[16];
    store_be<std::int16_t>(room + 1, 0x1234);
    EXPECT_EQ(room[1], std::byte{0x12});
    EXPECT_EQ(room[2], std::byte{0x34});
    store_be<std::uint32_t>(room + 3, 0xa1b2c3d4U);
    EXPECT_EQ(room[3], std::byte{0xa1});
    EXPECT_EQ(room[6], std::byte{0xd4});
    EXPECT_EQ(load_be<std::uint32_t>(room + 3), 0xa1b2c3d4U);
    store_be<std::int64_t>(room + 5, -2);
    EXPECT_EQ(room[5], std::byte{0xff});
    EXPECT_EQ(room[12], std::byte{0xfe});
    EXPECT_EQ(load_be<std::int64_t>(room + 5), -2);
    store_be<std::int8_t>(room, -128);
    EXPECT_EQ(load_be<std::int8_t>(room), -128);
}

TEST(Bytes, CopiesOfEverySizeAreWholeAndNoMore) {
    std::vector<std::byte> from(400);
    for (std::size_t i = 0; i < from.size(); ++i) from[i] = static_cast<std::byte>(i * 7 + 1);
    for (std::size_t size = 0; size <= 300; ++size) {
        std::vector<std::byte> out(size + 40, std::byte{0xee});
        copy_bytes(out.data() + 20, size == 0 ? nullptr : from.data() + 3, size);
        std::vector<std::byte> expected(size + 40, std::byte{0xee});
        std::copy_n(from.begin() + 3, size, expected.begin() + 20);
        ASSERT_EQ(out, expected) << size;
    }
}

TEST(Bytes, TextAndBytesAreTheSameMemory) {
    const std::string text = "orders";
    EXPECT_EQ(as_bytes(text).data(), reinterpret_cast<const std::byte*>(text.data()));
    EXPECT_EQ(as_text(as_bytes(text)), text);
    EXPECT_TRUE(as_bytes("").empty());
}

/// Reads one of everything: the shape of a decoder.
struct Everything {
    std::int8_t i8 = 0;
    std::int16_t i16 = 0;
    std::int32_t i32 = 0;
    std::int64_t i64 = 0;
    std::uint32_t u32 = 0;
    std::uint32_t uvarint = 0;
    std::int32_t varint = 0;
    std::int64_t varlong = 0;
    std::string text;
    bool operator==(const Everything&) const = default;

    static bool read(ByteSpan bytes, Everything& e) {
        Reader in(bytes);
        e.i8 = in.i8();
        e.i16 = in.i16();
        e.i32 = in.i32();
        e.i64 = in.i64();
        e.u32 = in.u32();
        e.uvarint = in.uvarint();
        e.varint = in.varint();
        e.varlong = in.varlong();
        e.text = as_text(in.take(3));
        return in.at_end();
    }
    void write(Writer& out) const {
        out.i8(i8);
        out.i16(i16);
        out.i32(i32);
        out.i64(i64);
        out.u32(u32);
        out.uvarint(uvarint);
        out.varint(varint);
        out.varint(varlong);
        out.bytes(as_bytes(text));
    }
};

const Everything sample{-1, -300, 1 << 30, std::numeric_limits<std::int64_t>::min(), UINT32_MAX,
                        UINT32_MAX, std::numeric_limits<std::int32_t>::min(),
                        std::numeric_limits<std::int64_t>::min(), "abc"};

Bytes sample_bytes() {
    Bytes room(100);
    Writer out(room);
    sample.write(out);
    EXPECT_TRUE(out.ok());
    room.resize(out.size());
    return room;
}

TEST(Reader, ReadsBackWhatAWriterWrote) {
    Everything e;
    EXPECT_TRUE(Everything::read(sample_bytes(), e));
    EXPECT_EQ(e, sample);
}

TEST(Reader, RefusesEveryTruncation) {
    const Bytes bytes = sample_bytes();
    for (std::size_t n = 0; n < bytes.size(); ++n) {
        Everything e;
        EXPECT_FALSE(Everything::read(Exact(ByteSpan(bytes).first(n)).span(), e)) << n;
    }
}

TEST(Reader, IsNotAtItsEndBeforeATrailingByte) {
    Bytes bytes = sample_bytes();
    bytes.push_back(std::byte{0});
    Everything e;
    EXPECT_FALSE(Everything::read(bytes, e));
}

TEST(Reader, GivesZeroAndEmptyForeverAfterItsFirstFailure) {
    const Bytes bytes = of({1, 2, 3});
    Reader in(bytes);
    EXPECT_EQ(in.i32(), 0);
    EXPECT_FALSE(in.ok());
    EXPECT_EQ(in.i8(), 0) << "bytes are left, but the structure is broken";
    EXPECT_EQ(in.remaining(), 0U);
    EXPECT_TRUE(in.take(1).empty());
    EXPECT_EQ(in.uvarint(), 0U);
    EXPECT_EQ(in.varint(), 0);
    EXPECT_EQ(in.varlong(), 0);
    EXPECT_FALSE(in.at_end());
    EXPECT_TRUE(in.take(0).empty());
    EXPECT_FALSE(in.ok());
}

TEST(Reader, AnEmptyInputIsAtItsEndAndHasNothing) {
    Reader in(ByteSpan{});
    EXPECT_TRUE(in.at_end());
    EXPECT_TRUE(in.take(0).empty());
    EXPECT_TRUE(in.at_end());
    EXPECT_EQ(in.uvarint(), 0U);
    EXPECT_FALSE(in.ok());
}

TEST(Reader, TakeDoesNotWrapAroundOnAHugeLength) {
    const Bytes bytes = of({1, 2, 3});
    for (const std::size_t n : {SIZE_MAX, SIZE_MAX - 1, SIZE_MAX / 2, std::size_t{4}}) {
        Reader in(bytes);
        EXPECT_TRUE(in.take(n).empty());
        EXPECT_FALSE(in.ok());
    }
}

TEST(Reader, AVarintOfMoreThanThirtyTwoBitsFails) {
    const Bytes largest = of({0xff, 0xff, 0xff, 0xff, 0x0f});
    EXPECT_EQ(Reader(largest).uvarint(), UINT32_MAX);
    EXPECT_EQ(Reader(largest).varint(), std::numeric_limits<std::int32_t>::min());
    for (const Bytes& bytes : {of({0xff, 0xff, 0xff, 0xff, 0x10}),          // bit 32
                               of({0x80, 0x80, 0x80, 0x80, 0x7f}),          // bits 32 to 34
                               of({0x80, 0x80, 0x80, 0x80, 0x80, 0x00}),    // a sixth byte
                               of({0xff, 0xff, 0xff, 0xff, 0xff, 0x01})}) {
        Reader unsigned_reader(bytes);
        EXPECT_EQ(unsigned_reader.uvarint(), 0U);
        EXPECT_FALSE(unsigned_reader.ok());
        Reader signed_reader(bytes);
        EXPECT_EQ(signed_reader.varint(), 0);
        EXPECT_FALSE(signed_reader.ok());
    }
}

TEST(Reader, AVarlongOfMoreThanSixtyFourBitsFails) {
    Bytes bytes(9, std::byte{0xff});
    bytes.push_back(std::byte{1});
    Reader whole(bytes);
    EXPECT_EQ(whole.varlong(), std::numeric_limits<std::int64_t>::min());
    EXPECT_TRUE(whole.at_end());
    for (const int last : {2, 3, 0x7f, 0x80, 0x81, 0xff}) {
        bytes[9] = static_cast<std::byte>(last);
        Reader in(bytes);
        EXPECT_EQ(in.varlong(), 0) << last;
        EXPECT_FALSE(in.ok()) << last;
    }
}

TEST(Reader, AVarintThatIsLongerThanNeededIsStillItsValue) {
    EXPECT_EQ(Reader(of({0x81, 0x00})).uvarint(), 1U);
    EXPECT_EQ(Reader(of({0x82, 0x80, 0x80, 0x80, 0x00})).varint(), 1);
}

TEST(Reader, NeverReadsPastItsEndWhateverTheBytes) {
    Prng prng(11);
    for (int round = 0; round < 20'000; ++round) {
        Bytes bytes(prng.below(24));
        for (std::byte& b : bytes) b = static_cast<std::byte>(prng.next());
        const Exact exact(bytes);
        Reader in(exact.span());
        for (int i = 0; i < 12; ++i) {
            const std::size_t before = in.remaining();
            switch (prng.below(8)) {
                case 0: in.i8(); break;
                case 1: in.i16(); break;
                case 2: in.i32(); break;
                case 3: in.i64(); break;
                case 4: in.uvarint(); break;
                case 5: in.varint(); break;
                case 6: in.varlong(); break;
                default: in.take(prng.below(12)); break;
            }
            ASSERT_LE(in.remaining(), before);
            if (!in.ok()) {
                ASSERT_EQ(in.remaining(), 0U);
            }
        }
    }
}

TEST(Writer, WritesNothingThatDoesNotFitWhole) {
    const Bytes bytes = sample_bytes();
    for (std::size_t n = 0; n <= bytes.size(); ++n) {
        const std::unique_ptr<std::byte[]> room(new std::byte[n]);
        Writer out({room.get(), n});
        sample.write(out);
        EXPECT_EQ(out.ok(), n == bytes.size()) << n;
        EXPECT_LE(out.size(), n);
        EXPECT_TRUE(std::equal(out.written().begin(), out.written().end(), bytes.begin()));
    }
}

TEST(Writer, StaysFailedEvenForWhatWouldFit) {
    std::byte room[4];
    Writer out(room);
    out.i64(1);
    EXPECT_FALSE(out.ok());
    out.i8(1);
    EXPECT_FALSE(out.ok());
    EXPECT_EQ(out.size(), 0U);
    EXPECT_EQ(out.advance(1), nullptr);
    EXPECT_EQ(out.advance(0), nullptr);
}

TEST(Writer, AdvanceLeavesRoomToBeFilledInLater) {
    std::byte room[8];
    Writer out(room);
    std::byte* size_at = out.advance(4);
    ASSERT_EQ(size_at, room);
    out.i32(7);
    EXPECT_EQ(out.position(), room + 8);
    store_be<std::int32_t>(size_at, 4);
    Reader in(out.written());
    EXPECT_EQ(in.i32(), 4);
    EXPECT_EQ(in.i32(), 7);
    EXPECT_TRUE(in.at_end());
    EXPECT_EQ(out.advance(SIZE_MAX), nullptr);
}

TEST(Writer, TakesAnEmptyRoomAndEmptyBytes) {
    Writer out(std::span<std::byte>{});
    out.bytes({});
    EXPECT_TRUE(out.ok());
    EXPECT_TRUE(out.written().empty());
    out.i8(1);
    EXPECT_FALSE(out.ok());
}

}  // namespace
}  // namespace ringpost
