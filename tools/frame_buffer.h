// SPDX-License-Identifier: Apache-2.0
// What a connection has received, cut into request frames where it lies.
#pragma once

#include <algorithm>
#include <cstring>
#include <span>

#include "base/bytes.h"
#include "base/memory.h"

namespace ringpost::tools {

/// Kafka's socket.request.max.bytes: a larger frame ends the connection.
inline constexpr std::size_t request_bytes_max = 104'857'600;

/// Owns:      one buffer, that grows to the largest frame that has come.
/// Allocates: at construction, and to grow.
/// Invariant: a frame is never copied, but for the part that has come when it turns out not to fit
///            behind the frames before it. Frames of up to half the buffer always fit.
class FrameBuffer {
public:
    explicit FrameBuffer(std::size_t bytes) : memory_(bytes, 64) {}

    enum class Front : std::uint8_t { frame, incomplete, malformed };

    /// The frame in front, without its size; it stays there until `pop`. Borrowed until `room`.
    Front front(ByteSpan& frame) const {
        const std::size_t size = front_bytes();
        if (size > size_bytes + request_bytes_max) return Front::malformed;
        if (size == 0 || size > held()) return Front::incomplete;
        frame = ByteSpan(memory_.span()).subspan(begin_ + size_bytes, size - size_bytes);
        return Front::frame;
    }
    /// Where the next bytes go does not change: they may be on their way.
    void pop() { begin_ += front_bytes(); }

    /// Where to receive into; empty when the buffer is full of frames that nobody has taken, and
    /// when there is no memory. Moves what is held, so nothing may be on its way into the buffer.
    std::span<std::byte> room() {
        if (begin_ == end_) begin_ = end_ = 0;
        const std::size_t size = front_bytes();
        if (size != 0 && size <= held()) return tail();
        const std::size_t wanted = std::max(size, held() + small_bytes);
        if (begin_ + wanted > memory_.size() && !make_room(wanted)) return {};
        if (size == 0) return tail().first(std::max(tail().size() / 2, small_bytes));
        // Exactly the rest of a large frame: the next one then begins where this one did.
        const std::size_t rest = size - held();
        return rest >= large_bytes ? tail().first(rest) : tail();
    }
    void on_received(std::size_t bytes) { end_ += bytes; }

private:
    static constexpr std::size_t size_bytes = 4;
    static constexpr std::size_t small_bytes = 1024;
    static constexpr std::size_t large_bytes = 16 * 1024;

    std::size_t held() const { return end_ - begin_; }
    std::span<std::byte> tail() const { return memory_.span().subspan(end_); }

    /// Of the frame in front, its size field included; 0 while that is not there. A negative size
    /// comes out as one that is far too large.
    std::size_t front_bytes() const {
        if (held() < size_bytes) return 0;
        return size_bytes + std::size_t{load_be<std::uint32_t>(memory_.data() + begin_)};
    }

    bool make_room(std::size_t wanted) {
        const std::size_t count = held();
        if (wanted <= memory_.size()) {
            std::memmove(memory_.data(), memory_.data() + begin_, count);
        } else {
            Block larger(std::max(wanted, memory_.size() * 2), 64);
            if (!larger) return false;
            if (count != 0) std::memcpy(larger.data(), memory_.data() + begin_, count);
            memory_ = std::move(larger);
        }
        begin_ = 0;
        end_ = count;
        return true;
    }

    Block memory_;
    std::size_t begin_ = 0;
    std::size_t end_ = 0;
};

}  // namespace ringpost::tools
