// SPDX-License-Identifier: Apache-2.0
// What the field writer and the field reader share: the version they speak, and tagged fields.
#pragma once

#include <concepts>
#include <cstdint>
#include <string>
#include <type_traits>
#include <vector>

#include "base/assert.h"

namespace ringpost::wire {

/// `T` or `const T`: lets one description of a message serve writing and reading.
template <typename M, typename T>
concept Of = std::same_as<std::remove_const_t<M>, T>;

/// A field of a tag section: sent from version `since` when it is `present`.
template <typename Body>
struct Tagged {
    std::uint32_t tag;
    std::int16_t since;
    bool present;
    Body body;  ///< Called with the writer or reader of the field's content.
};
template <typename Body>
Tagged(int, int, bool, Body) -> Tagged<Body>;

/// The version of one message, and whether it is a flexible one (KIP-482).
class FieldVersion {
public:
    FieldVersion(std::int16_t version, bool flexible) : version_(version), flexible_(flexible) {}

    std::int16_t version() const { return version_; }
    bool flexible() const { return flexible_; }
    bool from(int version) const { return version_ >= version; }
    bool until(int version) const { return version_ <= version; }

private:
    std::int16_t version_;
    bool flexible_;
};

/// The one element that stands alone in versions older than the array it became.
template <typename T>
T& only(std::vector<T>& v) {
    if (v.empty()) v.emplace_back();
    return v.front();
}
template <typename T>
const T& only(const std::vector<T>& v) {
    RINGPOST_ASSERT(v.size() == 1);
    return v.front();
}

// The elements of arrays that are not structs; for structs see fields.h.
template <typename Io>
void fields(Io& io, Of<std::string> auto& s) {
    io.string(s);
}
template <typename Io>
void fields(Io& io, Of<std::int32_t> auto& n) {
    io.i32(n);
}

}  // namespace ringpost::wire
