// SPDX-License-Identifier: Apache-2.0
#include "io/resolver.h"

#include <gtest/gtest.h>
#include <netdb.h>
#include <poll.h>
#include <signal.h>
#include <sys/eventfd.h>

#include <algorithm>
#include <condition_variable>
#include <mutex>
#include <string>

#include "raw_peer.h"

namespace ringpost::io {
namespace {

#if defined(__SANITIZE_THREAD__)
constexpr bool under_thread_sanitizer = true;
#elif defined(__has_feature)
constexpr bool under_thread_sanitizer = __has_feature(thread_sanitizer);
#else
constexpr bool under_thread_sanitizer = false;
#endif

/// A look-up that stays inside until the test lets it go, and says when it is in and out.
struct Gate {
    std::mutex mutex;
    std::condition_variable changed;
    bool open = false;
    int entered = 0;
    int left = 0;

    void pass() {
        std::unique_lock lock(mutex);
        ++entered;
        changed.notify_all();
        changed.wait(lock, [&] { return open; });
        ++left;
        changed.notify_all();
    }
    void wait_for(const int& count, int value) {
        std::unique_lock lock(mutex);
        changed.wait(lock, [&] { return count >= value; });
    }
    void let_go() {
        const std::lock_guard lock(mutex);
        open = true;
        changed.notify_all();
    }
};
Gate* gate = nullptr;
int stuck_look_up(const char*, Vector<Address>& addresses) {
    gate->pass();
    addresses.push_back(Address::from_literal("10.0.0.1", 0));
    return 0;
}

std::string helper_name;
bool helper_blocks_signals = false;
int curious_look_up(const char* host, Vector<Address>& addresses) {
    char name[16];
    pthread_getname_np(pthread_self(), name, sizeof name);
    helper_name = name;
    sigset_t blocked;
    pthread_sigmask(SIG_SETMASK, nullptr, &blocked);
    helper_blocks_signals = sigismember(&blocked, SIGTERM) == 1 &&
                            sigismember(&blocked, SIGCHLD) == 1 &&
                            sigismember(&blocked, SIGUSR1) == 1;
    addresses.push_back(Address::from_literal(host, 0));
    return 0;
}

struct ResolverTest : testing::Test {
    Descriptor wake{::eventfd(0, EFD_CLOEXEC)};

    Vector<Answer> answers_of(Resolver& resolver, std::size_t count) {
        Vector<Answer> answers;
        while (answers.size() < count) {
            std::uint64_t wakes = 0;
            EXPECT_EQ(::read(wake.number(), &wakes, sizeof wakes), 8);
            resolver.take(answers);
        }
        return answers;
    }
};

TEST_F(ResolverTest, AnswersInOrderWithThePort) {
    Resolver resolver(wake.number(), curious_look_up);
    for (std::uint16_t i = 0; i < 10; ++i) resolver.ask("10.0.0." + std::to_string(i), i, 100u + i);
    const Vector<Answer> answers = answers_of(resolver, 10);
    ASSERT_EQ(answers.size(), 10u);
    for (std::uint16_t i = 0; i < 10; ++i) {
        EXPECT_EQ(answers[i].token, 100u + i);
        EXPECT_EQ(answers[i].result, 0);
        ASSERT_EQ(answers[i].addresses.size(), 1u);
        EXPECT_EQ(answers[i].addresses[0], Address::from_literal("10.0.0." + std::to_string(i), i));
    }
}

TEST_F(ResolverTest, NamesItsThreadAndKeepsSignalsAway) {
    sigset_t before;
    pthread_sigmask(SIG_SETMASK, nullptr, &before);
    Resolver resolver(wake.number(), curious_look_up);
    resolver.ask("10.0.0.1", 1, 1);
    answers_of(resolver, 1);
    EXPECT_EQ(helper_name, "ringpost-dns");
    EXPECT_TRUE(helper_blocks_signals);
    sigset_t after;
    pthread_sigmask(SIG_SETMASK, nullptr, &after);
    EXPECT_EQ(sigismember(&after, SIGTERM), sigismember(&before, SIGTERM));
}

TEST_F(ResolverTest, StartsNoThreadForNothing) { const Resolver resolver(wake.number()); }

TEST_F(ResolverTest, DoesNotWaitForALookUpThatIsStuck) {
    Gate g;
    gate = &g;
    {
        Resolver resolver(wake.number(), stuck_look_up);
        resolver.ask("slow", 1, 1);
        resolver.ask("after it", 1, 2);
        g.wait_for(g.entered, 1);
    }
    // The look-up ends when nobody wants it: the eventfd is not touched, the second name not asked.
    g.let_go();
    g.wait_for(g.left, 1);
    pollfd p{wake.number(), POLLIN, 0};
    EXPECT_EQ(::poll(&p, 1, 0), 0);
    EXPECT_EQ(g.entered, 1);
    gate = nullptr;
}

TEST_F(ResolverTest, TellsThatNoThreadCouldBeStarted) {
    if (under_thread_sanitizer) GTEST_SKIP() << "ThreadSanitizer starts no thread after a fork";
    const std::string wrong = run_in_child([&]() -> std::string {
        if (!deny_system_call(SYS_clone3, EAGAIN) || !deny_system_call(SYS_clone, EAGAIN)) {
            return "no seccomp filter";
        }
        Resolver resolver(wake.number());
        resolver.ask("localhost", 1, 5);
        Vector<Answer> answers;
        resolver.take(answers);
        if (answers.size() != 1) return "not one answer";
        return answers[0].result == EAI_AGAIN && answers[0].token == 5 ? "" : "another answer";
    });
    EXPECT_EQ(wrong, "");
}

TEST(LookUp, FindsLocalhostWithoutDuplicates) {
    Vector<Address> addresses;
    ASSERT_EQ(look_up("localhost", addresses), 0);
    ASSERT_FALSE(addresses.empty());
    for (const Address& a : addresses) {
        EXPECT_EQ(std::count(addresses.begin(), addresses.end(), a), 1);
        EXPECT_EQ(a.port, 0);
    }
}

}  // namespace
}  // namespace ringpost::io
