// SPDX-License-Identifier: Apache-2.0
// Big-endian integers, and a reader that can't be made to read past its end.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string_view>
#include <type_traits>

#include "base/varint.h"

namespace ringpost {

using ByteSpan = std::span<const std::byte>;

inline ByteSpan as_bytes(std::string_view text) {
    return {reinterpret_cast<const std::byte*>(text.data()), text.size()};
}
inline std::string_view as_text(ByteSpan bytes) {
    return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

/// memcpy, without a call for what is short: up to 128 bytes go in 16s, of which the last overlap.
inline void copy_bytes(std::byte* out, const void* from, std::size_t size) {
    constexpr std::size_t step = 16;
    const auto* in = static_cast<const std::byte*>(from);
    const auto copy = [&](std::size_t at) { std::memcpy(out + at, in + at, step); };
    if (size < step || size > 8 * step) {
        if (size != 0) std::memcpy(out, in, size);
        return;
    }
    if (size > 4 * step) {
        copy(0);
        copy(step);
        copy(2 * step);
        copy(3 * step);
        copy(size - 4 * step);
        copy(size - 3 * step);
        copy(size - 2 * step);
    } else if (size > 2 * step) {
        copy(step);
        copy(size - 2 * step);
        copy(0);
    } else {
        copy(0);
    }
    copy(size - step);
}

/// Reads or writes one integer of network byte order at `p`, which needs no alignment.
template <typename T>
inline T load_be(const std::byte* p) {
    static_assert(std::is_integral_v<T>);
    std::make_unsigned_t<T> n;
    std::memcpy(&n, p, sizeof n);
    if constexpr (sizeof n == 2) n = __builtin_bswap16(n);
    if constexpr (sizeof n == 4) n = __builtin_bswap32(n);
    if constexpr (sizeof n == 8) n = __builtin_bswap64(n);
    return static_cast<T>(n);
}
template <typename T>
inline void store_be(std::byte* p, T value) {
    static_assert(std::is_integral_v<T>);
    auto n = static_cast<std::make_unsigned_t<T>>(value);
    if constexpr (sizeof n == 2) n = __builtin_bswap16(n);
    if constexpr (sizeof n == 4) n = __builtin_bswap32(n);
    if constexpr (sizeof n == 8) n = __builtin_bswap64(n);
    std::memcpy(p, &n, sizeof n);
}

/// A cursor over untrusted bytes.
///
/// The first read that would pass the end, or meets a malformed varint, makes the reader *failed*:
/// that read and every later one return zero or empty, and `ok()` says so. A decoder therefore
/// reads a whole structure and asks once.
class Reader {
public:
    explicit Reader(ByteSpan bytes) : at_(bytes.data()), end_(bytes.data() + bytes.size()) {}

    bool ok() const { return !failed_; }
    std::size_t remaining() const { return static_cast<std::size_t>(end_ - at_); }
    /// True when everything was read and nothing failed.
    bool at_end() const { return ok() && at_ == end_; }
    void fail() {
        failed_ = true;
        at_ = end_;
    }

    template <typename T>
    T be() {
        if (remaining() < sizeof(T)) return fail(), T{};
        const T n = load_be<T>(at_);
        at_ += sizeof(T);
        return n;
    }
    std::int8_t i8() { return be<std::int8_t>(); }
    std::int16_t i16() { return be<std::int16_t>(); }
    std::int32_t i32() { return be<std::int32_t>(); }
    std::int64_t i64() { return be<std::int64_t>(); }
    std::uint32_t u32() { return be<std::uint32_t>(); }

    /// `n` bytes, borrowed from the input.
    ByteSpan take(std::size_t n) {
        if (remaining() < n) return fail(), ByteSpan{};
        const ByteSpan taken{at_, n};
        at_ += n;
        return taken;
    }
    std::uint32_t uvarint() {
        const std::uint64_t n = uvarint_of(varint_bytes_max);
        if (n > UINT32_MAX) return fail(), 0;
        return static_cast<std::uint32_t>(n);
    }
    std::int32_t varint() {
        const std::uint64_t n = uvarint_of(varint_bytes_max);
        if (n > UINT32_MAX) return fail(), 0;
        return static_cast<std::int32_t>(unzigzag(n));
    }
    std::int64_t varlong() { return unzigzag(uvarint_of(varlong_bytes_max)); }

private:
    std::uint64_t uvarint_of(std::size_t bytes_max) {
        std::uint64_t n = 0;
        for (std::size_t i = 0; i < bytes_max; ++i) {
            if (at_ == end_) return fail(), 0;
            const auto b = static_cast<std::uint64_t>(*at_++);
            // The tenth byte of a VARLONG holds one bit; more would be lost by the shift.
            if (i == 9 && b > 1) return fail(), 0;
            n |= (b & 0x7f) << (7 * i);
            if ((b & 0x80) == 0) return n;
        }
        return fail(), 0;
    }

    const std::byte* at_;
    const std::byte* end_;
    bool failed_ = false;
};

/// A bounded writer. A write that would pass the end writes nothing and makes the writer *failed*.
class Writer {
public:
    explicit Writer(std::span<std::byte> room)
        : begin_(room.data()), at_(room.data()), end_(room.data() + room.size()) {}

    bool ok() const { return !failed_; }
    std::size_t size() const { return static_cast<std::size_t>(at_ - begin_); }
    std::size_t room() const { return static_cast<std::size_t>(end_ - at_); }
    ByteSpan written() const { return {begin_, size()}; }
    std::byte* position() const { return at_; }

    template <typename T>
    void be(T value) {
        if (std::byte* p = advance(sizeof(T))) store_be<T>(p, value);
    }
    void i8(std::int8_t n) { be(n); }
    void i16(std::int16_t n) { be(n); }
    void i32(std::int32_t n) { be(n); }
    void i64(std::int64_t n) { be(n); }
    void u32(std::uint32_t n) { be(n); }

    void uvarint(std::uint64_t n) {
        if (std::byte* p = advance(uvarint_size(n))) write_uvarint(p, n);
    }
    void varint(std::int64_t n) { uvarint(zigzag(n)); }
    void bytes(ByteSpan b) {
        std::byte* p = advance(b.size());
        if (p != nullptr && !b.empty()) std::memcpy(p, b.data(), b.size());
    }
    /// `n` bytes to be filled in later; null when there is no room.
    std::byte* advance(std::size_t n) {
        if (failed_ || room() < n) {
            failed_ = true;
            return nullptr;
        }
        std::byte* p = at_;
        at_ += n;
        return p;
    }

private:
    std::byte* begin_;
    std::byte* at_;
    std::byte* end_;
    bool failed_ = false;
};

}  // namespace ringpost
