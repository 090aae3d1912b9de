// SPDX-License-Identifier: Apache-2.0
#include "api/properties.h"

#include <gtest/gtest.h>

#include "base/limits.h"

namespace ringpost::api {
namespace {

using namespace std::string_literals;

/// "name=value" of each, with its line: "1:a=b 2:c=d"; or "error: " and its text.
std::string read(std::string_view text) {
    const auto properties = parse_properties(text);
    if (!properties) return "error: " + properties.error().text;
    std::string all;
    for (const Property& p : *properties) {
        all += (all.empty() ? "" : " ") + std::to_string(p.line) + ':' + p.name + '=' + p.value;
    }
    return all;
}

TEST(Properties, NameAndValueArePartedByEqualsColonOrSpace) {
    EXPECT_EQ(read("a=b"), "1:a=b");
    EXPECT_EQ(read("a = b"), "1:a=b");
    EXPECT_EQ(read("  a:b"), "1:a=b");
    EXPECT_EQ(read("a b"), "1:a=b");
    EXPECT_EQ(read("a \t\f: b"), "1:a=b");
    EXPECT_EQ(read("a==b"), "1:a==b") << "only one is passed over";
    EXPECT_EQ(read("a = :b"), "1:a=:b");
    EXPECT_EQ(read("a b=c"), "1:a=b=c");
    EXPECT_EQ(read("a"), "1:a=");
    EXPECT_EQ(read("a="), "1:a=");
    EXPECT_EQ(read("=b"), "1:=b");
    EXPECT_EQ(read("bootstrap.servers=h1:9092,[::1]:9093"),
              "1:bootstrap.servers=h1:9092,[::1]:9093");
}

TEST(Properties, LinesEndAsOnAnySystem) {
    EXPECT_EQ(read("a=1\nb=2\r\nc=3\rd=4"), "1:a=1 2:b=2 3:c=3 4:d=4");
    EXPECT_EQ(read("\n\r\n \t\f\na=1\n\n"), "4:a=1");
    EXPECT_EQ(read("\xef\xbb\xbf" "a=1"), "1:a=1") << "a byte order mark";
    EXPECT_EQ(read(""), "");
}

TEST(Properties, CommentsDoNotGoOn) {
    EXPECT_EQ(read("# a=1\n  ! b=2\nc=3 # no comment"), "3:c=3 # no comment");
    EXPECT_EQ(read("# a \\\nb=1"), "2:b=1");
    EXPECT_EQ(read("#\\"), "");
}

TEST(Properties, ABackslashAtTheEndJoinsLines) {
    EXPECT_EQ(read("a=1,\\\n   2,\\\r\n\t3\nb=4"), "1:a=1,2,3 4:b=4");
    EXPECT_EQ(read("a=1\\\\\nb=2"), "1:a=1\\ 2:b=2") << "two are a backslash";
    EXPECT_EQ(read("a=1\\\\\\\n2"), "1:a=1\\2");
    EXPECT_EQ(read("a=1\\\n# 2"), "1:a=1# 2") << "not a comment there";
    EXPECT_EQ(read("a=1\\\n\nb=2"), "1:a=1 3:b=2");
    EXPECT_EQ(read("a=1\\"), "1:a=1");
    EXPECT_EQ(read("a\\\n=1"), "1:a=1");
    EXPECT_EQ(read("\\\n  a=1\n\\\n# no\n\\"), "2:a=1") << "as if it were not there";
}

TEST(Properties, EscapesAreCharacters) {
    EXPECT_EQ(read(R"(a=\t\n\r\f\\\q\")"), "1:a=\t\n\r\f\\q\"");
    EXPECT_EQ(read(R"(a\ b\=c\:d=e)"), "1:a b=c:d=e");
    EXPECT_EQ(read(R"(a=\u0041\u00e9\u20AC\uD83D\uDE00)"),
              "1:a=A\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80");
    EXPECT_EQ(read("\\#a=1"), "1:#a=1");
}

TEST(Properties, WhiteSpaceBehindAValueIsNoPartOfIt) {
    EXPECT_EQ(read("a=b \t\nc=d"), "1:a=b 2:c=d");
    EXPECT_EQ(read("a=b\\  \t"), "1:a=b ");
    EXPECT_EQ(read("a=\\ b c "), "1:a= b c");
    EXPECT_EQ(read("a=b\\\\ "), "1:a=b\\");
}

TEST(Properties, WhatIsNoTextIsRefusedWithItsLine) {
    EXPECT_EQ(read("a=1\n\nb=\\u12"), "error: 3: \\u needs four hexadecimal digits");
    EXPECT_EQ(read("a=\\u 123"), "error: 1: \\u needs four hexadecimal digits");
    EXPECT_EQ(read("a=\\u0000"), "error: 1: \\u0000 is no text");
    for (const char* half : {"a=\\ud83d", "a=\\ude00", "a=\\ud83d\\u0041", "a=\\ud83dx"}) {
        EXPECT_NE(read(half).find("surrogate"), std::string::npos) << half;
    }
    EXPECT_EQ(read("a=1\nb=\0"s + "c"), "error: 2: the byte 0x00 is no text");
    EXPECT_EQ(read("# \x7f"), "error: 1: the byte 0x7f is no text") << "in a comment, too";
    EXPECT_EQ(read("a=\\\x01"), "error: 1: the byte 0x01 is no text");
    EXPECT_EQ(read("\x7f"
                   "ELF\x02\x01\x01"),
              "error: 1: the byte 0x7f is no text");
    EXPECT_EQ(read("\xff\xfe" "a\0=\0001\0"s), "error: 1: the byte 0x00 is no text") << "UTF-16";
}

TEST(Properties, LongLinesAndFilesAreRefused) {
    const std::string fits = "a=" + std::string(limits::options_line_bytes_max - 4, 'x');
    EXPECT_EQ(read(fits), "1:" + fits);
    EXPECT_EQ(read("b=1\n" + fits + "xxxx"), "error: 2: the line is longer than 65536 bytes");
    std::string joined = "\n\na=";
    for (int i = 0; i < 100'000; ++i) joined += "x\\\n";
    EXPECT_NE(read(joined).find("longer than"), std::string::npos);
    const std::string large(limits::options_text_bytes_max + 1, '\n');
    EXPECT_EQ(read(large), "error: 1: there are more than 1048576 bytes of it");
    EXPECT_EQ(read(std::string_view(large).substr(1)), "");
    EXPECT_NE(read(std::string(limits::options_text_bytes_max, '\\')).find("longer"),
              std::string::npos);
}

TEST(Properties, AValueIsReadAsItWasWritten) {
    for (const std::string& value : {""s, " "s, "  a b  "s, "\\"s, "a\\"s, "\t\n\r\x01"s, "# !=:"s,
                                     "\xc3\xa9"s, "\\u0041"s, "a\x7f"s}) {
        EXPECT_EQ(read("name = " + property_value(value)), "1:name=" + value);
    }
}

}  // namespace
}  // namespace ringpost::api
