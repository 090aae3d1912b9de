// SPDX-License-Identifier: Apache-2.0
// From a request's header to the answer of its API.
#include "fake/broker.h"

#include <algorithm>

#include "base/assert.h"
#include "fake/kafka_codes.h"
#include "fake/metadata_answer.h"
#include "fake/old_metadata.h"
#include "fake/produce_answer.h"
#include "fake/read_answers.h"
#include "wire/init_producer_id.h"

namespace ringpost::fake {

namespace {

constexpr std::int8_t group_key = 0;  // FindCoordinator's key types

/// The oldest version that is answered here.
std::int16_t version_min(const wire::ApiInfo& api) {
    return api.key == wire::ApiKey::metadata ? std::int16_t{0} : api.min;
}

/// What is encoded by `encode_old`.
struct OldMetadataResponse {
    wire::MetadataResponse response;
};
std::size_t encoded_size(std::int16_t version, const OldMetadataResponse& old) {
    return encoded_size_old(version, old.response);
}
void encode(Writer& out, std::int16_t version, const OldMetadataResponse& old) {
    encode_old(out, version, old.response);
}

/// ApiVersionsRequest.SOFTWARE_NAME_VERSION_PATTERN.
bool is_software_word(std::string_view word) {
    const auto is_alphanumeric = [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
    };
    const auto is_inner = [&](char c) { return is_alphanumeric(c) || c == '-' || c == '.'; };
    return !word.empty() && is_alphanumeric(word.front()) && is_alphanumeric(word.back()) &&
           std::ranges::all_of(word, is_inner);
}

wire::InitProducerIdResponse answer_init_producer_id(Cluster& cluster,
                                                     const wire::InitProducerIdRequest& request) {
    wire::InitProducerIdResponse response;
    if (request.transactional_id) {
        // Of the codes that end a transactional producer, the one nearest to "not here".
        const bool empty = request.transactional_id->empty();
        response.error_code =
            code_of(empty ? Errc::invalid_request : Errc::transactional_id_authorization_failed);
        return response;
    }
    const auto& fault = cluster.faults().on_init_producer_id;
    if (const Errc error = fault ? fault() : Errc::none; error != Errc::none) {
        response.error_code = code_of(error);
        return response;
    }
    response.producer_id = cluster.next_producer_id();
    response.producer_epoch = 0;
    return response;
}

wire::FindCoordinatorResponse answer_find_coordinator(const Cluster& cluster,
                                                      const wire::FindCoordinatorRequest& request) {
    wire::FindCoordinatorResponse response;
    const Node* node = cluster.find_node(cluster.first_node_up());
    RINGPOST_ASSERT(node != nullptr);  // At least the one that was asked is up.
    for (const std::string& key : request.keys) {
        auto& answer = response.coordinators.emplace_back();
        answer.key = key;
        if (request.key_type == group_key) {
            answer.node_id = node->id;
            answer.host = node->host;
            answer.port = node->port;
        } else {
            answer.error_code = code_of(Errc::transactional_id_authorization_failed);
            answer.error_message = "this broker has consumer groups only";
        }
    }
    return response;
}

}  // namespace

/// One request with all that belongs to it.
struct Broker::Call {
    wire::RequestHeader header;
    ByteSpan body;
    Instant received;
    Instant now;
    std::vector<std::byte>& out;

    template <typename Response>
    Handled respond(const Response& response) {
        using namespace wire;
        const std::int16_t version = header.version;
        const std::size_t begin = out.size();
        const std::size_t tags = response_header_version(header.key, version) == 1 ? 1 : 0;
        const std::size_t header_bytes = frame_size_bytes + sizeof header.correlation_id + tags;
        out.resize(begin + header_bytes + encoded_size(version, response));
        Writer writer(std::span<std::byte>(out).subspan(begin));
        std::byte* size_at = begin_frame(writer);
        encode_response_header(writer, header.key, version, header.correlation_id);
        encode(writer, version, response);
        if (!writer.ok()) {
            // A name was echoed that is longer than any string may be.
            out.resize(begin);
            return {};
        }
        end_frame(writer, size_at);
        RINGPOST_ASSERT(writer.room() == 0);
        return {.outcome = Outcome::respond};
    }

    /// The usual case: the answer is a function of the request alone.
    template <typename Request, typename Answer>
    Handled respond_to(const Answer& answer) {
        Request request;
        if (!decode(body, header.version, request)) return {};
        return respond(answer(request));
    }
};

/// Kafka 4 lists Produce from v0 on, though it does not know v0 to v2 any more: old librdkafkas
/// read their presence as "this broker knows compression" (KAFKA-18659).
std::vector<wire::ApiVersionsResponse::Api> all_apis() {
    std::vector<wire::ApiVersionsResponse::Api> apis;
    for (const wire::ApiInfo& api : wire::api_table()) {
        const bool from_zero = api.key == wire::ApiKey::produce;
        apis.push_back({api.key, from_zero ? std::int16_t{0} : version_min(api), api.max});
    }
    return apis;
}

Broker::Broker(Cluster& cluster, std::int32_t node_id)
    : cluster_(cluster), node_id_(node_id) {
    RINGPOST_ASSERT(cluster.find_node(node_id) != nullptr);
    set_apis(cluster.options().apis);
}

void Broker::set_apis(std::vector<wire::ApiVersionsResponse::Api> apis) {
    apis_ = apis.empty() ? all_apis() : std::move(apis);
}

Handled Broker::handle(ByteSpan request, Instant received, Instant now,
                       std::vector<std::byte>& out) {
    if (!cluster_.is_up(node_id_)) return {};
    Call call{.received = received, .now = now, .out = out};
    Reader in(request);
    if (!wire::decode_request_header(in, call.header)) return {};
    call.body = in.take(in.remaining());
    if (!cluster_.faults().on_request) return handle_api(call);

    switch (cluster_.faults().on_request({node_id_, call.header, call.body})) {
        case RequestFate::handle:
            return handle_api(call);
        case RequestFate::swallow:
            return {.outcome = Outcome::no_response};
        case RequestFate::close:
            return {};
        case RequestFate::handle_and_close: {
            const std::size_t before = out.size();
            handle_api(call);
            out.resize(before);
            return {};
        }
    }
    return {};
}

bool Broker::speaks(wire::ApiKey key, std::int16_t version) const {
    const wire::ApiInfo* known = wire::find_api(key);
    const auto told = std::ranges::find(apis_, key, &wire::ApiVersionsResponse::Api::key);
    if (known == nullptr || told == apis_.end()) return false;
    return version >= std::max(version_min(*known), told->min) &&
           version <= std::min(known->max, told->max);
}

Handled Broker::handle_api(Call& call) {
    using namespace wire;
    if (call.header.key == ApiKey::api_versions) return handle_api_versions(call);
    if (!speaks(call.header.key, call.header.version)) return {};
    Groups& groups = cluster_.groups();
    switch (call.header.key) {
        case ApiKey::produce:
            return handle_produce(call);
        case ApiKey::fetch:
            return handle_fetch(call);
        case ApiKey::metadata:
            return handle_metadata(call);
        case ApiKey::init_producer_id:
            return call.respond_to<InitProducerIdRequest>(
                [&](const auto& request) { return answer_init_producer_id(cluster_, request); });
        case ApiKey::list_offsets:
            return call.respond_to<ListOffsetsRequest>([&](const auto& request) {
                return answer_list_offsets(cluster_, node_id_, request);
            });
        case ApiKey::find_coordinator:
            return call.respond_to<FindCoordinatorRequest>(
                [&](const auto& request) { return answer_find_coordinator(cluster_, request); });
        case ApiKey::join_group:
            return call.respond_to<JoinGroupRequest>(
                [&](const auto& request) { return groups.join(request, call.now); });
        case ApiKey::sync_group:
            return call.respond_to<SyncGroupRequest>(
                [&](const auto& request) { return groups.sync(request, call.now); });
        case ApiKey::heartbeat:
            return call.respond_to<HeartbeatRequest>(
                [&](const auto& request) { return groups.heartbeat(request, call.now); });
        case ApiKey::leave_group:
            return call.respond_to<LeaveGroupRequest>(
                [&](const auto& request) { return groups.leave(request); });
        case ApiKey::offset_commit:
            return call.respond_to<OffsetCommitRequest>(
                [&](const auto& request) { return groups.commit(request, call.now); });
        case ApiKey::offset_fetch:
            return call.respond_to<OffsetFetchRequest>(
                [&](const auto& request) { return groups.fetch(request); });
        default:
            return {};
    }
}

wire::ApiVersionsResponse Broker::api_versions() const {
    wire::ApiVersionsResponse response;
    response.apis = apis_;
    return response;
}

Handled Broker::handle_api_versions(Call& call) {
    wire::ApiVersionsResponse response = api_versions();
    if (!speaks(wire::ApiKey::api_versions, call.header.version)) {
        // KIP-511: in the v0 layout, with the one row that the client needs to ask again.
        response.error_code = code_of(Errc::unsupported_version);
        std::erase_if(response.apis,
                      [](const auto& api) { return api.key != wire::ApiKey::api_versions; });
        return call.respond(response);
    }
    wire::ApiVersionsRequest request;
    if (!decode(call.body, call.header.version, request)) return {};
    const bool named =
        call.header.version < 3 || (is_software_word(request.client_software_name) &&
                                    is_software_word(request.client_software_version));
    if (!named) {
        response.error_code = code_of(Errc::invalid_request);
        response.apis.clear();
    }
    return call.respond(response);
}

Handled Broker::handle_metadata(Call& call) {
    const std::int16_t version = call.header.version;
    const bool old = version <= old_metadata_max;
    wire::MetadataRequest request;
    if (old ? !decode_old(call.body, version, request) : !decode(call.body, version, request)) {
        return {};
    }
    wire::MetadataResponse response = answer_metadata(cluster_, version, request);
    if (cluster_.faults().on_metadata) cluster_.faults().on_metadata(node_id_, response);
    return old ? call.respond(OldMetadataResponse{std::move(response)}) : call.respond(response);
}

Handled Broker::handle_produce(Call& call) {
    wire::ProduceRequest request;
    if (!decode(call.body, call.header.version, request)) return {};
    bool failed = false;
    const wire::ProduceResponse response =
        answer_produce(cluster_, node_id_, call.header.version, request, failed);
    if (request.acks != 0) return call.respond(response);
    return {.outcome = failed ? Outcome::close : Outcome::no_response};
}

Handled Broker::handle_fetch(Call& call) {
    wire::FetchRequest request;
    if (!decode(call.body, call.header.version, request)) return {};
    const FetchAnswer answer = answer_fetch(cluster_, node_id_, call.header.version, request);
    const Instant due = call.received + Duration::ms(request.wait_max_ms);
    if (call.now < due && !answer.is_enough(request)) {
        return {.outcome = Outcome::later, .due = due};
    }
    return call.respond(answer.response);
}

}  // namespace ringpost::fake
