// SPDX-License-Identifier: Apache-2.0
// What compressing and decompressing take from the allocators: every call of this program is
// counted, mimalloc's and malloc's alike.
#include "allocator_counts.h"
#include "codecs.h"

namespace ringpost::wire {
namespace {

/// Through a stream, its output dropped.
void run(Compressor& compressor, ByteSpan in) {
    compressor.begin(in.size());
    while (!in.empty()) {
        const ByteSpan next = in.first(std::min(compressor.slice_bytes(), in.size()));
        in = in.subspan(next.size());
        compressor.add(next, in.empty());
    }
}

TEST(CodecMemory, NothingIsAllocatedForAStream) {
    if (!counts_allocations) GTEST_SKIP() << "a sanitizer has the allocator";
    const Bytes lines = log_lines(1 << 20);
    const Bytes noise = random_bytes(100'000);
    for (const Codec codec : built_in_codecs()) {
        const LevelRange levels = levels_of(codec);
        for (int level = std::max(levels.min, -3); level <= std::min(levels.max, 15); ++level) {
            const AllocatorCounts before = allocator_counts();
            auto compressor = make_compressor(codec, level == 0 ? levels.standard : level, 1 << 20);
            ASSERT_TRUE(compressor) << compressor.error().text;
            const std::size_t taken = allocator_counts().bytes - before.bytes;
            EXPECT_GE(taken, (*compressor)->memory_bytes());
            EXPECT_LE(taken, (*compressor)->memory_bytes() + 4'096) << "not all memory is told";

            const std::size_t calls = allocator_counts().calls;
            if (level <= levels.standard) run(**compressor, lines);
            for (std::size_t i = 1; i < 300; ++i) run(**compressor, ByteSpan(lines).first(i));
            run(**compressor, noise);
            run(**compressor, ByteSpan(lines).first(20'000));
            run(**compressor, ByteSpan(lines).first(200'000));
            const std::size_t made = allocator_counts().calls - calls;
            // Snappy's library has no way to be given its working memory.
            if (codec != Codec::snappy) {
                EXPECT_EQ(made, 0U) << to_string(codec) << " " << level;
            }
        }
    }
}

/// 1 GiB of zeros in a few KiB, for a reader who takes 1 MiB.
TEST(CodecMemory, ABombIsRefusedBeforeMemoryIsTakenForIt) {
    constexpr std::size_t bomb_bytes = 1 << 30;
    for (const Codec codec : built_in_codecs()) {
        const int level = codec == Codec::lz4 ? levels_of(codec).standard : 1;
        auto compressor = make_compressor(codec, level, bomb_bytes);
        ASSERT_TRUE(compressor) << compressor.error().text;
        const Bytes zeros((*compressor)->slice_bytes());
        Bytes bomb;
        (*compressor)->begin(bomb_bytes);
        for (std::size_t at = zeros.size(); at <= bomb_bytes; at += zeros.size()) {
            const ByteSpan out = (*compressor)->add(zeros, at == bomb_bytes);
            bomb.insert(bomb.end(), out.begin(), out.end());
        }
        const AllocatorCounts before = allocator_counts();
        Bytes out;
        EXPECT_EQ(decompress(codec, bomb, 1 << 20, out), DecompressFault::too_large);
        const std::size_t taken = allocator_counts().bytes - before.bytes;
        EXPECT_TRUE(out.empty());
        if (counts_allocations) {
            EXPECT_LT(taken, std::size_t{8} << 20) << to_string(codec);
        }
    }
}

}  // namespace
}  // namespace ringpost::wire
