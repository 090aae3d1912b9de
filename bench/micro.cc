// SPDX-License-Identifier: Apache-2.0
// The pieces of the record path, one by one.
#include <benchmark/benchmark.h>

#include <string>
#include <vector>

#include "base/crc32c.h"
#include "base/memory.h"
#include "base/spsc_ring.h"
#include "produce/entry.h"
#include "wire/partition_hash.h"
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

void hash_key(benchmark::State& state) {
    const std::string key(static_cast<std::size_t>(state.range(0)), 'k');
    for (auto _ : state) benchmark::DoNotOptimize(wire::murmur2(as_bytes(key)));
}
BENCHMARK(hash_key)->Arg(8)->Arg(16)->Arg(64);

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

BENCHMARK_MAIN();
