// SPDX-License-Identifier: Apache-2.0
// Metadata, then the producer id, then a connection to each leader.
#include "produce/warm_up.h"

#include "base/assert.h"
#include "base/format.h"

namespace ringpost::produce {

void WarmUp::begin(std::span<const std::uint32_t> topics, Instant now) {
    for (const std::uint32_t id : topics) {
        Topic* topic = cluster_.topic(id);
        RINGPOST_ASSERT(topic != nullptr);
        cluster_.use(*topic, now);
        if (topic->state != Topic::State::refused) continue;
        topic->state = Topic::State::unknown;
        cluster_.topics_in_use().want(*topic);
    }
    housekeeping_.forget_refusal();
}

Obstacle WarmUp::look(std::span<const std::uint32_t> topics, Instant now) {
    Obstacle first;
    const auto note = [&](Obstacle found) {
        if (found.any() && (!first.any() || (found.is_final && !first.is_final))) {
            first = std::move(found);
        }
    };
    for (const std::uint32_t id : topics) note(look_at_topic(*cluster_.topic(id), now));
    if (config_.idempotent && !identity_.known() && !topics.empty()) {
        const Errc refusal = housekeeping_.producer_id_refusal();
        if (refusal == Errc::none) housekeeping_.want_producer_id(now);
        note({refusal != Errc::none ? refusal : Errc::no_producer_id, "the producer id",
              refusal != Errc::none});
    }
    return first;
}

Obstacle WarmUp::look_at_topic(Topic& topic, Instant now) {
    cluster_.use(topic, now);  // or it would be forgotten while it is waited for
    switch (topic.state) {
        case Topic::State::known: return look_at_leaders(topic, now);
        case Topic::State::refused: return {topic.error, "topic " + topic.name, true};
        case Topic::State::missing: return {topic.error, "topic " + topic.name};
        case Topic::State::unknown: break;
    }
    return {topic.error != Errc::none ? topic.error : why_no_answer(), "topic " + topic.name};
}

/// All of them connect together; the first that is not there is named.
Obstacle WarmUp::look_at_leaders(const Topic& topic, Instant now) {
    Obstacle first;
    for (std::uint32_t i = 0; i < topic.partition_count; ++i) {
        Node* node = topic.partitions[i]->node;
        if (node == nullptr) {
            if (!first.any()) {
                first = {Errc::leader_not_available, fmt::format("{}-{}", topic.name, i)};
            }
            continue;
        }
        broker::Connection& connection = node->connection;
        if (connection.ready()) {
            // The first request's memory, too.
            if (auto* slot = connection.try_begin(wire::ApiKey::produce, now)) {
                connection.abandon(*slot);
            }
            continue;
        }
        connection.want(now);
        if (first.any()) continue;
        first = {connection.last_error(),
                 fmt::format("{}, {}", connection.name(), to_string(connection.state()))};
    }
    return first;
}

Errc WarmUp::why_no_answer() const {
    if (housekeeping_.last_error() != Errc::none) return housekeeping_.last_error();
    const Errc error = cluster_.connection_error();
    return error != Errc::none ? error : Errc::no_metadata;
}

}  // namespace ringpost::produce
