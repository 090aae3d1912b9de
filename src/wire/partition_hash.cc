// SPDX-License-Identifier: Apache-2.0
// The hashes of keys that are not in the header.
#include "wire/partition_hash.h"

#include <array>

namespace ringpost::wire {
namespace {

constexpr std::uint32_t crc32_polynomial = 0xedb8'8320;  // IEEE 802.3, reflected.

constexpr std::array<std::uint32_t, 256> crc32_table = [] {
    std::array<std::uint32_t, 256> table{};
    for (std::uint32_t i = 0; i < table.size(); ++i) {
        std::uint32_t c = i;
        for (int bit = 0; bit < 8; ++bit) c = (c >> 1) ^ ((c & 1) != 0 ? crc32_polynomial : 0);
        table[i] = c;
    }
    return table;
}();

}  // namespace

std::uint32_t fnv1a(ByteSpan key) {
    std::uint32_t h = 0x811c9dc5;
    for (const std::byte b : key) h = (h ^ static_cast<std::uint32_t>(b)) * 0x01000193;
    return h;
}

std::uint32_t absolute(std::uint32_t hash) {
    return static_cast<std::int32_t>(hash) < 0 ? 0U - hash : hash;
}

std::uint32_t crc32(ByteSpan key) {
    std::uint32_t c = 0xffff'ffff;
    for (const std::byte b : key) {
        c = crc32_table[(c ^ static_cast<std::uint32_t>(b)) & 0xff] ^ (c >> 8);
    }
    return ~c;
}

std::uint32_t remainder(ByteSpan number, std::uint32_t divisor) {
    std::uint64_t rest = 0;
    for (const std::byte b : number) rest = ((rest << 8) | static_cast<std::uint64_t>(b)) % divisor;
    return static_cast<std::uint32_t>(rest);
}

}  // namespace ringpost::wire
