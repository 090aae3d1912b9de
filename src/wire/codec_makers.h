// SPDX-License-Identifier: Apache-2.0
// The codecs' makers, for codec.cc. One that this build is without is not defined.
#pragma once

#include <memory>
#include <string>

#include "base/memory.h"
#include "wire/codec.h"

namespace ringpost::wire {

using CompressorMaker = Result<std::unique_ptr<Compressor>> (*)(int level,
                                                                std::size_t stream_bytes_max);

/// The level is in range. Errors: out_of_memory.
Result<std::unique_ptr<Compressor>> make_gzip(int level, std::size_t stream_bytes_max);
Result<std::unique_ptr<Compressor>> make_snappy(int level, std::size_t stream_bytes_max);
Result<std::unique_ptr<Compressor>> make_lz4(int level, std::size_t stream_bytes_max);
Result<std::unique_ptr<Compressor>> make_zstd(int level, std::size_t stream_bytes_max);

inline Error no_memory_for(Codec codec) {
    return {Errc::out_of_memory,
            "no memory for " + std::string(to_string(codec)) + "'s compression"};
}

/// How much of a stream is still to come; holds callers to what they told `begin`.
class StreamLeft {
public:
    void begin(std::size_t bytes, std::size_t bytes_max);
    void take(std::size_t slice, std::size_t slice_max, bool last);

private:
    std::size_t bytes_ = 0;
};

}  // namespace ringpost::wire
