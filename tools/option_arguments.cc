// SPDX-License-Identifier: Apache-2.0
// Options from the environment, files and arguments.
#include "option_arguments.h"

#include <fmt/format.h>

namespace ringpost::tools {

void add_option_arguments(CLI::App& app, OptionArguments& arguments) {
    app.add_option("-F,--config", arguments.files,
                   "A file of options, in the form of Java's .properties; repeatable")
        ->type_name("FILE")
        ->allow_extra_args(false);
    app.add_option("-X,--option", arguments.settings,
                   "NAME=VALUE, such as linger.ms=0; repeatable")
        ->type_name("NAME=VALUE")
        ->allow_extra_args(false);
}

Result<void> read_options(const OptionArguments& arguments, Options& options) {
    if (auto read = options.load_environment(); !read) return read;
    for (const std::string& file : arguments.files) {
        if (auto read = options.load(file); !read) return read;
    }
    for (const std::string& setting : arguments.settings) {
        const std::size_t equals = setting.find('=');
        if (equals == std::string::npos) {
            return Error{Errc::invalid_option,
                         fmt::format("-X {}: give NAME=VALUE", setting.substr(0, 100))};
        }
        const std::string_view text = setting;
        if (auto set = options.set(text.substr(0, equals), text.substr(equals + 1), "-X"); !set) {
            return set;
        }
    }
    return {};
}

}  // namespace ringpost::tools
