// SPDX-License-Identifier: Apache-2.0
#include "wire/list_offsets.h"

#include "golden.h"

namespace ringpost::wire {
namespace {

TEST(ListOffsets, RequestAgreesWithKafkasOwnEncoderInEveryVersion) {
    for (std::int16_t v = 1; v <= 11; ++v) {
        ListOffsetsRequest m;
        if (v >= 2) m.isolation_level = 1;
        if (v >= 10) m.timeout_ms = 1500;
        m.topics.push_back({"orders", {{5, v >= 4 ? 17 : -1, list_offsets_earliest}}});
        agrees_with_kafka_clients("ListOffsetsRequest", v, m);
    }
}

TEST(ListOffsets, ResponseAgreesWithKafkasOwnEncoderInEveryVersion) {
    for (std::int16_t v = 1; v <= 11; ++v) {
        ListOffsetsResponse m;
        if (v >= 2) m.throttle_ms = 5;
        m.topics.push_back({"orders", {{5, 78, 1700000000000, 1234, v >= 4 ? 17 : -1}}});
        agrees_with_kafka_clients("ListOffsetsResponse", v, m);
    }
}

}  // namespace
}  // namespace ringpost::wire
