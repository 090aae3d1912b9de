// SPDX-License-Identifier: Apache-2.0
// The public handles, which hold a pointer and nothing else.
#include <ringpost/producer.h>

#include <utility>

#include "api/lane_impl.h"
#include "api/producer_impl.h"

namespace ringpost {

Lane::Lane() noexcept = default;
Lane::Lane(api::LaneImpl* impl) noexcept : impl_(impl) {}
Lane::Lane(Lane&& other) noexcept : impl_(std::exchange(other.impl_, nullptr)) {}
Lane& Lane::operator=(Lane&& other) noexcept {
    std::swap(impl_, other.impl_);
    return *this;
}
Lane::~Lane() { delete impl_; }

Errc Lane::produce(const Record& record) noexcept {
    return impl_ == nullptr ? Errc::stopped : impl_->produce(record);
}

Errc Lane::produce_for(const Record& record, Timeout timeout) noexcept {
    return impl_ == nullptr ? Errc::stopped : impl_->produce_for(record, timeout);
}

std::size_t Lane::produce(std::span<const Record> records, Errc* refused) noexcept {
    Errc error = Errc::none;
    std::size_t count = 0;
    for (; count < records.size(); ++count) {
        error = produce(records[count]);
        if (error != Errc::none) break;
    }
    if (refused != nullptr) *refused = error;
    return count;
}

std::size_t Lane::poll(std::span<DeliveryReport> out) noexcept {
    return impl_ == nullptr ? 0 : impl_->poll(out);
}

std::size_t Lane::poll_for(std::span<DeliveryReport> out, Timeout timeout) noexcept {
    return impl_ == nullptr ? 0 : impl_->poll_for(out, timeout);
}

FlushResult Lane::flush(Timeout timeout) noexcept {
    return impl_ == nullptr ? FlushResult{} : impl_->flush(timeout);
}

std::uint64_t Lane::outstanding() const noexcept {
    return impl_ == nullptr ? 0 : impl_->outstanding();
}

Producer::Producer(Options options)
    : impl_(std::make_unique<api::ProducerImpl>(std::move(options))) {}
Producer::Producer(Producer&&) noexcept = default;
Producer& Producer::operator=(Producer&&) noexcept = default;
Producer::~Producer() = default;

Result<void> Producer::start() { return impl_->start(); }

Result<Topic> Producer::topic(std::string_view name) {
    return impl_->host().topics.find_or_add(name);
}

std::string_view Producer::topic_name(Topic topic) const noexcept {
    return impl_->host().topics.name(topic);
}

Result<Lane> Producer::open_lane() {
    Result<api::LaneImpl*> lane = impl_->open_lane();
    if (!lane) return lane.error();
    return Lane(*lane);
}

Result<void> Producer::warm_up(std::span<const std::string_view> topics, Timeout timeout) {
    return impl_->warm_up(topics, timeout);
}

FlushResult Producer::flush(Timeout timeout) noexcept { return impl_->flush(timeout); }
bool Producer::stop(Timeout timeout) noexcept { return impl_->stop(timeout); }
Producer::State Producer::state() const noexcept { return impl_->host().state.load(); }

std::string_view version() noexcept { return RINGPOST_VERSION; }

}  // namespace ringpost
