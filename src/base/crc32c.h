// SPDX-License-Identifier: Apache-2.0
// CRC32C (Castagnoli), the checksum of a record batch.
#pragma once

#include <cstdint>

#include "base/bytes.h"

namespace ringpost {

/// CRC32C over several pieces in order. ISA-L does the work: it looks at the processor once and
/// takes its best variant (AVX-512, AVX, SSE4.2) or plain C where there is none.
class Crc32c {
public:
    void update(ByteSpan bytes) noexcept;
    /// As if `size` bytes had come whose own CRC32C is `crc`: some 100 ns for each bit of `size`
    /// that is set.
    void append(std::uint32_t crc, std::uint32_t size) noexcept;
    std::uint32_t value() const noexcept { return ~state_; }

private:
    std::uint32_t state_ = 0xffff'ffffU;
};

inline std::uint32_t crc32c(ByteSpan bytes) noexcept {
    Crc32c crc;
    crc.update(bytes);
    return crc.value();
}

}  // namespace ringpost
