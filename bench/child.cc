// SPDX-License-Identifier: Apache-2.0
// Processes by fork and exec; the machine by /proc.
#include "child.h"

#include <fmt/format.h>
#include <signal.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <fstream>
#include <stdexcept>
#include <thread>

namespace ringpost::bench {

Child::Child(std::vector<std::string> arguments) {
    int ends[2];
    if (pipe(ends) != 0) throw std::runtime_error("pipe");
    pid_ = fork();
    if (pid_ == 0) {
        dup2(ends[1], STDOUT_FILENO);
        close(ends[0]);
        close(ends[1]);
        std::vector<char*> argv;
        for (std::string& argument : arguments) argv.push_back(argument.data());
        argv.push_back(nullptr);
        execvp(argv[0], argv.data());
        _exit(127);
    }
    close(ends[1]);
    out_ = fdopen(ends[0], "r");
}

Child::~Child() {
    if (pid_ > 0) {
        kill(pid_, SIGTERM);
        wait();
    }
    fclose(out_);
}

std::string Child::line() {
    std::string text;
    for (int c = fgetc(out_); c != EOF && c != '\n'; c = fgetc(out_)) text += static_cast<char>(c);
    return text;
}

int Child::wait() {
    int status = 0;
    waitpid(pid_, &status, 0);
    pid_ = -1;
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

namespace {

std::string program() {
    const std::string me = own_path();
    return me.substr(0, me.rfind('/')) + "/../tools/ringpost";
}

}  // namespace

BrokerChild::BrokerChild(std::uint32_t brokers, std::uint32_t partitions)
    : child_({program(), "broker", "--listen", "127.0.0.1:0", "--brokers", std::to_string(brokers),
              "--partitions", std::to_string(partitions), "--discard"}) {
    for (std::uint32_t i = 0; i < brokers; ++i) {
        const std::string said = child_.line();
        const std::size_t at = said.find("127.0.0.1:");
        if (at == std::string::npos) throw std::runtime_error("no broker: " + program());
        if (i != 0) address_ += ',';
        address_ += said.substr(at, said.find(' ', at) - at);
    }
}

std::uint64_t BrokerChild::end() {
    child_.signal(SIGTERM);
    constexpr std::string_view received = "received ";
    const std::string said = child_.line();
    if (!said.starts_with(received)) throw std::runtime_error("the broker ended: " + said);
    return std::stoull(said.substr(received.size()));
}

std::string own_path() {
    char path[4096];
    const ssize_t n = readlink("/proc/self/exe", path, sizeof path);
    return {path, n > 0 ? static_cast<std::size_t>(n) : 0};
}

std::uint64_t steal_ticks() {
    std::ifstream stat("/proc/stat");
    std::string cpu;
    std::uint64_t field = 0;
    stat >> cpu;
    for (int i = 0; i < 8; ++i) stat >> field;
    return field;
}

std::string machine() {
    std::string model = "unknown CPU";
    std::ifstream info("/proc/cpuinfo");
    for (std::string line; std::getline(info, line);) {
        if (!line.starts_with("model name")) continue;
        model = line.substr(line.find(':') + 2);
        break;
    }
    utsname system{};
    uname(&system);
    return fmt::format("{} CPUs, {}, Linux {}", std::thread::hardware_concurrency(), model,
                       system.release);
}

double median(std::vector<double> v) {
    std::sort(v.begin(), v.end());
    const std::size_t n = v.size();
    return n % 2 == 1 ? v[n / 2] : (v[n / 2 - 1] + v[n / 2]) / 2;
}

}  // namespace ringpost::bench
