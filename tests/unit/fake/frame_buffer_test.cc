// SPDX-License-Identifier: Apache-2.0
// The receive buffer of the program that serves fake brokers (tools/frame_buffer.h).
#include "frame_buffer.h"

#include <gtest/gtest.h>

#include <deque>
#include <vector>

#include "base/prng.h"

namespace ringpost::tools {
namespace {

using Bytes = std::vector<std::byte>;
using Front = FrameBuffer::Front;

/// A frame with its size in front; every byte of it is `fill`.
Bytes frame_of(std::size_t size, std::uint8_t fill) {
    Bytes frame(4 + size, std::byte{fill});
    store_be(frame.data(), static_cast<std::int32_t>(size));
    return frame;
}

void receive(FrameBuffer& buffer, ByteSpan bytes) {
    while (!bytes.empty()) {
        const std::span<std::byte> room = buffer.room();
        ASSERT_FALSE(room.empty());
        const std::size_t n = std::min(room.size(), bytes.size());
        std::memcpy(room.data(), bytes.data(), n);
        buffer.on_received(n);
        bytes = bytes.subspan(n);
    }
}

TEST(FrameBuffer, CutsFramesInOrder) {
    FrameBuffer buffer(4096);
    ByteSpan frame;
    EXPECT_EQ(buffer.front(frame), Front::incomplete);
    Bytes bytes = frame_of(3, 1);
    for (const std::size_t size : {0, 5}) {
        const Bytes more = frame_of(size, 2);
        bytes.insert(bytes.end(), more.begin(), more.end());
    }
    receive(buffer, bytes);
    for (const std::size_t size : {3, 0, 5}) {
        ASSERT_EQ(buffer.front(frame), Front::frame);
        EXPECT_EQ(frame.size(), size);
        buffer.pop();
    }
    EXPECT_EQ(buffer.front(frame), Front::incomplete);
}

TEST(FrameBuffer, RefusesSizesThatNoRequestHas) {
    for (const std::uint32_t size : {0xffff'ffffU, 0x8000'0000U, 104'857'601U, 0x4745'5420U}) {
        FrameBuffer buffer(4096);
        Bytes bytes(4);
        store_be(bytes.data(), size);
        receive(buffer, bytes);
        ByteSpan frame;
        EXPECT_EQ(buffer.front(frame), Front::malformed);
    }
}

TEST(FrameBuffer, BytesThatAreOnTheirWayDuringAPopArriveInTheirPlace) {
    FrameBuffer buffer(4096);
    receive(buffer, frame_of(10, 1));
    const std::span<std::byte> room = buffer.room();  // A receive begins...
    ByteSpan frame;
    ASSERT_EQ(buffer.front(frame), Front::frame);
    buffer.pop();  // ...the frame before it is done with...
    const Bytes next = frame_of(20, 2);
    std::memcpy(room.data(), next.data(), next.size());
    buffer.on_received(next.size());  // ...and the receive ends.
    ASSERT_EQ(buffer.front(frame), Front::frame);
    EXPECT_EQ(frame.size(), 20U);
    EXPECT_EQ(frame[0], std::byte{2});
}

TEST(FrameBuffer, GrowsForALargeFrame) {
    FrameBuffer buffer(1024);
    const Bytes large = frame_of(1 << 20, 7);
    receive(buffer, large);
    ByteSpan frame;
    ASSERT_EQ(buffer.front(frame), Front::frame);
    EXPECT_TRUE(std::ranges::equal(frame, ByteSpan(large).subspan(4)));
}

TEST(FrameBuffer, AsksForExactlyTheRestOfALargeFrame) {
    FrameBuffer buffer(1 << 20);
    const Bytes large = frame_of(100'000, 7);
    receive(buffer, ByteSpan(large).first(1000));
    EXPECT_EQ(buffer.room().size(), large.size() - 1000);
}

TEST(FrameBuffer, HasNoRoomWhileItIsFullOfFramesThatNobodyTakes) {
    FrameBuffer buffer(4096);
    for (int i = 0; i < 4; ++i) receive(buffer, frame_of(1020, 1));
    EXPECT_TRUE(buffer.room().empty());
    buffer.pop();
    buffer.pop();
    buffer.pop();
    buffer.pop();
    EXPECT_FALSE(buffer.room().empty());
}

TEST(FrameBuffer, GivesBackAnyStreamHoweverItIsCut) {
    for (std::uint64_t seed = 1; seed <= 20; ++seed) {
        SCOPED_TRACE(seed);
        Prng prng(seed);
        FrameBuffer buffer(4096);
        std::deque<Bytes> sent;
        const auto take_one = [&] {
            ByteSpan frame;
            if (buffer.front(frame) != Front::frame) return false;
            EXPECT_TRUE(std::ranges::equal(frame, ByteSpan(sent.front()).subspan(4)));
            sent.pop_front();
            buffer.pop();
            return true;
        };
        for (int step = 0; step < 300; ++step) {
            const std::uint32_t size = prng.below(prng.below(4) == 0 ? 60'000 : 300);
            sent.push_back(frame_of(size, static_cast<std::uint8_t>(prng.next())));
            const Bytes bytes = sent.back();
            for (std::size_t at = 0; at < bytes.size();) {
                while (buffer.room().empty()) ASSERT_TRUE(take_one());
                const std::span<std::byte> room = buffer.room();
                const std::size_t n =
                    std::min({room.size(), bytes.size() - at, std::size_t{1} + prng.below(20'000)});
                std::memcpy(room.data(), bytes.data() + at, n);
                if (prng.below(2) == 0) take_one();  // While those bytes are on their way.
                buffer.on_received(n);
                at += n;
                while (prng.below(2) == 0 && take_one()) {
                }
            }
        }
        while (take_one()) {
        }
        EXPECT_TRUE(sent.empty());
    }
}

}  // namespace
}  // namespace ringpost::tools
