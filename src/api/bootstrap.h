// SPDX-License-Identifier: Apache-2.0
// The list of brokers that a producer begins with.
#pragma once

#include <string_view>
#include <vector>

#include <ringpost/options.h>

#include "produce/config.h"

namespace ringpost::api {

/// "host[:port],..." with IPv6 literals in brackets; the port is 9092 where none is given. The
/// error quotes the part that can't be read.
Result<std::vector<produce::Seed>> parse_bootstrap_servers(std::string_view text);

/// The largest piece of batch memory: room for the largest record.
std::uint32_t block_bytes_for(const Options& options);

}  // namespace ringpost::api
