// SPDX-License-Identifier: Apache-2.0
#include "fake/groups.h"

#include <gtest/gtest.h>

#include "fake/kafka_codes.h"

namespace ringpost::fake {
namespace {

constexpr Instant t0 = Instant::from_ns(1'000'000'000);
constexpr std::int32_t session_ms = 10'000;

class GroupsTest : public testing::Test {
protected:
    wire::JoinGroupRequest joining(std::string member_id = "") const {
        wire::JoinGroupRequest request;
        request.group_id = "g";
        request.session_timeout_ms = session_ms;
        request.member_id = std::move(member_id);
        request.protocol_type = "consumer";
        request.protocols = {{"range", {std::byte{7}}}, {"sticky", {}}};
        return request;
    }
    std::int16_t beat(const std::string& member, std::int32_t generation, Instant now = t0) {
        return groups.heartbeat({"g", generation, member, {}}, now).error_code;
    }
    wire::OffsetCommitRequest committing(const std::string& member, std::int32_t generation) const {
        wire::OffsetCommitRequest request;
        request.group_id = "g";
        request.member_id = member;
        request.generation_id = generation;
        request.topics = {{"t", {{.index = 1, .offset = 12, .leader_epoch = 3, .metadata = "m"}}}};
        return request;
    }

    Groups groups;
};

TEST_F(GroupsTest, MemberLeadsItsOwnGroupAndGetsBackItsAssignment) {
    const auto joined = groups.join(joining(), t0);
    ASSERT_EQ(joined.error_code, 0);
    EXPECT_FALSE(joined.member_id.empty());
    EXPECT_EQ(joined.leader, joined.member_id);
    EXPECT_EQ(joined.protocol_name, "range");
    ASSERT_EQ(joined.members.size(), 1U);
    EXPECT_EQ(joined.members[0].member_id, joined.member_id);
    EXPECT_EQ(joined.members[0].metadata.size(), 1U);

    wire::SyncGroupRequest sync;
    sync.group_id = "g";
    sync.generation_id = joined.generation_id;
    sync.member_id = joined.member_id;
    sync.assignments = {{joined.member_id, {std::byte{1}, std::byte{2}}}};
    const auto synced = groups.sync(sync, t0);
    EXPECT_EQ(synced.error_code, 0);
    EXPECT_EQ(synced.assignment.size(), 2U);
    EXPECT_EQ(synced.protocol_type, "consumer");
    EXPECT_EQ(synced.protocol_name, "range");
    EXPECT_EQ(beat(joined.member_id, joined.generation_id), 0);
}

TEST_F(GroupsTest, EachJoinIsANewGeneration) {
    const auto first = groups.join(joining(), t0);
    const auto second = groups.join(joining(first.member_id), t0);
    EXPECT_EQ(second.error_code, 0);
    EXPECT_EQ(second.member_id, first.member_id);
    EXPECT_EQ(second.generation_id, first.generation_id + 1);
    EXPECT_EQ(beat(first.member_id, first.generation_id), code_of(illegal_generation));
    EXPECT_EQ(beat("nobody", second.generation_id), code_of(unknown_member_id));
}

TEST_F(GroupsTest, SecondMemberIsToldThatTheGroupIsFull) {
    const auto first = groups.join(joining(), t0);
    EXPECT_EQ(groups.join(joining(), t0).error_code, code_of(group_max_size_reached));
    EXPECT_EQ(groups.join(joining("stranger"), t0).error_code, code_of(unknown_member_id));
    EXPECT_EQ(beat(first.member_id, first.generation_id), 0);
}

TEST_F(GroupsTest, SilentMemberLosesItsPlaceAfterItsSessionTimeout) {
    const auto first = groups.join(joining(), t0);
    const Instant beaten = t0 + Duration::ms(session_ms / 2);
    EXPECT_EQ(beat(first.member_id, first.generation_id, beaten), 0);
    const Instant too_early = t0 + Duration::ms(session_ms + 1);
    EXPECT_EQ(groups.join(joining(), too_early).error_code, code_of(group_max_size_reached));
    const Instant late = beaten + Duration::ms(session_ms);
    const auto second = groups.join(joining(), late);
    EXPECT_EQ(second.error_code, 0);
    EXPECT_EQ(beat(first.member_id, first.generation_id, late), code_of(unknown_member_id));
}

TEST_F(GroupsTest, MemberThatLeftMakesRoom) {
    const auto first = groups.join(joining(), t0);
    EXPECT_EQ(groups.leave({"g", {{"stranger", {}, {}}}}).error_code, code_of(unknown_member_id));
    const auto left = groups.leave({"g", {{first.member_id, {}, {}}}});
    EXPECT_EQ(left.error_code, 0);
    ASSERT_EQ(left.members.size(), 1U);
    EXPECT_EQ(left.members[0].error_code, 0);
    EXPECT_EQ(groups.join(joining(), t0).error_code, 0);
}

TEST_F(GroupsTest, StaticMemberTakesItsOwnPlaceAgain) {
    wire::JoinGroupRequest request = joining();
    request.group_instance_id = "instance";
    ASSERT_EQ(groups.join(request, t0).error_code, 0);
    EXPECT_EQ(groups.join(request, t0).error_code, 0);
    EXPECT_EQ(groups.leave({"g", {{"", "instance", {}}}}).error_code, 0);
}

TEST_F(GroupsTest, RefusesAJoinThatMakesNoSense) {
    wire::JoinGroupRequest nameless = joining();
    nameless.group_id = "";
    EXPECT_EQ(groups.join(nameless, t0).error_code, code_of(invalid_group_id));
    wire::JoinGroupRequest mute = joining();
    mute.protocols.clear();
    EXPECT_EQ(groups.join(mute, t0).error_code, code_of(inconsistent_group_protocol));
    EXPECT_EQ(groups.sync({.group_id = "none"}, t0).error_code, code_of(unknown_member_id));
    EXPECT_EQ(groups.leave({"none", {{"m", {}, {}}}}).error_code, code_of(unknown_member_id));
}

TEST_F(GroupsTest, RemembersCommittedOffsets) {
    const auto joined = groups.join(joining(), t0);
    const auto committed = groups.commit(committing(joined.member_id, joined.generation_id), t0);
    ASSERT_EQ(committed.topics.size(), 1U);
    EXPECT_EQ(committed.topics[0].partitions[0].error_code, 0);

    wire::OffsetFetchRequest request;
    request.groups = {{.group_id = "g", .topics = {{"t", {1, 2}}, {"u", {0}}}},
                      {.group_id = "g", .all_topics = true},
                      {.group_id = "unknown", .topics = {{"t", {1}}}}};
    const auto fetched = groups.fetch(request);
    ASSERT_EQ(fetched.groups.size(), 3U);
    ASSERT_EQ(fetched.groups[0].topics.size(), 2U);
    ASSERT_EQ(fetched.groups[0].topics[0].partitions.size(), 2U);
    EXPECT_EQ(fetched.groups[0].topics[0].partitions[0].offset, 12);
    EXPECT_EQ(fetched.groups[0].topics[0].partitions[0].leader_epoch, 3);
    EXPECT_EQ(fetched.groups[0].topics[0].partitions[0].metadata, "m");
    EXPECT_EQ(fetched.groups[0].topics[0].partitions[1].offset, -1);
    EXPECT_EQ(fetched.groups[0].topics[1].partitions[0].offset, -1);
    ASSERT_EQ(fetched.groups[1].topics.size(), 1U);
    EXPECT_EQ(fetched.groups[1].topics[0].partitions[0].offset, 12);
    EXPECT_EQ(fetched.groups[2].topics[0].partitions[0].offset, -1);
}

TEST_F(GroupsTest, CommitsOnlyForItsMemberOrForNobody) {
    const auto joined = groups.join(joining(), t0);
    const auto error = [&](const std::string& member, std::int32_t generation) {
        return groups.commit(committing(member, generation), t0).topics[0].partitions[0].error_code;
    };
    EXPECT_EQ(error("stranger", joined.generation_id), code_of(unknown_member_id));
    EXPECT_EQ(error(joined.member_id, joined.generation_id + 1), code_of(illegal_generation));
    EXPECT_EQ(error("", -1), 0);
}

}  // namespace
}  // namespace ringpost::fake
