// SPDX-License-Identifier: Apache-2.0
// The one list of options: names, ranges, reading and printing.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include <ringpost/options.h>

namespace ringpost::api {

struct OptionRow {
    std::string_view name;          ///< Java's or librdkafka's, with dots
    std::string_view also;          ///< other names, separated by spaces
    std::string_view range;         ///< for the message: what would be right
    /// False: the text is not in the range.
    bool (*set)(Options& options, std::string_view value);
    std::string (*show)(const Options& options);
};

std::span<const OptionRow> option_table();

/// By any of its names; dots and underscores are alike. Null: there is none.
const OptionRow* find_option(std::string_view name);

/// The name in the table that looks most like this one; empty if none looks like it.
std::string_view nearest_option(std::string_view name);

}  // namespace ringpost::api
