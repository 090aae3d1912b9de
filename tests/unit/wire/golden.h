// SPDX-License-Identifier: Apache-2.0
// Golden bytes from tests/golden, and the ill-treatment that every decoder has to survive.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <concepts>
#include <fstream>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "wire/uuid.h"

namespace ringpost::wire {

using Bytes = std::vector<std::byte>;

inline Bytes from_hex(std::string_view hex) {
    Bytes bytes;
    for (std::size_t i = 0; i + 1 < hex.size(); i += 2) {
        bytes.push_back(
            static_cast<std::byte>(std::stoi(std::string(hex.substr(i, 2)), nullptr, 16)));
    }
    return bytes;
}

inline std::string to_hex(ByteSpan bytes) {
    std::string hex;
    for (const std::byte b : bytes) {
        hex += "0123456789abcdef"[static_cast<unsigned>(b) >> 4];
        hex += "0123456789abcdef"[static_cast<unsigned>(b) & 15];
    }
    return hex;
}

/// Every line of a golden file: the last word in hex, under the words before it.
inline std::map<std::string, Bytes> read_golden(const std::string& file) {
    std::map<std::string, Bytes> entries;
    std::ifstream in(std::string(TESTS_DIR "/golden/") + file);
    for (std::string line; std::getline(in, line);) {
        const auto space = line.rfind(' ');
        if (line.starts_with('#') || space == std::string::npos) continue;
        const std::string hex = line.substr(space + 1);
        entries[line.substr(0, space)] = hex == "-" ? Bytes{} : from_hex(hex);
    }
    EXPECT_FALSE(entries.empty()) << file;
    return entries;
}

inline Bytes golden(const std::string& name) {
    static const auto entries = read_golden("protocol.txt");
    const auto entry = entries.find(name);
    EXPECT_NE(entry, entries.end()) << name;
    return entry == entries.end() ? Bytes{} : entry->second;
}

inline Bytes kafka_clients(const std::string& message, int version) {
    static const auto entries = read_golden("kafka_clients.txt");
    const auto entry = entries.find(message + " " + std::to_string(version));
    EXPECT_NE(entry, entries.end()) << message << " " << version;
    return entry == entries.end() ? Bytes{} : entry->second;
}

/// The topic id of the golden bytes: 10 11 12 ... 1f.
inline Uuid golden_id() {
    Uuid id;
    for (std::size_t i = 0; i < id.bytes.size(); ++i) id.bytes[i] = static_cast<std::byte>(16 + i);
    return id;
}

/// Calls `decode` with a copy of exactly the right size, so that a sanitizer sees an over-read.
template <typename Decode>
bool decode_exact(ByteSpan bytes, const Decode& decode) {
    const std::unique_ptr<std::byte[]> copy(new std::byte[bytes.size()]);
    std::copy(bytes.begin(), bytes.end(), copy.get());
    return decode(ByteSpan{copy.get(), bytes.size()});
}

/// Every truncation of `bytes` is refused.
template <typename Decode>
void refuses_every_truncation(ByteSpan bytes, const Decode& decode) {
    for (std::size_t n = 0; n < bytes.size(); ++n) {
        EXPECT_FALSE(decode_exact(bytes.first(n), decode)) << n << " of " << to_hex(bytes);
    }
}

/// `decode` comes back from every change of one bit, whatever it says.
template <typename Decode>
void survives_every_bit_change(ByteSpan bytes, const Decode& decode) {
    Bytes changed(bytes.begin(), bytes.end());
    for (std::size_t bit = 0; bit < changed.size() * 8; ++bit) {
        const auto mask = static_cast<std::byte>(1U << (bit % 8));
        changed[bit / 8] ^= mask;
        decode_exact(changed, decode);
        changed[bit / 8] ^= mask;
    }
}

template <typename Message>
Bytes encoded(std::int16_t version, const Message& message) {
    Bytes room(encoded_size(version, message));
    Writer out(room);
    encode(out, version, message);
    EXPECT_TRUE(out.ok());
    EXPECT_EQ(out.room(), 0U) << "encoded_size says more than encode writes";
    return room;
}

/// Kafka's own encoding of `sample` is ours, is read back as `sample`, and no damage to it does
/// harm: what is still accepted can be encoded again and comes back the same.
template <typename Message, typename Decode>
void agrees_with_kafka_clients(const std::string& name, std::int16_t version, const Message& sample,
                               const Decode& decode_into) {
    SCOPED_TRACE(name + " v" + std::to_string(version));
    const Bytes bytes = kafka_clients(name, version);
    EXPECT_EQ(to_hex(encoded(version, sample)), to_hex(bytes));

    Message decoded;
    ASSERT_TRUE(decode_into(bytes, version, decoded));
    EXPECT_EQ(to_hex(encoded(version, decoded)), to_hex(bytes));
    if constexpr (std::equality_comparable<Message>) {
        EXPECT_TRUE(decoded == sample);
    }

    const auto decode_again = [&](ByteSpan damaged) {
        Message m;
        if (!decode_into(damaged, version, m)) return false;
        const Bytes again = encoded(version, m);
        Message same;
        EXPECT_TRUE(decode_into(again, version, same)) << to_hex(damaged);
        EXPECT_EQ(to_hex(encoded(version, same)), to_hex(again));
        return true;
    };
    refuses_every_truncation(bytes, decode_again);
    survives_every_bit_change(bytes, decode_again);
}

template <typename Message>
void agrees_with_kafka_clients(const std::string& name, std::int16_t version,
                               const Message& sample) {
    agrees_with_kafka_clients(name, version, sample, [](ByteSpan body, std::int16_t v, Message& m) {
        return decode(body, v, m);
    });
}

}  // namespace ringpost::wire
