// SPDX-License-Identifier: Apache-2.0
// SHA-1, by OpenSSL's libcrypto. A hash that spreads keys, not a protection against anybody.
#pragma once

#include <array>
#include <cstddef>

#include "base/bytes.h"

struct evp_md_ctx_st;
struct evp_md_st;

namespace ringpost {

/// Thread:    one.
/// Owns:      libcrypto's state for one digest after another.
/// Allocates: when it is made, and in its first digest.
class Sha1 {
public:
    using Digest = std::array<std::byte, 20>;

    Sha1();
    Sha1(const Sha1&) = delete;
    Sha1& operator=(const Sha1&) = delete;
    ~Sha1();

    /// False: this libcrypto gives no SHA-1, by a policy of the machine's; then no digest either.
    bool usable() const { return context_ != nullptr; }
    [[nodiscard]] bool digest(ByteSpan bytes, Digest& out);

private:
    evp_md_st* algorithm_ = nullptr;
    evp_md_ctx_st* context_ = nullptr;
};

}  // namespace ringpost
