// SPDX-License-Identifier: Apache-2.0
// Metadata (3), v0-v6. None of these versions is flexible.
//
// | request              | since | response             | since | partition        | since |
// |----------------------|-------|----------------------|-------|------------------|-------|
// | topics: name         | 0     | throttle time ms     | 3     | error code       | 0     |
// | allow auto creation  | 4     | brokers              | 0     | index            | 0     |
// |                      |       | cluster id           | 2     | leader id        | 0     |
// | broker: id,host,port | 0     | controller id        | 1     | replicas, isr    | 0     |
// | rack                 | 1     | topics: error, name  | 0     | offline replicas | 5     |
// |                      |       | is internal          | 1     |                  |       |
#include "fake/old_metadata.h"

#include "wire/fields.h"

namespace ringpost::fake {

namespace {

using wire::FieldCounter;
using wire::FieldReader;
using wire::FieldWriter;
using wire::MetadataRequest;
using wire::MetadataResponse;
using wire::Of;

/// Reads or writes an array; `one` does an element. FieldReader::array would take the fields of
/// the newer versions.
template <typename Io, typename One>
void array(Io& io, auto& elements, const One& one) {
    auto count = static_cast<std::int32_t>(elements.size());
    io.i32(count);
    if constexpr (Io::reading) {
        // Elements are made only as long as there are bytes for them.
        for (std::int32_t i = 0; i < count && io.ok(); ++i) one(elements.emplace_back());
    } else {
        for (auto& element : elements) one(element);
    }
}

/// A FieldReader that tells when to stop.
class Decoder : public FieldReader {
public:
    Decoder(Reader& in, std::int16_t version) : FieldReader(in, version, false), in_(in) {}
    bool ok() const { return in_.ok(); }

private:
    Reader& in_;
};

template <typename Io>
void numbers(Io& io, auto& list) {
    array(io, list, [&](auto& n) { io.i32(n); });
}

template <typename Io>
void fields(Io& io, Of<MetadataRequest> auto& m) {
    // All topics: null, but in v0, which has none, no topic.
    const std::int32_t all = io.from(1) ? -1 : 0;
    auto count = m.all_topics ? all : static_cast<std::int32_t>(m.topics.size());
    io.i32(count);
    if constexpr (Io::reading) {
        m.all_topics = count <= all;
        for (std::int32_t i = 0; i < count && io.ok(); ++i) io.string(m.topics.emplace_back().name);
    } else {
        for (auto& topic : m.topics) io.string(topic.name);
    }
    if (io.from(4)) io.boolean(m.allow_auto_topic_creation);
}

template <typename Io>
void fields(Io& io, Of<MetadataResponse> auto& m) {
    if (io.from(3)) io.i32(m.throttle_ms);
    array(io, m.brokers, [&](auto& broker) {
        io.i32(broker.node_id);
        io.string(broker.host);
        io.i32(broker.port);
        if (io.from(1)) io.nullable_string(broker.rack);
    });
    if (io.from(2)) io.nullable_string(m.cluster_id);
    if (io.from(1)) io.i32(m.controller_id);
    array(io, m.topics, [&](auto& topic) {
        io.i16(topic.error_code);
        io.string(topic.name);
        if (io.from(1)) io.boolean(topic.is_internal);
        array(io, topic.partitions, [&](auto& partition) {
            io.i16(partition.error_code);
            io.i32(partition.index);
            io.i32(partition.leader_id);
            numbers(io, partition.replicas);
            numbers(io, partition.isr);
            if (io.from(5)) numbers(io, partition.offline);
        });
    });
}

template <typename Message>
void encode_one(Writer& out, std::int16_t version, const Message& message) {
    FieldWriter writer(out, version, false);
    fields(writer, message);
}

template <typename Message>
bool decode_one(ByteSpan body, std::int16_t version, Message& message) {
    message = {};
    Reader in(body);
    Decoder decoder(in, version);
    fields(decoder, message);
    return in.at_end();
}

}  // namespace

void encode_old(Writer& out, std::int16_t version, const MetadataRequest& request) {
    encode_one(out, version, request);
}
bool decode_old(ByteSpan body, std::int16_t version, MetadataRequest& request) {
    return decode_one(body, version, request);
}
void encode_old(Writer& out, std::int16_t version, const MetadataResponse& response) {
    encode_one(out, version, response);
}
bool decode_old(ByteSpan body, std::int16_t version, MetadataResponse& response) {
    return decode_one(body, version, response);
}

std::size_t encoded_size_old(std::int16_t version, const MetadataResponse& response) {
    wire::ByteCounter counter;
    FieldCounter counting(counter, version, false);
    fields(counting, response);
    return counter.size();
}

}  // namespace ringpost::fake
