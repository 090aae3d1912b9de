// SPDX-License-Identifier: Apache-2.0
// `ringpost broker`: the embedded brokers, served until Ctrl-C.
#pragma once

#include <CLI/CLI.hpp>

#include <cstdint>
#include <functional>
#include <string>

namespace ringpost::tools {

struct BrokerArguments {
    std::string listen = "127.0.0.1:9092";
    std::string advertise;
    std::uint32_t brokers = 1;
    std::uint32_t partitions = 1;
    bool discard = false;
    bool no_auto_create = false;
    std::int16_t produce_version = 0;  ///< The highest that is spoken; 0: all there are
    std::string io_backend = "auto";
};

void add_broker(CLI::App& app, BrokerArguments& arguments, std::function<void()> run);

/// 0: served until Ctrl-C. 1: could not listen. 2: the arguments are wrong.
int run_broker(const BrokerArguments& arguments);

}  // namespace ringpost::tools
