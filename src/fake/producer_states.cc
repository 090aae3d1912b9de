// SPDX-License-Identifier: Apache-2.0
// The checks of an idempotent batch, in the order in which a Kafka broker makes them.
#include "fake/producer_states.h"

#include <limits>

namespace ringpost::fake {

namespace {

constexpr std::int32_t sequence_max = std::numeric_limits<std::int32_t>::max();

std::int32_t last_sequence(const wire::BatchHeader& batch) {
    return add_to_sequence(batch.base_sequence, batch.last_offset_delta);
}

}  // namespace

std::int32_t add_to_sequence(std::int32_t sequence, std::int32_t increment) {
    if (sequence > sequence_max - increment) return increment - (sequence_max - sequence) - 1;
    return sequence + increment;
}

ProducerStates::Verdict ProducerStates::check(const wire::BatchHeader& batch) const {
    if (batch.producer_id < 0) return {};
    const auto found = states_.find(batch.producer_id);
    // Nothing is known of it (first use, expired, truncated): any sequence will do.
    if (found == states_.end()) return {};
    const State& state = found->second;
    if (batch.producer_epoch < state.epoch) return {Errc::invalid_producer_epoch, {}};
    if (batch.producer_epoch > state.epoch) {
        if (batch.base_sequence == 0) return {};
        return {Errc::out_of_order_sequence_number, {}};
    }
    const std::int32_t last = last_sequence(batch);
    for (std::uint32_t i = 0; i < state.count; ++i) {
        const Known& known = state.batches[i];
        if (known.first_sequence == batch.base_sequence && known.last_sequence == last) {
            return {Errc::none, known.base_offset};
        }
    }
    const std::int32_t newest = state.batches[state.newest].last_sequence;
    if (batch.base_sequence == add_to_sequence(newest, 1)) return {};
    return {Errc::out_of_order_sequence_number, {}};
}

void ProducerStates::on_append(const wire::BatchHeader& batch, std::int64_t base_offset) {
    if (batch.producer_id < 0) return;
    const auto made = states_.try_emplace(batch.producer_id, State{.epoch = batch.producer_epoch});
    State& state = made.first.value();
    if (batch.producer_epoch != state.epoch) state = State{.epoch = batch.producer_epoch};
    state.newest = state.count == 0 ? 0 : (state.newest + 1) % batches_remembered;
    state.count += state.count < batches_remembered;
    state.batches[state.newest] = {batch.base_sequence, last_sequence(batch), base_offset};
}

}  // namespace ringpost::fake
