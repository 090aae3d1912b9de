// SPDX-License-Identifier: Apache-2.0
// The producer behind its handle: start, lanes, flush, purge, stop.
#pragma once

#include <memory>
#include <mutex>

#include <ringpost/producer.h>

#include "api/host.h"
#include "api/lane_impl.h"
#include "api/lane_shelf.h"

namespace ringpost::api {

/// Thread: any, but start, and inline mode (the starting thread only).
class ProducerImpl {
public:
    explicit ProducerImpl(const Options& options)
        : host_(std::make_shared<Host>(options.effective())),
          shelf_(std::make_shared<LaneShelf>()) {}
    ~ProducerImpl() {
        if (host_->fork_mark.forked()) return;  // nobody may be left to give the locks back
        stop(host_->options.stop_timeout);
        shelf_->close();
    }

    Result<void> start();
    Result<std::shared_ptr<LaneImpl>> open_lane(Reports reports);
    /// The calling thread's own; null, and why.
    LaneImpl* thread_lane(Errc& error) noexcept;
    /// What the calling thread may read of this producer's reports.
    ReportReader::Read read_for(std::span<DeliveryReport> out, std::size_t callbacks_max,
                                Timeout timeout) noexcept;
    Result<void> warm_up(std::span<const std::string_view> names, Timeout timeout);
    FlushResult flush(Timeout timeout) noexcept;
    bool purge(Purge what, Timeout timeout) noexcept;
    bool stop(Timeout timeout) noexcept;
    Statistics statistics() const;

    TopicTable& topics() { return *host_->topics; }
    const Options& options() const { return host_->options; }
    Producer::State state() const { return host_->state.load(); }

private:
    /// Of records, over all shards.
    struct Totals {
        std::uint64_t taken = 0, delivered = 0, failed = 0;
    };
    Totals totals() const;
    Result<void> start_locked();
    Result<void> start_shards();
    void begin_anew();

    std::shared_ptr<Host> host_;             ///< another one after a restart
    std::shared_ptr<LaneShelf> shelf_;
    bool stopped_clean_ = true;              ///< what stop said
    std::mutex lifecycle_;                   ///< start, stop and open_lane; never the record path
};

/// A lane on the shard that has the fewest. Not two at a time. Errors: as Producer::open_lane.
Result<std::shared_ptr<LaneImpl>> open_lane(const std::shared_ptr<Host>& host, Reports reports);

/// The shards' own form of the options. They have been validated.
shard::ShardOptions shard_options(const Options& options, std::uint32_t index);

}  // namespace ringpost::api
