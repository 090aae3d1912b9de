// SPDX-License-Identifier: Apache-2.0
// The one list of options: names, ranges, reading, printing, and what each does.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include <ringpost/options.h>

namespace ringpost::api {

/// A row is all that an option needs beside its field: Options::set, the files, the environment,
/// the checks, the suggestions, `ringpost options` and OPTIONS.md read it.
struct OptionRow {
    std::string_view name;          ///< Java's or librdkafka's, with dots
    std::string_view also;          ///< other names, in the same unit, separated by spaces
    std::string_view range;         ///< for the message: what would be right
    /// False: the text is not in the range, and nothing has changed.
    bool (*set)(Options& options, std::string_view value);
    std::string (*show)(const Options& options);
    std::string_view does;          ///< one sentence for the reference
};

/// A peer's name for an option in another unit or form: read by its own function.
struct AliasRow {
    std::string_view name;
    std::string_view of;            ///< the row's name
    std::string_view range;         ///< in the unit or form of this name
    bool (*set)(Options& options, std::string_view value);
};

/// What a peer has as an option and ringpost has no choice about.
struct PeerRow {
    std::string_view names;         ///< separated by spaces; "x.*" stands for all that begin so
    std::string_view accepted;      ///< the values that change nothing, or "*" for any
    std::string_view why;           ///< why the others are refused, or why none matters
};

std::span<const OptionRow> option_table();
std::span<const AliasRow> alias_table();
std::span<const PeerRow> peer_table();

/// What a name stands for; all null: nothing.
struct Named {
    const OptionRow* row = nullptr;
    const AliasRow* alias = nullptr;  ///< if the name has its own unit; `row` is set, too
    const PeerRow* peer = nullptr;    ///< then `row` is null
};

/// By any name; dots and underscores are alike.
Named find_name(std::string_view name);
const OptionRow* find_option(std::string_view name);

/// The name in any table that looks most like this one; empty if none looks like it.
std::string_view nearest_option(std::string_view name);

/// With dots for underscores.
std::string dotted(std::string_view name);

}  // namespace ringpost::api
