// SPDX-License-Identifier: Apache-2.0
// One measured run of one client, in a process of its own.
#pragma once

#include <cstdint>
#include <map>
#include <string>

#include "client.h"

namespace ringpost::bench {

struct Work {
    ClientOptions client;
    std::uint64_t records = 1'000'000;
};

struct Measured {
    /// By the names of compare's rows; what can't be had is missing.
    std::map<std::string, double> figures;
    /// CPU-seconds a million messages, by thread name; threads of the same name together.
    std::map<std::string, double> threads;
};

/// From the first produce to the last report, after a few records to connect.
Measured run_client(const Work& work);

/// How much memory the process has with so many records queued, none of them acknowledged.
Measured queue_client(const Work& work);

/// A broker that answers everything but produce requests, until it is ended; prints its address.
int serve_silently();

}  // namespace ringpost::bench
