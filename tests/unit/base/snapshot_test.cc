// SPDX-License-Identifier: Apache-2.0
#include "base/snapshot.h"

#include <gtest/gtest.h>

#include <array>
#include <thread>

namespace ringpost {
namespace {

using Value = std::array<std::uint64_t, 24>;

Value filled(std::uint64_t n) {
    Value value;
    value.fill(n);
    return value;
}

TEST(Snapshot, BeforeTheFirstIsPublishedItIsEmpty) {
    const Snapshot<Value> snapshot;
    EXPECT_EQ(snapshot.read(), Value{});
}

TEST(Snapshot, ShowsTheLastOnePublished) {
    Snapshot<Value> snapshot;
    for (std::uint64_t n = 1; n < 20; ++n) {
        snapshot.publish(filled(n));
        EXPECT_EQ(snapshot.read(), filled(n));
    }
}

TEST(Snapshot, ReadersSeeWholeValuesThatGetNoOlder) {
    Snapshot<Value> snapshot;
    std::atomic<bool> done{false};
    const auto read = [&] {
        std::uint64_t last = 0;
        while (!done.load(std::memory_order_relaxed)) {
            const Value value = snapshot.read();
            for (const std::uint64_t word : value) ASSERT_EQ(word, value[0]);
            ASSERT_GE(value[0], last);
            last = value[0];
        }
    };
    std::thread one(read);
    std::thread two(read);
    for (std::uint64_t n = 1; n <= 300'000; ++n) snapshot.publish(filled(n));
    done = true;
    one.join();
    two.join();
    EXPECT_EQ(snapshot.read(), filled(300'000));
}

}  // namespace
}  // namespace ringpost
