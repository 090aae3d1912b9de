// SPDX-License-Identifier: Apache-2.0
// -F and -X: what a command takes to choose a producer's options.
#pragma once

#include <ringpost/options.h>

#include <CLI/CLI.hpp>

#include <string>
#include <vector>

namespace ringpost::tools {

struct OptionArguments {
    std::vector<std::string> files;
    std::vector<std::string> settings;
};

void add_option_arguments(CLI::App& app, OptionArguments& arguments);

/// The environment, then the files, then the settings, each in its order: the later counts.
Result<void> read_options(const OptionArguments& arguments, Options& options);

}  // namespace ringpost::tools
