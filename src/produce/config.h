// SPDX-License-Identifier: Apache-2.0
// What a shard's producer needs of the options, in its own types. Made once by api.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <ringpost/options.h>

#include "base/log.h"
#include "base/time.h"
#include "broker/connection.h"
#include "produce/partitioner.h"
#include "wire/codec.h"

namespace ringpost::produce {

struct Seed {
    std::string host;
    std::uint16_t port = 9092;
};

struct Compression {
    wire::Codec codec = wire::Codec::none;
    int level = 0;
    bool operator==(const Compression&) const = default;
};

struct Config {
    std::vector<Seed> seeds;
    Acks acks = Acks::all;
    bool idempotent = true;
    std::uint32_t max_in_flight = 5;
    Unhashed unhashed = Unhashed::sticky;
    std::shared_ptr<OwnPartitioner> own;   ///< never null where `unhashed` is own
    bool adaptive_partitioning = true;
    Duration availability_timeout = Duration::seconds(1);
    Duration linger = Duration::ms(5);
    bool linger_adaptive = false;          ///< only while something is in flight to the broker
    std::uint32_t batch_bytes = 128 * 1024;
    std::uint32_t batch_records = 50'000;
    std::uint32_t request_bytes_max = 4 << 20;
    Compression compression;
    std::vector<std::pair<std::string, Compression>> topic_compression;   ///< instead, by name
    Duration delivery_timeout = Duration::seconds(120);
    Duration request_timeout = Duration::seconds(30);
    std::uint32_t retries = INT32_MAX;
    Duration retry_backoff = Duration::ms(100);
    Duration retry_backoff_max = Duration::seconds(1);
    Duration metadata_max_age = Duration::seconds(300);
    Duration metadata_max_idle = Duration::seconds(300);
    MetadataRecovery metadata_recovery = MetadataRecovery::rebootstrap;
    Duration rebootstrap_trigger = Duration::seconds(300);
    /// How long a topic that the cluster does not know may take to appear.
    Duration topic_wait = Duration::seconds(30);
    bool allow_auto_create_topics = true;
    /// Topics, partitions or batches that one turn takes of anything that is about all of them:
    /// some hundred ns each, so that a turn stays far below a millisecond.
    std::uint32_t turn_items_max = 1'000;
    /// Of a batch that is compressed, bytes in one slice; a codec's own are some 100 us.
    std::uint32_t slice_bytes_max = UINT32_MAX;
    /// What a lane may give in one turn; less than limits::turn_bytes bounds sends, too.
    std::uint32_t turn_bytes_max = limits::turn_bytes;
    /// Lingering batches from which on the cache is asked early for what records need.
    std::uint32_t lookahead_batches = limits::lookahead_batches;
    bool statistics = true;   ///< with histograms
    broker::ConnectionOptions connection;
    Log log;
};

}  // namespace ringpost::produce
