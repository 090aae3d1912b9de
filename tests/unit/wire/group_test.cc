// SPDX-License-Identifier: Apache-2.0
#include "wire/group.h"

#include "golden.h"

namespace ringpost::wire {
namespace {

/// The value, from the version that has the field.
std::optional<std::string> since(bool present, const char* value) {
    return present ? std::optional<std::string>(value) : std::nullopt;
}

TEST(Group, FindCoordinatorAgreesWithKafkasOwnEncoderInEveryVersion) {
    for (std::int16_t v = 0; v <= 6; ++v) {
        FindCoordinatorRequest q;
        q.keys = {"readers"};
        if (v >= 4) q.keys.push_back("others");
        if (v >= 1) q.key_type = 1;
        agrees_with_kafka_clients("FindCoordinatorRequest", v, q);

        FindCoordinatorResponse a;
        if (v >= 1) a.throttle_ms = 2;
        a.coordinators.push_back(
            {v >= 4 ? "readers" : "", 1, "b1", 9092, 15, v >= 1 ? "later" : ""});
        if (v >= 4) a.coordinators.push_back({"others", 2, "b2", 9093, 0, ""});
        agrees_with_kafka_clients("FindCoordinatorResponse", v, a);
    }
}

TEST(Group, JoinGroupAgreesWithKafkasOwnEncoderInEveryVersion) {
    for (std::int16_t v = 0; v <= 9; ++v) {
        JoinGroupRequest q;
        q.group_id = "readers";
        q.session_timeout_ms = 45000;
        if (v >= 1) q.rebalance_timeout_ms = 300000;
        q.member_id = "m1";
        q.group_instance_id = since(v >= 5, "i1");
        q.protocol_type = "consumer";
        q.protocols = {{"range", from_hex("010203")}};
        q.reason = since(v >= 8, "new");
        agrees_with_kafka_clients("JoinGroupRequest", v, q);

        JoinGroupResponse a;
        if (v >= 2) a.throttle_ms = 2;
        a.error_code = 27;
        a.generation_id = 6;
        a.protocol_type = since(v >= 7, "consumer");
        a.protocol_name = "range";
        a.leader = "m1";
        a.skip_assignment = v >= 9;
        a.member_id = "m2";
        a.members = {{"m1", since(v >= 5, "i1"), from_hex("0405")}, {"m2", std::nullopt, {}}};
        agrees_with_kafka_clients("JoinGroupResponse", v, a);
    }
}

TEST(Group, SyncGroupAgreesWithKafkasOwnEncoderInEveryVersion) {
    for (std::int16_t v = 0; v <= 5; ++v) {
        SyncGroupRequest q;
        q.group_id = "readers";
        q.generation_id = 6;
        q.member_id = "m1";
        q.group_instance_id = since(v >= 3, "i1");
        q.protocol_type = since(v >= 5, "consumer");
        q.protocol_name = since(v >= 5, "range");
        q.assignments = {{"m2", from_hex("0607")}};
        agrees_with_kafka_clients("SyncGroupRequest", v, q);

        SyncGroupResponse a;
        if (v >= 1) a.throttle_ms = 2;
        a.error_code = 27;
        a.protocol_type = since(v >= 5, "consumer");
        a.protocol_name = since(v >= 5, "range");
        a.assignment = from_hex("08");
        agrees_with_kafka_clients("SyncGroupResponse", v, a);
    }
}

TEST(Group, HeartbeatAgreesWithKafkasOwnEncoderInEveryVersion) {
    for (std::int16_t v = 0; v <= 4; ++v) {
        agrees_with_kafka_clients("HeartbeatRequest", v,
                                  HeartbeatRequest{"readers", 6, "m1", since(v >= 3, "i1")});
        agrees_with_kafka_clients("HeartbeatResponse", v, HeartbeatResponse{v >= 1 ? 2 : 0, 27});
    }
}

TEST(Group, LeaveGroupAgreesWithKafkasOwnEncoderInEveryVersion) {
    for (std::int16_t v = 0; v <= 5; ++v) {
        LeaveGroupRequest q;
        q.group_id = "readers";
        q.members = {{"m1", since(v >= 3, "i1"), since(v >= 5, "done")}};
        agrees_with_kafka_clients("LeaveGroupRequest", v, q);

        LeaveGroupResponse a;
        if (v >= 1) a.throttle_ms = 2;
        a.error_code = 27;
        if (v >= 3) a.members = {{"m1", std::nullopt, 25}};
        agrees_with_kafka_clients("LeaveGroupResponse", v, a);
    }
}

TEST(Group, NullProtocolNameIsSentAsEmptyBeforeItCouldBeNull) {
    JoinGroupResponse a, read;
    ASSERT_TRUE(decode(encoded(6, a), 6, read));
    EXPECT_EQ(read.protocol_name, "");
    ASSERT_TRUE(decode(encoded(7, a), 7, read));
    EXPECT_EQ(read.protocol_name, std::nullopt);
}

}  // namespace
}  // namespace ringpost::wire
