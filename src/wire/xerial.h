// SPDX-License-Identifier: Apache-2.0
// The framing of snappy blocks that Kafka's Java clients write (snappy-java, by xerial.org).
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace ringpost::wire {

inline constexpr std::string_view xerial_magic{"\x82SNAPPY\0", 8};
inline constexpr std::int32_t xerial_version = 1;
inline constexpr std::size_t xerial_header_bytes = 16;
/// What Kafka's Java clients put into one block. A reader takes larger ones.
inline constexpr std::size_t xerial_block_bytes = 32 << 10;

}  // namespace ringpost::wire
