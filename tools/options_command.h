// SPDX-License-Identifier: Apache-2.0
// `ringpost options`: the options, what they would be, and who says so.
#pragma once

#include <CLI/CLI.hpp>

#include <functional>

#include "option_arguments.h"

namespace ringpost::tools {

struct OptionsArguments {
    OptionArguments options;
    bool json = false;
    bool markdown = false;
};

void add_options_command(CLI::App& app, OptionsArguments& arguments, std::function<void()> run);

/// 0: printed. 1: standard output could not be written. 2: a producer would not start with these.
int run_options(const OptionsArguments& arguments);

}  // namespace ringpost::tools
