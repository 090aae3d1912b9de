// SPDX-License-Identifier: Apache-2.0
#include "wire/fetch.h"

#include "golden.h"

namespace ringpost::wire {
namespace {

FetchRequest sample_request(std::int16_t version) {
    FetchRequest m;
    m.wait_max_ms = 500;
    m.bytes_min = 1;
    m.bytes_max = 1 << 20;
    m.isolation_level = 1;
    if (version >= 7) {
        m.session_id = 21;
        m.session_epoch = 22;
    }
    if (version >= 11) m.rack_id = "east";
    auto& topic = m.topics.emplace_back();
    if (version >= 13) topic.id = golden_id();
    if (version <= 12) topic.name = "orders";
    auto& partition = topic.partitions.emplace_back();
    partition.index = 5;
    partition.fetch_offset = 1000;
    partition.bytes_max = 4096;
    if (version >= 5) partition.log_start_offset = 10;
    if (version >= 9) partition.current_leader_epoch = 17;
    if (version >= 12) partition.last_fetched_epoch = 16;
    if (version >= 7) {
        auto& forgotten = m.forgotten.emplace_back();
        if (version >= 13) forgotten.id = golden_id();
        if (version <= 12) forgotten.name = "old";
        forgotten.partitions = {8, 9};
    }
    return m;
}

FetchResponse sample_response(std::int16_t version) {
    FetchResponse m;
    m.throttle_ms = 13;
    if (version >= 7) {
        m.error_code = 71;
        m.session_id = 21;
    }
    auto& topic = m.topics.emplace_back();
    if (version >= 13) topic.id = golden_id();
    if (version <= 12) topic.name = "orders";
    auto& partition = topic.partitions.emplace_back();
    partition.index = 5;
    partition.error_code = 1;
    partition.high_watermark = 2000;
    partition.last_stable_offset = 1900;
    partition.records = as_bytes("0123456789");
    partition.aborted_transactions = {{4242, 1500}};
    if (version >= 5) partition.log_start_offset = 10;
    if (version >= 11) partition.preferred_read_replica = 3;
    if (version >= 12) {
        partition.leader_id = 2;
        partition.leader_epoch = 7;
    }
    if (version >= 16) m.endpoints = {{2, "b2", 9093, "west"}};
    return m;
}

TEST(Fetch, RequestAgreesWithKafkasOwnEncoderInEveryVersion) {
    for (std::int16_t v = 4; v <= 17; ++v) {
        agrees_with_kafka_clients("FetchRequest", v, sample_request(v));
    }
}

TEST(Fetch, ResponseAgreesWithKafkasOwnEncoderInEveryVersion) {
    for (std::int16_t v = 4; v <= 17; ++v) {
        agrees_with_kafka_clients("FetchResponse", v, sample_response(v));
    }
}

TEST(Fetch, TagsOfARequestThatThisLibraryDoesNotNameAreSkipped) {
    // v17, no topics; at the end tag 0 (cluster id "c") and tag 1 (replica state 3, epoch 4).
    const Bytes body = from_hex(
        "00000001"
        "00000002"
        "00000003"
        "00"
        "00000000"
        "ffffffff"
        "01"
        "01"
        "01"
        "02"
        "00"
        "02"
        "0263"
        "01"
        "0d"
        "00000003"
        "0000000000000004"
        "00");
    FetchRequest m;
    ASSERT_TRUE(decode(body, 17, m));
    EXPECT_EQ(m.wait_max_ms, 1);
    EXPECT_TRUE(m.topics.empty());
}

TEST(Fetch, EmptyRecordsAreSentAsEmptyNotAsNull) {
    FetchResponse m;
    m.topics.emplace_back().partitions.emplace_back();
    FetchResponse read;
    const Bytes body = encoded(12, m);
    ASSERT_TRUE(decode(body, 12, read));
    EXPECT_NE(read.topics[0].partitions[0].records.data(), nullptr);
}

}  // namespace
}  // namespace ringpost::wire
