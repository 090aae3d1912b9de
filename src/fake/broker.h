// SPDX-License-Identifier: Apache-2.0
// One node of a fake cluster: request frames in, response frames out.
#pragma once

#include <cstdint>
#include <vector>

#include "base/bytes.h"
#include "base/time.h"
#include "fake/cluster.h"
#include "wire/api.h"

namespace ringpost::fake {

enum class Outcome : std::uint8_t {
    respond,      ///< A response was appended.
    no_response,  ///< Produce with acks=0, or a fault: the next request is handled.
    close,        ///< Garbage, an unsupported version, or a fault: the connection ends.
    later,        ///< A fetch finds too little: ask again.
};

struct Handled {
    Outcome outcome = Outcome::close;
    /// For `later`: when the answer is due, whatever there is by then.
    Instant due = Instant::never();
};

/// What a broker tells by ApiVersions, unless it was given something else.
std::vector<wire::ApiVersionsResponse::Api> all_apis();

/// Thread:  its cluster's.
/// Borrows: the cluster, and during a call the request.
/// Bounds:  none of its own on a request's size; the caller bounds frames.
class Broker {
public:
    /// Asserts that the cluster has such a node.
    Broker(Cluster& cluster, std::int32_t node_id);

    std::int32_t node_id() const { return node_id_; }
    /// What ApiVersions tells from now on; empty: all that this broker can do. An upgrade.
    void set_apis(std::vector<wire::ApiVersionsResponse::Api> apis);

    /// Handles one request, given without the size in front of it, that arrived at `received`. The
    /// response, with its size in front, is appended to `out`; nothing is, unless the outcome is
    /// `respond`. Requests of one connection are handled in order: after `later` the same request
    /// is given again, when Cluster::changes() has changed or `due` has come, and the requests
    /// behind it wait.
    Handled handle(ByteSpan request, Instant received, Instant now, std::vector<std::byte>& out);

private:
    struct Call;

    Handled handle_api(Call& call);
    Handled handle_api_versions(Call& call);
    Handled handle_metadata(Call& call);
    Handled handle_produce(Call& call);
    Handled handle_fetch(Call& call);
    wire::ApiVersionsResponse api_versions() const;
    bool speaks(wire::ApiKey key, std::int16_t version) const;

    Cluster& cluster_;
    const std::int32_t node_id_;
    std::vector<wire::ApiVersionsResponse::Api> apis_;  ///< What ApiVersions tells.
};

}  // namespace ringpost::fake
