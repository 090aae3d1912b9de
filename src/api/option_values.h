// SPDX-License-Identifier: Apache-2.0
// One option's value from text and back: the functions that rows of the option table are made of.
// A `set_` returns false, and changes nothing, where the text is not in the range.
#pragma once

#include <algorithm>
#include <charconv>
#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>
#include <type_traits>

#include <ringpost/options.h>

#include "base/format.h"

namespace ringpost::api {

/// The same letters, in capitals or not.
inline bool same_word(std::string_view a, std::string_view b) {
    const auto lower = [](char c) { return c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : int{c}; };
    return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                      [&](char x, char y) { return lower(x) == lower(y); });
}

/// Takes the first item off a list.
inline std::string_view cut_item(std::string_view& list, char separator = ',') {
    const std::string_view item = list.substr(0, list.find(separator));
    list.remove_prefix(std::min(item.size() + 1, list.size()));
    return item;
}

/// Calls `visit` with each piece between spaces, until it returns true; whether it did.
template <typename Visit>
bool any_word(std::string_view words, Visit visit) {
    while (!words.empty()) {
        if (visit(cut_item(words, ' '))) return true;
    }
    return false;
}

template <typename T>
bool parse_number(std::string_view text, T& out) {
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), out);
    return error == std::errc{} && end == text.data() + text.size() && !text.empty();
}

/// As Java, librdkafka and Python write it, and as people do.
inline bool parse_bool(std::string_view value, bool& out) {
    if (any_word("true 1 yes on t", [&](auto word) { return same_word(word, value); })) {
        return out = true, true;
    }
    if (any_word("false 0 no off f", [&](auto word) { return same_word(word, value); })) {
        return out = false, true;
    }
    return false;
}

/// `Scale` is what one of the name's unit is in the field's; the bounds are in the name's.
template <auto Member, std::int64_t Low, std::int64_t High, std::int64_t Scale = 1>
bool set_number(Options& o, std::string_view value) {
    std::int64_t n = 0;
    if (!parse_number(value, n) || n < Low || n > High) return false;
    o.*Member = static_cast<std::remove_reference_t<decltype(o.*Member)>>(n * Scale);
    return true;
}

/// In milliseconds, with a fraction where the field is finer.
template <auto Member, std::int64_t Low, std::int64_t High>
bool set_millis(Options& o, std::string_view value) {
    double ms = 0;
    if (!parse_number(value, ms)) return false;
    if (!(ms >= static_cast<double>(Low) && ms <= static_cast<double>(High))) return false;
    using D = std::remove_reference_t<decltype(o.*Member)>;
    const auto d = std::chrono::duration<double, std::milli>(ms);
    o.*Member = std::chrono::duration_cast<D>(d + std::chrono::duration<double, std::nano>(1));
    return true;
}

template <auto Member, std::int64_t Low, std::int64_t High>
bool set_micros(Options& o, std::string_view value) {
    std::int64_t us = 0;
    if (!parse_number(value, us) || us < Low || us > High) return false;
    o.*Member = std::chrono::microseconds(us);
    return true;
}

template <auto Member>
bool set_bool(Options& o, std::string_view value) {
    return parse_bool(value, o.*Member);
}

/// One line: a text goes into logs, thread names and requests.
template <auto Member, std::size_t BytesMax = std::string_view::npos>
bool set_text(Options& o, std::string_view value) {
    const auto is_control = [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 127; };
    if (value.empty() || value.size() > BytesMax) return false;
    if (std::any_of(value.begin(), value.end(), is_control)) return false;
    o.*Member = value;
    return true;
}

template <typename T>
struct Choice {
    std::string_view text;
    T value;
};

/// A choice by name, in capitals or not.
template <auto Member, const auto& Choices>
bool set_choice(Options& o, std::string_view value) {
    for (const auto& [text, choice] : Choices) {
        if (same_word(text, value)) return o.*Member = choice, true;
    }
    return false;
}

template <auto Member>
std::string show_number(const Options& o) {
    return fmt::format("{}", o.*Member);
}
template <auto Member>
std::string show_bool(const Options& o) {
    return o.*Member ? "true" : "false";
}
template <auto Member>
std::string show_text(const Options& o) {
    return o.*Member;
}
template <auto Member>
std::string show_millis(const Options& o) {
    return fmt::format("{}", std::chrono::duration<double, std::milli>(o.*Member).count());
}
template <auto Member>
std::string show_micros(const Options& o) {
    return fmt::format("{}", (o.*Member).count());
}
/// A value with several names is shown by its first.
template <auto Member, const auto& Choices>
std::string show_choice(const Options& o) {
    for (const auto& [text, choice] : Choices) {
        if (choice == o.*Member) return std::string(text);
    }
    return "?";
}

}  // namespace ringpost::api
