// SPDX-License-Identifier: Apache-2.0
#include "base/log.h"

#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

namespace ringpost {

/// Counts how often somebody makes text of it.
struct Witness {
    int* formatted;
};

}  // namespace ringpost

template <>
struct fmt::formatter<ringpost::Witness> {
    constexpr auto parse(format_parse_context& context) { return context.begin(); }
    auto format(const ringpost::Witness& witness, format_context& context) const {
        ++*witness.formatted;
        return fmt::format_to(context.out(), "seen");
    }
};

namespace ringpost {
namespace {

using Lines = std::vector<std::pair<LogLevel, std::string>>;

Log log_into(Lines& lines, LogLevel level) {
    return Log(level, [&lines](LogLevel at, std::string_view line) {
        lines.emplace_back(at, line);
    });
}

void say_everything(const Log& log, int& formatted) {
    const Witness witness{&formatted};
    log.error("{} {}", 1, witness);
    log.warn("{} {}", 2, witness);
    log.info("{} {}", 3, witness);
    log.debug("{} {}", 4, witness);
}

TEST(Log, NeitherFormatsNorCallsTheSinkWhenOff) {
    Lines lines;
    int formatted = 0;
    say_everything(log_into(lines, LogLevel::off), formatted);
    EXPECT_EQ(formatted, 0);
    EXPECT_TRUE(lines.empty());
}

TEST(Log, NeitherFormatsNorFailsWithoutASink) {
    int formatted = 0;
    say_everything(Log(), formatted);
    say_everything(Log(LogLevel::debug, nullptr), formatted);
    EXPECT_EQ(formatted, 0);
    EXPECT_FALSE(Log(LogLevel::debug, nullptr).on(LogLevel::error));
}

TEST(Log, CallsTheSinkForItsLevelAndTheGraverOnesOnly) {
    for (int level = 1; level <= 4; ++level) {
        Lines lines;
        int formatted = 0;
        const Log log = log_into(lines, static_cast<LogLevel>(level));
        say_everything(log, formatted);
        EXPECT_EQ(formatted, level);
        ASSERT_EQ(lines.size(), static_cast<std::size_t>(level));
        for (int i = 1; i <= 4; ++i) EXPECT_EQ(log.on(static_cast<LogLevel>(i)), i <= level);
        EXPECT_EQ(lines.back().first, static_cast<LogLevel>(level));
        EXPECT_EQ(lines.back().second, std::to_string(level) + " seen");
    }
}

TEST(Log, OffIsNoLevelThatALineCanHave) {
    Lines lines;
    EXPECT_FALSE(log_into(lines, LogLevel::debug).on(LogLevel::off));
    EXPECT_FALSE(log_into(lines, LogLevel::off).on(LogLevel::off));
}

TEST(Log, ALineMayBeLongerThanTheBufferItStartsWith) {
    Lines lines;
    const std::string text(10'000, 'x');
    log_into(lines, LogLevel::info).info("<{}>", text);
    ASSERT_EQ(lines.size(), 1U);
    EXPECT_EQ(lines[0].second, "<" + text + ">");
}

TEST(Log, ACopyWritesToTheSameSink) {
    Lines lines;
    const Log log = log_into(lines, LogLevel::warn);
    const Log copy = log;
    copy.warn("from the copy");
    ASSERT_EQ(lines.size(), 1U);
    EXPECT_EQ(lines[0].second, "from the copy");
}

}  // namespace
}  // namespace ringpost
