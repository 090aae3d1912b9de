// SPDX-License-Identifier: Apache-2.0
// Events to a hash and to text.
#include "trace.h"

#include <cstdio>
#include <cstring>

#include "base/format.h"
#include "base/prng.h"

namespace ringpost::sim {

void Trace::note(Instant now, const char* what, std::int64_t a, std::int64_t b, std::int64_t c) {
    const std::uint64_t words[] = {static_cast<std::uint64_t>(now.count_ns()),
                                   static_cast<std::uint64_t>(a), static_cast<std::uint64_t>(b),
                                   static_cast<std::uint64_t>(c), std::strlen(what)};
    for (const std::uint64_t word : words) hash_ = Prng(hash_ ^ word).next();
    const Entry entry{now, what, a, b, c};
    if (entries_.size() < kept) {
        entries_.push_back(entry);
    } else {
        entries_[count_ % kept] = entry;
    }
    ++count_;
    if (verbose_) std::fputs(line(entry).c_str(), stdout);
}

std::string Trace::line(const Entry& entry) {
    return fmt::format("{:>14.6f} ms  {} ({}, {}, {})\n",
                       static_cast<double>(entry.at.count_ns()) / 1e6, entry.what, entry.a, entry.b,
                       entry.c);
}

std::string Trace::tail() const {
    std::string out;
    for (std::size_t i = 0; i < entries_.size(); ++i) {
        out += line(entries_[entries_.size() < kept ? i : (count_ + i) % kept]);
    }
    return out;
}

}  // namespace ringpost::sim
