// SPDX-License-Identifier: Apache-2.0
// From a connected socket to a version for each API, with every kind of peer (KIP-35, KIP-511).
#include <gtest/gtest.h>

#include <cerrno>

#include "connection_driver.h"

namespace ringpost::broker {
namespace {

wire::ApiVersionsResponse unsupported(std::vector<wire::ApiVersionsResponse::Api> apis) {
    wire::ApiVersionsResponse response;
    response.error_code = 35;
    response.apis = std::move(apis);
    return response;
}

TEST(Connection, AsksWithTheHighestVersionFirst) {
    Driver d;
    d.to_negotiating();
    EXPECT_EQ(d.next_sent().version, 4);
}

TEST(Connection, AsksAgainWithTheVersionThatARefusalNames) {
    for (std::int16_t listed = 0; listed <= 3; ++listed) {
        Driver d;
        d.to_negotiating();
        d.answer_versions(unsupported({{wire::ApiKey::api_versions, 0, listed}}));
        ASSERT_EQ(d.state(), State::negotiating);
        const auto request = d.next_sent();
        EXPECT_EQ(request.version, listed);
        d.sent_ok();
        d.receive(response_frame(request.correlation_id, encoded(listed, usual_versions())));
        EXPECT_EQ(d.state(), State::ready);
        EXPECT_EQ(d.lines_at(LogLevel::warn), 0U);
    }
}

TEST(Connection, AsksWithVersionZeroWhenARefusalNamesNone) {
    for (const Bytes& body : {encoded(0, unsupported({})), Bytes{std::byte{0}, std::byte{35}}}) {
        Driver d;
        d.to_negotiating();
        const auto first = d.next_sent();
        d.sent_ok();
        d.receive(response_frame(first.correlation_id, body));
        ASSERT_EQ(d.state(), State::negotiating);
        EXPECT_EQ(d.next_sent().version, 0);
    }
}

TEST(Connection, ABrokerThatRefusesAndNamesWhatItRefusedIsAskedOneLower) {
    Driver d;
    d.to_negotiating();
    for (std::int16_t version = 4; version >= 0; --version) {
        ASSERT_EQ(d.state(), State::negotiating);
        d.answer_versions(unsupported({{wire::ApiKey::api_versions, 0, 99}}));
    }
    EXPECT_EQ(d.state(), State::closing) << "version 0 was refused, too";
    EXPECT_EQ(d.c().last_error(), Errc::unsupported_broker);
}

TEST(Connection, RemembersTheVersionThatTheBrokerTook) {
    Driver d;
    d.to_negotiating();
    d.answer_versions(unsupported({{wire::ApiKey::api_versions, 0, 2}}));
    d.answer_versions(usual_versions());
    ASSERT_EQ(d.state(), State::ready);
    d.shut();
    d.closed();
    d.to_negotiating();
    EXPECT_EQ(d.next_sent().version, 2);
}

TEST(Connection, AsksAnOlderVersionOfABrokerThatHangsUpOnApiVersions) {
    Driver d;
    std::vector<std::int16_t> asked;
    for (int i = 0; i < 4; ++i) {
        d.to_negotiating();
        asked.push_back(d.next_sent().version);
        d.sent_ok();
        d.received(i == 1 ? -ECONNRESET : 0);
        EXPECT_EQ(d.state(), State::closing);
        EXPECT_EQ(d.c().last_error(), Errc::connection_lost);
        d.closed();
        d.c().unwant();
        d.pass_to_deadline();
    }
    EXPECT_EQ(asked, (std::vector<std::int16_t>{4, 3, 0, 4}));
}

TEST(Connection, ABrokerWithoutProduceOrMetadataInCommonIsUnsupported) {
    for (const std::size_t row : {0U, 1U}) {
        for (const bool missing : {true, false}) {
            auto versions = usual_versions();
            versions.apis[row].min = 0;
            versions.apis[row].max = 2;
            if (missing) versions.apis.erase(versions.apis.begin() + static_cast<int>(row));
            Driver d;
            d.to_negotiating();
            d.answer_versions(versions);
            EXPECT_EQ(d.state(), State::closing);
            EXPECT_EQ(d.c().last_error(), Errc::unsupported_broker);
            const std::string line = d.last_line(LogLevel::warn);
            const char* offers[2][2] = {{"offers Produce 0 to 2, Metadata 0 to 8;",
                                         "offers no Produce, Metadata 0 to 8;"},
                                        {"offers Produce 3 to 8, Metadata 0 to 2;",
                                         "offers Produce 3 to 8, no Metadata;"}};
            EXPECT_TRUE(mentions(line, offers[row][missing ? 1 : 0])) << line;
            EXPECT_TRUE(mentions(line, "needed are Produce 3 to 13, Metadata 7 to 13")) << line;
            EXPECT_TRUE(mentions(line, "Kafka 2.1")) << line;
            d.closed();
            EXPECT_EQ(d.state(), State::backoff);
        }
    }
}

TEST(Connection, AnErrorInsteadOfVersionsEndsTheConnection) {
    auto versions = usual_versions();
    versions.error_code = static_cast<std::int16_t>(Errc::cluster_authorization_failed);
    Driver d;
    d.to_negotiating();
    d.answer_versions(versions);
    EXPECT_EQ(d.state(), State::closing);
    EXPECT_EQ(d.c().last_error(), Errc::cluster_authorization_failed);
}

TEST(Connection, VersionsThatCanNotBeReadEndTheConnectionAndNeverMoreThanThat) {
    const Bytes whole = encoded(4, usual_versions());
    const auto negotiate = [](ByteSpan body) {
        Driver d;
        d.to_negotiating();
        const auto request = d.next_sent();
        d.sent_ok();
        d.receive(response_frame(request.correlation_id, body));
        return d.state();
    };
    for (std::size_t n = 0; n < whole.size(); ++n) {
        EXPECT_EQ(negotiate(ByteSpan(whole).first(n)), State::closing) << n;
    }
    Bytes changed = whole;
    for (std::size_t bit = 0; bit < whole.size() * 8; ++bit) {
        const auto mask = static_cast<std::byte>(1U << (bit % 8));
        changed[bit / 8] ^= mask;
        const State state = negotiate(changed);
        EXPECT_TRUE(state == State::ready || state == State::closing ||
                    state == State::negotiating);
        changed[bit / 8] ^= mask;
    }
    EXPECT_EQ(negotiate(whole), State::ready);
}

TEST(Connection, NamesWhatElseSpeaksOnThePort) {
    const struct {
        std::string_view bytes;
        std::string_view said;
    } peers[] = {
        {"HTTP/1.1 400 Bad Request\r\n\r\n", "it speaks HTTP"},
        {std::string_view("\x15\x03\x03\x00\x02\x02\x16", 7), "it speaks TLS"},
        {std::string_view("\x16\x03\x01\x02\x00\x01", 6), "it speaks TLS"},
        {"SSH-2.0-OpenSSH_9.2p1\r\n", "no Kafka broker sends"},
        {"\x7f\xff\xff\xff", "2147483647 bytes"},
        {std::string_view("\x80\0\0\0", 4), "-2147483648 bytes"},
        {"\xff\xff\xff\xff", "-1 bytes"},
        {std::string_view("\0\0\0\0", 4), " 0 bytes"},
        {std::string_view("\0\0\0\3", 4), " 3 bytes"},
    };
    for (const auto& peer : peers) {
        Driver d;
        d.to_negotiating();
        d.sent_ok();
        d.receive(text_bytes(peer.bytes));
        EXPECT_EQ(d.state(), State::closing);
        EXPECT_EQ(d.c().last_error(), Errc::malformed_response);
        EXPECT_TRUE(mentions(d.last_line(LogLevel::warn), peer.said))
            << d.last_line(LogLevel::warn);
        d.closed();
        EXPECT_EQ(d.state(), State::backoff);
        ASSERT_EQ(d.events.size(), 1U) << "the negotiation is nobody's request";
        EXPECT_EQ(d.events[0].kind, Kind::down);
    }
}

}  // namespace
}  // namespace ringpost::broker
