// SPDX-License-Identifier: Apache-2.0
// Encodes and decodes a message from one description of its fields, so that the two can't differ.
//
// A message's file describes each of its structs once:
//
//   template <typename Io>
//   static void fields(Io& io, Of<Broker> auto& broker) {
//       io.i32(broker.node_id);
//       io.string(broker.host);
//       if (io.from(1)) io.nullable_string(broker.rack);
//       io.tags();
//   }
//
// and `Io` is a FieldWriter, a FieldCounter or a FieldReader.
#pragma once

#include "base/bytes.h"
#include "wire/api.h"
#include "wire/field_reader.h"
#include "wire/field_writer.h"

namespace ringpost::wire {

template <typename Message>
void encode_fields(Writer& out, ApiKey key, std::int16_t version, const Message& message) {
    FieldWriter writer(out, version, is_flexible(key, version));
    fields(writer, message);
}

template <typename Message>
std::size_t count_fields(ApiKey key, std::int16_t version, const Message& message) {
    ByteCounter counter;
    FieldCounter counting(counter, version, is_flexible(key, version));
    fields(counting, message);
    return counter.size();
}

/// False unless the body is one whole message and nothing else. Forgets what `message` held.
template <typename Message>
[[nodiscard]] bool decode_fields(ByteSpan body, ApiKey key, std::int16_t version, Message& message,
                                 bool skips = false) {
    message = Message{};
    Reader in(body);
    FieldReader reader(in, version, is_flexible(key, version), skips);
    fields(reader, message);
    return in.at_end();
}

}  // namespace ringpost::wire
