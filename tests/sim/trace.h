// SPDX-License-Identifier: Apache-2.0
// What happened, as a hash of all of it and as text of the last of it.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/time.h"

namespace ringpost::sim {

/// Owns: the last events. Bounds: `kept` of them.
class Trace {
public:
    explicit Trace(bool verbose) : verbose_(verbose) {}

    /// `what` is a literal; the numbers mean what it says of them.
    void note(Instant now, const char* what, std::int64_t a = 0, std::int64_t b = 0,
              std::int64_t c = 0);
    bool verbose() const { return verbose_; }
    std::uint64_t hash() const { return hash_; }
    std::uint64_t count() const { return count_; }
    /// The last events, oldest first, a line each.
    std::string tail() const;

private:
    struct Entry {
        Instant at;
        const char* what;
        std::int64_t a, b, c;
    };
    static constexpr std::size_t kept = 80;
    static std::string line(const Entry& entry);

    const bool verbose_;
    std::uint64_t hash_ = 0;
    std::uint64_t count_ = 0;
    std::vector<Entry> entries_;
};

}  // namespace ringpost::sim
