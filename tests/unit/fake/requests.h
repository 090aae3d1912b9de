// SPDX-License-Identifier: Apache-2.0
// Request frames for a fake broker, and its response frames taken apart.
#pragma once

#include <gtest/gtest.h>

#include <functional>
#include <string>
#include <vector>

#include "fake/broker.h"
#include "make_batch.h"
#include "wire/fetch.h"
#include "wire/group.h"
#include "wire/group_offsets.h"
#include "wire/init_producer_id.h"
#include "wire/list_offsets.h"
#include "wire/metadata.h"
#include "wire/produce.h"

namespace ringpost::fake {

inline constexpr std::int32_t correlation_id = 4711;

/// A request as Broker::handle takes it: without a size in front.
template <typename Request>
Bytes frame_of(wire::ApiKey key, std::int16_t version, const Request& request) {
    Bytes frame(1024 + encoded_size(version, request));
    Writer out(frame);
    wire::encode_request_header(out, key, version, correlation_id, "a test");
    encode(out, version, request);
    EXPECT_TRUE(out.ok());
    frame.resize(out.size());
    return frame;
}

/// The body of the one response in `out`; expects the right size and correlation id before it.
inline ByteSpan body_of(ByteSpan out, wire::ApiKey key, std::int16_t version) {
    Reader in(out);
    EXPECT_EQ(in.i32(), static_cast<std::int32_t>(out.size() - wire::frame_size_bytes));
    std::int32_t correlation = 0;
    EXPECT_TRUE(wire::decode_response_header(in, key, version, correlation));
    EXPECT_EQ(correlation, correlation_id);
    return in.take(in.remaining());
}

/// One request of each API, with something in every list.
struct Sample {
    wire::ApiKey key;
    std::function<Bytes(std::int16_t version)> frame;
    /// Whether a response's body is one.
    std::function<bool(ByteSpan body, std::int16_t version)> is_response;
};

template <typename Request, typename Response>
Sample sample(wire::ApiKey key, Request request) {
    return {key, [=](std::int16_t version) { return frame_of(key, version, request); },
            [](ByteSpan body, std::int16_t version) {
                Response response;
                return decode(body, version, response);
            }};
}

/// All for the topic `t` with the id given, whose partition 0 the broker leads. `records` is
/// borrowed.
inline std::vector<Sample> samples(const wire::Uuid& topic_id, ByteSpan records) {
    using namespace wire;
    ProduceRequest produce;
    produce.topics = {{"t", topic_id, {{0, records}}}};
    FetchRequest fetch;
    fetch.topics = {{"t", topic_id, {{.index = 0, .bytes_max = 1 << 20}}}};
    fetch.forgotten = {{"t", topic_id, {1}}};
    ListOffsetsRequest list;
    list.topics = {{"t", {{.index = 0}}}};
    JoinGroupRequest join;
    join.group_id = "g";
    join.session_timeout_ms = 1000;
    join.protocol_type = "consumer";
    join.protocols = {{"range", {std::byte{1}}}};
    SyncGroupRequest sync{.group_id = "g", .generation_id = 1, .member_id = "member-1"};
    sync.assignments = {{"member-1", {std::byte{2}}}};
    OffsetCommitRequest commit{.group_id = "g"};
    commit.topics = {{"t", {{.index = 0, .offset = 3, .metadata = "m"}}}};
    OffsetFetchRequest fetch_offsets;
    fetch_offsets.groups = {{.group_id = "g", .topics = {{"t", {0}}}}};
    return {
        sample<ApiVersionsRequest, ApiVersionsResponse>(ApiKey::api_versions, {"ringpost", "1.0"}),
        sample<MetadataRequest, MetadataResponse>(ApiKey::metadata, {.topics = {{.name = "t"}}}),
        sample<InitProducerIdRequest, InitProducerIdResponse>(ApiKey::init_producer_id, {}),
        sample<ProduceRequest, ProduceResponse>(ApiKey::produce, produce),
        sample<FetchRequest, FetchResponse>(ApiKey::fetch, fetch),
        sample<ListOffsetsRequest, ListOffsetsResponse>(ApiKey::list_offsets, list),
        sample<FindCoordinatorRequest, FindCoordinatorResponse>(ApiKey::find_coordinator,
                                                                {.keys = {"g"}}),
        sample<JoinGroupRequest, JoinGroupResponse>(ApiKey::join_group, join),
        sample<SyncGroupRequest, SyncGroupResponse>(ApiKey::sync_group, sync),
        sample<HeartbeatRequest, HeartbeatResponse>(ApiKey::heartbeat, {"g", 1, "member-1", {}}),
        sample<OffsetCommitRequest, OffsetCommitResponse>(ApiKey::offset_commit, commit),
        sample<OffsetFetchRequest, OffsetFetchResponse>(ApiKey::offset_fetch, fetch_offsets),
        sample<LeaveGroupRequest, LeaveGroupResponse>(ApiKey::leave_group,
                                                      {"g", {{"member-1", {}, {}}}}),
    };
}

}  // namespace ringpost::fake
