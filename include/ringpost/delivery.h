// SPDX-License-Identifier: Apache-2.0
// What became of a record.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <string_view>
#include <type_traits>
#include <utility>

#include <ringpost/error.h>
#include <ringpost/record.h>

namespace ringpost {

/// Where a record stood when its time ran out, or when it was purged.
enum class Stage : std::uint8_t {
    none,         ///< It came to another end.
    memory,       ///< Still in its lane: buffer.memory was taken by others.
    metadata,     ///< Nothing was known of its topic.
    leader,       ///< Its partition had no leader.
    producer_id,  ///< No broker had given a producer id.
    connection,   ///< There was no connection to the leader.
    backing_off,  ///< Between two attempts.
    linger,       ///< Its batch waited for company.
    queue,        ///< Behind other requests to the leader, or its partition's earlier batches.
    in_flight,    ///< Sent, and not answered.
};

/// The stage's name, such as "in_flight".
[[gnu::visibility("default")]] std::string_view to_string(Stage stage) noexcept;

/// Which records a purge ends.
enum class Purge : std::uint8_t {
    queued,     ///< Not sent, or waiting to be sent again.
    in_flight,  ///< Sent and not answered; they may have been written.
    all,
};

/// A record's headers, decoded one by one as they are looked at.
class Headers {
public:
    class Iterator {
    public:
        Iterator(const unsigned char* at, std::uint32_t left) noexcept : at_(at), left_(left) {
            if (left_ != 0) read();
        }
        const Header& operator*() const noexcept { return header_; }
        const Header* operator->() const noexcept { return &header_; }
        Iterator& operator++() noexcept {
            if (--left_ != 0) read();
            return *this;
        }
        bool operator==(const Iterator& other) const noexcept { return left_ == other.left_; }

    private:
        std::int64_t varint() noexcept {
            std::uint64_t value = 0;
            for (unsigned shift = 0;; shift += 7) {
                const std::uint64_t byte = *at_++;
                value |= (byte & 0x7f) << shift;
                if (byte < 0x80) break;
            }
            return static_cast<std::int64_t>(value >> 1) ^ -static_cast<std::int64_t>(value & 1);
        }
        Bytes field() noexcept {
            const std::int64_t size = varint();
            if (size < 0) return {};
            const Bytes bytes(reinterpret_cast<const char*>(at_), static_cast<std::size_t>(size));
            at_ += size;
            return bytes;
        }
        void read() noexcept {
            header_.key = field().text();
            header_.value = field();
        }
        const unsigned char* at_;
        std::uint32_t left_;
        Header header_;
    };

    Headers() noexcept = default;
    /// `encoded` has been checked: `count` headers as a record has them (KIP-82).
    Headers(const void* encoded, std::uint32_t count) noexcept
        : at_(static_cast<const unsigned char*>(encoded)), count_(count) {}
    std::uint32_t size() const noexcept { return count_; }
    bool empty() const noexcept { return count_ == 0; }
    Iterator begin() const noexcept { return {at_, count_}; }
    Iterator end() const noexcept { return {nullptr, 0}; }

private:
    const unsigned char* at_ = nullptr;
    std::uint32_t count_ = 0;
};

/// Each accepted record gets exactly one DeliveryReport, in every ending: acknowledged, failed,
/// timed out, purged, stopped.
struct DeliveryReport {
    std::uint64_t tag = 0;             ///< Record::tag.
    Topic topic;
    std::int32_t partition = -1;       ///< -1 if none was chosen before the record failed.
    Errc error = Errc::none;           ///< none: acknowledged as Options::acks asks.
    Errc last_error = Errc::none;      ///< For delivery_timeout and purged: what stood in the way.
    Stage stage = Stage::none;         ///< For delivery_timeout and purged: where the record stood.
    /// In the log, or -1: the record failed, or the broker did not say (acks=0; a duplicate of a
    /// batch that it had already and no longer remembers).
    std::int64_t offset = -1;
    std::int64_t timestamp_ms = -1;    ///< The record's, or the broker's append time if it set one.
    std::uint32_t attempts = 0;        ///< Times that the record was sent; saturates at 255.
    std::int32_t broker = -1;          ///< Node id of the broker it was last sent to; -1: to none.
    /// From when the shard took the first record of this one's batch to the batch's end; linger
    /// included. At most 71 minutes; a longer one reads as that.
    std::chrono::microseconds latency{0};
    /// Only with an error: true if the record may stand in the log all the same.
    bool may_have_been_written = false;
    /// The record's own bytes are in `key`, `value` and `headers`, until the lane's next poll. Of
    /// failed records, and of delivered ones where Options::delivery_reports_with_records asks for
    /// it; they may keep up to half of Options::buffer_memory until they are polled. Those beyond,
    /// and those that timed out before there was room for them, come without.
    bool has_record = false;
    Bytes key;
    Bytes value;
    Headers headers;

    bool ok() const noexcept { return error == Errc::none; }
};

/// What runs when a record's report is polled, in the thread that polls and in the order of the
/// reports. It may produce, but not poll, flush or stop; it must not throw. Made by on_delivery or
/// on_error; moved into produce, which keeps it if it accepts the record.
class Callback {
public:
    using Run = void (*)(void* context, const DeliveryReport& report);
    using Drop = void (*)(void* context);

    Callback() noexcept = default;
    /// `drop`, if any, is called once `run` has been, or when it is certain that it never will.
    Callback(Run run, void* context, Drop drop = nullptr, bool only_errors = false) noexcept
        : run_(run), context_(context), drop_(drop), only_errors_(only_errors) {}
    Callback(Callback&& other) noexcept { *this = std::move(other); }
    Callback& operator=(Callback&& other) noexcept {
        std::swap(run_, other.run_);
        std::swap(context_, other.context_);
        std::swap(drop_, other.drop_);
        std::swap(only_errors_, other.only_errors_);
        return *this;
    }
    ~Callback() {
        if (drop_ != nullptr) drop_(context_);
    }

    explicit operator bool() const noexcept { return run_ != nullptr; }
    void operator()(const DeliveryReport& report) const {
        if (!only_errors_ || !report.ok()) run_(context_, report);
    }

private:
    Run run_ = nullptr;
    void* context_ = nullptr;
    Drop drop_ = nullptr;
    bool only_errors_ = false;
};

namespace detail {

template <typename F>
Callback callback_for(F&& f, bool only_errors) {
    using Callable = std::remove_reference_t<F>;
    const auto run = [](void* context, const DeliveryReport& report) {
        (*static_cast<Callable*>(context))(report);
    };
    if constexpr (std::is_lvalue_reference_v<F>) {
        using Plain = std::remove_const_t<Callable>;
        return {run, const_cast<Plain*>(std::addressof(f)), nullptr, only_errors};
    } else {
        const auto drop = [](void* context) { delete static_cast<Callable*>(context); };
        return {run, new Callable(std::move(f)), drop, only_errors};
    }
}

}  // namespace detail

/// Calls `f(report)`. A named `f` is used where it is, and has to outlive the record's report; a
/// temporary one is moved to the heap, an allocation a record.
template <typename F>
Callback on_delivery(F&& f) {
    return detail::callback_for(std::forward<F>(f), false);
}

/// The same, but only for a record that failed: an errback.
template <typename F>
Callback on_error(F&& f) {
    return detail::callback_for(std::forward<F>(f), true);
}

}  // namespace ringpost
