// SPDX-License-Identifier: Apache-2.0
// Options from .properties files and the environment.
#include "api/option_sources.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <map>
#include <utility>
#include <vector>

#include "api/option_table.h"
#include "api/option_values.h"
#include "api/properties.h"
#include "base/format.h"
#include "base/limits.h"

namespace ringpost {

namespace {

Error invalid(std::string text) { return {Errc::invalid_option, std::move(text)}; }

struct Setting {
    std::string name;
    std::string value;
    std::string origin;
};

/// All of them, or none. One option by two of its names with two values is an oversight that the
/// order of lines should not decide (and the environment has no order).
Result<void> set_all(Options& options, const std::vector<Setting>& settings) {
    Options changed = options;
    std::map<const api::OptionRow*, std::pair<const Setting*, std::string>> seen;
    for (const Setting& setting : settings) {
        if (auto set = changed.set(setting.name, setting.value, setting.origin); !set) {
            return invalid(fmt::format("{}: {}", setting.origin, set.error().text));
        }
        const api::OptionRow* row = api::find_option(setting.name);
        if (row == nullptr) continue;  // another client's, without effect
        std::string now = row->show(changed);
        const auto [at, is_first] = seen.try_emplace(row, &setting, now);
        const auto& [before, shown] = at->second;
        if (!is_first && shown != now && api::dotted(before->name) != api::dotted(setting.name)) {
            return invalid(fmt::format(
                "{}: {}={} and {}={} ({}) are the same option, {}: leave one of the two out",
                setting.origin, setting.name, setting.value.substr(0, 100), before->name,
                before->value.substr(0, 100), before->origin, row->name));
        }
        at->second = {&setting, std::move(now)};
    }
    options = std::move(changed);
    return {};
}

/// Only what is a file and ends: a pipe may have no writer, a device no end.
Result<std::string> read_file(const std::string& path) {
    const auto wrong = [&](std::string_view what) {
        return invalid(fmt::format("{}: {}", path, what));
    };
    const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (fd < 0) return wrong(std::strerror(errno));
    struct stat status {};
    const bool known = ::fstat(fd, &status) == 0;
    if (!known || !S_ISREG(status.st_mode)) {
        const int error = errno;
        ::close(fd);
        return wrong(!known                      ? std::strerror(error)
                     : S_ISDIR(status.st_mode) ? "this is a directory; name a file in it"
                                               : "this is no regular file; options are read from "
                                                 "one only");
    }
    std::string text(limits::options_text_bytes_max + 1, '\0');
    std::size_t size = 0;
    ssize_t n = 0;
    do {
        n = ::read(fd, text.data() + size, text.size() - size);
        if (n > 0) size += static_cast<std::size_t>(n);
    } while ((n > 0 && size < text.size()) || (n < 0 && errno == EINTR));
    const int error = errno;
    ::close(fd);
    if (n < 0) return wrong(std::strerror(error));
    text.resize(size);
    return text;
}

/// What a person would type: "RINGPOST_LINGER_MS" for linger.ms.
std::string variable_name(std::string_view name) {
    std::string text = "RINGPOST_";
    for (const char c : name) {
        text += static_cast<char>(c == '.' ? '_' : c >= 'a' && c <= 'z' ? c - 'a' + 'A' : c);
    }
    return text;
}

}  // namespace

Result<void> Options::load(const std::string& path) {
    const Result<std::string> text = read_file(path);
    if (!text) return text.error();
    return load_text(*text, path);
}

Result<void> Options::load_text(std::string_view text, std::string_view name) {
    auto properties = api::parse_properties(text);
    if (!properties) return invalid(fmt::format("{}:{}", name, properties.error().text));
    std::vector<Setting> settings;
    for (api::Property& p : *properties) {
        settings.push_back(
            {std::move(p.name), std::move(p.value), fmt::format("{}:{}", name, p.line)});
    }
    return set_all(*this, settings);
}

Result<void> Options::load_environment() { return api::read_environment(*this, environ); }

namespace api {

Result<void> read_environment(Options& options, const char* const* environment) {
    constexpr std::string_view prefix = "RINGPOST_";
    // tools/test takes it, and runs programs that read their options from the environment.
    constexpr std::string_view not_an_option = "RINGPOST_WERROR";
    std::vector<Setting> settings;
    for (; environment != nullptr && *environment != nullptr; ++environment) {
        const std::string_view entry = *environment;
        const std::size_t equals = entry.find('=');
        if (!entry.starts_with(prefix) || equals == entry.npos) continue;
        const std::string_view variable = entry.substr(0, equals);
        if (variable == not_an_option) continue;
        std::string name(variable.substr(prefix.size()));
        for (char& c : name) c = static_cast<char>(c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c);
        name = dotted(name);
        const Named named = find_name(name);
        if (named.row == nullptr && named.peer == nullptr) {
            const std::string_view nearest = nearest_option(name);
            return invalid(fmt::format(
                "{}: there is no option \"{}\"; {}", variable.substr(0, 100), name.substr(0, 100),
                nearest.empty() ? "unset it, or rename it if it is not meant for ringpost"
                                : fmt::format("did you mean {}?", variable_name(nearest))));
        }
        settings.push_back({std::move(name), std::string(entry.substr(equals + 1)),
                            fmt::format("environment {}", variable)});
    }
    return set_all(options, settings);
}

}  // namespace api

}  // namespace ringpost
