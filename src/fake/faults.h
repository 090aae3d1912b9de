// SPDX-License-Identifier: Apache-2.0
// What a test may make a fake broker do wrong.
#pragma once

#include <cstdint>
#include <functional>
#include <string_view>
#include <vector>

#include <ringpost/error.h>

#include "base/bytes.h"
#include "wire/api.h"
#include "wire/metadata.h"
#include "wire/produce.h"

namespace ringpost::fake {

/// One batch on its way into a log.
struct ProduceAttempt {
    std::int32_t node_id = -1;
    std::string_view topic;
    std::int32_t partition = -1;
    ByteSpan records;
};

struct ProduceFault {
    Errc error = Errc::none;  ///< Answered in place of the true outcome.
    bool append = false;      ///< The batch is appended all the same, if it may be.
    /// The records that the error is about; an answer of v8+ names them (KIP-467).
    std::vector<wire::ProduceResponse::RecordError> records;
};

/// One request, before its body is looked at.
struct RequestAttempt {
    std::int32_t node_id = -1;
    wire::RequestHeader header;
    ByteSpan body;
};

enum class RequestFate : std::uint8_t {
    handle,            ///< As a broker should.
    swallow,           ///< Never answered; nothing happens.
    close,             ///< The connection ends; nothing happens.
    handle_and_close,  ///< What was asked for happens, and the connection ends unanswered.
};

/// An empty function means: no faults. They are called while a request is handled, and may change
/// the cluster only in ways that leave its topics where they are.
struct Faults {
    std::function<ProduceFault(const ProduceAttempt&)> on_produce;
    std::function<RequestFate(const RequestAttempt&)> on_request;
    /// A node's metadata answer, before it is sent: what a node says that lags behind the others.
    std::function<void(std::int32_t node_id, wire::MetadataResponse&)> on_metadata;
    /// What InitProducerId is answered with, if anything but an id.
    std::function<Errc()> on_init_producer_id;
    std::int32_t produce_throttle_ms = 0;  ///< Stands in every produce answer.
};

}  // namespace ringpost::fake
