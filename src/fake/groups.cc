// SPDX-License-Identifier: Apache-2.0
// Consumer groups of one member each.
#include "fake/groups.h"

#include "fake/kafka_codes.h"

namespace ringpost::fake {

namespace {

using PartitionOffset = wire::OffsetFetchResponse::Partition;

/// The partitions of `topic`, which is appended when it is not the last one.
std::vector<PartitionOffset>& partitions_of(wire::OffsetFetchResponse::Group& group,
                                            const std::string& topic) {
    if (group.topics.empty() || group.topics.back().name != topic) {
        group.topics.push_back({.name = topic});
    }
    return group.topics.back().partitions;
}

}  // namespace

Groups::Group* Groups::find(std::string_view group_id) {
    const auto found = groups_.find(group_id);
    return found == groups_.end() ? nullptr : &found.value();
}

std::int16_t Groups::check_join(const wire::JoinGroupRequest& request, const Group& group,
                                Instant now) const {
    if (request.protocols.empty() || request.protocol_type.empty()) {
        return code_of(inconsistent_group_protocol);
    }
    const bool known = group.member && group.member->id == request.member_id;
    if (!request.member_id.empty() && !known) return code_of(unknown_member_id);
    if (!group.member || known || now >= group.member->alive_until) return 0;
    // A static member that comes again takes its own place.
    if (request.group_instance_id && request.group_instance_id == group.member->instance_id) {
        return 0;
    }
    return code_of(group_max_size_reached);
}

wire::JoinGroupResponse Groups::join(const wire::JoinGroupRequest& request, Instant now) {
    wire::JoinGroupResponse response;
    response.protocol_name = "";
    response.member_id = request.member_id;
    if (request.group_id.empty()) {
        response.error_code = code_of(invalid_group_id);
        return response;
    }
    Group& group = groups_.try_emplace(request.group_id).first.value();
    response.error_code = check_join(request, group, now);
    if (response.error_code != 0) return response;

    const wire::JoinGroupRequest::Protocol& protocol = request.protocols.front();
    const Duration timeout = Duration::ms(request.session_timeout_ms);
    const std::string id =
        request.member_id.empty() ? "member-" + std::to_string(++members_made_) : request.member_id;
    group.member = {id, request.group_instance_id, protocol.name, {}, now + timeout, timeout};
    group.protocol_type = request.protocol_type;
    ++group.generation;

    response.generation_id = group.generation;
    response.protocol_type = request.protocol_type;
    response.protocol_name = protocol.name;
    response.leader = response.member_id = id;
    response.members.push_back({id, request.group_instance_id, protocol.metadata});
    return response;
}

/// Counts as a sign of life when there is nothing wrong.
std::int16_t Groups::check_member(Group* group, std::string_view member_id, std::int32_t generation,
                                  Instant now) {
    if (group == nullptr || !group->member || group->member->id != member_id) {
        return code_of(unknown_member_id);
    }
    if (group->generation != generation) return code_of(illegal_generation);
    group->member->alive_until = now + group->member->session_timeout;
    return 0;
}

wire::SyncGroupResponse Groups::sync(const wire::SyncGroupRequest& request, Instant now) {
    wire::SyncGroupResponse response;
    Group* group = find(request.group_id);
    response.error_code = check_member(group, request.member_id, request.generation_id, now);
    if (response.error_code != 0) return response;
    for (const wire::SyncGroupRequest::Assignment& assignment : request.assignments) {
        if (assignment.member_id == request.member_id) {
            group->member->assignment = assignment.assignment;
        }
    }
    response.protocol_type = group->protocol_type;
    response.protocol_name = group->member->protocol;
    response.assignment = group->member->assignment;
    return response;
}

wire::HeartbeatResponse Groups::heartbeat(const wire::HeartbeatRequest& request, Instant now) {
    wire::HeartbeatResponse response;
    response.error_code =
        check_member(find(request.group_id), request.member_id, request.generation_id, now);
    return response;
}

std::int16_t Groups::remove(Group* group, const wire::LeaveGroupRequest::Member& member) {
    if (group == nullptr || !group->member) return code_of(unknown_member_id);
    const bool by_instance =
        member.group_instance_id && member.group_instance_id == group->member->instance_id;
    if (member.member_id != group->member->id && !by_instance) return code_of(unknown_member_id);
    group->member.reset();
    return 0;
}

wire::LeaveGroupResponse Groups::leave(const wire::LeaveGroupRequest& request) {
    wire::LeaveGroupResponse response;
    for (const wire::LeaveGroupRequest::Member& member : request.members) {
        response.members.push_back(
            {member.member_id, member.group_instance_id, remove(find(request.group_id), member)});
    }
    // Below v3 the one member's error is the answer's own; above, each member has its own.
    if (response.members.size() == 1) response.error_code = response.members[0].error_code;
    return response;
}

wire::OffsetCommitResponse Groups::commit(const wire::OffsetCommitRequest& request, Instant now) {
    std::int16_t error = 0;
    // Without a generation it comes from a consumer that assigned its partitions itself.
    if (request.generation_id >= 0 || !request.member_id.empty()) {
        error = check_member(find(request.group_id), request.member_id, request.generation_id, now);
    }
    Group* group = nullptr;
    if (error == 0) group = &groups_.try_emplace(request.group_id).first.value();
    wire::OffsetCommitResponse response;
    for (const wire::OffsetCommitRequest::Topic& topic : request.topics) {
        auto& answered = response.topics.emplace_back();
        answered.name = topic.name;
        for (const wire::OffsetCommitRequest::Partition& partition : topic.partitions) {
            answered.partitions.push_back({partition.index, error});
            if (group == nullptr) continue;
            group->offsets[{topic.name, partition.index}] = {
                partition.offset, partition.leader_epoch, partition.metadata};
        }
    }
    return response;
}

wire::OffsetFetchResponse Groups::fetch(const wire::OffsetFetchRequest& request) const {
    wire::OffsetFetchResponse response;
    const Group none;
    for (const wire::OffsetFetchRequest::Group& asked : request.groups) {
        wire::OffsetFetchResponse::Group& answered = response.groups.emplace_back();
        answered.group_id = asked.group_id;
        const auto found = groups_.find(asked.group_id);
        const auto& offsets = (found == groups_.end() ? none : found->second).offsets;
        const auto answer = [&](const std::string& topic, std::int32_t index,
                                const Committed& committed) {
            partitions_of(answered, topic)
                .push_back({index, committed.offset, committed.leader_epoch,
                            committed.metadata.value_or(""), 0});
        };
        if (asked.all_topics) {
            for (const auto& [at, committed] : offsets) answer(at.first, at.second, committed);
        }
        for (const wire::OffsetFetchRequest::Topic& topic : asked.topics) {
            for (const std::int32_t index : topic.partitions) {
                const auto committed = offsets.find({topic.name, index});
                answer(topic.name, index,
                       committed == offsets.end() ? Committed{} : committed->second);
            }
        }
    }
    return response;
}

}  // namespace ringpost::fake
