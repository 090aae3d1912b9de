// SPDX-License-Identifier: Apache-2.0
// The command-line program: `ringpost produce` sends lines, `ringpost options` prints
// what can be chosen, `ringpost broker` serves an embedded broker.
#include <fcntl.h>
#include <ringpost/producer.h>

#include <CLI/CLI.hpp>

#include "broker_command.h"
#include "options_command.h"
#include "produce_command.h"

int main(int argc, char** argv) {
    // A standard stream that is closed would be the number of a socket soon.
    while (true) {
        const int fd = open("/dev/null", O_RDWR);
        if (fd > STDERR_FILENO) {
            close(fd);
            break;
        }
        if (fd < 0) break;
    }
    CLI::App app{"ringpost: a Kafka producer on io_uring"};
    app.set_version_flag("--version", "ringpost " + std::string(ringpost::version()));
    app.require_subcommand(1);
    app.footer("ringpost COMMAND --help tells more.");
    int status = 0;
    ringpost::tools::ProduceArguments produce;
    ringpost::tools::add_produce(app, produce, [&] { status = run_produce(produce); });
    ringpost::tools::OptionsArguments options;
    ringpost::tools::add_options_command(app, options, [&] { status = run_options(options); });
    ringpost::tools::BrokerArguments broker;
    ringpost::tools::add_broker(app, broker, [&] { status = run_broker(broker); });
    try {
        app.parse(argc, argv);
    } catch (const CLI::ParseError& error) {
        // 0 for --help and --version; everything else is a usage error.
        return app.exit(error) == 0 ? 0 : 2;
    }
    return status;
}
