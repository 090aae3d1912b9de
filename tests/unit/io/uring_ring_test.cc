// SPDX-License-Identifier: Apache-2.0
#include "io/uring_ring.h"

#include <gtest/gtest.h>

#include <cerrno>
#include <set>
#include <string>

#include "raw_peer.h"

namespace ringpost::io {
namespace {

constexpr std::uint32_t operations = 64;

class UringRingTest : public testing::Test {
protected:
    void SetUp() override {
        const Result<void> opened = ring.open(cap_all, operations);
        if (!opened) GTEST_SKIP() << opened.error().text;
    }
    UringRing ring;
};

TEST(UringRing, TakesTheRungThatItsCapabilitiesAllow) {
    struct {
        std::uint32_t capabilities;
        const char* flags;
    } const cases[] = {
        {cap_all, "SINGLE_ISSUER|DEFER_TASKRUN"},
        {cap_all & ~cap_defer_taskrun, "SINGLE_ISSUER|COOP_TASKRUN"},
        {cap_coop_taskrun, "COOP_TASKRUN"},
        {0, "plain"},
    };
    for (const auto& c : cases) {
        UringRing ring;
        const Result<void> opened = ring.open(c.capabilities, operations);
        if (!opened) GTEST_SKIP() << opened.error().text;
        const std::string text = ring.description();
        EXPECT_EQ(text.substr(0, text.find(',')), c.flags);
        EXPECT_EQ(text.find("registered ring") != std::string::npos,
                  (c.capabilities & cap_registered_ring) != 0);
    }
}

TEST(UringRing, GoesDownTheLadderOnlyForFlagsThatTheKernelDoesNotKnow) {
    // What a kernel before 5.18 says to each rung.
    EXPECT_EQ(
        run_in_child([]() -> std::string {
            if (!deny_system_call(SYS_io_uring_setup, EINVAL)) return "no seccomp filter";
            UringRing ring;
            const Result<void> opened = ring.open(cap_all, operations);
            if (opened) return "opened";
            return opened.error().text.find("5.18") != std::string::npos ? "" : opened.error().text;
        }),
        "");
}

TEST(UringRing, NamesTheLikelyCauseOfAnError) {
    EXPECT_NE(uring_setup_error(ENOMEM).text.find("RLIMIT_MEMLOCK"), std::string::npos);
    EXPECT_EQ(uring_setup_error(ENOMEM).code, Errc::out_of_memory);
    EXPECT_NE(uring_setup_error(ENOSYS).text.find("seccomp"), std::string::npos);
    EXPECT_NE(uring_setup_error(EMFILE).text.find("RLIMIT_NOFILE"), std::string::npos);
    const std::string denied = uring_setup_error(EPERM).text;
    EXPECT_TRUE(denied.find("seccomp") != std::string::npos ||
                denied.find("io_uring_disabled") != std::string::npos)
        << denied;
    EXPECT_EQ(uring_setup_error(EPERM).code, Errc::system_error);
}

TEST(UringRing, RefusesMoreOperationsThanItsQueueCanHold) {
    UringRing ring;
    const Result<void> opened = ring.open(cap_all, operations_limit + 1);
    ASSERT_FALSE(opened);
    EXPECT_EQ(opened.error().code, Errc::invalid_option);
    UringRing largest;
    const Result<void> possible = largest.open(cap_all, operations_limit);
    if (!possible) GTEST_SKIP() << possible.error().text;
}

TEST_F(UringRingTest, CompletesEverySubmissionOnceAndInOrder) {
    std::uint64_t asked = 0;
    std::uint64_t got = 0;
    io_uring_cqe completion;
    for (int round = 0; round < 100; ++round) {
        EXPECT_FALSE(ring.needs_enter());
        for (std::uint32_t i = 0; i < operations; ++i) {
            io_uring_sqe* entry = ring.try_submission();
            ASSERT_NE(entry, nullptr);
            io_uring_prep_nop(entry);
            entry->user_data = asked++;
        }
        EXPECT_TRUE(ring.needs_enter());
        EXPECT_EQ(ring.submit_and_reap(), static_cast<int>(operations));
        while (ring.try_completion(completion)) EXPECT_EQ(completion.user_data, got++);
        EXPECT_EQ(got, asked);
    }
}

TEST_F(UringRingTest, HasAnEntryAgainAfterAFullQueueWasSubmitted) {
    std::uint32_t entries = 0;
    while (io_uring_sqe* entry = ring.try_submission()) {
        io_uring_prep_nop(entry);
        entry->user_data = entries++;
    }
    EXPECT_EQ(ring.submit(), static_cast<int>(entries));
    EXPECT_NE(ring.try_submission(), nullptr);
    io_uring_cqe completion;
    std::set<std::uint64_t> seen;
    ring.submit_and_reap();
    while (ring.try_completion(completion)) seen.insert(completion.user_data);
    EXPECT_GE(seen.size(), entries - 1);
}

TEST_F(UringRingTest, SleepsUntilTheTimeoutAndNoLonger) {
    const Duration timeout = Duration::ms(2);
    EXPECT_EQ(ring.submit_and_sleep(&timeout), -ETIME);
    io_uring_sqe* entry = ring.try_submission();
    ASSERT_NE(entry, nullptr);
    io_uring_prep_nop(entry);
    EXPECT_EQ(ring.submit_and_sleep(nullptr), 1);
    EXPECT_TRUE(ring.has_completion());
}

}  // namespace
}  // namespace ringpost::io
