// SPDX-License-Identifier: Apache-2.0
// xxHash as the hash of every map keyed by a name.
#pragma once

#include <xxhash.h>

#include <cstddef>
#include <string>
#include <string_view>

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

}  // namespace ringpost
