// SPDX-License-Identifier: Apache-2.0
// Requests cut into reads anywhere come out of the broker's frame buffer as they went in.
#include <cstring>
#include <vector>

#include "frame_buffer.h"
#include "fuzz.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace ringpost;
    fuzz::Input in(data, size);
    std::vector<std::size_t> cuts;
    for (std::size_t n = in.byte() % 32; n > 0; --n) cuts.push_back(1 + in.byte() * 16U);
    const ByteSpan stream = in.rest();
    tools::FrameBuffer buffer(1 << in.byte() % 6 << 10);
    std::size_t given = 0;
    std::size_t taken = 0;
    for (std::size_t turn = 0;; ++turn) {
        for (;;) {
            ByteSpan frame;
            const auto front = buffer.front(frame);
            if (front == tools::FrameBuffer::Front::malformed) return 0;
            if (front == tools::FrameBuffer::Front::incomplete) break;
            fuzz::must(taken + 4 + frame.size() <= given, "a frame has more bytes than came");
            fuzz::must(frame.empty() || std::memcmp(frame.data(), stream.data() + taken + 4,
                                                    frame.size()) == 0,
                       "a frame's bytes are not the stream's");
            taken += 4 + frame.size();
            buffer.pop();
        }
        if (given == stream.size()) return 0;
        const std::span<std::byte> room = buffer.room();
        if (room.empty()) return 0;  // a frame larger than there is memory for
        const std::size_t cut = cuts.empty() ? room.size() : cuts[turn % cuts.size()];
        const std::size_t n = std::min({room.size(), cut, stream.size() - given});
        std::memcpy(room.data(), stream.data() + given, n);
        given += n;
        buffer.on_received(n);
    }
}
