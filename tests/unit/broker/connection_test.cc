// SPDX-License-Identifier: Apache-2.0
#include "broker/connection.h"

#include <gtest/gtest.h>

#include <cerrno>
#include <functional>

#include "connection_driver.h"

namespace ringpost::broker {
namespace {

using Actions = std::vector<Action>;

TEST(Connection, DoesNothingUntilSomebodyWantsIt) {
    Driver d;
    d.poll();
    EXPECT_EQ(d.state(), State::idle);
    EXPECT_TRUE(d.actions.empty());
    EXPECT_TRUE(d.c().next_deadline().is_never());
    d.want();
    d.want();
    EXPECT_EQ(d.take_actions(), Actions{Action::resolve});
    EXPECT_EQ(d.state(), State::resolving);
}

TEST(Connection, ResolvesConnectsNegotiatesAndIsReady) {
    Driver d;
    d.want();
    EXPECT_EQ(d.take_actions(), Actions{Action::resolve});
    d.resolved(2);
    EXPECT_EQ(d.take_actions(), Actions{Action::connect});
    EXPECT_EQ(d.c().address_index(), 0U);
    EXPECT_EQ(d.state(), State::connecting);
    d.connected();
    EXPECT_EQ(d.take_actions(), (Actions{Action::receive, Action::send}));
    EXPECT_EQ(d.state(), State::negotiating);
    EXPECT_EQ(d.c().version(wire::ApiKey::produce), -1);
    d.answer_versions(usual_versions());
    EXPECT_EQ(d.state(), State::ready);
    EXPECT_TRUE(d.c().ready());
    EXPECT_EQ(d.take_actions(), Actions{Action::receive});
    const auto events = d.take_events();
    ASSERT_EQ(events.size(), 1U);
    EXPECT_EQ(events[0].kind, Kind::ready);
    EXPECT_EQ(d.lines_at(LogLevel::warn), 0U);
}

TEST(Connection, ChoosesTheHighestVersionInCommonForEachApi) {
    Driver d;
    d.to_negotiating();
    auto versions = usual_versions();
    versions.apis[0] = {wire::ApiKey::produce, 0, 99};
    versions.apis[1] = {wire::ApiKey::metadata, 0, 7};
    versions.apis.push_back({wire::ApiKey{79}, 0, 3});
    versions.apis.push_back({wire::ApiKey{30'000}, 0, 3});
    versions.apis.push_back({wire::ApiKey{-1}, 0, 3});
    d.answer_versions(versions);
    EXPECT_EQ(d.c().version(wire::ApiKey::produce), 13);
    EXPECT_EQ(d.c().version(wire::ApiKey::metadata), 7);
    EXPECT_EQ(d.c().version(wire::ApiKey::init_producer_id), 1);
    EXPECT_EQ(d.c().version(wire::ApiKey::fetch), -1);
}

// Names and addresses ----------------------------------------------------------------------------

TEST(Connection, BacksOffWhenTheNameHasNoAddress) {
    Driver d;
    d.want();
    d.resolved(0);
    EXPECT_EQ(d.state(), State::backoff);
    EXPECT_EQ(d.c().last_error(), Errc::resolve_failed);
    const auto events = d.take_events();
    ASSERT_EQ(events.size(), 1U);
    EXPECT_EQ(events[0].kind, Kind::down);
    EXPECT_EQ(events[0].error, Errc::resolve_failed);
    EXPECT_TRUE(mentions(d.last_line(LogLevel::warn), "b1:9092"));
    EXPECT_TRUE(mentions(d.last_line(LogLevel::warn), "no address"));
}

TEST(Connection, TriesEveryAddressBeforeItBacksOff) {
    Driver d;
    d.want();
    d.resolved(3);
    for (std::uint32_t i = 0; i < 3; ++i) {
        EXPECT_EQ(d.c().address_index(), i);
        EXPECT_EQ(d.state(), State::connecting);
        EXPECT_EQ(d.take_actions().back(), Action::connect);
        d.refused();
        EXPECT_EQ(d.take_actions(), Actions{Action::close});
        EXPECT_TRUE(d.events.empty());
        d.closed();
    }
    EXPECT_EQ(d.state(), State::backoff);
    const auto events = d.take_events();
    ASSERT_EQ(events.size(), 1U);
    EXPECT_EQ(events[0].kind, Kind::down);
    EXPECT_EQ(events[0].error, Errc::connect_failed);
    EXPECT_EQ(d.lines_at(LogLevel::warn), 1U) << "one reason, said once";
}

TEST(Connection, GoesToTheNextAddressWhenOneDoesNotAnswerInTime) {
    Driver d;
    d.want();
    d.resolved(2);
    d.pass_to_deadline();
    EXPECT_EQ(d.state(), State::closing);
    d.closed();
    EXPECT_EQ(d.state(), State::connecting);
    EXPECT_EQ(d.c().address_index(), 1U);
    d.connected();
    d.answer_versions(usual_versions());
    EXPECT_EQ(d.state(), State::ready);
}

TEST(Connection, StartsAgainAtTheFirstAddress) {
    Driver d;
    d.want();
    d.resolved(2);
    d.refused();
    d.closed();
    d.refused();
    d.closed();
    d.pass_to_deadline();
    d.resolved(2);
    EXPECT_EQ(d.c().address_index(), 0U);
}

TEST(Connection, BacksOffWithoutASocketAndComesBack) {
    Driver d;
    d.want();
    d.resolved(2);
    d.take_actions();
    d.no_socket();
    EXPECT_EQ(d.state(), State::backoff);
    EXPECT_TRUE(d.take_actions().empty()) << "there is nothing to close";
    EXPECT_TRUE(mentions(d.last_line(LogLevel::warn), "descriptors exhausted"));
    ASSERT_EQ(d.take_events().size(), 1U);
    d.pass_to_deadline();
    EXPECT_EQ(d.take_actions(), Actions{Action::resolve});
}

TEST(Connection, DropsAnAnswerOfTheResolverThatComesTooLate) {
    Driver d;
    d.want();
    d.pass_to_deadline();
    EXPECT_EQ(d.state(), State::backoff);
    d.resolved(2);
    EXPECT_EQ(d.state(), State::backoff);
    d.c().unwant();
    d.pass_to_deadline();
    d.resolved(2);
    EXPECT_EQ(d.state(), State::idle);
    EXPECT_FALSE(d.open);
}

// Deadlines of the states ------------------------------------------------------------------------

TEST(Connection, EachStateOfTheSetUpHasItsDeadline) {
    const std::function<void(Driver&)> ways[] = {
        [](Driver& d) { d.want(); },
        [](Driver& d) { d.want(), d.resolved(1); },
        [](Driver& d) { d.to_negotiating(); },
    };
    for (const auto& way : ways) {
        Driver d;
        d.options.setup_timeout = Duration::seconds(3);
        way(d);
        SCOPED_TRACE(to_string(d.state()));
        EXPECT_EQ(d.c().next_deadline(), d.now + Duration::seconds(3));
        d.pass_to_deadline();
        if (d.open) {
            EXPECT_EQ(d.state(), State::closing);
            EXPECT_TRUE(d.c().next_deadline().is_never()) << "the kernel's close has no deadline";
            d.closed();
        }
        EXPECT_EQ(d.state(), State::backoff);
        EXPECT_TRUE(mentions(d.last_line(LogLevel::warn), "socket.connection.setup.timeout.ms"));
    }
}

TEST(Connection, ADeadlineWithNothingDueChangesNothing) {
    Driver d;
    d.deadline();
    EXPECT_EQ(d.state(), State::idle);
    d.to_ready();
    d.deadline();
    EXPECT_EQ(d.state(), State::ready);
    d.shut();
    d.pass(Duration::seconds(100'000));
    d.deadline();
    EXPECT_EQ(d.state(), State::closing);
}

// Backoff ----------------------------------------------------------------------------------------

TEST(Connection, WaitsLongerAfterEachFailedAttemptAndAtMostItsBound) {
    std::int64_t longest[8] = {};
    for (std::uint64_t seed = 1; seed <= 200; ++seed) {
        Driver d;
        d.prng = Prng(seed);
        d.want();
        for (int attempt = 0; attempt < 8; ++attempt) {
            d.resolved(0);
            ASSERT_EQ(d.state(), State::backoff);
            const Duration wait = d.c().next_deadline() - d.now;
            const std::int64_t bound = std::min<std::int64_t>(50 << attempt, 1000);
            ASSERT_GT(wait, Duration{});
            ASSERT_LE(wait, Duration::ms(bound));
            longest[attempt] = std::max(longest[attempt], wait.count_us());
            d.pass_to_deadline();
        }
    }
    for (int i = 0; i < 8; ++i) {
        const std::int64_t bound_us = std::min<std::int64_t>(50 << i, 1000) * 1000;
        EXPECT_GT(longest[i], bound_us / 10 * 9) << "the jitter is not full";
    }
}

TEST(Connection, AWantDuringABackoffDoesNotCutItShort) {
    Driver d;
    d.to_backoff();
    d.c().unwant();
    d.want();
    EXPECT_EQ(d.state(), State::backoff);
    EXPECT_TRUE(d.take_actions().empty());
    d.pass_to_deadline();
    EXPECT_EQ(d.state(), State::resolving);
}

TEST(Connection, RestsAfterABackoffThatNobodyWaitsFor) {
    Driver d;
    d.to_backoff();
    d.c().unwant();
    d.pass_to_deadline();
    EXPECT_EQ(d.state(), State::idle);
    EXPECT_TRUE(d.take_actions().empty());
}

TEST(Connection, OnlyAnAnsweredRequestResetsTheBackoff) {
    // A broker that negotiates and then drops everyone must not be hammered.
    const auto longest_wait = [](bool answered) {
        std::int64_t longest = 0;
        for (std::uint64_t seed = 1; seed <= 100; ++seed) {
            Driver d;
            d.prng = Prng(seed);
            for (int i = 0; i < 6; ++i) {
                d.to_ready();
                const RequestSlot* slot = d.produce();
                d.sent_ok();
                if (answered) {
                    d.receive(response_frame(slot->correlation_id, as_bytes("ok")));
                    d.produce();
                    d.sent_ok();
                }
                d.sent.clear();
                d.received(-ECONNRESET);
                d.closed();
                EXPECT_EQ(d.state(), State::backoff);
                if (i == 5) longest = std::max(longest, (d.c().next_deadline() - d.now).count_ms());
                d.c().unwant();
                d.pass_to_deadline();
            }
        }
        return longest;
    };
    EXPECT_GT(longest_wait(false), 500);
    EXPECT_LE(longest_wait(true), 50);
}

// The end ----------------------------------------------------------------------------------------

TEST(Connection, ShutEndsItInEveryStateAndItRests) {
    const struct {
        State state;
        std::function<void(Driver&)> reach;
    } ways[] = {
        {State::idle, [](Driver&) {}},
        {State::resolving, [](Driver& d) { d.want(); }},
        {State::connecting, [](Driver& d) { d.want(), d.resolved(2); }},
        {State::negotiating, [](Driver& d) { d.to_negotiating(); }},
        {State::ready, [](Driver& d) { d.to_ready(); }},
        {State::closing, [](Driver& d) { d.to_ready(), d.c().distrust("test", d.now), d.poll(); }},
        {State::closing, [](Driver& d) { d.want(), d.resolved(2), d.refused(); }},
        {State::backoff, [](Driver& d) { d.to_backoff(); }},
    };
    for (const auto& way : ways) {
        SCOPED_TRACE(to_string(way.state));
        Driver d;
        way.reach(d);
        ASSERT_EQ(d.state(), way.state);
        d.shut();
        if (d.open) {
            EXPECT_EQ(d.state(), State::closing);
            EXPECT_EQ(std::count(d.actions.begin(), d.actions.end(), Action::close), 1);
            d.closed();
        }
        EXPECT_EQ(d.state(), State::idle);
        EXPECT_TRUE(d.c().next_deadline().is_never());
        d.pass(Duration::seconds(1000));
        d.deadline();
        EXPECT_EQ(d.state(), State::idle);
        d.take_actions();
        d.want();
        EXPECT_EQ(d.take_actions(), Actions{Action::resolve}) << "it can be started again";
    }
}

TEST(Connection, ShutBeforeTheConnectWasAskedForLeavesNoSocketToClose) {
    Driver d;
    d.want();
    d.take_actions();
    d.c().on_resolved(1, "", d.now);  // the owner has not polled: no socket was made
    d.c().shut(d.now);
    d.poll();
    EXPECT_EQ(d.state(), State::idle);
    EXPECT_TRUE(d.take_actions().empty());
    d.want();
    EXPECT_EQ(d.take_actions(), Actions{Action::resolve});
}

TEST(Connection, WhatTheSocketStillTellsWhileItClosesIsTakenQuietly) {
    Driver d;
    d.to_ready();
    d.produce();
    d.shut();
    const std::size_t lines = d.lines.size();
    d.sent_ok(false);
    d.received(-ECANCELED);
    d.connected();
    EXPECT_EQ(d.state(), State::closing);
    EXPECT_EQ(d.lines.size(), lines);
    d.closed();
    EXPECT_EQ(d.state(), State::idle);
}

TEST(Connection, AnIdleConnectionClosedByTheBrokerAlarmsNobody) {
    for (const std::int32_t result : {0, -ECONNRESET}) {
        Driver d;
        d.to_ready();
        d.received(result);
        EXPECT_EQ(d.take_actions(), Actions{Action::close});
        d.closed();
        EXPECT_EQ(d.state(), State::idle) << "no backoff: the next record connects at once";
        EXPECT_EQ(d.lines_at(LogLevel::warn) + d.lines_at(LogLevel::error), 0U);
        ASSERT_EQ(d.events.size(), 1U);
        EXPECT_EQ(d.events[0].kind, Kind::down);
    }
}

TEST(Connection, ClosesItselfAfterItsIdleTimeWithoutAWarning) {
    Driver d;
    d.options.idle_max = Duration::seconds(60);
    d.to_ready();
    EXPECT_EQ(d.c().next_deadline(), d.now + Duration::seconds(60));
    d.pass(Duration::seconds(50));
    const RequestSlot* slot = d.produce();
    d.sent_ok();
    d.receive(response_frame(slot->correlation_id, as_bytes("ok")));
    EXPECT_EQ(d.c().next_deadline(), d.now + Duration::seconds(60)) << "it was used";
    d.take_events();
    d.pass_to_deadline();
    EXPECT_EQ(d.state(), State::closing);
    d.closed();
    EXPECT_EQ(d.state(), State::idle);
    EXPECT_EQ(d.lines_at(LogLevel::warn), 0U);
    ASSERT_EQ(d.events.size(), 1U);
    EXPECT_EQ(d.events[0].error, Errc::none);
}

TEST(Connection, WithoutAnIdleTimeItStaysOpen) {
    Driver d;
    d.options.idle_max = Duration{};
    d.to_ready();
    EXPECT_TRUE(d.c().next_deadline().is_never());
    d.pass(Duration::seconds(1'000'000));
    d.deadline();
    EXPECT_EQ(d.state(), State::ready);
}

TEST(Connection, AnErrorIsForgottenOnceItIsReady) {
    Driver d;
    d.options.idle_max = Duration::seconds(60);
    d.to_backoff();
    EXPECT_EQ(d.c().last_error(), Errc::resolve_failed);
    d.c().unwant();
    d.pass_to_deadline();
    d.to_ready();
    EXPECT_EQ(d.c().last_error(), Errc::none);
    d.pass_to_deadline();
    d.closed();
    EXPECT_EQ(d.events.back().error, Errc::none) << "an idle close is no failure to connect";
}

TEST(Connection, ARepeatedErrorIsWarnedOfOnceUntilItWasReady) {
    Driver d;
    d.want();
    for (int i = 0; i < 5; ++i) {
        d.resolved(0);
        d.pass_to_deadline();
    }
    EXPECT_EQ(d.lines_at(LogLevel::warn), 1U);
    d.resolved(1);
    d.refused();
    EXPECT_EQ(d.lines_at(LogLevel::warn), 2U) << "another error";
    d.closed();
    d.c().unwant();
    d.pass_to_deadline();
    d.to_ready();
    d.shut();
    d.closed();
    d.want();
    d.resolved(1);
    d.refused();
    EXPECT_EQ(d.lines_at(LogLevel::warn), 3U) << "it worked in between";
}

TEST(Connection, EveryStateHasAName) {
    for (const State state : {State::idle, State::resolving, State::connecting, State::negotiating,
                              State::ready, State::closing, State::backoff}) {
        EXPECT_FALSE(to_string(state).empty());
    }
    EXPECT_EQ(to_string(State::backoff), "backoff");
}

TEST(ConnectionDeath, AnEventThatCanNotBeAborts) {
    Driver d;
    EXPECT_DEATH(d.c().on_sent(true, d.now), "assertion failed: sending_");
    EXPECT_DEATH(d.c().on_received(0, d.now), "assertion failed: receiving_");
    EXPECT_DEATH(d.c().on_closed(d.now), "assertion failed: state_ == State::closing");
}

}  // namespace
}  // namespace ringpost::broker
