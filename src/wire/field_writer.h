// SPDX-License-Identifier: Apache-2.0
// Writes, or only counts, the fields of one message in the classic or the compact form.
#pragma once

#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "wire/field_version.h"
#include "wire/uuid.h"

namespace ringpost::wire {

/// Counts what a Writer would write.
class ByteCounter {
public:
    std::size_t size() const { return size_; }
    template <typename T>
    void be(T) {
        size_ += sizeof(T);
    }
    void uvarint(std::uint64_t n) { size_ += uvarint_size(n); }
    void bytes(ByteSpan b) { size_ += b.size(); }
    void* advance(std::size_t) { return nullptr; }

private:
    std::size_t size_ = 0;
};

/// Names are those of FieldReader; what a field's null means is said there.
///
/// Borrows: the output. A field that its length can't express makes the output fail.
template <typename Out>
class FieldOutput : public FieldVersion {
public:
    static constexpr bool reading = false;

    FieldOutput(Out& out, std::int16_t version, bool flexible)
        : FieldVersion(version, flexible), out_(out) {}

    void boolean(bool b) { i8(b ? 1 : 0); }
    void i8(std::int8_t n) { out_.be(n); }
    void i16(std::int16_t n) { out_.be(n); }
    void i32(std::int32_t n) { out_.be(n); }
    void i64(std::int64_t n) { out_.be(n); }
    void uuid(const Uuid& id) { out_.bytes(id.bytes); }

    void string(std::string_view s) {
        length<std::int16_t>(s.size());
        out_.bytes(as_bytes(s));
    }
    void nullable_string(std::string_view s) { s.empty() ? null<std::int16_t>() : string(s); }
    template <typename S>
    void nullable_string(const std::optional<S>& s) {
        s.has_value() ? string(*s) : null<std::int16_t>();
    }

    void bytes(ByteSpan b) {
        length<std::int32_t>(b.size());
        out_.bytes(b);
    }
    void nullable_bytes(ByteSpan b) { b.data() == nullptr ? null<std::int32_t>() : bytes(b); }

    template <typename T>
    void array(const std::vector<T>& v) {
        length<std::int32_t>(v.size());
        for (const T& element : v) fields(*this, element);
    }
    template <typename T>
    void nullable_array(bool is_null, const std::vector<T>& v) {
        is_null ? null<std::int32_t>() : array(v);
    }
    void skippable_array(const std::vector<std::int32_t>& v) { array(v); }

    template <typename... Body>
    void tags(const Tagged<Body>&... known) {
        if (!flexible()) return;
        out_.uvarint((0U + ... + (sent(known) ? 1U : 0U)));
        (tagged(known), ...);
    }

private:
    template <typename Body>
    bool sent(const Tagged<Body>& field) const {
        return from(field.since) && field.present;
    }
    template <typename Body>
    void tagged(const Tagged<Body>& field) {
        if (!sent(field)) return;
        ByteCounter counter;
        FieldOutput<ByteCounter> counting(counter, version(), flexible());
        field.body(counting);
        out_.uvarint(field.tag);
        out_.uvarint(counter.size());
        field.body(*this);
    }

    template <typename Classic>
    void length(std::size_t n) {
        constexpr auto classic_max = static_cast<std::size_t>(std::numeric_limits<Classic>::max());
        // A compact length has room for more, but no peer reads a longer string from it.
        if (n > classic_max) return static_cast<void>(out_.advance(SIZE_MAX));
        if (flexible()) return out_.uvarint(n + 1);
        out_.be(static_cast<Classic>(n));
    }
    template <typename Classic>
    void null() {
        if (flexible()) return out_.uvarint(0);
        out_.be(Classic{-1});
    }

    Out& out_;
};

using FieldWriter = FieldOutput<Writer>;
using FieldCounter = FieldOutput<ByteCounter>;

}  // namespace ringpost::wire
