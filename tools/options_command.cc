// SPDX-License-Identifier: Apache-2.0
// `ringpost options`.
#include "options_command.h"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <nlohmann/json.hpp>
#include <utility>

#include "api/option_table.h"
#include "api/option_values.h"

namespace ringpost::tools {

namespace {

/// "`a`, `b`".
std::string quoted(std::string_view words) {
    std::string text;
    api::any_word(words, [&](std::string_view word) {
        text += fmt::format("{}`{}`", text.empty() ? "" : ", ", word);
        return false;
    });
    return text;
}

std::string as_lines(const Options& options) {
    const std::vector<OptionInfo> all = options.explain();
    std::size_t name_width = 0;
    for (const OptionInfo& option : all) name_width = std::max(name_width, option.name.size());
    std::string text;
    for (const OptionInfo& option : all) {
        text += fmt::format("{:<{}} = {:<20}  # {}\n", option.name, name_width, option.value,
                            option.origin);
    }
    return text;
}

std::string as_json(const Options& options) {
    nlohmann::json all = nlohmann::json::array();
    for (const OptionInfo& option : options.explain()) {
        nlohmann::json also = nlohmann::json::array();
        api::any_word(option.also, [&](std::string_view name) {
            also.push_back(name);
            return false;
        });
        all.push_back({{"name", option.name},
                       {"value", option.value},
                       {"origin", option.origin},
                       {"default", option.default_value},
                       {"range", option.range},
                       {"also", std::move(also)},
                       {"does", option.does}});
    }
    // A value may be any bytes, and JSON has none but UTF-8's.
    return all.dump(2, ' ', false, nlohmann::json::error_handler_t::replace) + '\n';
}

/// The generated part of OPTIONS.md.
std::string as_markdown() {
    std::string text = "| option | default | range | also called | what it does |\n"
                       "|---|---|---|---|---|\n";
    for (const OptionInfo& option : Options{}.explain()) {
        std::string also = quoted(option.also);
        for (const api::AliasRow& alias : api::alias_table()) {
            if (alias.of != option.name) continue;
            also += fmt::format("{}`{}` ({})", also.empty() ? "" : ", ", alias.name, alias.range);
        }
        text += fmt::format("| `{}` | {} | {} | {} | {} |\n", option.name,
                            option.default_value.empty() ? "(none)" : option.default_value,
                            option.range, also, option.does);
    }
    text += "\n## What other clients have\n\n"
            "There is no choice about these. The values that are accepted change nothing; others "
            "are refused\nwith the reason.\n\n"
            "| name | accepted | because |\n|---|---|---|\n";
    for (const api::PeerRow& peer : api::peer_table()) {
        text += fmt::format("| {} | {} | {} |\n", quoted(peer.names),
                            peer.accepted == "*" ? "anything" : quoted(peer.accepted), peer.why);
    }
    return text;
}

int print(const std::string& text) {
    if (std::fputs(text.c_str(), stdout) >= 0 && std::fflush(stdout) == 0) return 0;
    fmt::print(stderr, "ringpost: standard output: {}\n", std::strerror(errno));
    return 1;
}

int refuse(std::string_view text) {
    fmt::print(stderr, "ringpost: {}\n", text);
    return 2;
}

}  // namespace

void add_options_command(CLI::App& app, OptionsArguments& a, std::function<void()> run) {
    CLI::App* sub =
        app.add_subcommand("options", "Print what a producer's options would be, and who says so.");
    add_option_arguments(*sub, a.options);
    CLI::Option* json = sub->add_flag("--json", a.json, "For machines, with ranges and names");
    sub->add_flag("--markdown", a.markdown, "The reference of all options, as OPTIONS.md has it")
        ->excludes(json, sub->get_option("--config"), sub->get_option("--option"));
    sub->footer(
        "The environment (RINGPOST_LINGER_MS=5), then files, then -X: the later counts.\n"
        "Exit status: 0, or 2 if a producer would refuse these options.");
    sub->callback(std::move(run));
}

int run_options(const OptionsArguments& arguments) {
    if (arguments.markdown) return print(as_markdown());
    Options options;
    if (auto read = read_options(arguments.options, options); !read) {
        return refuse(read.error().text);
    }
    if (int status = print(arguments.json ? as_json(options) : as_lines(options))) return status;
    // Brokers may yet be named where the options are used.
    if (options.bootstrap_servers.empty()) options.bootstrap_servers = "localhost";
    if (auto valid = options.validate(); !valid) return refuse(valid.error().text);
    return 0;
}

}  // namespace ringpost::tools
