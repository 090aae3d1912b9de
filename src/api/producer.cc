// SPDX-License-Identifier: Apache-2.0
// The public handles, which hold a pointer and nothing else.
#include <ringpost/producer.h>

#include <algorithm>
#include <utility>

#include "api/lane_impl.h"
#include "api/producer_impl.h"

namespace ringpost {

namespace {

std::size_t delivered(std::span<const DeliveryReport> reports) {
    return static_cast<std::size_t>(
        std::count_if(reports.begin(), reports.end(), [](const auto& r) { return r.ok(); }));
}

/// `lane`'s answer; or, without a lane, `error` for each record.
std::size_t produce_sync_by(api::LaneImpl* lane, Errc error, std::span<const Record> records,
                            std::span<DeliveryReport> reports, Timeout timeout) {
    records = records.first(std::min(records.size(), reports.size()));
    reports = reports.first(records.size());
    if (lane != nullptr) {
        lane->produce_sync(records, reports, timeout);
    } else {
        for (std::size_t i = 0; i < records.size(); ++i) {
            reports[i] = api::refusal_report(records[i], error);
        }
    }
    return delivered(reports);
}

}  // namespace

// Lane
// ---------------------------------------------------------------------------------------------

Lane::Lane() noexcept = default;
Lane::Lane(std::shared_ptr<api::LaneImpl> impl) noexcept : impl_(std::move(impl)) {}
Lane::Lane(Lane&& other) noexcept = default;
Lane& Lane::operator=(Lane&& other) noexcept {
    std::swap(impl_, other.impl_);
    return *this;
}
Lane::~Lane() {
    if (impl_ != nullptr) impl_->forsake();
}

Errc Lane::produce(const Record& record) noexcept {
    return impl_ == nullptr ? Errc::stopped : impl_->produce(record);
}

Errc Lane::produce(const Record& record, Callback&& callback) noexcept {
    return impl_ == nullptr ? Errc::stopped : impl_->produce(record, std::move(callback));
}

Errc Lane::produce_for(const Record& record, Timeout timeout) noexcept {
    return produce_for(record, Callback(), timeout);
}

Errc Lane::produce_for(const Record& record, Callback&& callback, Timeout timeout) noexcept {
    return impl_ == nullptr ? Errc::stopped
                            : impl_->produce_for(record, std::move(callback), timeout);
}

Errc Lane::claim(const Record& record, std::size_t value_bytes,
                 std::span<std::byte>& value) noexcept {
    return impl_ == nullptr ? Errc::stopped : impl_->claim(record, value_bytes, value);
}

Errc Lane::commit(std::size_t value_bytes) noexcept { return commit(value_bytes, Callback()); }

Errc Lane::commit(std::size_t value_bytes, Callback&& callback) noexcept {
    return impl_ == nullptr ? Errc::stopped : impl_->commit(value_bytes, std::move(callback));
}

std::size_t Lane::produce(std::span<const Record> records, Errc* refused) noexcept {
    Errc error = Errc::stopped;
    const std::size_t count = impl_ == nullptr ? 0 : impl_->produce(records, error);
    if (refused != nullptr) *refused = error;
    return count;
}

DeliveryReport Lane::produce_sync(const Record& record, Timeout timeout) noexcept {
    DeliveryReport report;
    produce_sync({&record, 1}, {&report, 1}, timeout);
    return report;
}

std::size_t Lane::produce_sync(std::span<const Record> records, std::span<DeliveryReport> reports,
                               Timeout timeout) noexcept {
    return produce_sync_by(impl_.get(), Errc::stopped, records, reports, timeout);
}

std::size_t Lane::poll(std::span<DeliveryReport> out) noexcept {
    return impl_ == nullptr ? 0 : impl_->poll(out);
}

std::size_t Lane::poll_for(std::span<DeliveryReport> out, Timeout timeout) noexcept {
    return impl_ == nullptr ? 0 : impl_->poll_for(out, timeout);
}

std::size_t Lane::serve(std::size_t callbacks_max) noexcept {
    return impl_ == nullptr ? 0 : impl_->serve(callbacks_max);
}

std::size_t Lane::serve_for(Timeout timeout, std::size_t callbacks_max) noexcept {
    return impl_ == nullptr ? 0 : impl_->serve_for(callbacks_max, timeout);
}

FlushResult Lane::flush(Timeout timeout, Serve serve) noexcept {
    return impl_ == nullptr ? FlushResult{} : impl_->flush(timeout, serve);
}

std::uint64_t Lane::outstanding() const noexcept {
    return impl_ == nullptr ? 0 : impl_->outstanding();
}

// Producer
// -----------------------------------------------------------------------------------------

Producer::Producer(Options options)
    : impl_(std::make_unique<api::ProducerImpl>(options)) {}
Producer::Producer(Producer&&) noexcept = default;
Producer& Producer::operator=(Producer&&) noexcept = default;
Producer::~Producer() = default;

Result<void> Producer::start() { return impl_->start(); }

Result<Topic> Producer::topic(std::string_view name) { return impl_->topics().find_or_add(name); }

std::string_view Producer::topic_name(Topic topic) const noexcept {
    return impl_->topics().name(topic);
}

Result<Lane> Producer::open_lane() { return open_lane(impl_->options().delivery_reports); }

Result<Lane> Producer::open_lane(Reports reports) {
    auto lane = impl_->open_lane(reports);
    if (!lane) return lane.error();
    return Lane(std::move(*lane));
}

Errc Producer::produce(const Record& record) noexcept {
    Errc error;
    api::LaneImpl* const lane = impl_->thread_lane(error);
    return lane == nullptr ? error : lane->produce(record);
}

Errc Producer::produce(const Record& record, Callback&& callback) noexcept {
    Errc error;
    api::LaneImpl* const lane = impl_->thread_lane(error);
    return lane == nullptr ? error : lane->produce(record, std::move(callback));
}

Errc Producer::produce_for(const Record& record, Timeout timeout) noexcept {
    Errc error;
    api::LaneImpl* const lane = impl_->thread_lane(error);
    return lane == nullptr ? error : lane->produce_for(record, {}, timeout);
}

DeliveryReport Producer::produce_sync(const Record& record, Timeout timeout) noexcept {
    DeliveryReport report;
    produce_sync({&record, 1}, {&report, 1}, timeout);
    return report;
}

std::size_t Producer::produce_sync(std::span<const Record> records,
                                   std::span<DeliveryReport> reports, Timeout timeout) noexcept {
    Errc error;
    api::LaneImpl* const lane = impl_->thread_lane(error);
    return produce_sync_by(lane, error, records, reports, timeout);
}

std::size_t Producer::poll(std::span<DeliveryReport> out) noexcept {
    return poll_for(out, Timeout::zero());
}

std::size_t Producer::poll_for(std::span<DeliveryReport> out, Timeout timeout) noexcept {
    return impl_->read_for(out, out.size(), out.empty() ? Timeout::zero() : timeout).reports;
}

std::size_t Producer::serve(std::size_t callbacks_max) noexcept {
    return serve_for(Timeout::zero(), callbacks_max);
}

std::size_t Producer::serve_for(Timeout timeout, std::size_t callbacks_max) noexcept {
    return impl_->read_for({}, callbacks_max, timeout).callbacks;
}

Result<void> Producer::warm_up(std::span<const std::string_view> topics, Timeout timeout) {
    return impl_->warm_up(topics, timeout);
}

FlushResult Producer::flush(Timeout timeout) noexcept { return impl_->flush(timeout); }
bool Producer::purge(Purge what, Timeout timeout) noexcept { return impl_->purge(what, timeout); }
bool Producer::stop(Timeout timeout) noexcept { return impl_->stop(timeout); }
Producer::State Producer::state() const noexcept { return impl_->state(); }
Statistics Producer::statistics() const { return impl_->statistics(); }

std::string_view version() noexcept { return RINGPOST_VERSION; }

}  // namespace ringpost
