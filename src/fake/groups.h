// SPDX-License-Identifier: Apache-2.0
// Consumer groups of the classic protocol, for the consumers that tests read with.
#pragma once

#include <tsl/robin_map.h>

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "base/hash.h"
#include "base/time.h"
#include "wire/group.h"
#include "wire/group_offsets.h"

namespace ringpost::fake {

/// Every group of a cluster.
///
/// Bounds: a group has one member at a time: it is its own leader, and assigns everything to
///         itself. A second one is told that the group is full, until the first has left or has
///         been silent for its session timeout.
class Groups {
public:
    wire::JoinGroupResponse join(const wire::JoinGroupRequest& request, Instant now);
    wire::SyncGroupResponse sync(const wire::SyncGroupRequest& request, Instant now);
    wire::HeartbeatResponse heartbeat(const wire::HeartbeatRequest& request, Instant now);
    wire::LeaveGroupResponse leave(const wire::LeaveGroupRequest& request);
    wire::OffsetCommitResponse commit(const wire::OffsetCommitRequest& request, Instant now);
    wire::OffsetFetchResponse fetch(const wire::OffsetFetchRequest& request) const;

private:
    struct Member {
        std::string id;
        std::optional<std::string> instance_id;
        std::string protocol;
        std::vector<std::byte> assignment;
        Instant alive_until;
        Duration session_timeout;
    };
    struct Committed {
        std::int64_t offset = -1;
        std::int32_t leader_epoch = -1;
        std::optional<std::string> metadata;
    };
    using TopicPartition = std::pair<std::string, std::int32_t>;
    struct Group {
        std::int32_t generation = 0;
        std::optional<std::string> protocol_type;
        std::optional<Member> member;
        std::map<TopicPartition, Committed> offsets;  ///< Ordered, to be listed by topic.
    };

    Group* find(std::string_view group_id);
    std::int16_t check_join(const wire::JoinGroupRequest& request, const Group& group,
                            Instant now) const;
    std::int16_t check_member(Group* group, std::string_view member_id, std::int32_t generation,
                              Instant now);
    std::int16_t remove(Group* group, const wire::LeaveGroupRequest::Member& member);

    tsl::robin_map<std::string, Group, NameHash, NameEqual> groups_;
    std::uint64_t members_made_ = 0;
};

}  // namespace ringpost::fake
