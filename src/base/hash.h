// SPDX-License-Identifier: Apache-2.0
// xxHash as the hash of every map keyed by a name, and of keys that are to be placed by it.
#pragma once

#include <xxhash.h>

#include <cstddef>
#include <string>
#include <string_view>

#include "base/bytes.h"

namespace ringpost {

struct NameHash {
    using is_transparent = void;
    std::size_t operator()(std::string_view name) const noexcept {
        return XXH3_64bits(name.data(), name.size());
    }
};
struct NameEqual {
    using is_transparent = void;
    bool operator()(std::string_view a, std::string_view b) const noexcept { return a == b; }
};

/// XXH64 with the seed 0: one number for the same bytes in every version of xxHash.
inline std::uint64_t xxh64(ByteSpan bytes) { return XXH64(bytes.data(), bytes.size(), 0); }

}  // namespace ringpost
