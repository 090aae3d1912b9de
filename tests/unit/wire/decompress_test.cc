// SPDX-License-Identifier: Apache-2.0
#include "wire/decompress.h"

#if RINGPOST_HAVE_LZ4
#include <lz4frame.h>
#endif
#if RINGPOST_HAVE_SNAPPY
#include <snappy.h>
#endif
#if RINGPOST_HAVE_ZSTD
#include <zstd.h>
#endif

#include "codecs.h"
#include "golden.h"

namespace ringpost::wire {
namespace {

constexpr std::size_t enough = 10 << 20;

/// "FAULT", or what has come out.
std::string outcome(Codec codec, ByteSpan in, std::size_t bytes_max = enough) {
    Bytes out;
    const DecompressFault fault = decompress(codec, in, bytes_max, out);
    if (fault == DecompressFault::none) return std::string(as_text(out));
    EXPECT_TRUE(out.empty());
    std::string text(to_string(fault));
    for (char& c : text) c = static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
    return text;
}
std::string outcome(Codec codec, const std::string& hex, std::size_t bytes_max = enough) {
    if (!is_built_in(codec)) return "NOT_BUILT_IN";
    return outcome(codec, ByteSpan(from_hex(hex)), bytes_max);
}
Bytes joined(Bytes first, const Bytes& second) {
    first.insert(first.end(), second.begin(), second.end());
    return first;
}

void expect_text(Codec codec, const std::string& hex, const std::string& text) {
    if (is_built_in(codec)) {
        EXPECT_EQ(outcome(codec, hex), text) << hex;
    }
}

const std::string hellos = "hello hello hello hello\n";

TEST(Decompress, ReadsWhatTheCommandLineToolsWrite) {
    // gzip 1.12: from a pipe, and -9 -n.
    expect_text(Codec::gzip,
                "1f8b0800b38e046b0003cb48cdc9c957c84027b9000088590b18000000", hellos);
    expect_text(Codec::gzip,
                "1f8b0800000000000203cb48cdc9c957c84027b9000088590b18000000", hellos);
    // lz4 1.9.4: from a pipe; -9 -BX (block checksums); -BD -B7 --content-size.
    expect_text(Codec::lz4,
                "04224d186440a70f0000006968656c6c6f20060050656c6c6f0a00000000e2ff0342", hellos);
    expect_text(Codec::lz4,
                "04224d187440bd0f0000006968656c6c6f20060050656c6c6f0ab179796d00000000e2ff0342",
                hellos);
    expect_text(Codec::lz4,
                "04224d186c404800000000000000d00b0000001f6101002f506161616161000000006d438c8d",
                std::string(72, 'a'));
    // zstd 1.5.4: from a pipe; --long=27 --no-check; of a file.
    expect_text(Codec::zstd, "28b52ffd04586d00003868656c6c6f200a0100994b11a87c2ea8", hellos);
    if (is_built_in(Codec::zstd)) {
        const std::string long_window = "28b52ffd00886d00003868656c6c6f200a0100994b11";
        EXPECT_EQ(outcome(Codec::zstd, long_window, 128 << 20), hellos);
    }
    expect_text(Codec::zstd, "28b52ffd24186d00003868656c6c6f200a0100994b11a87c2ea8", hellos);
}

TEST(Decompress, AppendsToWhatThereIs) {
    for (const Codec codec : built_in_codecs()) {
        Bytes out(3, std::byte{'a'});
        const Bytes small = compressed(codec, as_bytes("hello"));
        EXPECT_EQ(decompress(codec, small, 5, out), DecompressFault::none);
        EXPECT_EQ(as_text(out), "aaahello");
        EXPECT_EQ(decompress(codec, small, 4, out), DecompressFault::too_large);
        EXPECT_EQ(as_text(out), "aaahello");
        EXPECT_EQ(decompress(codec, ByteSpan(small).first(small.size() - 1), 5, out),
                  DecompressFault::corrupt);
        EXPECT_EQ(as_text(out), "aaahello");
    }
}

TEST(Decompress, NoneIsACopy) {
    EXPECT_EQ(outcome(Codec::none, as_bytes("hello"), 5), "hello");
    EXPECT_EQ(outcome(Codec::none, as_bytes("hello"), 4), "TOO_LARGE");
}

TEST(Decompress, SaysWhatThisBuildIsWithout) {
    Bytes out;
    for (const Codec codec : {Codec::gzip, Codec::snappy, Codec::lz4, Codec::zstd}) {
        EXPECT_EQ(decompress(codec, {}, 5, out), is_built_in(codec)
                                                     ? DecompressFault::corrupt
                                                     : DecompressFault::not_built_in);
    }
}

TEST(Decompress, TheLimitIsExact) {
    const Bytes lines = log_lines(300'000);
    for (const Codec codec : built_in_codecs()) {
        const Bytes small = compressed(codec, lines);
        EXPECT_EQ(outcome(codec, small, lines.size()), as_text(lines));
        EXPECT_EQ(outcome(codec, small, lines.size() - 1), "TOO_LARGE");
        EXPECT_EQ(outcome(codec, small, 0), "TOO_LARGE");
        EXPECT_EQ(outcome(codec, small, SIZE_MAX), as_text(lines));
    }
}

TEST(Decompress, OneStreamBehindTheOther) {
    const auto twice = [](Codec codec) {
        const Bytes small = compressed(codec, as_bytes("hello"));
        return outcome(codec, joined(small, small));
    };
    if (is_built_in(Codec::gzip)) {
        EXPECT_EQ(twice(Codec::gzip), "hellohello");
    }
    if (is_built_in(Codec::zstd)) {
        EXPECT_EQ(twice(Codec::zstd), "hellohello");
    }
    // Kafka reads one frame of LZ4, and one xerial stream.
    if (is_built_in(Codec::lz4)) {
        EXPECT_EQ(twice(Codec::lz4), "CORRUPT");
    }
    if (is_built_in(Codec::snappy)) {
        EXPECT_EQ(twice(Codec::snappy), "CORRUPT");
    }
}

TEST(Decompress, NothingMayFollow) {
    for (const Codec codec : built_in_codecs()) {
        const Bytes small = compressed(codec, as_bytes("hello"));
        for (const std::size_t more : {1U, 4U, 20U}) {
            EXPECT_EQ(outcome(codec, joined(small, Bytes(more))), "CORRUPT") << to_string(codec);
        }
    }
}

TEST(Decompress, EveryTruncationIsCorrupt) {
    const Bytes lines = log_lines(1'000);
    for (const Codec codec : built_in_codecs()) {
        const Bytes small = compressed(codec, lines);
        refuses_every_truncation(small, [&](ByteSpan cut) {
            // Xerial has no end: behind the header and behind each block, it may be over.
            if (codec == Codec::snappy && cut.size() == 16) return false;
            return outcome(codec, cut) != "CORRUPT";
        });
    }
}

TEST(Decompress, EveryBitChangeIsSurvived) {
    const Bytes lines = log_lines(1'000);
    for (const Codec codec : built_in_codecs()) {
        const Bytes small = compressed(codec, lines);
        survives_every_bit_change(small, [&](ByteSpan changed) {
            outcome(codec, changed, 1 << 20);
            return true;
        });
    }
}

TEST(Decompress, SnappysRawBlocks) {
    expect_text(Codec::snappy, "051068656c6c6f", "hello");
    expect_text(Codec::snappy, "00", "");
    expect_text(Codec::snappy, "051068656c6c", "CORRUPT");
    expect_text(Codec::snappy, "061068656c6c6f", "CORRUPT");
    // Says that it is 4 GiB.
    expect_text(Codec::snappy, "ffffffff0f1068656c6c6f", "CORRUPT");
#if RINGPOST_HAVE_SNAPPY
    const Bytes lines = log_lines(1 << 20);
    std::string block;
    snappy::Compress(reinterpret_cast<const char*>(lines.data()), lines.size(), &block);
    EXPECT_EQ(outcome(Codec::snappy, as_bytes(block)), as_text(lines));
    EXPECT_EQ(outcome(Codec::snappy, as_bytes(block), lines.size() - 1), "TOO_LARGE");
#endif
}

TEST(Decompress, XerialsFraming) {
    const std::string header = "82534e4150505900" "00000001" "00000001";
    const std::string block = "00000007" "051068656c6c6f";
    expect_text(Codec::snappy, header, "");
    expect_text(Codec::snappy, header + block + block, "hellohello");
    expect_text(Codec::snappy, header.substr(0, 16), "CORRUPT");
    expect_text(Codec::snappy, header.substr(0, 24), "CORRUPT");
    expect_text(Codec::snappy, header + "000000", "CORRUPT");
    expect_text(Codec::snappy, header + "00000000", "CORRUPT");
    expect_text(Codec::snappy, header + "ffffffff" + block, "CORRUPT");
    expect_text(Codec::snappy, header + "7fffffff" + block, "CORRUPT");
    // A version that we are too old for.
    expect_text(Codec::snappy, header.substr(0, 30) + "02" + block, "CORRUPT");
}

#if RINGPOST_HAVE_LZ4
TEST(Decompress, Lz4FramesOfEveryKind) {
    const Bytes lines = log_lines(9 << 20);
    for (const LZ4F_blockMode_t mode : {LZ4F_blockLinked, LZ4F_blockIndependent}) {
        for (const LZ4F_blockSizeID_t size : {LZ4F_max64KB, LZ4F_max256KB, LZ4F_max4MB}) {
            LZ4F_preferences_t preferences{};
            preferences.frameInfo.blockMode = mode;
            preferences.frameInfo.blockSizeID = size;
            preferences.frameInfo.contentChecksumFlag = LZ4F_contentChecksumEnabled;
            preferences.frameInfo.blockChecksumFlag = LZ4F_blockChecksumEnabled;
            preferences.frameInfo.contentSize = lines.size();
            Bytes frame(LZ4F_compressFrameBound(lines.size(), &preferences));
            frame.resize(LZ4F_compressFrame(frame.data(), frame.size(), lines.data(), lines.size(),
                                            &preferences));
            EXPECT_TRUE(outcome(Codec::lz4, frame) == as_text(lines)) << mode << " " << size;
            frame.back() ^= std::byte{1};
            EXPECT_EQ(outcome(Codec::lz4, frame), "CORRUPT") << mode << " " << size;
        }
    }
}

TEST(Decompress, Lz4sSkippableFramesAreNoRecords) {
    expect_text(Codec::lz4, "502a4d18" "00000000", "CORRUPT");
}
#endif

#if RINGPOST_HAVE_ZSTD
TEST(Decompress, ZstdsWindowIsLimited) {
    // A frame whose header asks for a window of 2^27 bytes, around "hello"; and of 2^28.
    expect_text(Codec::zstd, "28b52ffd0088" "290000" "68656c6c6f", "TOO_LARGE");
    Bytes out;
    const Bytes large = from_hex("28b52ffd0088" "290000" "68656c6c6f");
    EXPECT_EQ(decompress(Codec::zstd, large, 128 << 20, out), DecompressFault::none);
    EXPECT_EQ(as_text(out), "hello");
    EXPECT_EQ(decompress(Codec::zstd, from_hex("28b52ffd0090" "290000" "68656c6c6f"), SIZE_MAX,
                         out),
              DecompressFault::too_large);
    // 8 MiB is always read.
    EXPECT_EQ(outcome(Codec::zstd, "28b52ffd0068" "290000" "68656c6c6f", 5), "hello");
}

TEST(Decompress, ZstdWithAChecksumAndWithoutASize) {
    const Bytes lines = log_lines(1 << 20);
    ZSTD_CCtx* context = ZSTD_createCCtx();
    ZSTD_CCtx_setParameter(context, ZSTD_c_checksumFlag, 1);
    ZSTD_CCtx_setParameter(context, ZSTD_c_contentSizeFlag, 0);
    Bytes frame(ZSTD_compressBound(lines.size()));
    frame.resize(ZSTD_compress2(context, frame.data(), frame.size(), lines.data(), lines.size()));
    ZSTD_freeCCtx(context);
    EXPECT_TRUE(outcome(Codec::zstd, frame) == as_text(lines));
    frame.back() ^= std::byte{1};
    EXPECT_EQ(outcome(Codec::zstd, frame), "CORRUPT");
}
#endif

}  // namespace
}  // namespace ringpost::wire
