// SPDX-License-Identifier: Apache-2.0
// From a name that somebody wrote to the row that is meant.
#include <algorithm>
#include <utility>
#include <vector>

#include "api/option_table.h"
#include "api/option_values.h"

namespace ringpost::api {

namespace {

/// Levenshtein's: letters to insert, delete or replace.
std::size_t distance(std::string_view a, std::string_view b) {
    std::vector<std::size_t> row(b.size() + 1);
    for (std::size_t j = 0; j <= b.size(); ++j) row[j] = j;
    for (std::size_t i = 1; i <= a.size(); ++i) {
        std::size_t diagonal = std::exchange(row[0], i);
        for (std::size_t j = 1; j <= b.size(); ++j) {
            const std::size_t replace = diagonal + (a[i - 1] != b[j - 1]);
            diagonal = row[j];
            row[j] = std::min({replace, row[j] + 1, row[j - 1] + 1});
        }
    }
    return row[b.size()];
}

/// "ssl.*" is all that begins with "ssl."
bool covers(std::string_view pattern, std::string_view name) {
    if (!pattern.ends_with(".*")) return pattern == name;
    pattern.remove_suffix(1);
    return name.starts_with(pattern);
}

}  // namespace

std::string dotted(std::string_view name) {
    std::string text(name);
    std::replace(text.begin(), text.end(), '_', '.');
    return text;
}

Named find_name(std::string_view name) {
    const std::string wanted = dotted(name);
    const auto is_wanted = [&](std::string_view word) { return word == wanted; };
    for (const OptionRow& row : option_table()) {
        if (row.name == wanted || any_word(row.also, is_wanted)) return {.row = &row};
    }
    for (const AliasRow& alias : alias_table()) {
        if (alias.name == wanted) return {.row = find_name(alias.of).row, .alias = &alias};
    }
    for (const PeerRow& peer : peer_table()) {
        if (any_word(peer.names, [&](std::string_view word) { return covers(word, wanted); })) {
            return {.peer = &peer};
        }
    }
    return {};
}

const OptionRow* find_option(std::string_view name) { return find_name(name).row; }

std::string_view nearest_option(std::string_view name) {
    // A very long name is nobody's typing error; its head tells enough.
    std::string wanted = dotted(name.substr(0, 100));
    for (char& c : wanted) c = static_cast<char>(c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c);
    std::string_view nearest;
    std::size_t least = std::max<std::size_t>(2, wanted.size() / 3) + 1;  // more is no typing error
    const auto look_at = [&](std::string_view candidate) {
        const std::size_t far = distance(wanted, candidate);
        if (far < least) nearest = candidate, least = far;
        return false;
    };
    for (const OptionRow& row : option_table()) look_at(row.name);
    for (const OptionRow& row : option_table()) any_word(row.also, look_at);
    for (const AliasRow& alias : alias_table()) look_at(alias.name);
    for (const PeerRow& peer : peer_table()) {
        if (!peer.accepted.empty()) any_word(peer.names, look_at);
    }
    return nearest;
}

}  // namespace ringpost::api
