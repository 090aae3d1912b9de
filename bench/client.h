// SPDX-License-Identifier: Apache-2.0
// The clients that the benches drive, behind one interface: each does the same work in the way that
// its own documentation tells.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string>

#include "payload.h"

namespace ringpost::bench {

struct ClientOptions {
    std::string client = "ringpost";  ///< ringpost, ringpost-inline or librdkafka
    std::string brokers;
    std::string topic = "bench";
    std::uint32_t partitions = 8;   ///< records go round them; 0: none is named
    std::uint32_t value_bytes = 100;
    double linger_ms = 5;
    int acks = 1;
    std::uint32_t queue_records_max = 100'000;  ///< librdkafka's default, for all
    std::uint64_t queue_bytes_max = 0;          ///< of records; 0: each client's own default
    PayloadKind payload = PayloadKind::same;
    std::string compression = "none";  ///< CODEC or CODEC:LEVEL; the level is librdkafka's number
    std::uint32_t batch_bytes = 0;     ///< batch.size; 0: each client's own default

    std::string codec() const { return compression.substr(0, compression.find(':')); }
    /// Empty: the codec's own.
    std::string level() const { return compression.substr(std::min(codec().size() + 1,
                                                                   compression.size())); }
};

/// One producing thread. What goes wrong ends the process, with the reason on standard error.
class Client {
public:
    virtual ~Client() = default;
    /// Produces so many and takes all their reports.
    virtual void send(std::uint64_t records) = 0;
    /// Produces so many, or as many as are accepted; takes no report.
    virtual std::uint64_t queue(std::uint64_t records) = 0;
    /// Lets the time pass, as somebody does who has nothing to send.
    virtual void idle(std::chrono::nanoseconds time) = 0;
    /// Ends what is queued, so that leaving does not wait for it.
    virtual void purge() = 0;
};

std::unique_ptr<Client> make_ringpost(const ClientOptions& options);
std::unique_ptr<Client> make_librdkafka(const ClientOptions& options);
std::string librdkafka_version();

inline std::unique_ptr<Client> make_client(const ClientOptions& options) {
    return options.client == "librdkafka" ? make_librdkafka(options) : make_ringpost(options);
}

[[noreturn]] inline void die(const std::string& text) {
    (void)std::fprintf(stderr, "bench: %s\n", text.c_str());
    std::exit(1);
}

/// Calls between two looks at the reports.
inline constexpr std::uint64_t poll_every = 1024;

}  // namespace ringpost::bench
