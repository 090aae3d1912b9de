// SPDX-License-Identifier: Apache-2.0
// One lane at work: produces until taken, and looks at each report.
#pragma once

#include <ringpost/producer.h>

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

#include "client.h"

namespace ringpost::bench {

/// Thread: the lane's.
class LaneSender {
public:
    explicit LaneSender(Lane lane) : lane_(std::move(lane)) {}

    /// `place(record, i)` names topic and partition of the i-th.
    template <typename Place>
    void send(Record record, std::uint64_t records, const Place& place) {
        using namespace std::chrono_literals;
        seen_ = 0;
        for (std::uint64_t i = 0; i < records; ++i) {
            place(record, i);
            record.tag = i;
            Errc error = lane_.produce(record);
            while (error != Errc::none && is_retriable(error)) [[unlikely]] {
                take(10ms);
                error = lane_.produce(record);
            }
            if (error != Errc::none) die(std::string(message(error)));
            if (i % poll_every == 0) take(Timeout::zero());
        }
        lane_.flush(Timeout::zero());
        while (seen_ < records) take(1s);
    }

    void take(Timeout wait) {
        const std::size_t n = lane_.poll_for(reports_, wait);
        for (std::size_t i = 0; i < n; ++i) {
            if (!reports_[i].ok()) die(std::string(message(reports_[i].error)));
        }
        seen_ += n;
    }
    Lane& lane() { return lane_; }

private:
    Lane lane_;
    std::vector<DeliveryReport> reports_ = std::vector<DeliveryReport>(4096);
    std::uint64_t seen_ = 0;
};

}  // namespace ringpost::bench
