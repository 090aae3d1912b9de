// SPDX-License-Identifier: Apache-2.0
#include "broker/setup_turns.h"

#include <gtest/gtest.h>

#include <memory>
#include <vector>

namespace ringpost::broker {
namespace {

using State = Connection::State;

struct Crowd {
    explicit Crowd(std::size_t count, std::uint32_t turns_max) : turns(turns_max) {
        for (std::size_t i = 0; i < count; ++i) {
            all.push_back(std::make_unique<Connection>(options, turns, "b:9092", prng));
            all.back()->want(now);
            check();
        }
    }
    void check() const {
        for (const auto& connection : all) connection->check_invariants();
    }
    State state(std::size_t i) const { return all[i]->state(); }
    /// The name is looked up in vain.
    void fail(std::size_t i) {
        all[i]->on_resolved(0, "no address", now);
        check();
    }

    ConnectionOptions options;
    Prng prng{1};
    Instant now = Instant::from_ns(1'000'000'000);
    SetupTurns turns;
    std::vector<std::unique_ptr<Connection>> all;
};

TEST(SetupTurns, SomeGoAndTheOthersWait) {
    const Crowd crowd(5, 2);
    for (std::size_t i = 0; i < 5; ++i) {
        EXPECT_EQ(crowd.state(i), i < 2 ? State::resolving : State::waiting) << i;
        EXPECT_TRUE(crowd.all[i]->on_its_way());
    }
    EXPECT_EQ(crowd.turns.taken(), 2U);
    EXPECT_TRUE(crowd.all[2]->next_deadline().is_never()) << "nothing is polled for";
}

TEST(SetupTurns, AreGivenInTheOrderOfTheAsking) {
    Crowd crowd(5, 2);
    crowd.fail(1);
    EXPECT_EQ(crowd.state(1), State::backoff);
    EXPECT_EQ(crowd.state(2), State::resolving);
    EXPECT_EQ(crowd.state(3), State::waiting);
    // Back from its backoff, the one that failed is the last.
    crowd.now = crowd.all[1]->next_deadline();
    crowd.all[1]->on_deadline(crowd.now);
    EXPECT_EQ(crowd.state(1), State::waiting);
    crowd.fail(2);
    crowd.fail(0);
    EXPECT_EQ(crowd.state(3), State::resolving);
    EXPECT_EQ(crowd.state(4), State::resolving);
    EXPECT_EQ(crowd.state(1), State::waiting);
    crowd.fail(4);
    EXPECT_EQ(crowd.state(1), State::resolving);
    EXPECT_EQ(crowd.turns.taken(), 2U);
}

TEST(SetupTurns, AreHeldFromTheNameToTheEndOfTheSocket) {
    Crowd crowd(2, 1);
    Connection& first = *crowd.all[0];
    first.on_resolved(2, "", crowd.now);
    EXPECT_EQ(first.poll_action(limits::turn_bytes), Connection::Action::connect);
    first.on_connected(false, "refused", crowd.now);
    EXPECT_EQ(first.poll_action(limits::turn_bytes), Connection::Action::close);
    first.on_closed(crowd.now);
    EXPECT_EQ(first.state(), State::connecting) << "the next address is the same turn's";
    EXPECT_EQ(crowd.state(1), State::waiting);
    EXPECT_EQ(first.poll_action(limits::turn_bytes), Connection::Action::connect);
    first.on_connected(true, "", crowd.now);
    EXPECT_EQ(first.state(), State::negotiating);
    EXPECT_EQ(crowd.state(1), State::waiting);
    crowd.now = first.next_deadline();
    first.on_deadline(crowd.now);
    EXPECT_EQ(crowd.state(1), State::waiting) << "there is still a socket";
    EXPECT_EQ(first.poll_action(limits::turn_bytes), Connection::Action::close);
    first.on_closed(crowd.now);
    EXPECT_EQ(crowd.state(1), State::resolving);
}

TEST(SetupTurns, WhoIsShutWhileItWaitsIsPassedOver) {
    Crowd crowd(4, 1);
    crowd.all[1]->shut(crowd.now);
    EXPECT_EQ(crowd.state(1), State::idle);
    crowd.all[0]->shut(crowd.now);
    crowd.check();
    EXPECT_EQ(crowd.state(2), State::resolving);
    EXPECT_EQ(crowd.turns.waiting(), 1U);
    crowd.all[1]->want(crowd.now);
    crowd.all[2]->shut(crowd.now);
    crowd.all[3]->shut(crowd.now);
    EXPECT_EQ(crowd.state(1), State::resolving);
    crowd.all[1]->shut(crowd.now);
    EXPECT_EQ(crowd.turns.taken(), 0U);
}

}  // namespace
}  // namespace ringpost::broker
