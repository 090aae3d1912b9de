// SPDX-License-Identifier: Apache-2.0
// One measured run of one client, in a process of its own.
#pragma once

#include <cstdint>
#include <string>

namespace ringpost::bench {

struct Work {
    std::string client;            ///< ringpost or librdkafka
    std::string brokers;
    std::uint64_t records = 1'000'000;
    std::uint32_t value_bytes = 100;
    double linger_ms = 5;
    int acks = 1;
};

struct Measured {
    double seconds = 0;            ///< from the first produce to the last report
    double caller_cpu_s = 0;       ///< of the producing and polling thread, user and system
    double other_cpu_s = 0;        ///< of all other threads of the process
    double system_cpu_s = 0;       ///< system time within the two above
    std::uint64_t rss_kb = 0;      ///< peak
    std::uint64_t failed = 0;
};

Measured run_ringpost(const Work& work);
Measured run_librdkafka(const Work& work);
std::string librdkafka_version();

}  // namespace ringpost::bench
