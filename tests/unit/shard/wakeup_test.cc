// SPDX-License-Identifier: Apache-2.0
// The protocols of wakeup.h with real threads. A lost wake-up shows as a wait that runs into its
// bound, which no scheduling delay reaches. The proofs are in parking_model and signal_model.
#include "shard/wakeup.h"

#include <gtest/gtest.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <cstring>
#include <memory>
#include <thread>
#include <vector>

#include "base/memory.h"
#include "base/prng.h"
#include "base/spsc_ring.h"

namespace ringpost::shard {
namespace {

constexpr int bound_ms = 20'000;

#if defined(__SANITIZE_THREAD__)
constexpr std::uint32_t rounds = 10'000;
#else
constexpr std::uint32_t rounds = 60'000;
#endif

/// What Io::wake and a sleeping Io::wait come to.
class FakeSleep {
public:
    FakeSleep() : descriptor_(eventfd(0, EFD_CLOEXEC)) {}
    ~FakeSleep() { close(descriptor_); }
    void wake() {
        const std::uint64_t one = 1;
        EXPECT_EQ(write(descriptor_, &one, sizeof one), 8);
    }
    /// False: nobody woke us within the bound.
    bool sleep() {
        pollfd p{descriptor_, POLLIN, 0};
        if (poll(&p, 1, bound_ms) != 1) return false;
        std::uint64_t count;
        return read(descriptor_, &count, sizeof count) == 8;
    }

private:
    int descriptor_;
};

/// Spins a little, differently each time, so that the threads meet at every point.
void dawdle(Prng& prng) {
    for (std::uint32_t i = prng.below(prng.below(8) == 0 ? 2000 : 60); i != 0; --i) {
        asm volatile("" ::: "memory");
    }
}

struct StressLane {
    Block memory{1 << 14, 128};
    SpscRing ring{memory.span()};
    std::atomic<std::uint64_t> wake_at{0};
    std::atomic<std::uint64_t> read{0};   ///< what the shard has taken
};

/// Callers publish up to the shard's threshold, then wait until it was read. `asks` of each round
/// come with a request that waits for no threshold.
void parking_stress(std::uint64_t threshold) {
    Parking parking;
    FakeSleep io;
    std::array<StressLane, 2> lanes;
    std::atomic<std::uint32_t> asked{0};
    std::atomic<std::uint32_t> answered{0};
    std::atomic<bool> lost{false};
    std::atomic<std::uint32_t> sleeps{0};
    const std::uint64_t total = rounds * threshold;

    const auto caller = [&](StressLane& lane, std::uint64_t seed) {
        Prng prng(seed);
        while (lane.ring.written() < total && !lost) {
            dawdle(prng);
            for (std::uint64_t bytes = 0; bytes < threshold; bytes += 8) {
                std::byte* at = lane.ring.try_reserve(8);
                if (at == nullptr) return lost.store(true);
                const std::uint32_t size = 8;
                std::memcpy(at, &size, sizeof size);
                lane.ring.commit(8);
                if (parking.should_wake(lane.ring.written(), lane.wake_at)) {
                    io.wake();
                    parking.woke();
                }
            }
            while (lane.read.load(std::memory_order_acquire) < lane.ring.written() && !lost) {
                std::this_thread::yield();
            }
        }
    };
    const auto asker = [&] {
        Prng prng(3);
        for (std::uint32_t i = 1; i <= rounds / 4 && !lost; ++i) {
            dawdle(prng);
            asked.fetch_add(1, std::memory_order_acq_rel);
            if (parking.should_wake()) {
                io.wake();
                parking.woke();
            }
            while (answered.load(std::memory_order_acquire) < i && !lost) {
                std::this_thread::yield();
            }
        }
    };
    std::vector<std::thread> callers;
    callers.emplace_back(caller, std::ref(lanes[0]), 1);
    callers.emplace_back(caller, std::ref(lanes[1]), 2);
    callers.emplace_back(asker);

    Prng prng(4);
    for (;;) {
        for (StressLane& lane : lanes) {
            while (const std::byte* entry = lane.ring.front()) {
                ASSERT_EQ(static_cast<int>(*entry), 8);
                lane.ring.pop(8);
            }
            lane.ring.release();
            lane.read.store(lane.ring.read(), std::memory_order_release);
        }
        answered.store(asked.load(std::memory_order_acquire), std::memory_order_release);
        if (lanes[0].ring.read() == total && lanes[1].ring.read() == total &&
            answered.load() == rounds / 4) {
            break;
        }
        dawdle(prng);
        for (StressLane& lane : lanes) lane.wake_at.store(lane.ring.read() + threshold);
        parking.announce();
        bool found = asked.load(std::memory_order_relaxed) > answered.load();
        for (StressLane& lane : lanes) {
            found |= lane.ring.published() >= lane.wake_at.load(std::memory_order_relaxed);
        }
        if (!found) {
            sleeps.fetch_add(1, std::memory_order_relaxed);
            if (!io.sleep()) {
                lost.store(true);
                break;
            }
        }
        parking.end();
    }
    for (std::thread& thread : callers) thread.join();
    EXPECT_FALSE(lost) << "asleep for " << bound_ms << " ms with something to do";
    EXPECT_GT(sleeps.load(), rounds / 100) << "it hardly ever slept: the test shows nothing";
}

TEST(Parking, LosesNoWakeUpForAnyRecordInManyRounds) { parking_stress(8); }

TEST(Parking, LosesNoWakeUpForAThresholdInManyRounds) { parking_stress(40); }

TEST(Parking, ASleepTakesOneWakeAndAnAwakeShardNone) {
    Parking parking;
    std::atomic<std::uint64_t> wake_at{100};
    EXPECT_FALSE(parking.should_wake(1000, wake_at)) << "it is not parked";
    EXPECT_FALSE(parking.should_wake());
    parking.announce();
    EXPECT_FALSE(parking.should_wake(99, wake_at)) << "not worth a wake yet";
    EXPECT_TRUE(parking.should_wake(100, wake_at));
    EXPECT_FALSE(parking.should_wake(101, wake_at)) << "somebody wakes it already";
    EXPECT_FALSE(parking.should_wake());
    parking.announce();
    EXPECT_TRUE(parking.should_wake()) << "a request needs no threshold";
    parking.announce();
    parking.end();
    EXPECT_FALSE(parking.should_wake());
}

TEST(Parking, IsDesertedOnlyOnceEveryCallerThatTookItsTurnHasWoken) {
    Parking parking;
    EXPECT_TRUE(parking.deserted());
    parking.announce();
    EXPECT_TRUE(parking.should_wake());
    EXPECT_FALSE(parking.deserted()) << "the caller is about to touch the Io";
    EXPECT_FALSE(parking.should_wake()) << "nobody new comes in";
    EXPECT_FALSE(parking.deserted());
    parking.woke();
    EXPECT_TRUE(parking.deserted());
}

TEST(Parking, AnIoMayGoOnceItsParkingIsDeserted) {
    for (std::uint32_t round = 0; round < rounds / 100; ++round) {
        Parking parking;
        std::vector<std::thread> callers;
        auto io = std::make_unique<FakeSleep>();
        std::atomic<int> begun{0};
        parking.announce();
        for (int i = 0; i < 2; ++i) {
            callers.emplace_back([&] {
                ++begun;
                if (!parking.should_wake()) return;
                io->wake();
                parking.woke();
            });
        }
        while (begun == 0) std::this_thread::yield();
        while (!parking.deserted()) std::this_thread::yield();
        io.reset();
        for (std::thread& caller : callers) caller.join();
    }
}

TEST(Parking, OfManyCallersExactlyOneWakes) {
    Parking parking;
    std::atomic<std::uint64_t> wake_at{0};
    for (int round = 0; round < 300; ++round) {
        parking.announce();
        std::atomic<int> wakes{0};
        std::vector<std::thread> callers;
        for (int i = 0; i < 4; ++i) {
            callers.emplace_back([&] {
                if (!parking.should_wake(1, wake_at)) return;
                ++wakes;
                parking.woke();
            });
        }
        for (std::thread& caller : callers) caller.join();
        ASSERT_EQ(wakes, 1);
    }
}

// Signal -----------------------------------------------------------------------------------------

/// Waits as the callers do. False if the bound passed first.
template <typename Done>
bool wait_until(Signal& signal, const Done& done) {
    const auto end = std::chrono::steady_clock::now() + std::chrono::milliseconds(bound_ms);
    for (;;) {
        const std::uint32_t seen = signal.prepare();
        if (done()) {
            signal.cancel();
            return true;
        }
        if (std::chrono::steady_clock::now() >= end) {
            signal.cancel();
            return false;
        }
        signal.wait(seen, Duration::ms(bound_ms));
    }
}

TEST(Signal, LosesNoNotifyInManyRoundsWithTwoWaiters) {
    Signal forth;
    Signal back;
    std::atomic<std::uint32_t> said{0};
    std::array<std::atomic<std::uint32_t>, 2> heard{};
    std::atomic<bool> lost{false};
    std::atomic<bool> slow{false};
    const auto waited = [&](Signal& signal, const auto& done) {
        const auto before = std::chrono::steady_clock::now();
        if (!wait_until(signal, [&] { return lost || done(); })) lost = true;
        if (std::chrono::steady_clock::now() - before > std::chrono::milliseconds(bound_ms / 2)) {
            slow = true;
        }
    };
    std::vector<std::thread> waiters;
    for (std::size_t number = 0; number < 2; ++number) {
        waiters.emplace_back([&, number] {
            Prng prng(number + 1);
            for (std::uint32_t i = 1; i <= rounds && !lost; ++i) {
                dawdle(prng);
                waited(forth, [&] { return said.load(std::memory_order_acquire) >= i; });
                heard[number].store(i, std::memory_order_release);
                back.notify();
            }
        });
    }
    Prng prng(9);
    for (std::uint32_t i = 1; i <= rounds && !lost; ++i) {
        dawdle(prng);
        said.store(i, std::memory_order_release);
        forth.notify();
        waited(back, [&] {
            return heard[0].load(std::memory_order_acquire) >= i &&
                   heard[1].load(std::memory_order_acquire) >= i;
        });
    }
    if (lost) forth.notify();
    for (std::thread& waiter : waiters) waiter.join();
    EXPECT_FALSE(lost);
    EXPECT_FALSE(slow) << "a wait ended by its bound, not by a notify";
}

TEST(Signal, AWaitThatComesAfterTheNotifyReturnsAtOnce) {
    Signal signal;
    const std::uint32_t seen = signal.prepare();
    signal.notify();
    const auto before = std::chrono::steady_clock::now();
    signal.wait(seen, Duration::seconds(60));
    EXPECT_LT(std::chrono::steady_clock::now() - before, std::chrono::seconds(30));
}

TEST(Signal, AWaitWithoutTimeReturnsAtOnceAndCountsNobody) {
    Signal signal;
    signal.wait(signal.prepare(), Duration{});
    signal.wait(signal.prepare(), Duration::ms(-5));
    signal.wait(signal.prepare(), Duration::us(1));
    const std::uint32_t seen = signal.prepare();
    signal.cancel();
    signal.notify();
    EXPECT_EQ(signal.prepare(), seen) << "nobody waited, so no system call was made";
    signal.cancel();
}

}  // namespace
}  // namespace ringpost::shard
