// SPDX-License-Identifier: Apache-2.0
#include "fake/read_answers.h"

#include <gtest/gtest.h>

#include "fake/kafka_codes.h"
#include "make_batch.h"

namespace ringpost::fake {
namespace {

constexpr std::int16_t newest = 17;

class ReadAnswersTest : public testing::Test {
protected:
    ReadAnswersTest() : topic(*cluster.create_topic("t")) { cluster.set_address(2, "h2", 222); }

    void append(std::int32_t partition, std::int32_t count = 1, std::int64_t timestamp = 1000) {
        const Bytes batch = make_batch({.count = count, .timestamp = timestamp});
        ASSERT_EQ(topic->find(partition)->log.append(batch, 0).error, Errc::none);
    }
    wire::FetchRequest fetching(std::int32_t partition, std::int64_t offset) const {
        wire::FetchRequest request;
        request.bytes_min = 1;
        request.topics = {
            {.name = "t",
             .id = topic->id,
             .partitions = {{.index = partition, .fetch_offset = offset, .bytes_max = 1 << 20}}}};
        return request;
    }
    FetchAnswer fetch(const wire::FetchRequest& request, std::int16_t version = newest) {
        return answer_fetch(cluster, 1, version, request);
    }
    wire::ListOffsetsResponse::Partition list(std::int64_t timestamp, std::int32_t partition = 0,
                                              std::int32_t epoch = -1, std::string name = "t") {
        wire::ListOffsetsRequest request;
        request.topics = {
            {.name = std::move(name),
             .partitions = {
                 {.index = partition, .current_leader_epoch = epoch, .timestamp = timestamp}}}};
        return answer_list_offsets(cluster, 1, request).topics.at(0).partitions.at(0);
    }

    Cluster cluster{ClusterOptions{.brokers = 2, .partitions = 4}};  // Node 1 leads 0 and 2.
    Topic* topic;
};

TEST_F(ReadAnswersTest, FetchGivesTheBatchesFromAnOffsetOn) {
    append(0, 3);
    append(0, 2);
    const FetchAnswer answer = fetch(fetching(0, 3));
    const auto& partition = answer.response.topics.at(0).partitions.at(0);
    EXPECT_EQ(partition.error_code, 0);
    EXPECT_EQ(partition.high_watermark, 5);
    EXPECT_EQ(partition.last_stable_offset, 5);
    EXPECT_EQ(partition.log_start_offset, 0);
    wire::RecordBatchReader reader(partition.records);
    EXPECT_EQ(reader.header().base_offset, 3);
    EXPECT_EQ(answer.bytes, partition.records.size());
    EXPECT_TRUE(answer.is_enough(fetching(0, 3)));
}

TEST_F(ReadAnswersTest, FetchAtTheEndIsWorthWaiting) {
    append(0);
    wire::FetchRequest request = fetching(0, 1);
    const FetchAnswer answer = fetch(request);
    EXPECT_EQ(answer.response.topics[0].partitions[0].error_code, 0);
    EXPECT_EQ(answer.bytes, 0U);
    EXPECT_FALSE(answer.is_enough(request));
    request.bytes_min = 0;
    EXPECT_TRUE(answer.is_enough(request));
    EXPECT_TRUE(fetch({}).is_enough({.bytes_min = 1}));
}

TEST_F(ReadAnswersTest, FetchWaitsForEnoughBytes) {
    append(0);
    wire::FetchRequest request = fetching(0, 0);
    const std::size_t bytes = fetch(request).bytes;
    request.bytes_min = static_cast<std::int32_t>(bytes);
    EXPECT_TRUE(fetch(request).is_enough(request));
    request.bytes_min = static_cast<std::int32_t>(bytes) + 1;
    EXPECT_FALSE(fetch(request).is_enough(request));
}

TEST_F(ReadAnswersTest, FetchKeepsItsLimitsButAlwaysGivesOneBatch) {
    append(0);
    append(0);
    append(2);
    wire::FetchRequest request = fetching(0, 0);
    request.topics[0].partitions.push_back({.index = 2, .bytes_max = 1 << 20});
    const std::size_t one = make_batch().size();
    request.bytes_max = 1;
    FetchAnswer answer = fetch(request);
    EXPECT_EQ(answer.response.topics[0].partitions[0].records.size(), one);
    EXPECT_TRUE(answer.response.topics[0].partitions[1].records.empty());
    request.bytes_max = static_cast<std::int32_t>(one * 2);
    EXPECT_EQ(fetch(request).bytes, one * 2);
    request.bytes_max = INT32_MAX;
    EXPECT_EQ(fetch(request).bytes, one * 3);
    request.topics[0].partitions[0].bytes_max = 1;
    EXPECT_EQ(fetch(request).bytes, one * 2);
    request.bytes_max = request.topics[0].partitions[0].bytes_max = -1;
    EXPECT_EQ(fetch(request).bytes, one);
}

TEST_F(ReadAnswersTest, FetchOutsideTheLogIsAnError) {
    append(0, 3);
    for (const std::int64_t offset : {-1, 4}) {
        const FetchAnswer answer = fetch(fetching(0, offset));
        EXPECT_EQ(answer.response.topics[0].partitions[0].error_code, code_of(offset_out_of_range));
        EXPECT_TRUE(answer.is_enough(fetching(0, offset)));
    }
    topic->find(0)->log.delete_before(2);
    EXPECT_EQ(fetch(fetching(0, 0)).response.topics[0].partitions[0].error_code,
              code_of(offset_out_of_range));
}

TEST_F(ReadAnswersTest, FetchFromANonLeaderNamesTheLeader) {
    const auto error = [&](const FetchAnswer& answer) {
        return Errc{answer.response.topics[0].partitions[0].error_code};
    };
    const FetchAnswer answer = fetch(fetching(1, 0));
    EXPECT_EQ(error(answer), Errc::not_leader_or_follower);
    EXPECT_EQ(answer.response.topics[0].partitions[0].leader_id, 2);
    ASSERT_EQ(answer.response.endpoints.size(), 1U);
    EXPECT_EQ(answer.response.endpoints[0].host, "h2");
    EXPECT_TRUE(fetch(fetching(1, 0), 15).response.endpoints.empty());
    EXPECT_EQ(fetch(fetching(1, 0), 11).response.topics[0].partitions[0].leader_id, -1);
}

TEST_F(ReadAnswersTest, FetchKnowsUnknownTopicsAndOldLeaders) {
    const auto error = [&](const wire::FetchRequest& request, std::int16_t version) {
        return Errc{fetch(request, version).response.topics[0].partitions[0].error_code};
    };
    EXPECT_EQ(error(fetching(9, 0), newest), Errc::unknown_topic_or_partition);
    wire::FetchRequest unknown = fetching(0, 0);
    unknown.topics[0].name = "u";
    unknown.topics[0].id = {};
    EXPECT_EQ(error(unknown, 12), Errc::unknown_topic_or_partition);
    EXPECT_EQ(error(unknown, 13), Errc::unknown_topic_id);
    cluster.move_leader("t", 0, 1);
    wire::FetchRequest stale = fetching(0, 0);
    stale.topics[0].partitions[0].current_leader_epoch = 0;
    EXPECT_EQ(error(stale, newest), Errc::fenced_leader_epoch);
    stale.topics[0].partitions[0].current_leader_epoch = 2;
    EXPECT_EQ(error(stale, newest), Errc::unknown_leader_epoch);
    stale.topics[0].partitions[0].current_leader_epoch = 1;
    EXPECT_EQ(error(stale, newest), Errc::none);
}

TEST_F(ReadAnswersTest, FetchHasNoSessions) {
    wire::FetchRequest request = fetching(0, 0);
    request.session_id = 5;
    const FetchAnswer answer = fetch(request);
    EXPECT_EQ(answer.response.error_code, code_of(fetch_session_id_not_found));
    EXPECT_TRUE(answer.is_enough(request));
    request.session_id = 0;
    request.session_epoch = 0;
    EXPECT_EQ(fetch(request).response.session_id, 0);
}

TEST_F(ReadAnswersTest, ListOffsetsKnowsBothEndsAndTimestamps) {
    append(0, 3, 100);
    append(0, 3, 200);
    topic->find(0)->log.delete_before(1);
    EXPECT_EQ(list(wire::list_offsets_latest).offset, 6);
    EXPECT_EQ(list(wire::list_offsets_latest).timestamp, -1);
    EXPECT_EQ(list(wire::list_offsets_latest).leader_epoch, 0);
    EXPECT_EQ(list(wire::list_offsets_earliest).offset, 1);
    EXPECT_EQ(list(-4).offset, 1);
    EXPECT_EQ(list(-5).offset, -1);
    EXPECT_EQ(list(wire::list_offsets_max_timestamp).offset, 5);
    EXPECT_EQ(list(201).offset, 4);
    EXPECT_EQ(list(201).timestamp, 201);
    EXPECT_EQ(list(0).offset, 1);
    EXPECT_EQ(list(900).offset, -1);
    EXPECT_EQ(list(900).error_code, 0);
    EXPECT_EQ(list(900).leader_epoch, -1);
}

TEST_F(ReadAnswersTest, ListOffsetsIsForTheLeader) {
    constexpr std::int64_t latest = wire::list_offsets_latest;
    EXPECT_EQ(list(latest, 1).error_code, code_of(Errc::not_leader_or_follower));
    EXPECT_EQ(list(latest, 8).error_code, code_of(Errc::unknown_topic_or_partition));
    EXPECT_EQ(list(latest, 0, -1, "u").error_code, code_of(Errc::unknown_topic_or_partition));
    EXPECT_EQ(list(latest, 0, 1).error_code, code_of(Errc::unknown_leader_epoch));
    EXPECT_EQ(list(latest, 0, 0).error_code, 0);
}

}  // namespace
}  // namespace ringpost::fake
