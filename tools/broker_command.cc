// SPDX-License-Identifier: Apache-2.0
// `ringpost broker`.
#include "broker_command.h"

#include <fmt/format.h>

#include <cerrno>
#include <charconv>
#include <cstdio>
#include <cstring>
#include <optional>
#include <vector>

#include "broker_server.h"
#include "interrupt.h"
#include "wire/api.h"

namespace ringpost::tools {

namespace {

void complain(std::string_view text) {
    (void)std::fputs(fmt::format("ringpost: {}\n", text).c_str(), stderr);
}

struct HostPort {
    std::string host;
    std::uint16_t port = 0;
};

/// "HOST:PORT", with brackets around an IPv6 address.
std::optional<HostPort> parse_listen(std::string_view text) {
    const std::size_t colon = text.rfind(':');
    if (colon == std::string_view::npos || colon == 0) return {};
    const std::string_view host = text.substr(0, colon);
    const std::string_view port = text.substr(colon + 1);
    const bool bracketed = host.starts_with('[') && host.ends_with(']') && host.size() > 2;
    if (!bracketed && host.find_first_of(":[]") != std::string_view::npos) return {};
    HostPort parsed{.host = std::string(host)};
    const char* end = port.data() + port.size();
    const auto [at, error] = std::from_chars(port.data(), end, parsed.port);
    if (error != std::errc{} || at != end) return {};
    return parsed;
}

io::Backend backend_of(std::string_view name) {
    if (name == "io_uring") return io::Backend::io_uring;
    return name == "epoll" ? io::Backend::epoll : io::Backend::automatic;
}

/// All that the broker can do, but of Produce no version above this one.
std::vector<wire::ApiVersionsResponse::Api> apis_up_to(std::int16_t produce_version) {
    auto apis = fake::all_apis();
    for (auto& api : apis) {
        if (api.key == wire::ApiKey::produce) api.max = produce_version;
    }
    return apis;
}

BrokerServer* served = nullptr;

/// The first signal ends the loop, wherever it is; the second ends the process.
void stop_on_signals(BrokerServer& server) {
    served = &server;
    struct sigaction action {};
    action.sa_handler = [](int) {
        interrupts = interrupts + 1;
        if (interrupts > 1) _exit(130);
        served->stop();
    };
    sigaction(SIGINT, &action, nullptr);
    sigaction(SIGTERM, &action, nullptr);
    signal(SIGPIPE, SIG_IGN);
}

/// Back to how an interrupt is by default: the server is about to go.
void leave_signals() {
    signal(SIGINT, SIG_DFL);
    signal(SIGTERM, SIG_DFL);
    served = nullptr;
}

bool announce(const BrokerServer& server) {
    int node_id = 0;
    for (const std::string& address : server.addresses()) {
        fmt::print("listening on {} (node {})\n", address, ++node_id);
    }
    return std::fflush(stdout) == 0;
}

}  // namespace

void add_broker(CLI::App& app, BrokerArguments& a, std::function<void()> run) {
    const wire::ApiInfo& produce_api = wire::api_info(wire::ApiKey::produce);
    CLI::App* sub = app.add_subcommand(
        "broker", "Serve an embedded Kafka broker from memory, for tests and benchmarks.");
    sub->add_option("-l,--listen", a.listen,
                    "HOST:PORT; with port 0 each broker takes any free one, else PORT, PORT+1, ...")
        ->capture_default_str();
    sub->add_option("--advertise", a.advertise,
                    "Host that clients are told to connect to (default: that of --listen)");
    sub->add_option("-n,--brokers", a.brokers, "Brokers of the cluster, all in this process")
        ->check(CLI::Range(1, 256))
        ->capture_default_str();
    sub->add_option("-p,--partitions", a.partitions, "Partitions of a topic that is created")
        ->check(CLI::Range(1, 100'000))
        ->capture_default_str();
    sub->add_flag("--discard", a.discard,
                  "Acknowledge records at once and neither check nor keep them");
    sub->add_flag("--no-auto-create", a.no_auto_create,
                  "Answer that a topic is unknown, instead of creating it");
    sub->add_option("--produce-version", a.produce_version,
                    "Highest version of Produce that is spoken; 6, as in Kafka 2.0, knows no zstd")
        ->check(CLI::Range(produce_api.min, produce_api.max));
    sub->add_option("--io", a.io_backend, "How to ask the kernel: auto, io_uring or epoll")
        ->check(CLI::IsMember({"auto", "io_uring", "epoll"}))
        ->capture_default_str();
    sub->footer(
        "Prints \"listening on ADDRESS (node N)\" for each broker, serves until Ctrl-C, and then\n"
        "prints \"received N bytes\". Everything is kept in memory and lost at the end.\n"
        "Exit status: 0 after Ctrl-C, 1 if it could not listen, 2 if the arguments are wrong.");
    sub->callback(std::move(run));
}

int run_broker(const BrokerArguments& arguments) {
    const std::optional<HostPort> listen = parse_listen(arguments.listen);
    if (!listen) {
        complain(fmt::format("--listen {}: give HOST:PORT, such as 127.0.0.1:9092 or [::1]:0",
                             arguments.listen));
        return 2;
    }
    BrokerServerOptions options;
    options.cluster.brokers = arguments.brokers;
    options.cluster.partitions = arguments.partitions;
    options.cluster.auto_create = !arguments.no_auto_create;
    options.cluster.discard = arguments.discard;
    if (arguments.produce_version != 0) {
        options.cluster.apis = apis_up_to(arguments.produce_version);
    }
    options.host = listen->host;
    options.port = listen->port;
    options.advertised_host = arguments.advertise;
    options.io.backend = backend_of(arguments.io_backend);
    options.io.log = Log(LogLevel::warn, [](LogLevel, std::string_view line) { complain(line); });

    Result<std::unique_ptr<BrokerServer>> server = BrokerServer::open(std::move(options));
    if (!server) {
        complain(server.error().text);
        return server.error().code == Errc::invalid_option ? 2 : 1;
    }
    stop_on_signals(**server);
    const bool announced = announce(**server);
    if (announced) {
        (*server)->run();
        fmt::print("received {} bytes\n", (*server)->bytes_received());
    } else {
        complain(fmt::format("standard output: {}", std::strerror(errno)));
    }
    leave_signals();
    return announced ? 0 : 1;
}

}  // namespace ringpost::tools
