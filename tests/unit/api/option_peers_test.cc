// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include "api/option_table.h"

namespace ringpost {
namespace {

std::string refusal(std::string_view name, std::string_view value) {
    Options o;
    const std::string before = o.describe();
    const std::string text = o.set(name, value).error().text;
    EXPECT_EQ(o.describe(), before);
    return text;
}

TEST(OptionPeers, EveryAliasNamesARowThatIsThere) {
    for (const api::AliasRow& alias : api::alias_table()) {
        ASSERT_NE(api::find_option(alias.of), nullptr) << alias.name;
        EXPECT_EQ(api::find_name(alias.name).row, api::find_option(alias.of));
        EXPECT_EQ(api::find_name(alias.name).alias, &alias);
    }
}

TEST(OptionPeers, KibibytesBecomeBytes) {
    Options o;
    ASSERT_TRUE(o.set("queue.buffering.max.kbytes", "1048576"));  // librdkafka's default
    EXPECT_EQ(o.buffer_memory, 1U << 30);
    const std::string text = refusal("queue_buffering_max_kbytes", "1");
    EXPECT_NE(text.find("queue_buffering_max_kbytes (buffer.memory)"), std::string::npos) << text;
    EXPECT_NE(text.find("2048 to 1073741824 KiB"), std::string::npos) << text;
}

TEST(OptionPeers, JavasPartitionersAreKnownByTheirClass) {
    Options o;
    ASSERT_TRUE(
        o.set("partitioner.class", "org.apache.kafka.clients.producer.RoundRobinPartitioner"));
    EXPECT_EQ(o.partitioner, Partitioner::round_robin);
    ASSERT_TRUE(o.set("partitioner.class", "UniformStickyPartitioner"));
    EXPECT_EQ(o.partitioner, Partitioner::sticky);
    EXPECT_NE(refusal("partitioner.class", "com.example.Mine").find("classes"), std::string::npos);
}

/// The defaults of pykafka's Producer (those that are text), librdkafka and Java, where peers say
/// the same as ringpost can do.
TEST(OptionPeers, AConfigurationOfAnotherClientIsUnderstood) {
    const std::pair<const char*, const char*> settings[] = {
        {"hosts", "127.0.0.1:9092"}, {"compression", "0"}, {"max_retries", "3"},
        {"retry_backoff_ms", "100"}, {"required_acks", "1"}, {"ack_timeout_ms", "10000"},
        {"max_queued_messages", "100000"}, {"min_queued_messages", "70000"},
        {"linger_ms", "5000"}, {"queue_empty_timeout_ms", "0"}, {"max_request_size", "1000012"},
        {"pending_timeout_ms", "5000"}, {"socket_timeout_ms", "30000"},
        {"metadata.broker.list", "a:1,b:2"}, {"request.required.acks", "-1"},
        {"queue.buffering.max.messages", "100000"}, {"queue.buffering.max.kbytes", "1048576"},
        {"queue.buffering.max.ms", "5"}, {"message.send.max.retries", "2147483647"},
        {"message.timeout.ms", "300000"}, {"max.in.flight", "5"}, {"batch.num.messages", "10000"},
        {"topic.metadata.refresh.interval.ms", "300000"}, {"log_level", "6"},
        {"compression.codec", "none"}, {"security.protocol", "plaintext"},
        {"socket.keepalive.enable", "true"}, {"topic.metadata.refresh.sparse", "true"},
        {"bootstrap.servers", "a:1"}, {"acks", "all"}, {"enable.idempotence", "True"},
        {"batch.size", "16384"}, {"buffer.memory", "33554432"}, {"compression.type", "none"},
        {"connections.max.idle.ms", "-1"}, {"delivery.timeout.ms", "120000"},
        {"max.request.size", "1048576"}, {"security.protocol", "PLAINTEXT"},
        {"client.dns.lookup", "use_all_dns_ips"}, {"send.buffer.bytes", "-1"},
    };
    Options o;
    for (const auto& [name, value] : settings) {
        EXPECT_EQ(o.set(name, value).error().text, "") << name << '=' << value;
    }
    EXPECT_EQ(o.log_level, LogLevel::info);
    EXPECT_EQ(o.connections_max_idle.count(), 0);
}

TEST(OptionPeers, WhatCanNotBeServedIsRefusedWithTheReason) {
    EXPECT_EQ(refusal("security.protocol", "SASL_SSL"),
              "security.protocol: \"SASL_SSL\" is not plaintext: TLS and SASL are not supported "
              "yet");
    EXPECT_NE(refusal("transactional.id", "x").find("not supported"), std::string::npos);
    EXPECT_NE(refusal("key.serializer", "org.X").find("bytes"), std::string::npos);
    EXPECT_NE(refusal("group.id", "x").find("consumer"), std::string::npos);
}

TEST(OptionPeers, APasswordIsNotQuoted) {
    for (const char* name : {"sasl.password", "sasl_plain_password", "ssl.key.password"}) {
        const std::string text = refusal(name, "hunter2");
        EXPECT_NE(text.find("not supported"), std::string::npos) << text;
        EXPECT_EQ(text.find("hunter2"), std::string::npos) << text;
    }
}

TEST(OptionPeers, EveryReasonFitsALineOfATable) {
    for (const api::PeerRow& peer : api::peer_table()) {
        EXPECT_FALSE(peer.why.empty()) << peer.names;
        EXPECT_EQ(peer.why.find_first_of("|\n"), peer.why.npos) << peer.names;
    }
}

}  // namespace
}  // namespace ringpost
