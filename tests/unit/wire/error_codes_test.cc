// SPDX-License-Identifier: Apache-2.0
#include "wire/error_codes.h"

#include <algorithm>
#include <cctype>
#include <fstream>
#include <set>
#include <string>

#include "golden.h"

namespace ringpost {
namespace {

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
}

TEST(ErrorCodes, RetriableAreExactlyThoseOfTheJavaClient) {
    const std::set<int> retriable = {2,  3,  5,  6,  7,  9,  13, 14, 15, 16,  19,
                                     20, 41, 51, 56, 72, 74, 75, 78, 89, 100, 103};
    for (const wire::ErrorRow& row : wire::error_table()) {
        const int code = static_cast<int>(row.code);
        if (code >= 1000) continue;
        EXPECT_EQ(row.retriable, retriable.contains(code)) << row.name;
    }
}

TEST(ErrorCodes, FatalAreThoseThatStopTheJavaProducerAndTheEndOfOurOwn) {
    const std::set<std::string_view> fatal = {"cluster_authorization_failed",
                                              "unsupported_version",
                                              "transactional_id_authorization_failed",
                                              "producer_fenced",
                                              "stopped",
                                              "forked"};
    for (const wire::ErrorRow& row : wire::error_table()) {
        EXPECT_EQ(row.fatal, fatal.contains(row.name)) << row.name;
        EXPECT_FALSE(row.fatal && row.retriable) << row.name;
    }
}

TEST(ErrorCodes, NothingIsSaidToBeUnwrittenThatMayBeInTheLog) {
    for (const Errc code :
         {Errc::unknown_server_error, Errc::unknown_topic_or_partition,
          Errc::not_leader_or_follower, Errc::request_timed_out, Errc::network_exception,
          Errc::not_enough_replicas_after_append, Errc::kafka_storage_error,
          Errc::duplicate_sequence_number, Errc::connection_lost, Errc::delivery_timeout,
          Errc::purged, Errc::malformed_response}) {
        EXPECT_TRUE(may_have_been_written(code)) << to_string(code);
    }
}

TEST(ErrorCodes, AnswersThatComeBeforeTheAppendSayUnwritten) {
    for (const int code :
         {2, 10, 17, 18, 19, 21, 29, 31, 32, 35, 42, 43, 45, 47, 48, 53, 59, 74, 76, 87, 90, 120}) {
        const Errc errc = wire::errc_of(static_cast<std::int16_t>(code));
        EXPECT_FALSE(may_have_been_written(errc)) << to_string(errc);
    }
}

TEST(ErrorCodes, CodeWithoutARowIsCarriedAndTreatedWithCare) {
    for (const int code : {-2, 1, 4, 130, 999, 1099, 1199, 32767}) {
        const Errc errc = static_cast<Errc>(code);
        EXPECT_EQ(to_string(errc), "unknown_error_code");
        EXPECT_FALSE(message(errc).empty());
        EXPECT_FALSE(is_retriable(errc));
        EXPECT_FALSE(is_fatal(errc));
        EXPECT_TRUE(may_have_been_written(errc));
    }
}

}  // namespace
}  // namespace ringpost
