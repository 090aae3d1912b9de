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

bool WarmUp::go_on(WarmUpLook& look, std::span<const std::uint32_t> topics, Instant now) {
    const auto note = [&](Obstacle found) {
        if (found.any() && (!look.first.any() || (found.is_final && !look.first.is_final))) {
            look.first = std::move(found);
        }
    };
    std::uint32_t left = config_.turn_items_max;
    for (; look.topic < topics.size(); ++look.topic, look.partition = 0) {
        if (left == 0) return false;
        Topic& topic = *cluster_.topic(topics[look.topic]);
        cluster_.use(topic, now);  // or it would be forgotten while it is waited for
        if (topic.state != Topic::State::known) {
            const bool is_news = !look.first.any() || topic.state == Topic::State::refused;
            if (is_news) note(look_at_topic(topic));
            --left;
            continue;
        }
        // All of them connect together; the first that is not there is named.
        for (; look.partition < topic.partition_count; ++look.partition) {
            if (left == 0) return false;
            --left;
            look_at_leader(*topic.partitions[look.partition], look.first, now);
        }
    }
    if (config_.idempotent && !identity_.known() && !topics.empty()) {
        const Errc refusal = housekeeping_.producer_id_refusal();
        if (refusal == Errc::none) housekeeping_.want_producer_id(now);
        note({refusal != Errc::none ? refusal : Errc::no_producer_id, "the producer id",
              refusal != Errc::none});
    }
    return true;
}

Obstacle WarmUp::look_at_topic(const Topic& topic) const {
    const bool refused = topic.state == Topic::State::refused;
    if (refused || topic.state == Topic::State::missing) {
        return {topic.error, "topic " + topic.name, refused};
    }
    return {topic.error != Errc::none ? topic.error : why_no_answer(), "topic " + topic.name};
}

void WarmUp::look_at_leader(const Partition& partition, Obstacle& first, Instant now) {
    Node* node = partition.node;
    if (node == nullptr) {
        if (first.any()) return;
        first = {Errc::leader_not_available,
                 fmt::format("{}-{}", partition.topic->name, partition.index)};
        return;
    }
    broker::Connection& connection = node->connection;
    if (connection.ready()) {
        // The first request's memory, too.
        if (auto* slot = node->try_begin_produce(now)) connection.abandon(*slot);
        return;
    }
    connection.want(now);
    if (first.any()) return;
    first = {connection.last_error(),
             fmt::format("{}, {}", connection.name(), to_string(connection.state()))};
}

Errc WarmUp::why_no_answer() const {
    if (housekeeping_.last_error() != Errc::none) return housekeeping_.last_error();
    const Errc error = cluster_.connection_error();
    return error != Errc::none ? error : Errc::no_metadata;
}

}  // namespace ringpost::produce
