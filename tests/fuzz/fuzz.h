// SPDX-License-Identifier: Apache-2.0
// What every fuzz target has: an input, taken apart from its front, and a way to say "wrong".
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>

#include "base/bytes.h"

namespace ringpost::fuzz {

/// Reads numbers off the front of an input; zeros behind its end.
class Input {
public:
    Input(const std::uint8_t* data, std::size_t size)
        : rest_(reinterpret_cast<const std::byte*>(data), size) {}
    bool empty() const { return rest_.empty(); }
    std::uint8_t byte() {
        if (rest_.empty()) return 0;
        const auto b = static_cast<std::uint8_t>(rest_.front());
        rest_ = rest_.subspan(1);
        return b;
    }
    ByteSpan take(std::size_t bytes) {
        const ByteSpan taken = rest_.first(bytes < rest_.size() ? bytes : rest_.size());
        rest_ = rest_.subspan(taken.size());
        return taken;
    }
    ByteSpan rest() const { return rest_; }

private:
    ByteSpan rest_;
};

inline void must(bool holds, const char* what) {
    if (holds) return;
    std::fprintf(stderr, "fuzz: %s\n", what);
    std::abort();
}

}  // namespace ringpost::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);
