// SPDX-License-Identifier: Apache-2.0
// The one table behind the functions of <ringpost/error.h>.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include <ringpost/error.h>

namespace ringpost::wire {

struct ErrorRow {
    Errc code;
    bool retriable;
    bool fatal;
    bool may_have_been_written;
    std::string_view name;
    std::string_view message;
};

/// A row for each enumerator of Errc, ascending by number.
std::span<const ErrorRow> error_table();

/// A Kafka error code as it stands on the wire.
constexpr Errc errc_of(std::int16_t code) { return static_cast<Errc>(code); }

}  // namespace ringpost::wire
