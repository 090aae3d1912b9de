// SPDX-License-Identifier: Apache-2.0
#include "wire/group_offsets.h"

#include "golden.h"

namespace ringpost::wire {
namespace {

TEST(GroupOffsets, OffsetCommitAgreesWithKafkasOwnEncoderInEveryVersion) {
    for (std::int16_t v = 2; v <= 9; ++v) {
        OffsetCommitRequest q;
        q.group_id = "readers";
        q.generation_id = 6;
        q.member_id = "m1";
        if (v >= 7) q.group_instance_id = "i1";
        if (v <= 4) q.retention_time_ms = 86400000;
        q.topics = {{"orders", {{5, 1234, v >= 6 ? 17 : -1, "note"}}}};
        agrees_with_kafka_clients("OffsetCommitRequest", v, q);

        OffsetCommitResponse a;
        if (v >= 3) a.throttle_ms = 2;
        a.topics = {{"orders", {{5, 22}}}};
        agrees_with_kafka_clients("OffsetCommitResponse", v, a);
    }
}

TEST(GroupOffsets, OffsetFetchAgreesWithKafkasOwnEncoderInEveryVersion) {
    for (std::int16_t v = 1; v <= 9; ++v) {
        OffsetFetchRequest q;
        auto& group = q.groups.emplace_back();
        group.group_id = "readers";
        group.topics = {{"orders", {5, 6}}};
        if (v >= 9) {
            group.member_id = "m1";
            group.member_epoch = 6;
        }
        if (v >= 8) {
            auto& other = q.groups.emplace_back();
            other.group_id = "others";
            other.all_topics = true;
        }
        q.require_stable = v >= 7;
        agrees_with_kafka_clients("OffsetFetchRequest", v, q);

        OffsetFetchResponse a;
        if (v >= 3) a.throttle_ms = 2;
        auto& answer = a.groups.emplace_back();
        if (v >= 8) answer.group_id = "readers";
        answer.topics = {{"orders", {{5, 1234, v >= 5 ? 17 : -1, "note", 3}}}};
        if (v >= 2) answer.error_code = 14;
        agrees_with_kafka_clients("OffsetFetchResponse", v, a);
    }
}

TEST(GroupOffsets, RequestForAllTopicsOfAGroupIsANullArray) {
    for (std::int16_t v = 2; v <= 9; ++v) {
        OffsetFetchRequest q, read;
        q.groups.emplace_back().all_topics = true;
        ASSERT_TRUE(decode(encoded(v, q), v, read));
        EXPECT_EQ(read, q);
    }
}

}  // namespace
}  // namespace ringpost::wire
