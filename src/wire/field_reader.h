// SPDX-License-Identifier: Apache-2.0
// Reads the fields of one message in the classic or the compact form, from untrusted bytes.
#pragma once

#include <cstdint>
#include <cstring>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "wire/field_version.h"
#include "wire/field_writer.h"
#include "wire/uuid.h"

namespace ringpost::wire {

/// Reads into the fields that it is given, in the order of the calls.
///
/// Borrows: the input; what is read into a string_view or a span points there.
/// Bounds: an array's count is believed only as far as the bytes left can hold it.
/// Invariant: a null where the schema has none reads as empty. Some brokers send one.
class FieldReader : public FieldVersion {
public:
    static constexpr bool reading = true;

    FieldReader(Reader& in, std::int16_t version, bool flexible, bool skips = false)
        : FieldVersion(version, flexible), in_(in), skips_(skips) {}

    void boolean(bool& b) { b = in_.i8() != 0; }
    void i8(std::int8_t& n) { n = in_.i8(); }
    void i16(std::int16_t& n) { n = in_.i16(); }
    void i32(std::int32_t& n) { n = in_.i32(); }
    void i64(std::int64_t& n) { n = in_.i64(); }
    void uuid(Uuid& id) {
        const ByteSpan b = in_.take(id.bytes.size());
        if (!b.empty()) std::memcpy(id.bytes.data(), b.data(), b.size());
    }

    void string(std::string& s) { s = as_text(sized<std::int16_t>()); }
    void string(std::string_view& s) { s = as_text(sized<std::int16_t>()); }
    void nullable_string(std::string& s) { string(s); }
    void nullable_string(std::string_view& s) { string(s); }
    template <typename S>
    void nullable_string(std::optional<S>& s) {
        const ByteSpan b = sized<std::int16_t>();
        s.reset();
        if (b.data() != nullptr) s.emplace(as_text(b));
    }

    void bytes(ByteSpan& b) { b = sized<std::int32_t>(); }
    void bytes(std::vector<std::byte>& v) {
        const ByteSpan b = sized<std::int32_t>();
        v.assign(b.begin(), b.end());
    }
    /// A null is told from empty by its data().
    void nullable_bytes(ByteSpan& b) { bytes(b); }

    /// Everything that is left.
    ByteSpan rest() { return in_.take(in_.remaining()); }

    template <typename T>
    void array(std::vector<T>& v) {
        bool is_null = false;
        nullable_array(is_null, v);
    }
    template <typename T>
    void nullable_array(bool& is_null, std::vector<T>& v) {
        v.clear();
        const std::size_t n = length<std::int32_t>(is_null);
        if (n > in_.remaining() / element_bytes_min<T>()) return in_.fail();
        v.reserve(n);
        for (std::size_t i = 0; i < n && in_.ok(); ++i) fields(*this, v.emplace_back());
    }
    /// An array that a reader made with `skips` passes over.
    void skippable_array(std::vector<std::int32_t>& v) {
        if (!skips_) return array(v);
        bool is_null = false;
        const std::size_t n = length<std::int32_t>(is_null);
        if (n > in_.remaining() / sizeof(std::int32_t)) return in_.fail();
        in_.take(n * sizeof(std::int32_t));
    }

    template <typename... Body>
    void tags(const Tagged<Body>&... known) {
        if (!flexible()) return;
        for (std::uint32_t n = in_.uvarint(); n > 0 && in_.ok(); --n) {
            [[maybe_unused]] const std::uint32_t tag = in_.uvarint();
            const ByteSpan content = in_.take(in_.uvarint());
            if (in_.ok()) (tagged(known, tag, content), ...);
        }
    }

    /// A count, or a length, of the classic type given or of the compact one. 0 for a null.
    template <typename Classic>
    std::size_t length(bool& is_null) {
        if (flexible()) {
            const std::uint32_t n = in_.uvarint();
            is_null = n == 0;
            return is_null ? 0 : n - 1;
        }
        const Classic n = in_.be<Classic>();
        is_null = n < 0;
        if (n < -1) in_.fail();
        return is_null ? 0 : static_cast<std::size_t>(n);
    }

private:
    /// Null data() for a null, and for a failed read.
    template <typename Classic>
    ByteSpan sized() {
        bool is_null = false;
        const std::size_t n = length<Classic>(is_null);
        return is_null ? ByteSpan{} : in_.take(n);
    }
    template <typename Body>
    void tagged(const Tagged<Body>& field, std::uint32_t tag, ByteSpan content) {
        if (tag != field.tag || !from(field.since)) return;
        Reader in(content);
        FieldReader reader(in, version(), flexible(), skips_);
        field.body(reader);
        if (!in.at_end()) in_.fail();
    }
    /// No encoding of a T is smaller than that of an empty one.
    template <typename T>
    std::size_t element_bytes_min() const {
        ByteCounter counter;
        FieldCounter counting(counter, version(), flexible());
        const T empty{};
        fields(counting, empty);
        return counter.size();
    }

    Reader& in_;
    bool skips_;
};

}  // namespace ringpost::wire
