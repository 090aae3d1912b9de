// SPDX-License-Identifier: Apache-2.0
#include "fake/produce_answer.h"

#include <gtest/gtest.h>

#include "fake/kafka_codes.h"
#include "make_batch.h"

namespace ringpost::fake {
namespace {

constexpr std::int16_t by_name = 12;
constexpr std::int16_t by_id = 13;

class ProduceAnswerTest : public testing::Test {
protected:
    ProduceAnswerTest() { make({.brokers = 2, .partitions = 2}); }

    void make(ClusterOptions options) {
        cluster = std::make_unique<Cluster>(std::move(options));
        topic = *cluster->create_topic("t");
    }
    wire::ProduceRequest request(std::int32_t partition = 0) const {
        wire::ProduceRequest r;
        r.topics = {{.name = "t", .id = topic->id, .partitions = {{partition, batch}}}};
        return r;
    }
    wire::ProduceResponse answer(const wire::ProduceRequest& r, std::int16_t version = by_name) {
        return answer_produce(*cluster, 1, version, r, failed);
    }
    Errc error(const wire::ProduceRequest& r, std::int16_t version = by_name) {
        return Errc{answer(r, version).topics.at(0).partitions.at(0).error_code};
    }
    std::int64_t end_offset() const { return topic->partitions[0].log.end_offset(); }

    const Bytes batch = make_batch({.count = 3, .producer_id = 1, .epoch = 0, .sequence = 0});
    std::unique_ptr<Cluster> cluster;
    Topic* topic = nullptr;
    bool failed = false;
};

TEST_F(ProduceAnswerTest, AppendsAndAnswersTheOffset) {
    const std::uint64_t changes = cluster->changes();
    const auto response = answer(request());
    ASSERT_EQ(response.topics.size(), 1U);
    EXPECT_EQ(response.topics[0].name, "t");
    const auto& partition = response.topics[0].partitions.at(0);
    EXPECT_EQ(partition.index, 0);
    EXPECT_EQ(partition.error_code, 0);
    EXPECT_EQ(partition.base_offset, 0);
    EXPECT_EQ(partition.log_append_time_ms, -1);
    EXPECT_EQ(partition.log_start_offset, 0);
    EXPECT_FALSE(failed);
    EXPECT_EQ(end_offset(), 3);
    EXPECT_GT(cluster->changes(), changes);
}

TEST_F(ProduceAnswerTest, DuplicateIsASuccessThatChangesNothing) {
    answer(request());
    const std::uint64_t changes = cluster->changes();
    EXPECT_EQ(answer(request()).topics[0].partitions[0].base_offset, 0);
    EXPECT_FALSE(failed);
    EXPECT_EQ(end_offset(), 3);
    EXPECT_EQ(cluster->changes(), changes);
}

TEST_F(ProduceAnswerTest, KnowsATopicByItsIdFromV13On) {
    wire::ProduceRequest named_by_id = request();
    named_by_id.topics[0].name = {};
    const auto response = answer(named_by_id, by_id);
    EXPECT_EQ(response.topics[0].partitions[0].error_code, 0);
    EXPECT_TRUE(response.topics[0].id == topic->id);
    named_by_id.topics[0].id.bytes[0] ^= std::byte{1};
    EXPECT_EQ(error(named_by_id, by_id), Errc::unknown_topic_id);
    EXPECT_EQ(error(named_by_id, by_name), Errc::unknown_topic_or_partition);
}

TEST_F(ProduceAnswerTest, CreatesNoTopics) {
    wire::ProduceRequest r = request();
    r.topics[0].name = "other";
    EXPECT_EQ(error(r), Errc::unknown_topic_or_partition);
    EXPECT_TRUE(failed);
    EXPECT_EQ(error(request(2)), Errc::unknown_topic_or_partition);
    EXPECT_EQ(error(request(-1)), Errc::unknown_topic_or_partition);
    EXPECT_EQ(cluster->topics().size(), 1U);
}

TEST_F(ProduceAnswerTest, NamesTheLeaderWhenItIsAnother) {
    cluster->set_address(2, "leader.test", 777);
    wire::ProduceRequest r = request(1);
    r.topics[0].partitions.push_back(r.topics[0].partitions[0]);
    const auto response = answer(r, 10);
    const auto& partition = response.topics[0].partitions[0];
    EXPECT_EQ(partition.error_code, code_of(Errc::not_leader_or_follower));
    EXPECT_EQ(partition.leader_id, 2);
    EXPECT_EQ(partition.leader_epoch, 0);
    ASSERT_EQ(response.endpoints.size(), 1U);
    EXPECT_EQ(response.endpoints[0].node_id, 2);
    EXPECT_EQ(response.endpoints[0].host, "leader.test");
    EXPECT_EQ(response.endpoints[0].port, 777);
    EXPECT_EQ(answer(request(1), 9).topics[0].partitions[0].leader_id, -1);
    cluster->stop_node(2);
    EXPECT_EQ(answer(request(1), 10).topics[0].partitions[0].leader_id, -1);
}

TEST_F(ProduceAnswerTest, AnswersEachPartitionForItself) {
    wire::ProduceRequest r = request();
    r.topics[0].partitions.push_back({1, batch});
    r.topics.push_back({.name = "none", .partitions = {{0, batch}}});
    const auto response = answer(r);
    ASSERT_EQ(response.topics.size(), 2U);
    EXPECT_EQ(response.topics[0].partitions[0].error_code, 0);
    EXPECT_EQ(response.topics[0].partitions[1].error_code, code_of(Errc::not_leader_or_follower));
    EXPECT_EQ(response.topics[1].partitions[0].error_code,
              code_of(Errc::unknown_topic_or_partition));
    EXPECT_TRUE(failed);
}

TEST_F(ProduceAnswerTest, RefusesOtherAcksAndTransactions) {
    wire::ProduceRequest r = request();
    for (const std::int16_t acks : {-2, 2}) {
        r.acks = acks;
        EXPECT_EQ(error(r), Errc::invalid_required_acks);
    }
    for (const std::int16_t acks : {-1, 0, 1}) {
        r.acks = acks;
        EXPECT_EQ(error(r), Errc::none);
    }
    r.transactional_id = "tx";
    EXPECT_EQ(error(r), Errc::transactional_id_authorization_failed);
}

TEST_F(ProduceAnswerTest, TakesZstdFromV7On) {
    if (!wire::is_built_in(wire::Codec::zstd)) GTEST_SKIP() << "this build is without zstd";
    const Bytes zstd = compressed_batch(wire::Codec::zstd, make_batch());
    wire::ProduceRequest r = request();
    r.topics[0].partitions[0].records = zstd;
    EXPECT_EQ(error(r, 6), Errc::unsupported_compression_type);
    EXPECT_EQ(error(r, 7), Errc::none);
}

TEST_F(ProduceAnswerTest, SaysWhyABatchIsRefused) {
    wire::ProduceRequest r = request();
    r.topics[0].partitions[0].records = ByteSpan(batch).first(batch.size() - 1);
    const auto partition = answer(r).topics[0].partitions[0];
    EXPECT_EQ(partition.error_code, code_of(Errc::invalid_record));
    EXPECT_EQ(partition.base_offset, -1);
    EXPECT_FALSE(partition.error_message.empty());
}

TEST_F(ProduceAnswerTest, HasTheLimitOfItsOptions) {
    make({.message_bytes_max = static_cast<std::uint32_t>(batch.size()) - 1});
    EXPECT_EQ(error(request()), Errc::message_too_large);
}

TEST_F(ProduceAnswerTest, DiscardsWithoutALook) {
    make({.discard = true});
    wire::ProduceRequest r = request();
    const Bytes garbage(10);
    r.topics[0].partitions[0].records = garbage;
    const std::uint64_t changes = cluster->changes();
    const auto partition = answer(r).topics[0].partitions[0];
    EXPECT_EQ(partition.error_code, 0);
    EXPECT_EQ(partition.base_offset, 0);
    EXPECT_EQ(end_offset(), 0);
    EXPECT_EQ(cluster->changes(), changes);
}

TEST_F(ProduceAnswerTest, FaultTakesThePlaceOfTheAppend) {
    std::vector<std::string> asked;
    cluster->faults().on_produce = [&](const ProduceAttempt& attempt) {
        asked.push_back(std::string(attempt.topic) + "/" + std::to_string(attempt.partition) + "@" +
                        std::to_string(attempt.node_id));
        return ProduceFault{.error = Errc::not_enough_replicas};
    };
    EXPECT_EQ(error(request()), Errc::not_enough_replicas);
    EXPECT_EQ(end_offset(), 0);
    EXPECT_EQ(asked, std::vector<std::string>{"t/0@1"});
}

TEST_F(ProduceAnswerTest, FaultMayComeAfterTheAppend) {
    cluster->faults().on_produce = [](const ProduceAttempt&) {
        return ProduceFault{.error = Errc::request_timed_out, .append = true};
    };
    EXPECT_EQ(error(request()), Errc::request_timed_out);
    EXPECT_EQ(end_offset(), 3);
    cluster->faults().on_produce = [](const ProduceAttempt&) { return ProduceFault{}; };
    EXPECT_EQ(answer(request()).topics[0].partitions[0].base_offset, 0);
    EXPECT_EQ(end_offset(), 3);
}

TEST_F(ProduceAnswerTest, FaultMayNameRecords) {
    cluster->faults().on_produce = [](const ProduceAttempt&) {
        return ProduceFault{.error = Errc::invalid_record, .records = {{1, "odd"}}};
    };
    const auto partition = answer(request()).topics[0].partitions[0];
    EXPECT_EQ(partition.error_code, static_cast<std::int16_t>(Errc::invalid_record));
    ASSERT_EQ(partition.record_errors.size(), 1U);
    EXPECT_EQ(partition.record_errors[0].batch_index, 1);
    EXPECT_EQ(partition.record_errors[0].message, "odd");
    EXPECT_EQ(end_offset(), 0);
}

TEST_F(ProduceAnswerTest, ThrottlesWhenToldTo) {
    cluster->faults().produce_throttle_ms = 250;
    EXPECT_EQ(answer(request()).throttle_ms, 250);
}

}  // namespace
}  // namespace ringpost::fake
