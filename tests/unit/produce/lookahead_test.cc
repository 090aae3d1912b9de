// SPDX-License-Identifier: Apache-2.0
// It only asks the cache, so what can be tested is that nothing else comes of it, whatever stands
// in the ring; what it is for is measured by bench/scale.
#include "produce/lookahead.h"

#include <gtest/gtest.h>

#include "core_world.h"

namespace ringpost::produce {
namespace {

Config looking_ahead() {
    Config config;
    config.lookahead_batches = 0;
    config.linger = Duration::seconds(60);
    return config;
}

TEST(Lookahead, LeavesTheRingAndTheBatchesAsTheyAre) {
    CoreWorld w({.partitions = 4}, looking_ahead());
    w.add_topic(0, "t");
    w.add_topic(1, "nobody has asked for this one");
    for (std::int32_t partition = 0; partition < 4; ++partition) {
        ASSERT_TRUE(w.produce(0, static_cast<std::uint32_t>(partition), "first", partition));
    }
    w.settle();
    Block memory(1024, 64);
    SpscRing ring(memory.span());
    std::uint32_t written = 0;
    // Where a record goes, if that is known at all; and what is none.
    const auto write = [&] {
        const std::uint32_t size = 40 + 8 * (written % 5);
        std::byte* const at = ring.try_reserve(size);
        if (at == nullptr) return false;
        Entry& entry = *reinterpret_cast<Entry*>(at);
        entry = {size, 0, any_partition, written * 7919, 0, written, 5};
        switch (written % 7) {
            case 0: entry.partition = static_cast<std::int32_t>(written % 4); break;
            case 1: entry.tail_bytes |= Entry::flag_hashed; break;
            case 2: entry.partition = 4; break;                     // one too many
            case 3: entry.topic = 1; entry.partition = 0; break;    // known by its name alone
            case 4: entry.topic = 1; entry.tail_bytes |= Entry::flag_hashed; break;
            case 5: entry.topic = 1'000; entry.partition = 0; break;
            default: entry.topic = 2; entry.tail_bytes |= Entry::flag_topic_name; break;
        }
        ring.commit(size);
        ++written;
        return true;
    };
    std::uint32_t read = 0;
    for (int drain = 0; drain < 200; ++drain) {
        const std::size_t records = 1 + static_cast<std::size_t>(drain) % 13;
        for (std::size_t i = 0; i < records && write(); ++i) {}
        Lookahead lookahead = w.core->look_ahead(ring);
        for (std::uint32_t i = 0; const std::byte* at = ring.front(); ++i) {
            lookahead.step();
            const Entry& entry = *reinterpret_cast<const Entry*>(at);
            ASSERT_EQ(entry.slot, read++);
            ring.pop(entry.size);
            if (i < 3) write();   // meanwhile
        }
        ring.release();
    }
    EXPECT_EQ(read, written);
    EXPECT_GT(read, 1'000U);
    w.pass(Duration::seconds(61));
    EXPECT_EQ(w.count(Errc::none), 4U);
    EXPECT_EQ(w.log("t", 3), std::vector<std::string>{"first"});
}

}  // namespace
}  // namespace ringpost::produce
