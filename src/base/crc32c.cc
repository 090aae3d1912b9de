// SPDX-License-Identifier: Apache-2.0
// CRC32C by ISA-L.
#include "base/crc32c.h"

#include <isa-l/crc.h>

#include <algorithm>
#include <array>

namespace ringpost {

namespace {

/// Polynomials over GF(2) modulo CRC32C's own; the highest bit is the coefficient of x^0.
constexpr std::uint32_t one = 0x8000'0000U;

constexpr std::uint32_t multiply(std::uint32_t a, std::uint32_t b) {
    constexpr std::uint32_t castagnoli = 0x82f6'3b78U;
    std::uint32_t product = 0;
    for (std::uint32_t bit = one; bit != 0; bit >>= 1) {
        if ((a & bit) != 0) product ^= b;
        b = (b & 1) != 0 ? (b >> 1) ^ castagnoli : b >> 1;  // times x
    }
    return product;
}

/// x to the power of 8 * 2^i: what 2^i zero bytes behind a polynomial multiply it by.
constexpr auto zeros = [] {
    std::array<std::uint32_t, 32> powers{};
    powers[0] = one >> 8;
    for (std::size_t i = 1; i < powers.size(); ++i) {
        powers[i] = multiply(powers[i - 1], powers[i - 1]);
    }
    return powers;
}();

}  // namespace

void Crc32c::update(ByteSpan bytes) noexcept {
    // ISA-L counts in int and asks for a pointer to non-const bytes that it only reads.
    constexpr std::size_t piece_max = 1U << 30;
    while (!bytes.empty()) {
        const std::size_t n = std::min(bytes.size(), piece_max);
        auto* p = reinterpret_cast<unsigned char*>(const_cast<std::byte*>(bytes.data()));
        state_ = crc32_iscsi(p, static_cast<int>(n), state_);
        bytes = bytes.subspan(n);
    }
}

void Crc32c::append(std::uint32_t crc, std::uint32_t size) noexcept {
    std::uint32_t before = value();
    for (std::size_t i = 0; i < zeros.size(); ++i) {
        if ((size >> i & 1) != 0) before = multiply(zeros[i], before);
    }
    state_ = ~(before ^ crc);
}

}  // namespace ringpost
