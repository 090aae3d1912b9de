// SPDX-License-Identifier: Apache-2.0
#include "wire/error_codes.h"

#include <algorithm>
#include <cctype>
#include <fstream>
#include <set>
#include <string>
#include <vector>

#include "golden.h"
#include "protocol_codes.h"

namespace ringpost {
namespace {

using wire::Verdict;

/// The enumerators of Errc, out of the public header itself, so that none can be forgotten.
std::set<std::string> enumerators() {
    std::ifstream in(TESTS_DIR "/../include/ringpost/error.h");
    std::set<std::string> names;
    bool inside = false;
    for (std::string line; std::getline(in, line);) {
        if (line.starts_with("enum class Errc")) inside = true;
        if (line.starts_with("};")) inside = false;
        const auto from = line.find_first_not_of(' ');
        const auto to = line.find_first_of(" ,", from);
        if (!inside || from != 4 || line[from] == '/' || to == std::string::npos) continue;
        names.insert(line.substr(from, to - from));
    }
    return names;
}

TEST(ErrorCodes, EveryEnumeratorHasARowUnderItsOwnName) {
    std::set<std::string> names;
    for (const wire::ErrorRow& row : wire::error_table()) names.insert(std::string(row.name));
    EXPECT_GT(names.size(), 60U);
    EXPECT_EQ(names, enumerators());
    EXPECT_EQ(names.size(), wire::error_table().size());
}

TEST(ErrorCodes, EveryMessageIsASentenceOfItsOwn) {
    std::set<std::string_view> messages;
    for (const wire::ErrorRow& row : wire::error_table()) {
        EXPECT_TRUE(messages.insert(row.message).second) << row.name;
        EXPECT_NE(std::isupper(static_cast<unsigned char>(row.message.front())), 0) << row.name;
        EXPECT_EQ(row.message.back(), '.') << row.name;
        if (row.code != Errc::none) {
            EXPECT_GE(row.message.size(), 30U) << row.name;
            EXPECT_GE(std::count(row.message.begin(), row.message.end(), ' '), 4) << row.name;
        }
        EXPECT_EQ(row.message.find("  "), std::string_view::npos) << row.name;
    }
}

TEST(ErrorCodes, FunctionsAnswerFromTheTable) {
    for (const wire::ErrorRow& row : wire::error_table()) {
        EXPECT_EQ(to_string(row.code), row.name);
        EXPECT_EQ(message(row.code), row.message);
        EXPECT_EQ(is_retriable(row.code), row.retriable);
        EXPECT_EQ(is_fatal(row.code), row.fatal);
        EXPECT_EQ(may_have_been_written(row.code), row.may_have_been_written);
    }
}

TEST(ErrorCodes, NumbersAreKafkas) {
    EXPECT_EQ(wire::errc_of(-1), Errc::unknown_server_error);
    EXPECT_EQ(wire::errc_of(6), Errc::not_leader_or_follower);
    EXPECT_EQ(wire::errc_of(45), Errc::out_of_order_sequence_number);
    EXPECT_EQ(wire::errc_of(100), Errc::unknown_topic_id);
    EXPECT_EQ(wire::errc_of(999), Errc{999}) << "carried as it is";
}

TEST(ErrorCodes, NoPeerCanSayWhatIsOursToSay) {
    for (const std::int16_t code : {1000, 1008, 1100, 1199, 32767}) {
        EXPECT_EQ(wire::errc_of(code), Errc::unknown_server_error);
    }
}

Verdict verdict_for(Class what) {
    switch (what) {
        case Class::delivered: return Verdict::acknowledge;
        case Class::retry: return Verdict::retry;
        case Class::refresh: return Verdict::refresh_and_retry;
        case Class::sequence: return Verdict::sequence;
        case Class::split: return Verdict::split;
        case Class::named: return Verdict::fail_named;
        case Class::producer: return Verdict::fail_producer;
        case Class::record: break;
    }
    return Verdict::fail;
}

TEST(ErrorCodes, RowsAreTheProtocols) {
    std::set<int> codes;
    for (const ProtocolCode& expected : protocol_codes) {
        SCOPED_TRACE(expected.code);
        const Errc code = wire::errc_of(static_cast<std::int16_t>(expected.code));
        codes.insert(expected.code);
        EXPECT_NE(to_string(code), "unknown_error_code");
        EXPECT_EQ(is_retriable(code), expected.retriable);
        EXPECT_EQ(is_fatal(code), expected.what == Class::producer);
        EXPECT_EQ(may_have_been_written(code), !expected.unwritten);
        if (expected.code == 46) {
            EXPECT_EQ(wire::verdict_of(code), Verdict::acknowledge_unknown_offset);
        } else {
            EXPECT_EQ(wire::verdict_of(code), verdict_for(expected.what));
        }
    }
    for (const wire::ErrorRow& row : wire::error_table()) {
        const int code = static_cast<int>(row.code);
        EXPECT_EQ(codes.contains(code), code < wire::own_codes_from) << row.name;
    }
}

TEST(ErrorCodes, EachRetriableCodeOfKafkasIsRetried) {
    for (const wire::ErrorRow& row : wire::error_table()) {
        if (static_cast<int>(row.code) >= wire::own_codes_from || !row.retriable) continue;
        EXPECT_TRUE(row.verdict == Verdict::retry || row.verdict == Verdict::refresh_and_retry)
            << row.name;
    }
}

/// What may stand in the log must not be let in again under another number.
TEST(ErrorCodes, WhatGetsANewIdentityWasNotWritten) {
    for (const wire::ErrorRow& row : wire::error_table()) {
        if (row.verdict == Verdict::sequence || row.verdict == Verdict::split ||
            row.verdict == Verdict::fail_named) {
            EXPECT_FALSE(row.may_have_been_written) << row.name;
        }
    }
}

TEST(ErrorCodes, FatalOfOurOwnIsTheEndOfAProducer) {
    for (const wire::ErrorRow& row : wire::error_table()) {
        EXPECT_FALSE(row.fatal && row.retriable) << row.name;
        if (static_cast<int>(row.code) < wire::own_codes_from) continue;
        EXPECT_EQ(row.fatal, row.code == Errc::stopped || row.code == Errc::forked) << row.name;
    }
}

TEST(ErrorCodes, OursThatEndARequestSayThatItMayBeInTheLog) {
    for (const Errc code : {Errc::connection_lost, Errc::delivery_timeout, Errc::purged,
                            Errc::malformed_response}) {
        EXPECT_TRUE(may_have_been_written(code)) << to_string(code);
    }
}

TEST(ErrorCodes, CodeWithoutARowIsCarriedAndTreatedWithCare) {
    std::vector<int> codes(std::begin(unknown_codes), std::end(unknown_codes));
    codes.insert(codes.end(), {1099, 1199, 32767});
    for (const int code : codes) {
        const Errc errc = static_cast<Errc>(code);
        EXPECT_EQ(wire::verdict_of(errc), Verdict::fail);
        EXPECT_EQ(to_string(errc), "unknown_error_code");
        EXPECT_FALSE(message(errc).empty());
        EXPECT_FALSE(is_retriable(errc));
        EXPECT_FALSE(is_fatal(errc));
        EXPECT_TRUE(may_have_been_written(errc));
    }
}

}  // namespace
}  // namespace ringpost
