// SPDX-License-Identifier: Apache-2.0
// The codecs: anything as a compressed stream; or as what is compressed and has to come back.
#include <algorithm>
#include <array>
#include <memory>
#include <vector>

#include "fuzz.h"
#include "wire/codec.h"
#include "wire/decompress.h"

namespace ringpost::fuzz {
namespace {

constexpr std::size_t bytes_max = 1 << 20;
constexpr std::size_t stream_max = 256 << 10;

struct Made {
    wire::Codec codec;
    std::unique_ptr<wire::Compressor> compressor;
};

/// Each codec at some levels, those included at which another library or way does it.
std::vector<Made> made_all() {
    std::vector<Made> all;
    for (int i = 1; i < wire::codec_count; ++i) {
        const auto codec = static_cast<wire::Codec>(i);
        const wire::LevelRange levels = wire::levels_of(codec);
        if (!wire::is_built_in(codec)) continue;
        for (const int level : {1, 3, levels.standard}) {
            auto compressor = wire::make_compressor(codec, level, stream_max);
            must(compressor.has_value(), "a compressor can't be made");
            all.push_back({codec, *std::move(compressor)});
        }
    }
    return all;
}

void decode(wire::Codec codec, ByteSpan in) {
    std::vector<std::byte> out(3);
    const wire::DecompressFault fault = wire::decompress(codec, in, bytes_max, out);
    must(fault == wire::DecompressFault::none ? out.size() >= 3 : out.size() == 3,
         "a fault left something behind");
    must(out.size() <= bytes_max + 3, "more came out than was allowed");
}

void round_trip(Made& made, std::size_t slice_max, ByteSpan in) {
    in = in.first(std::min(in.size(), stream_max));
    if (in.empty()) return;
    slice_max = std::clamp<std::size_t>(slice_max, 1, made.compressor->slice_bytes());
    std::vector<std::byte> small;
    made.compressor->begin(in.size());
    for (ByteSpan left = in; !left.empty();) {
        const ByteSpan slice = left.first(std::min(slice_max, left.size()));
        left = left.subspan(slice.size());
        const ByteSpan came = made.compressor->add(slice, left.empty());
        small.insert(small.end(), came.begin(), came.end());
    }
    std::vector<std::byte> out;
    const wire::DecompressFault fault = wire::decompress(made.codec, small, in.size(), out);
    must(fault == wire::DecompressFault::none, "what was compressed can't be read");
    must(std::ranges::equal(out, in), "what was compressed comes back as something else");
}

}  // namespace
}  // namespace ringpost::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace ringpost;
    static std::vector<fuzz::Made> all = fuzz::made_all();
    fuzz::Input in(data, size);
    const std::uint8_t choice = in.byte();
    if (choice < 128) {
        fuzz::decode(static_cast<wire::Codec>(choice % wire::codec_count), in.rest());
    } else if (!all.empty()) {
        const std::size_t slice_max = std::size_t{in.byte()} << 8;
        fuzz::round_trip(all[choice % all.size()], slice_max, in.rest());
    }
    return 0;
}
