// SPDX-License-Identifier: Apache-2.0
// Kafka's error codes that consumers meet: those that Errc does not name, and their neighbours.
#pragma once

#include <cstdint>

#include <ringpost/error.h>

namespace ringpost::fake {

using Errc::illegal_generation;
using Errc::invalid_group_id;
using Errc::unknown_member_id;
inline constexpr Errc offset_out_of_range{1};
inline constexpr Errc inconsistent_group_protocol{23};
inline constexpr Errc fetch_session_id_not_found{70};
inline constexpr Errc group_max_size_reached{81};

constexpr std::int16_t code_of(Errc error) { return static_cast<std::int16_t>(error); }

}  // namespace ringpost::fake
