// SPDX-License-Identifier: Apache-2.0
// Every decoder of wire: what it accepts it writes again, and reads as the same.
#include <vector>

#include "fuzz.h"
#include "wire/api.h"
#include "wire/api_versions.h"
#include "wire/fetch.h"
#include "wire/group.h"
#include "wire/group_offsets.h"
#include "wire/init_producer_id.h"
#include "wire/list_offsets.h"
#include "wire/metadata.h"
#include "wire/produce.h"
#include "wire/produce_response_reader.h"

namespace ringpost::fuzz {

namespace {

template <typename Message>
void round_trip(std::int16_t version, ByteSpan body) {
    Message first;
    if (!decode(body, version, first)) return;
    std::vector<std::byte> again(encoded_size(version, first));
    Writer out(again);
    encode(out, version, first);
    must(out.ok() && out.room() == 0, "what was decoded can't be encoded in its announced size");
    Message second;
    must(decode(ByteSpan(again), version, second), "what was encoded can't be decoded");
    std::vector<std::byte> third(encoded_size(version, second));
    Writer out_again(third);
    encode(out_again, version, second);
    must(again == third, "a message changes on its way");
}

void walk_produce_response(std::int16_t version, ByteSpan body) {
    wire::ProduceResponseReader reader(body, version);
    wire::ProducePartitionResult result;
    while (reader.next(result)) {
        wire::RecordErrorReader errors(result, version);
        wire::ProduceRecordError error;
        while (errors.next(error)) {}
    }
    wire::NodeEndpoint endpoint;
    while (reader.ok() && reader.next_endpoint(endpoint)) {}
}

using Check = void (*)(std::int16_t, ByteSpan);
struct Row {
    wire::ApiKey key;
    Check check;
};
constexpr Row rows[] = {
    {wire::ApiKey::api_versions, round_trip<wire::ApiVersionsResponse>},
    {wire::ApiKey::api_versions, round_trip<wire::ApiVersionsRequest>},
    {wire::ApiKey::metadata, round_trip<wire::MetadataResponse>},
    {wire::ApiKey::metadata, round_trip<wire::MetadataRequest>},
    {wire::ApiKey::produce, round_trip<wire::ProduceResponse>},
    {wire::ApiKey::produce, round_trip<wire::ProduceRequest>},
    {wire::ApiKey::produce, walk_produce_response},
    {wire::ApiKey::init_producer_id, round_trip<wire::InitProducerIdResponse>},
    {wire::ApiKey::init_producer_id, round_trip<wire::InitProducerIdRequest>},
    {wire::ApiKey::fetch, round_trip<wire::FetchRequest>},
    {wire::ApiKey::list_offsets, round_trip<wire::ListOffsetsRequest>},
    {wire::ApiKey::list_offsets, round_trip<wire::ListOffsetsResponse>},
    {wire::ApiKey::find_coordinator, round_trip<wire::FindCoordinatorRequest>},
    {wire::ApiKey::join_group, round_trip<wire::JoinGroupRequest>},
    {wire::ApiKey::sync_group, round_trip<wire::SyncGroupRequest>},
    {wire::ApiKey::heartbeat, round_trip<wire::HeartbeatRequest>},
    {wire::ApiKey::leave_group, round_trip<wire::LeaveGroupRequest>},
    {wire::ApiKey::offset_commit, round_trip<wire::OffsetCommitRequest>},
    {wire::ApiKey::offset_fetch, round_trip<wire::OffsetFetchRequest>},
};

}  // namespace

}  // namespace ringpost::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace ringpost;
    fuzz::Input in(data, size);
    const fuzz::Row& row = fuzz::rows[in.byte() % std::size(fuzz::rows)];
    const wire::ApiInfo& api = *wire::find_api(row.key);
    const int versions = api.max - api.min + 1;
    row.check(static_cast<std::int16_t>(api.min + in.byte() % versions), in.rest());
    return 0;
}
