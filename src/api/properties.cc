// SPDX-License-Identifier: Apache-2.0
// Java's .properties form, line by line.
#include "api/properties.h"

#include <algorithm>
#include <charconv>
#include <utility>

#include "base/format.h"
#include "base/limits.h"

namespace ringpost::api {

namespace {

bool is_space(char c) { return c == ' ' || c == '\t' || c == '\f'; }
bool is_newline(char c) { return c == '\n' || c == '\r'; }
bool is_control(char c) {
    return (static_cast<unsigned char>(c) < 0x20 && !is_space(c) && !is_newline(c)) || c == 127;
}

Error wrong(std::uint32_t line, std::string_view what) {
    return {Errc::invalid_option, fmt::format("{}: {}", line, what)};
}

/// Joins natural lines to logical ones.
class Lines {
public:
    explicit Lines(std::string_view text) : text_(text) {}

    /// The next logical line that is no comment, without leading white space and with its
    /// backslashes. False: there is none.
    Result<bool> next(std::string& line) {
        for (;;) {
            skip_spaces();
            if (at_ == text_.size()) return false;
            if (text_[at_] == '\\' && goes_on()) continue;
            begins_in_ = line_;
            const bool is_comment = text_[at_] == '#' || text_[at_] == '!';
            line.clear();
            while (at_ < text_.size() && !is_newline(text_[at_])) {
                if (is_control(text_[at_])) return no_text();
                if (!is_comment && text_[at_] == '\\' && goes_on()) continue;
                if (line.size() + 2 > limits::options_line_bytes_max) return too_long();
                // What a backslash stands before is no end of the line and no second backslash.
                if (text_[at_] == '\\' && at_ + 1 < text_.size() && !is_newline(text_[at_ + 1])) {
                    line += text_[at_++];
                    if (is_control(text_[at_])) return no_text();
                }
                line += text_[at_++];
            }
            pass_newline();
            if (!is_comment && !line.empty()) return true;
        }
    }

    /// Of what next() gave.
    std::uint32_t begins_in() const { return begins_in_; }

private:
    void skip_spaces() {
        while (at_ < text_.size() && is_space(text_[at_])) ++at_;
    }

    void pass_newline() {
        if (at_ == text_.size()) return;
        at_ += text_.substr(at_, 2) == "\r\n" ? 2 : 1;
        ++line_;
    }

    /// At a backslash: passes over it if it is the last of its line, and to the next line's text.
    bool goes_on() {
        if (at_ + 1 < text_.size() && !is_newline(text_[at_ + 1])) return false;
        ++at_;
        pass_newline();
        skip_spaces();
        return true;
    }

    Error no_text() const {
        return wrong(line_, fmt::format("the byte 0x{:02x} is no text",
                                        static_cast<unsigned char>(text_[at_])));
    }
    Error too_long() const {
        return wrong(line_, fmt::format("the line is longer than {} bytes",
                                        limits::options_line_bytes_max));
    }

    std::string_view text_;
    std::size_t at_ = 0;
    std::uint32_t line_ = 1;
    std::uint32_t begins_in_ = 1;
};

/// Four hexadecimal digits; false if they are not.
bool read_unit(std::string_view digits, std::uint32_t& unit) {
    if (digits.size() < 4) return false;
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + 4, unit, 16);
    return error == std::errc{} && end == digits.data() + 4;
}

void append_utf8(std::string& text, std::uint32_t c) {
    const auto rest = [&](int shift) { text += static_cast<char>(0x80 | (c >> shift & 0x3f)); };
    if (c < 0x80) {
        text += static_cast<char>(c);
    } else if (c < 0x800) {
        text += static_cast<char>(0xc0 | c >> 6);
        rest(0);
    } else if (c < 0x10000) {
        text += static_cast<char>(0xe0 | c >> 12);
        rest(6), rest(0);
    } else {
        text += static_cast<char>(0xf0 | c >> 18);
        rest(12), rest(6), rest(0);
    }
}

/// `text` begins behind "\u"; takes what belongs to the character. Null: it is right.
const char* unescape_unicode(std::string_view& text, std::string& out) {
    std::uint32_t unit = 0;
    if (!read_unit(text, unit)) return "\\u needs four hexadecimal digits";
    text.remove_prefix(4);
    if (unit == 0) return "\\u0000 is no text";
    if (unit >= 0xd800 && unit < 0xe000) {
        std::uint32_t low = 0;
        const bool is_pair = unit < 0xdc00 && text.starts_with("\\u") &&
                             read_unit(text.substr(2), low) && low >= 0xdc00 && low < 0xe000;
        if (!is_pair) return "a \\u that is half of a surrogate pair has no other half";
        text.remove_prefix(6);
        unit = 0x10000 + ((unit - 0xd800) << 10) + (low - 0xdc00);
    }
    append_utf8(out, unit);
    return nullptr;
}

const char* unescape(std::string_view text, std::string& out) {
    while (!text.empty()) {
        const char c = text.front();
        text.remove_prefix(1);
        if (c != '\\' || text.empty()) {
            out += c;
            continue;
        }
        const char escaped = text.front();
        text.remove_prefix(1);
        switch (escaped) {
            case 't': out += '\t'; break;
            case 'n': out += '\n'; break;
            case 'r': out += '\r'; break;
            case 'f': out += '\f'; break;
            case 'u':
                if (const char* what = unescape_unicode(text, out)) return what;
                break;
            default: out += escaped;
        }
    }
    return nullptr;
}

/// The name and the value of a logical line, still with their backslashes.
std::pair<std::string_view, std::string_view> split(std::string_view line) {
    const auto is_end = [&](char c) { return c == '=' || c == ':' || is_space(c); };
    std::size_t end = 0;
    while (end < line.size() && !is_end(line[end])) end += line[end] == '\\' ? 2 : 1;
    end = std::min(end, line.size());
    std::size_t at = end;
    while (at < line.size() && is_space(line[at])) ++at;
    if (at < line.size() && (line[at] == '=' || line[at] == ':')) {
        ++at;
        while (at < line.size() && is_space(line[at])) ++at;
    }
    // The end of what counts: behind the last character that is no white space of its own.
    std::size_t last = at;
    for (std::size_t i = at; i < line.size(); ++i) {
        if (line[i] == '\\') {
            last = std::min(++i + 1, line.size());
        } else if (!is_space(line[i])) {
            last = i + 1;
        }
    }
    return {line.substr(0, end), line.substr(at, last - at)};
}

}  // namespace

Result<std::vector<Property>> parse_properties(std::string_view text) {
    if (text.size() > limits::options_text_bytes_max) {
        return wrong(1, fmt::format("there are more than {} bytes of it",
                                    limits::options_text_bytes_max));
    }
    if (text.starts_with("\xef\xbb\xbf")) text.remove_prefix(3);
    std::vector<Property> all;
    Lines lines(text);
    std::string line;
    for (;;) {
        const Result<bool> more = lines.next(line);
        if (!more) return more.error();
        if (!*more) return all;
        const auto [name, value] = split(line);
        Property property{.line = lines.begins_in()};
        const char* what = unescape(name, property.name);
        if (what == nullptr) what = unescape(value, property.value);
        if (what != nullptr) return wrong(property.line, what);
        all.push_back(std::move(property));
    }
}

std::string property_value(std::string_view value) {
    std::string text;
    for (std::size_t i = 0; i < value.size(); ++i) {
        const char c = value[i];
        const bool is_outer = i == 0 || i + 1 == value.size();
        if (c == '\\' || (c == ' ' && is_outer)) {
            text += '\\';
            text += c;
        } else if (static_cast<unsigned char>(c) < 0x20 || c == 127) {
            text += fmt::format("\\u{:04x}", c);
        } else {
            text += c;
        }
    }
    return text;
}

}  // namespace ringpost::api
