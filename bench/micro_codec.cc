// SPDX-License-Identifier: Apache-2.0
// The codecs, on 64 KiB of JSON log lines: bytes a second of what goes in, the ratio, and the time
// of one slice, for which a shard's loop stands still.
#include <benchmark/benchmark.h>

#include <algorithm>
#include <string>
#include <vector>

#include "base/prng.h"
#include "wire/codec.h"
#include "wire/decompress.h"

namespace ringpost {
namespace {

using wire::Codec;

std::vector<std::byte> log_lines(std::size_t size) {
    constexpr std::string_view messages[] = {"request completed", "cache miss, asking the database",
                                             "connection reset by peer", "slow query detected"};
    constexpr std::string_view services[] = {"checkout", "cart", "search", "payments"};
    Prng prng(7);
    std::string text;
    while (text.size() < size) {
        text += "{\"ts\":" + std::to_string(1'700'000'000'000 + text.size()) +
                ",\"level\":\"INFO\",\"service\":\"" + std::string(services[prng.below(4)]) +
                "\",\"trace\":\"" + std::to_string(prng.next()) +
                "\",\"status\":" + std::to_string(200 + prng.below(5)) +
                ",\"ms\":" + std::to_string(prng.below(5'000)) + ",\"msg\":\"" +
                std::string(messages[prng.below(4)]) + "\"}\n";
    }
    const ByteSpan bytes = as_bytes(text).first(size);
    return {bytes.begin(), bytes.end()};
}

constexpr std::size_t stream_bytes = 64 << 10;

std::vector<std::byte> compressed(wire::Compressor& compressor, ByteSpan in) {
    std::vector<std::byte> out;
    compressor.begin(in.size());
    while (!in.empty()) {
        const ByteSpan slice = in.first(std::min(compressor.slice_bytes(), in.size()));
        in = in.subspan(slice.size());
        const ByteSpan came = compressor.add(slice, in.empty());
        out.insert(out.end(), came.begin(), came.end());
    }
    return out;
}

void compress(benchmark::State& state, Codec codec, int level) {
    auto compressor = wire::make_compressor(codec, level, stream_bytes);
    if (!compressor) return state.SkipWithError(compressor.error().text.c_str());
    const std::vector<std::byte> lines = log_lines(stream_bytes);
    std::size_t out = 0;
    for (auto _ : state) out = compressed(**compressor, lines).size();
    state.SetBytesProcessed(state.iterations() * static_cast<std::int64_t>(stream_bytes));
    state.counters["ratio"] = static_cast<double>(stream_bytes) / static_cast<double>(out);
    const std::size_t slices = (stream_bytes - 1) / (*compressor)->slice_bytes() + 1;
    state.counters["s_slice"] =
        benchmark::Counter(static_cast<double>(slices),
                           benchmark::Counter::kIsIterationInvariantRate |
                               benchmark::Counter::kInvert);
}
BENCHMARK_CAPTURE(compress, gzip_1, Codec::gzip, 1);
BENCHMARK_CAPTURE(compress, gzip, Codec::gzip, -1);
BENCHMARK_CAPTURE(compress, snappy, Codec::snappy, 0);
BENCHMARK_CAPTURE(compress, lz4, Codec::lz4, 9);
BENCHMARK_CAPTURE(compress, lz4_3, Codec::lz4, 3);
BENCHMARK_CAPTURE(compress, zstd_1, Codec::zstd, 1);
BENCHMARK_CAPTURE(compress, zstd, Codec::zstd, 3);
BENCHMARK_CAPTURE(compress, zstd_9, Codec::zstd, 9);

void decompress(benchmark::State& state, Codec codec) {
    auto compressor = wire::make_compressor(codec, wire::levels_of(codec).standard, stream_bytes);
    if (!compressor) return state.SkipWithError(compressor.error().text.c_str());
    const std::vector<std::byte> in = compressed(**compressor, log_lines(stream_bytes));
    std::vector<std::byte> out;
    for (auto _ : state) {
        out.clear();
        benchmark::DoNotOptimize(wire::decompress(codec, in, stream_bytes, out));
    }
    state.SetBytesProcessed(state.iterations() * static_cast<std::int64_t>(stream_bytes));
}
BENCHMARK_CAPTURE(decompress, gzip, Codec::gzip);
BENCHMARK_CAPTURE(decompress, snappy, Codec::snappy);
BENCHMARK_CAPTURE(decompress, lz4, Codec::lz4);
BENCHMARK_CAPTURE(decompress, zstd, Codec::zstd);

}  // namespace
}  // namespace ringpost
