// SPDX-License-Identifier: Apache-2.0
// What a caller hands over: a record and its parts. All of it is borrowed for the call only.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace ringpost {

/// Bytes that may be *null*, which Kafka keeps apart from *empty*: a null value is a tombstone.
/// A default-made Bytes is null; one made from text or a span never is.
class Bytes {
public:
    constexpr Bytes() noexcept = default;
    constexpr Bytes(std::nullptr_t) noexcept {}                                  // NOLINT
    constexpr Bytes(std::string_view text) noexcept                              // NOLINT
        : data_(text.data() == nullptr ? "" : text.data()), size_(text.size()) {}
    constexpr Bytes(const char* text) noexcept : Bytes(std::string_view(text)) {}  // NOLINT
    Bytes(const std::string& text) noexcept : Bytes(std::string_view(text)) {}   // NOLINT
    Bytes(std::span<const std::byte> bytes) noexcept                             // NOLINT
        : Bytes(reinterpret_cast<const char*>(bytes.data()), bytes.size()) {}
    constexpr Bytes(const char* data, std::size_t size) noexcept
        : data_(data == nullptr ? "" : data), size_(size) {}

    constexpr bool is_null() const noexcept { return data_ == nullptr; }
    constexpr std::size_t size() const noexcept { return size_; }
    /// Null exactly if is_null().
    constexpr const char* data() const noexcept { return data_; }
    constexpr std::string_view text() const noexcept { return {data_, size_}; }
    std::span<const std::byte> bytes() const noexcept {
        return {reinterpret_cast<const std::byte*>(data_), size_};
    }

private:
    const char* data_ = nullptr;
    std::size_t size_ = 0;
};

/// A record header. The key is UTF-8, may be empty and may occur twice; the value may be null.
struct Header {
    std::string_view key = {};
    Bytes value = {};
};

/// A topic's name, looked up once: see Producer::topic. A value; valid for its producer's life.
class Topic {
public:
    constexpr Topic() noexcept = default;
    constexpr explicit Topic(std::uint32_t id) noexcept : id_(id) {}
    constexpr bool valid() const noexcept { return id_ != UINT32_MAX; }
    constexpr std::uint32_t id() const noexcept { return id_; }
    constexpr bool operator==(const Topic&) const noexcept = default;

private:
    std::uint32_t id_ = UINT32_MAX;
};

/// "Choose for me": by the key, or a sticky partition where there is none.
inline constexpr std::int32_t any_partition = -1;
/// "Stamp it now", by the wall clock, when the call accepts the record.
inline constexpr std::int64_t now_timestamp = -1;

/// One record on its way in: name the members you set. Everything it points to is copied by the
/// call that takes it.
struct Record {
    Topic topic = {};                     ///< From Producer::topic; saves hashing a name.
    std::string_view topic_name = {};     ///< Used if `topic` is not set.
    Bytes key = {};                       ///< Null: no key.
    Bytes value = {};                     ///< Null: a tombstone.
    std::span<const Header> headers = {}; ///< At most 1,000.
    std::int32_t partition = any_partition;
    std::int64_t timestamp_ms = now_timestamp;  ///< Milliseconds since 1970, >= 0.
    std::uint64_t tag = 0;                ///< Yours; comes back in the DeliveryReport.
    /// Its own delivery timeout: a millisecond or more. Zero, or one above
    /// Options::delivery_timeout: that one. Records with different timeouts share no batch.
    std::chrono::milliseconds delivery_timeout{0};
};

}  // namespace ringpost
