// SPDX-License-Identifier: Apache-2.0
#include "../../bench/payload.h"

#include <gtest/gtest.h>

#include <array>
#include <nlohmann/json.hpp>
#include <set>
#include <string>
#include <vector>

namespace ringpost::bench {
namespace {

constexpr std::size_t pool_bytes = 1 << 20;
constexpr std::array kinds = {PayloadKind::json, PayloadKind::repetitive, PayloadKind::random};

std::vector<std::string> some(PayloadKind kind, std::size_t bytes, std::uint64_t seed = 1) {
    Payload payload(kind, bytes, seed, pool_bytes);
    std::vector<std::string> values;
    for (int i = 0; i < 1'000; ++i) values.emplace_back(payload.next());
    return values;
}

TEST(Payload, HasTheSizeThatWasAskedForAndNoValueTwice) {
    for (const PayloadKind kind : kinds) {
        for (const std::size_t bytes : {100U, 199U, 200U, 1000U}) {
            const std::vector<std::string> values = some(kind, bytes);
            for (const std::string& value : values) ASSERT_EQ(value.size(), bytes);
            const std::set<std::string> distinct(values.begin(), values.end());
            EXPECT_EQ(distinct.size(), values.size());
        }
    }
}

TEST(Payload, IsTheSameForTheSameSeedOnly) {
    for (const PayloadKind kind : kinds) {
        EXPECT_EQ(some(kind, 100, 7), some(kind, 100, 7));
        EXPECT_NE(some(kind, 100, 7), some(kind, 100, 8));
    }
}

TEST(Payload, OfJsonIsJson) {
    for (const std::size_t bytes : {100U, 101U, 250U, 1000U}) {
        for (const std::string& line : some(PayloadKind::json, bytes)) {
            const auto read = nlohmann::json::parse(line, nullptr, false);
            ASSERT_TRUE(read.is_object()) << line;
            EXPECT_TRUE(read.contains("host") && read.contains("msg")) << line;
        }
    }
}

TEST(Payload, IsCutWhereItIsVeryShort) {
    for (const PayloadKind kind : kinds) {
        for (const std::size_t bytes : {1U, 2U, 50U}) {
            EXPECT_EQ(Payload(kind, bytes, 1, pool_bytes).next().size(), bytes);
        }
    }
}

TEST(Payload, GoesRoundAPoolOfAnOddCountOfValues) {
    for (const PayloadKind kind : kinds) {
        Payload payload(kind, 1000, 1, pool_bytes);
        EXPECT_EQ(payload.count() % 2, 1u);
        EXPECT_LE(payload.count() * 1000, pool_bytes);
        const std::string first(payload.next());
        for (std::size_t i = 1; i < payload.count(); ++i) payload.next();
        EXPECT_EQ(payload.next(), first);
    }
}

TEST(Payload, OfOneValueOnlyIsTheSameEachTime) {
    Payload payload(PayloadKind::same, 5);
    EXPECT_EQ(payload.count(), 1u);
    EXPECT_EQ(payload.next(), "xxxxx");
    EXPECT_EQ(payload.next(), "xxxxx");
}

TEST(Payload, IsCalledByItsName) {
    for (const PayloadKind kind : kinds) EXPECT_EQ(parse_payload(to_string(kind)), kind);
    EXPECT_EQ(parse_payload("same"), PayloadKind::same);
    EXPECT_EQ(parse_payload("JSON"), std::nullopt);
}

}  // namespace
}  // namespace ringpost::bench
