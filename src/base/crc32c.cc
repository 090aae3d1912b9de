// SPDX-License-Identifier: Apache-2.0
// CRC32C by ISA-L.
#include "base/crc32c.h"

#include <isa-l/crc.h>

#include <algorithm>

namespace ringpost {

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

}  // namespace ringpost
