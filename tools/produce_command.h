// SPDX-License-Identifier: Apache-2.0
// `ringpost produce`: one record a line, from files or standard input.
#pragma once

#include <CLI/CLI.hpp>

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "option_arguments.h"

namespace ringpost::tools {

struct ProduceArguments {
    std::string brokers;
    std::string topic;
    std::string key_delimiter;
    std::int32_t partition = -1;
    std::vector<std::string> headers;
    std::optional<std::string> compression;  ///< CODEC or CODEC:LEVEL
    OptionArguments options;
    std::vector<std::string> files;
    bool json = false;
    bool quiet = false;
    double statistics_seconds = 0;   ///< 0: none are printed
};

void add_produce(CLI::App& app, ProduceArguments& arguments, std::function<void()> run);

/// 0: every record was acknowledged. 1: some were not, or something could not be read. 2: the
/// arguments are wrong. 130: ended by a second Ctrl-C.
int run_produce(const ProduceArguments& arguments);

}  // namespace ringpost::tools
