// SPDX-License-Identifier: Apache-2.0
// The producer behind its handle: start, lanes, flush, stop.
#pragma once

#include <memory>
#include <mutex>

#include <ringpost/producer.h>

#include "api/host.h"
#include "api/lane_impl.h"

namespace ringpost::api {

/// Thread: any, but start, and inline mode (the starting thread only).
class ProducerImpl {
public:
    explicit ProducerImpl(Options options) : host_(std::make_shared<Host>(std::move(options))) {}
    ~ProducerImpl() { stop(host_->options.stop_timeout); }

    Result<void> start();
    Result<LaneImpl*> open_lane();
    Result<void> warm_up(std::span<const std::string_view> names, Timeout timeout);
    FlushResult flush(Timeout timeout) noexcept;
    bool stop(Timeout timeout) noexcept;
    Host& host() { return *host_; }
    const Host& host() const { return *host_; }

private:
    struct Totals {
        std::uint64_t taken = 0, delivered = 0, failed = 0;
    };
    Totals totals() const;

    const std::shared_ptr<Host> host_;
    bool stopped_clean_ = true;        ///< what stop said
    std::mutex lifecycle_;             ///< start, stop and open_lane; never the record path
};

/// A lane on the shard that has the fewest. Not two at a time. Errors: as Producer::open_lane.
Result<LaneImpl*> open_lane(const std::shared_ptr<Host>& host);

/// The shards' own form of the options. They have been validated.
shard::ShardOptions shard_options(const Options& options, std::uint32_t index);

}  // namespace ringpost::api
