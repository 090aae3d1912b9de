// SPDX-License-Identifier: Apache-2.0
// What stands by itself: ring, encoding, CRC, varints, the hashes that place keys.
#include <benchmark/benchmark.h>

#include <string>
#include <vector>

#include "base/crc32c.h"
#include "base/memory.h"
#include "base/spsc_ring.h"
#include "base/varint.h"
#include "produce/entry.h"
#include "produce/partitioner.h"
#include "wire/record.h"

namespace ringpost {
namespace {

void crc(benchmark::State& state) {
    const std::vector<std::byte> bytes(static_cast<std::size_t>(state.range(0)), std::byte{7});
    for (auto _ : state) benchmark::DoNotOptimize(crc32c(bytes));
    state.SetBytesProcessed(state.iterations() * state.range(0));
}
BENCHMARK(crc)->Arg(100)->Arg(16 << 10)->Arg(128 << 10)->Arg(1 << 20);

void encode_record(benchmark::State& state) {
    const std::string value(static_cast<std::size_t>(state.range(0)), 'x');
    std::vector<std::byte> out(value.size() + 64);
    const auto size = static_cast<std::int64_t>(value.size());
    std::int64_t delta = 0;
    for (auto _ : state) {
        const std::size_t tail = wire::record_tail_size(-1, size);
        std::byte* at = wire::write_record_prefix(out.data(), tail, 0, delta++ & 1023);
        benchmark::DoNotOptimize(wire::write_record_tail(at, nullptr, -1, value.data(), size));
    }
}
BENCHMARK(encode_record)->Arg(16)->Arg(100)->Arg(1000);

/// Sizes and deltas as records have them: of so many bits.
void varint_small(benchmark::State& state) {
    std::byte out[varint_bytes_max];
    const std::int64_t n = (std::int64_t{1} << state.range(0)) - 1;
    for (auto _ : state) {
        std::int64_t value = n;
        benchmark::DoNotOptimize(value);
        benchmark::DoNotOptimize(write_small_varint(out, value));
        benchmark::ClobberMemory();
    }
}
BENCHMARK(varint_small)->Arg(5)->Arg(10)->Arg(20);

void varint(benchmark::State& state) {
    std::byte out[varlong_bytes_max];
    const std::int64_t n = (std::int64_t{1} << state.range(0)) - 1;
    for (auto _ : state) {
        std::int64_t value = n;
        benchmark::DoNotOptimize(value);
        benchmark::DoNotOptimize(write_varint(out, value));
        benchmark::ClobberMemory();
    }
}
BENCHMARK(varint)->Arg(5)->Arg(10)->Arg(20)->Arg(62);

/// The caller's half of the partitioner.
void place_by_key(benchmark::State& state, Partitioner partitioner) {
    const std::string key(static_cast<std::size_t>(state.range(0)), 'k');
    std::uint32_t hash = 0;
    for (auto _ : state) {
        produce::place_by_key(partitioner, false, as_bytes(key), hash);
        benchmark::DoNotOptimize(hash);
    }
}
BENCHMARK_CAPTURE(place_by_key, murmur2, Partitioner::murmur2)->Arg(8)->Arg(16)->Arg(64);
BENCHMARK_CAPTURE(place_by_key, crc32, Partitioner::consistent_random)->Arg(8)->Arg(16)->Arg(64);
BENCHMARK_CAPTURE(place_by_key, fnv1a, Partitioner::fnv1a_random)->Arg(8)->Arg(16)->Arg(64);

/// The hashes that the shard makes, because they are too large for an entry.
void place_in_shard(benchmark::State& state, KeyHash kind) {
    const std::string key(static_cast<std::size_t>(state.range(0)), 'k');
    Sha1 sha1;
    for (auto _ : state) {
        benchmark::DoNotOptimize(produce::key_modulo(kind, as_bytes(key), 12, &sha1));
    }
}
BENCHMARK_CAPTURE(place_in_shard, xxhash, KeyHash::xxhash)->Arg(16);
BENCHMARK_CAPTURE(place_in_shard, sha1, KeyHash::sha1)->Arg(16);

void ring_one_thread(benchmark::State& state) {
    const Block memory(1 << 20, 128);
    SpscRing ring(memory.span());
    const std::size_t size = produce::Entry::size_for(static_cast<std::size_t>(state.range(0)));
    for (auto _ : state) {
        std::byte* at = ring.try_reserve(size);
        const auto size32 = static_cast<std::uint32_t>(size);
        std::memcpy(at, &size32, sizeof size32);
        ring.commit(size);
        benchmark::DoNotOptimize(ring.front());
        ring.pop(size);
        ring.release();
    }
}
BENCHMARK(ring_one_thread)->Arg(100)->Arg(1000);

}  // namespace
}  // namespace ringpost
