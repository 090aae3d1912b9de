// SPDX-License-Identifier: Apache-2.0
// Producing a program's own types.
#pragma once

#include <concepts>
#include <type_traits>
#include <utility>

#include <ringpost/producer.h>

namespace ringpost {

/// What a serializer makes of a key and a value: members `key` and `value` that convert to Bytes,
/// such as std::string, and own what they hold.
template <typename T>
concept Serialized = requires(const T& made) {
    { made.key } -> std::convertible_to<Bytes>;
    { made.value } -> std::convertible_to<Bytes>;
};

/// Produces what `serializer(key, value)` returns, with the rest of the record as `record` has it:
///
///     struct Row { std::string key, value; };
///     auto to_json = [](int id, const Order& order) -> Row { return {std::to_string(id), ...}; };
///     produce_serialized(lane, {.topic = orders}, to_json, order.id, order);
///
/// `to` is a Lane or a Producer. The serializer runs in the calling thread, before anything is
/// queued: if it throws, the exception is the caller's and nothing has been produced. Errors: those
/// of produce.
template <typename To, typename Serializer, typename Key, typename Value>
    requires Serialized<std::invoke_result_t<Serializer&, const Key&, const Value&>>
[[nodiscard]] Errc produce_serialized(To& to, Record record, Serializer&& serializer,
                                      const Key& key, const Value& value) {
    const auto made = serializer(key, value);
    record.key = made.key;
    record.value = made.value;
    return to.produce(record);
}

}  // namespace ringpost
