// SPDX-License-Identifier: Apache-2.0
// Text in the form of Java's .properties files.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include <ringpost/error.h>

namespace ringpost::api {

struct Property {
    std::string name;
    std::string value;
    std::uint32_t line = 0;  ///< 1-based; where it begins
};

/// As java.util.Properties.load reads it, in UTF-8:
/// - A line ends in LF, CR or CR LF. White space (space, tab, form feed) before its first other
///   character does not count. One without other characters, or that begins with # or !, is a
///   comment.
/// - A line that ends in an odd number of backslashes goes on in the next, whose leading white
///   space does not count; a comment never goes on.
/// - The name ends at the first =, : or white space that has no backslash before it. White space,
///   one = or :, and white space again lie between it and the value.
/// - \t, \n, \r, \f and \uXXXX (UTF-16, four digits) are characters; a backslash before any other
///   stands for nothing.
/// What differs: white space behind a value is no part of it, unless its last has a backslash; a
/// byte order mark is passed over; a control character is an error, and so is half of a surrogate
/// pair; a lone backslash is no option with an empty name.
/// Bounds: limits::options_text_bytes_max and limits::options_line_bytes_max.
/// The error begins with the number of its line.
Result<std::vector<Property>> parse_properties(std::string_view text);

/// `value` as it would stand behind "NAME = " in such a file.
std::string property_value(std::string_view value);

}  // namespace ringpost::api
