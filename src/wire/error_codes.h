// SPDX-License-Identifier: Apache-2.0
// The one table behind the functions of <ringpost/error.h> and behind what the producer does.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include <ringpost/error.h>

namespace ringpost::wire {

/// What is done with a batch that a Produce answer gives the code for.
enum class Verdict : std::uint8_t {
    acknowledge,
    acknowledge_unknown_offset,  ///< the broker has it already and no longer remembers where
    retry,
    refresh_and_retry,           ///< the cluster has moved: ask for metadata, too
    sequence,                    ///< the broker's idea of the partition's sequence differs
    split,                       ///< it is too large as a whole: its halves may not be
    fail_named,                  ///< the broker may name records: the others are sound
    fail,                        ///< its records; the partition goes on, in a new epoch
    fail_producer,               ///< and with it all that waits
};

struct ErrorRow {
    Errc code;
    bool retriable;
    bool fatal;
    bool may_have_been_written;
    Verdict verdict;             ///< of ringpost's own codes, which no answer holds: fail
    std::string_view name;
    std::string_view message;
};

inline constexpr std::int16_t own_codes_from = 1000;

/// A row for each enumerator of Errc, ascending by number.
std::span<const ErrorRow> error_table();

Verdict verdict_of(Errc code);

/// A Kafka error code as it stands on the wire. No peer can say what is ringpost's own to say.
constexpr Errc errc_of(std::int16_t code) {
    return code < own_codes_from ? static_cast<Errc>(code) : Errc::unknown_server_error;
}

}  // namespace ringpost::wire
