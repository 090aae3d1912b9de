// SPDX-License-Identifier: Apache-2.0
// Kafka's error codes that a producer can meet, as the protocol guide and the clients tell them; by
// number, and apart from the library's own table, which is tested against it.
#pragma once

namespace ringpost {

enum class Class {
    delivered,
    retry,
    refresh,       ///< and retry
    sequence,      ///< of the partition: a new identity, and the batch again
    split,
    named,         ///< the records that the broker names fail
    record,        ///< fails
    producer,      ///< fails, with all that waits
};

struct ProtocolCode {
    int code;
    bool retriable;  ///< org.apache.kafka.common.errors.RetriableException
    Class what;
    bool unwritten;  ///< known to come before the append
};

inline constexpr ProtocolCode protocol_codes[] = {
    {-1, false, Class::record, false},
    {0, false, Class::delivered, true},
    {2, true, Class::retry, true},
    {3, true, Class::refresh, false},
    {5, true, Class::refresh, false},
    {6, true, Class::refresh, false},
    {7, true, Class::retry, false},
    {8, false, Class::refresh, false},  // as librdkafka; Java fails the record
    {9, true, Class::refresh, false},
    {10, false, Class::split, true},
    {13, true, Class::refresh, false},
    {14, true, Class::retry, false},
    {15, true, Class::retry, false},
    {16, true, Class::retry, false},
    {17, false, Class::record, true},
    {18, false, Class::split, true},    // Java fails the record
    {19, true, Class::retry, true},
    {20, true, Class::retry, false},
    {21, false, Class::record, true},
    {22, false, Class::record, false},
    {24, false, Class::record, false},
    {25, false, Class::record, false},
    {29, false, Class::record, true},
    {30, false, Class::record, false},
    {31, false, Class::producer, true},
    {32, false, Class::record, true},
    {33, false, Class::record, false},
    {34, false, Class::record, false},
    {35, false, Class::producer, true},
    {41, true, Class::retry, false},
    {42, false, Class::record, true},
    {43, false, Class::record, true},
    {44, false, Class::record, false},
    {45, false, Class::sequence, true},
    {46, false, Class::delivered, false},
    {47, false, Class::sequence, true},
    {48, false, Class::record, true},
    {49, false, Class::sequence, true},
    {50, false, Class::record, false},
    {51, true, Class::retry, false},
    {52, false, Class::record, false},
    {53, false, Class::producer, true},
    {55, false, Class::record, false},
    {56, true, Class::refresh, false},
    {58, false, Class::record, false},
    {59, false, Class::sequence, true},
    {61, false, Class::record, false},
    {62, false, Class::record, false},
    {63, false, Class::record, false},
    {64, false, Class::record, false},
    {65, false, Class::record, false},
    {66, false, Class::record, false},
    {72, true, Class::refresh, false},
    {74, true, Class::refresh, true},
    {75, true, Class::retry, false},
    {76, false, Class::record, true},
    {78, true, Class::retry, false},
    {82, false, Class::record, false},
    {87, false, Class::named, true},
    {88, true, Class::retry, false},
    {89, true, Class::retry, false},
    {90, false, Class::producer, true},
    {100, true, Class::refresh, false},
    {103, true, Class::refresh, false},
    {105, false, Class::record, false},
    {117, false, Class::record, false},
    {118, false, Class::record, false},
    {120, false, Class::record, true},
    {129, false, Class::record, false},
    {130, false, Class::record, false},
    {131, false, Class::record, false},
    {132, false, Class::record, false},
    {133, false, Class::record, false},
};

/// Of those that have no meaning to this library, the neighbours of others and the ends of the
/// range: each is treated as unknown_server_error.
inline constexpr int unknown_codes[] = {-32768, -2, 1, 4, 11, 12, 23, 60, 99, 134, 999};

}  // namespace ringpost
