// SPDX-License-Identifier: Apache-2.0
// Kafka's 16-byte topic id. All zero means "none".
#pragma once

#include <array>
#include <cstddef>

#include "base/hash.h"

namespace ringpost::wire {

struct Uuid {
    std::array<std::byte, 16> bytes{};

    bool is_zero() const { return *this == Uuid{}; }
    bool operator==(const Uuid&) const = default;
};

/// Topic ids come from the network, so the hash must spread whatever it is given.
struct UuidHash {
    std::size_t operator()(const Uuid& id) const noexcept {
        return NameHash{}({reinterpret_cast<const char*>(id.bytes.data()), id.bytes.size()});
    }
};

}  // namespace ringpost::wire
