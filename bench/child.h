// SPDX-License-Identifier: Apache-2.0
// What each driver of a bench needs: processes that it starts and ends, the broker among them, and
// what is to be said of the machine beside the figures.
#pragma once

#include <cstdint>
#include <cstdio>
#include <string>
#include <utility>
#include <vector>

#include <signal.h>
#include <sys/types.h>

namespace ringpost::bench {

/// A child process whose standard output is read here. Ended by SIGTERM with its owner.
class Child {
public:
    explicit Child(std::vector<std::string> arguments);
    Child(const Child&) = delete;
    Child& operator=(const Child&) = delete;
    ~Child();
    std::string line();
    void signal(int number) const { ::kill(pid_, number); }
    /// Its exit status, or -1 if a signal ended it.
    int wait();

private:
    pid_t pid_ = -1;
    FILE* out_ = nullptr;
};

/// `ringpost broker --discard` in a process of its own; `partitions` are those of each topic.
class BrokerChild {
public:
    explicit BrokerChild(std::uint32_t brokers = 1, std::uint32_t partitions = 8);
    /// Of all its brokers, separated by commas.
    const std::string& address() const { return address_; }
    /// Ends it; how many bytes it has received.
    std::uint64_t end();

private:
    Child child_;
    std::string address_;
};

/// The path of the running program, for starting it again as a worker.
std::string own_path();

/// Time that the hypervisor gave to others since the boot, in ticks of 10 ms, over all CPUs.
std::uint64_t steal_ticks();

/// "2 CPUs, AMD EPYC, Linux 6.1"
std::string machine();

double median(std::vector<double> v);

}  // namespace ringpost::bench
