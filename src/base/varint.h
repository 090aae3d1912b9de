// SPDX-License-Identifier: Apache-2.0
// Kafka's variable-length integers: UNSIGNED_VARINT, VARINT and VARLONG (zigzag) of the protocol
// guide. Sizes, unchecked writes for the record path, checked reads in bytes.h.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>

namespace ringpost {

inline constexpr std::size_t varint_bytes_max = 5;
inline constexpr std::size_t varlong_bytes_max = 10;

constexpr std::uint64_t zigzag(std::int64_t n) {
    return (static_cast<std::uint64_t>(n) << 1) ^ static_cast<std::uint64_t>(n >> 63);
}
constexpr std::int64_t unzigzag(std::uint64_t n) {
    return static_cast<std::int64_t>(n >> 1) ^ -static_cast<std::int64_t>(n & 1);
}

/// Bytes that `write_uvarint` writes for `n`: one for each seven bits.
constexpr std::size_t uvarint_size(std::uint64_t n) {
    return (static_cast<std::size_t>(std::bit_width(n | 1)) + 6) / 7;
}
/// Bytes of a zigzag varint (VARINT or VARLONG).
constexpr std::size_t varint_size(std::int64_t n) { return uvarint_size(zigzag(n)); }

/// Writes without a bounds check; the caller has reserved `uvarint_size(n)` bytes. Returns the end.
inline std::byte* write_uvarint(std::byte* out, std::uint64_t n) {
    while (n >= 0x80) {
        *out++ = static_cast<std::byte>(n | 0x80);
        n >>= 7;
    }
    *out++ = static_cast<std::byte>(n);
    return out;
}
inline std::byte* write_varint(std::byte* out, std::int64_t n) {
    return write_uvarint(out, zigzag(n));
}
/// The same for a size or a delta, hardly ever negative or large: one or two bytes without a loop.
inline std::byte* write_small_varint(std::byte* out, std::int64_t n) {
    const std::uint64_t bits = zigzag(n);
    if (bits < 0x80) [[likely]] {
        *out = static_cast<std::byte>(bits);
        return out + 1;
    }
    if (bits < 0x4000) [[likely]] {
        out[0] = static_cast<std::byte>(bits | 0x80);
        out[1] = static_cast<std::byte>(bits >> 7);
        return out + 2;
    }
    return write_uvarint(out, bits);
}
/// What it writes.
constexpr std::size_t small_varint_size(std::int64_t n) {
    const std::uint64_t bits = zigzag(n);
    if (bits < 0x80) [[likely]] return 1;
    return bits < 0x4000 ? 2 : uvarint_size(bits);
}

}  // namespace ringpost
