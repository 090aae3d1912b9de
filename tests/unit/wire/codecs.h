// SPDX-License-Identifier: Apache-2.0
// What tests of compression have in common: whole streams, and bytes worth compressing.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "base/prng.h"
#include "wire/codec.h"
#include "wire/decompress.h"

namespace ringpost::wire {

using Bytes = std::vector<std::byte>;

/// Those that this build has.
inline std::vector<Codec> built_in_codecs() {
    std::vector<Codec> codecs;
    for (const Codec codec : {Codec::gzip, Codec::snappy, Codec::lz4, Codec::zstd}) {
        if (is_built_in(codec)) codecs.push_back(codec);
    }
    return codecs;
}

/// One stream of `in`, by slices of at most `slice` bytes.
inline Bytes compressed(Compressor& compressor, ByteSpan in, std::size_t slice = SIZE_MAX) {
    Bytes out;
    slice = std::min(slice, compressor.slice_bytes());
    compressor.begin(in.size());
    while (!in.empty()) {
        const ByteSpan next = in.first(std::min(slice, in.size()));
        in = in.subspan(next.size());
        const ByteSpan came = compressor.add(next, in.empty());
        out.insert(out.end(), came.begin(), came.end());
    }
    return out;
}

/// At the codec's standard level.
inline Bytes compressed(Codec codec, ByteSpan in) {
    auto compressor = make_compressor(codec, levels_of(codec).standard, in.size());
    EXPECT_TRUE(compressor) << compressor.error().text;
    return compressor ? compressed(**compressor, in) : Bytes{};
}

inline Bytes random_bytes(std::size_t size, std::uint64_t seed = 1) {
    Prng prng(seed);
    Bytes bytes(size);
    for (std::byte& b : bytes) b = static_cast<std::byte>(prng.next());
    return bytes;
}

/// Something like a service's log, in JSON.
inline Bytes log_lines(std::size_t size) {
    constexpr std::string_view messages[] = {"request completed", "cache miss", "slow query",
                                             "connection reset by peer"};
    Prng prng(7);
    std::string text;
    while (text.size() < size) {
        text += "{\"ts\":" + std::to_string(1'700'000'000'000 + text.size()) +
                ",\"level\":\"INFO\",\"trace\":\"" + std::to_string(prng.next()) +
                "\",\"status\":" + std::to_string(200 + prng.below(5)) + ",\"msg\":\"" +
                std::string(messages[prng.below(4)]) + "\"}\n";
    }
    const ByteSpan bytes = as_bytes(text).first(size);
    return {bytes.begin(), bytes.end()};
}

}  // namespace ringpost::wire
