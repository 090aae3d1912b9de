// SPDX-License-Identifier: Apache-2.0
// What records carry where it matters: for a codec, a value of so many 'x' is no text.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace ringpost::bench {

enum class PayloadKind : std::uint8_t {
    same,         ///< 'x', the same value each time
    json,         ///< lines of a log: time, level, host, ids, numbers, words
    repetitive,   ///< a meter's lines: a number and a reading in text that is always the same
    random,       ///< bytes that no codec makes smaller
};

/// "same", "json", "repetitive", "random".
std::optional<PayloadKind> parse_payload(std::string_view name);
std::string_view to_string(PayloadKind kind);

/// A pool of distinct values of one size, which are handed out in turn. It is larger than batches
/// are, so that what a batch repeats is what such records repeat, and not the pool; and it has an
/// odd count, so that each of 8 partitions gets all of them.
///
/// Owns: what it hands out. The same arguments make the same values.
class Payload {
public:
    /// `bytes` of each value, 1 to `pool_bytes`. JSON of less than 100 is cut: no JSON any more.
    Payload(PayloadKind kind, std::size_t bytes, std::uint64_t seed = 1,
            std::size_t pool_bytes = 16 << 20);
    Payload(const Payload&) = delete;
    Payload& operator=(const Payload&) = delete;

    std::string_view next() {
        if (at_ == pool_.size()) at_ = 0;
        const std::string_view value(pool_.data() + at_, bytes_);
        at_ += bytes_;
        return value;
    }
    std::size_t count() const { return pool_.size() / bytes_; }

private:
    const std::size_t bytes_;
    std::string pool_;   ///< one behind the other
    std::size_t at_ = 0;
};

}  // namespace ringpost::bench
