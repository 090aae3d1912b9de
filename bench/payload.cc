// SPDX-License-Identifier: Apache-2.0
#include "payload.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <iterator>
#include <utility>

#include "base/prng.h"

namespace ringpost::bench {

namespace {

constexpr std::array<std::string_view, 16> hosts = {
    "web-01", "web-02", "web-03", "web-04", "api-01", "api-02", "api-03", "api-04",
    "db-001", "db-002", "etl-01", "etl-02", "job-01", "job-02", "job-03", "job-04"};
constexpr std::array<std::string_view, 8> levels = {"INFO", "INFO", "INFO", "INFO",
                                                    "INFO", "DEBUG", "WARN", "ERROR"};
constexpr std::array<std::string_view, 32> words = {
    "request", "completed", "for", "user", "after", "retry", "connection", "reset",
    "by", "peer", "cache", "miss", "asking", "database", "slow", "query",
    "detected", "in", "session", "expired", "order", "accepted", "payment", "refused",
    "stock", "updated", "queue", "length", "timeout", "while", "reading", "response"};

template <std::size_t N>
std::string_view any_of(const std::array<std::string_view, N>& all, Prng& prng) {
    return all[prng.below(N)];
}

/// The beginning of a line, and words and numbers until it is as long as asked.
void json_line(std::string& line, std::size_t bytes, std::uint64_t& time_ms, Prng& prng) {
    constexpr std::string_view end = "\"}";
    time_ms += prng.below(20);
    fmt::format_to(std::back_inserter(line), R"({{"ts":{},"level":"{}","host":"{}","id":"{:016x}")",
                   time_ms, any_of(levels, prng), any_of(hosts, prng), prng.next());
    if (bytes >= 200) {
        fmt::format_to(std::back_inserter(line), R"(,"status":{},"ms":{},"bytes":{},"user":{})",
                       prng.below(8) == 0 ? 500 : 200, prng.below(2'000), prng.below(100'000),
                       prng.below(1'000'000));
    }
    line += ",\"msg\":\"";
    while (line.size() + end.size() < bytes) {
        line += any_of(words, prng);
        line += ' ';
        if (prng.below(4) == 0) fmt::format_to(std::back_inserter(line), "{} ", prng.below(10'000));
    }
    line.resize(bytes - std::min(bytes, end.size()));
    line += end.substr(0, bytes);
}

void meter_line(std::string& line, std::size_t bytes, std::uint64_t& number, Prng& prng) {
    ++number;
    while (line.size() < bytes) {
        fmt::format_to(std::back_inserter(line),
                       "meter=main-building/floor-2/power number={:08} reading={:02} unit=kWh; ",
                       number, prng.below(100));
    }
    line.resize(bytes);
}

void random_bytes(std::string& line, std::size_t bytes, std::uint64_t&, Prng& prng) {
    while (line.size() < bytes) {
        std::uint64_t word = prng.next();
        for (int i = 0; i < 8; ++i, word >>= 8) line += static_cast<char>(word & 0xff);
    }
    line.resize(bytes);
}

void same_bytes(std::string& line, std::size_t bytes, std::uint64_t&, Prng&) {
    line.assign(bytes, 'x');
}

struct KindRow {
    std::string_view name;
    /// Makes one value; the number is the generator's to count with.
    void (*make)(std::string& line, std::size_t bytes, std::uint64_t& number, Prng& prng);
    std::uint64_t first_number;
};
/// By PayloadKind.
constexpr std::array<KindRow, 4> kinds{{{"same", same_bytes, 0},
                                        {"json", json_line, 1'700'000'000'000},
                                        {"repetitive", meter_line, 0},
                                        {"random", random_bytes, 0}}};

}  // namespace

std::optional<PayloadKind> parse_payload(std::string_view name) {
    const auto row = std::ranges::find(kinds, name, &KindRow::name);
    if (row == kinds.end()) return {};
    return static_cast<PayloadKind>(row - kinds.begin());
}

std::string_view to_string(PayloadKind kind) { return kinds[static_cast<std::size_t>(kind)].name; }

Payload::Payload(PayloadKind kind, std::size_t bytes, std::uint64_t seed,
                 std::size_t pool_bytes)
    : bytes_(bytes) {
    const KindRow& row = kinds[static_cast<std::size_t>(kind)];
    const std::size_t count = kind == PayloadKind::same ? 1 : (pool_bytes / bytes - 1) | 1;
    pool_.reserve(count * bytes);
    Prng prng(seed);
    std::uint64_t number = row.first_number;
    std::string line;
    for (std::size_t i = 0; i < count; ++i) {
        line.clear();
        row.make(line, bytes, number, prng);
        pool_ += line;
    }
}

}  // namespace ringpost::bench
