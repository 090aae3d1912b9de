// SPDX-License-Identifier: Apache-2.0
#include "wire/codec.h"

#include "codecs.h"
#include "golden.h"

namespace ringpost::wire {
namespace {

constexpr std::size_t stream_max = 5 << 20;

std::unique_ptr<Compressor> made(Codec codec, int level, std::size_t bytes_max = stream_max) {
    auto compressor = make_compressor(codec, level, bytes_max);
    EXPECT_TRUE(compressor) << compressor.error().text;
    return compressor ? *std::move(compressor) : nullptr;
}

void expect_round_trip(Codec codec, Compressor& compressor, ByteSpan in,
                       std::size_t slice = SIZE_MAX) {
    const Bytes small = compressed(compressor, in, slice);
    Bytes out;
    ASSERT_EQ(decompress(codec, small, in.size(), out), DecompressFault::none)
        << to_string(codec) << " " << in.size() << " bytes";
    EXPECT_TRUE(std::ranges::equal(out, in)) << to_string(codec) << " " << in.size() << " bytes";
}

std::vector<int> all_levels(Codec codec) {
    const LevelRange levels = levels_of(codec);
    if (!levels.has_levels) return {0};
    std::vector<int> all{levels.min, levels.standard};
    for (int level = std::max(levels.min, -7); level <= levels.max; ++level) all.push_back(level);
    return all;
}

TEST(Codec, HasKafkasNamesAndNumbers) {
    for (int i = 0; i < codec_count; ++i) {
        const auto codec = static_cast<Codec>(i);
        EXPECT_EQ(parse_codec(to_string(codec)), codec);
    }
    EXPECT_EQ(to_string(Codec::none), "none");
    EXPECT_EQ(to_string(static_cast<Codec>(3)), "lz4");
    EXPECT_EQ(parse_codec("LZ4"), std::nullopt);
    EXPECT_EQ(parse_codec(""), std::nullopt);
    EXPECT_TRUE(is_built_in(Codec::none));
}

TEST(Codec, RefusesALevelWithTheRangeThatIsRight) {
    const auto refusal = [](Codec codec, int level) {
        const auto compressor = make_compressor(codec, level, 100);
        EXPECT_FALSE(compressor);
        EXPECT_EQ(compressor.error().code, Errc::invalid_option);
        return compressor.error().text;
    };
    const auto expect = [&](Codec codec, int level, const std::string& text) {
        if (is_built_in(codec)) {
            EXPECT_EQ(refusal(codec, level), text);
        }
    };
    expect(Codec::gzip, 0, "gzip has no level 0; it takes 1 to 9, or -1");
    expect(Codec::gzip, 10, "gzip has no level 10; it takes 1 to 9, or -1");
    expect(Codec::lz4, -1, "lz4 has no level -1; it takes 1 to 17");
    expect(Codec::zstd, 23, "zstd has no level 23; it takes -131072 to 22");
    expect(Codec::none, 0, "none compresses nothing");
    for (const Codec codec : {Codec::gzip, Codec::snappy, Codec::lz4, Codec::zstd}) {
        if (is_built_in(codec)) continue;
        EXPECT_NE(refusal(codec, levels_of(codec).standard).find("is not in this build"),
                  std::string::npos);
    }
}

TEST(Compressor, RoundTripsEveryLevel) {
    const Bytes lines = log_lines(150'000);
    const Bytes noise = random_bytes(150'000);
    for (const Codec codec : built_in_codecs()) {
        for (const int level : all_levels(codec)) {
            SCOPED_TRACE(std::string(to_string(codec)) + " " + std::to_string(level));
            const auto compressor = made(codec, level);
            ASSERT_NE(compressor, nullptr);
            EXPECT_GE(compressor->slice_bytes(), std::size_t{4} << 10);
            EXPECT_GT(compressor->memory_bytes(), compressor->slice_bytes());
            expect_round_trip(codec, *compressor, lines);
            expect_round_trip(codec, *compressor, noise);
            expect_round_trip(codec, *compressor, ByteSpan(lines).first(20'000), 1'000);
            EXPECT_LT(compressed(*compressor, lines).size(),
                      lines.size() * (level < -7 ? 1001 : 500) / 1000);
            EXPECT_LT(compressed(*compressor, noise).size(), noise.size() * 1005 / 1000);
        }
    }
}

TEST(Compressor, RoundTripsEverySizeAroundASlice) {
    for (const Codec codec : built_in_codecs()) {
        const auto compressor = made(codec, levels_of(codec).standard);
        ASSERT_NE(compressor, nullptr);
        const std::size_t slice = compressor->slice_bytes();
        const Bytes lines = log_lines(3 * slice);
        const Bytes noise = random_bytes(3 * slice);
        for (const std::size_t size : {std::size_t{1}, std::size_t{2}, std::size_t{15}, slice - 1,
                                       slice, slice + 1, 2 * slice, 2 * slice + 1, 3 * slice}) {
            expect_round_trip(codec, *compressor, ByteSpan(lines).first(size));
            expect_round_trip(codec, *compressor, ByteSpan(noise).first(size));
        }
        expect_round_trip(codec, *compressor, ByteSpan(lines).first(100), 1);
    }
}

TEST(Compressor, RoundTripsMegabytes) {
    Bytes in = log_lines(2 << 20);
    const Bytes noise = random_bytes(1 << 20);
    in.insert(in.end(), noise.begin(), noise.end());
    in.resize(stream_max, std::byte{'x'});
    for (const Codec codec : built_in_codecs()) {
        for (const int level : {1, levels_of(codec).standard}) {
            const auto compressor = made(codec, level);
            ASSERT_NE(compressor, nullptr);
            expect_round_trip(codec, *compressor, in);
        }
    }
}

/// Noise of few symbols: what takes the most room for what was kept back.
TEST(Compressor, KeepsNoMoreBackThanItHasRoomFor) {
    for (const Codec codec : built_in_codecs()) {
        for (const int level : all_levels(codec)) {
            const auto compressor = made(codec, level);
            ASSERT_NE(compressor, nullptr);
            for (const unsigned symbols : {2U, 10U, 200U}) {
                Prng prng(symbols);
                Bytes in(300'000);
                for (std::byte& b : in) b = static_cast<std::byte>(prng.below(symbols));
                expect_round_trip(codec, *compressor, ByteSpan(in).first(100'000 + symbols));
                if (level < 10) expect_round_trip(codec, *compressor, in);
            }
        }
    }
}

TEST(Compressor, ForgetsAStreamThatWasNotEnded) {
    const Bytes noise = random_bytes(100'000);
    const Bytes lines = log_lines(100'000);
    for (const Codec codec : built_in_codecs()) {
        for (const int level : {1, levels_of(codec).standard}) {
            const auto compressor = made(codec, level);
            const Bytes alone = compressed(*compressor, lines);
            compressor->begin(noise.size());
            compressor->begin(noise.size());
            compressor->add(ByteSpan(noise).first(compressor->slice_bytes()), false);
            EXPECT_EQ(compressed(*compressor, lines), alone) << to_string(codec) << " " << level;
        }
    }
}

/// Zstd would let go of a context that is much too large for what it is used for.
TEST(Compressor, ManySmallStreamsAndThenALargeOne) {
    const Bytes lines = log_lines(1 << 20);
    for (const Codec codec : built_in_codecs()) {
        const auto compressor = made(codec, levels_of(codec).standard);
        for (std::size_t i = 1; i <= 500; ++i) {
            expect_round_trip(codec, *compressor, ByteSpan(lines).first(i));
        }
        expect_round_trip(codec, *compressor, lines);
    }
}

TEST(Compressor, TakesStreamsOfOneByteAtMost) {
    const Bytes one{std::byte{'x'}};
    for (const Codec codec : built_in_codecs()) {
        for (const int level : all_levels(codec)) {
            const auto compressor = made(codec, level, 1);
            ASSERT_NE(compressor, nullptr);
            expect_round_trip(codec, *compressor, one);
        }
    }
}

TEST(Compressor, ZstdsMemoryIsBoundedAtEveryLevel) {
    if (!is_built_in(Codec::zstd)) GTEST_SKIP() << "this build is without zstd";
    for (const int level : all_levels(Codec::zstd)) {
        const auto large = made(Codec::zstd, level, 64 << 20);
        EXPECT_LT(large->memory_bytes(), std::size_t{32} << 20) << level;
        EXPECT_LE(made(Codec::zstd, level, 16 << 10)->memory_bytes(), std::size_t{2} << 20)
            << level;
    }
}

TEST(Compressor, Lz4FramesAreWhatKafkaReads) {
    if (!is_built_in(Codec::lz4)) GTEST_SKIP() << "this build is without lz4";
    // What can't become smaller is stored: Kafka protocol notes' smallest frame.
    EXPECT_EQ(to_hex(compressed(Codec::lz4, as_bytes("hello"))),
              "04224d18604082"
              "05000080"
              "68656c6c6f"
              "00000000");
    const auto compressor = made(Codec::lz4, 9);
    const Bytes zeros(compressor->slice_bytes() + 1);
    const Bytes frame = compressed(*compressor, zeros);
    EXPECT_EQ(to_hex(ByteSpan(frame).first(7)), "04224d18604082");
    EXPECT_EQ(to_hex(ByteSpan(frame).last(9)), "010000800000000000");
}

TEST(Compressor, SnappyIsFramedAsByXerial) {
    if (!is_built_in(Codec::snappy)) GTEST_SKIP() << "this build is without snappy";
    EXPECT_EQ(to_hex(compressed(Codec::snappy, as_bytes("hello"))),
              "82534e4150505900"
              "00000001"
              "00000001"
              "00000007"
              "051068656c6c6f");
    // A second block begins at 32 KiB.
    const Bytes noise = random_bytes((32 << 10) + 1);
    const Bytes framed = compressed(Codec::snappy, noise);
    EXPECT_EQ(to_hex(ByteSpan(framed).last(7)).substr(0, 12), "000000030100");
}

TEST(Compressor, GzipIsOneMember) {
    if (!is_built_in(Codec::gzip)) GTEST_SKIP() << "this build is without gzip";
    const Bytes lines = log_lines(100'000);
    for (const int level : all_levels(Codec::gzip)) {
        const Bytes member = compressed(*made(Codec::gzip, level), lines);
        EXPECT_EQ(to_hex(ByteSpan(member).first(4)), "1f8b0800") << level;
        const auto size = __builtin_bswap32(load_be<std::uint32_t>(&*member.end() - 4));
        EXPECT_EQ(size, lines.size()) << level;
    }
}

TEST(Compressor, ZstdSaysHowMuchItIs) {
    if (!is_built_in(Codec::zstd)) GTEST_SKIP() << "this build is without zstd";
    // Magic; a descriptor of one segment and two bytes of size, which count from 256; the size.
    const Bytes frame = compressed(Codec::zstd, log_lines(1'256));
    EXPECT_EQ(to_hex(ByteSpan(frame).first(7)), "28b52ffd60e803");
}

TEST(CompressorDeath, HoldsItsCallerToWhatItWasTold) {
    for (const Codec codec : built_in_codecs()) {
        const auto compressor = made(codec, levels_of(codec).standard, 100);
        const Bytes bytes(200);
        EXPECT_DEATH(compressor->begin(101), "bytes_max");
        compressor->begin(10);
        EXPECT_DEATH(compressor->add(ByteSpan(bytes).first(11), true), "bytes_");
        EXPECT_DEATH(compressor->add(ByteSpan(bytes).first(9), true), "last");
        EXPECT_DEATH(compressor->add(ByteSpan(bytes).first(10), false), "last");
        EXPECT_DEATH(compressor->add({}, false), "slice");
    }
}

}  // namespace
}  // namespace ringpost::wire
