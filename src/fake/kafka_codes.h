// SPDX-License-Identifier: Apache-2.0
// Kafka's error codes that a producer never meets and Errc therefore does not name.
#pragma once

#include <cstdint>

#include <ringpost/error.h>

namespace ringpost::fake {

inline constexpr Errc offset_out_of_range{1};
inline constexpr Errc illegal_generation{22};
inline constexpr Errc inconsistent_group_protocol{23};
inline constexpr Errc invalid_group_id{24};
inline constexpr Errc unknown_member_id{25};
inline constexpr Errc fetch_session_id_not_found{70};
inline constexpr Errc group_max_size_reached{81};

constexpr std::int16_t code_of(Errc error) { return static_cast<std::int16_t>(error); }

}  // namespace ringpost::fake
