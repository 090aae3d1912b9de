// SPDX-License-Identifier: Apache-2.0
// What becomes of requests whose connection ends before their answer.
#include <gtest/gtest.h>

#include <cerrno>

#include "connection_driver.h"

namespace ringpost::broker {
namespace {

using wire::ApiKey;

TEST(Pipeline, LostRequestsAreToldInOrderAndOnlyOnceTheSocketIsGone) {
    Driver d;
    d.to_ready();
    const std::uint32_t awaiting = d.c().slot_number(*d.produce());
    d.sent_ok();
    const std::uint32_t sending = d.c().slot_number(*d.metadata());
    const std::uint32_t queued = d.c().slot_number(*d.produce());
    d.received(-ECONNRESET);
    EXPECT_EQ(d.state(), State::closing);
    d.sent_ok(false);
    EXPECT_TRUE(d.events.empty()) << "until then the kernel may still read their memory";
    EXPECT_EQ(d.c().requests_unanswered(), 3U);
    d.closed();
    const auto events = d.take_events();
    ASSERT_EQ(events.size(), 4U);
    const std::uint32_t slots[] = {awaiting, sending, queued};
    for (int i = 0; i < 3; ++i) {
        EXPECT_EQ(events[i].kind, Kind::lost);
        EXPECT_EQ(events[i].slot, slots[i]);
        EXPECT_EQ(events[i].error, Errc::connection_lost);
        EXPECT_EQ(events[i].written, slots[i] != queued) << "a queued one never left";
    }
    EXPECT_EQ(events[3].kind, Kind::down);
    EXPECT_EQ(d.state(), State::backoff);
    EXPECT_EQ(d.c().requests_unanswered(), 0U);
    EXPECT_EQ(d.lines_at(LogLevel::warn), 1U);
}

TEST(Pipeline, ARequestThatWasSentBeforeTheCloseButToldLateIsStillWritten) {
    Driver d;
    d.to_ready();
    d.produce();
    d.shut();
    d.sent_ok(true);
    d.closed();
    ASSERT_EQ(d.events.size(), 2U);
    EXPECT_EQ(d.events[0].kind, Kind::lost);
    EXPECT_TRUE(d.events[0].written);
}

TEST(Pipeline, AllSlotsAreFreeForTheNextConnection) {
    Driver d;
    d.to_ready();
    while (d.produce() != nullptr) {}
    while (d.metadata() != nullptr) {}
    d.shut();
    d.closed();
    EXPECT_EQ(d.take_events().size(), limits::request_slots + 1);
    d.sent.clear();
    d.to_ready();
    for (std::uint32_t i = 0; i < limits::inflight_requests_max; ++i) {
        EXPECT_NE(d.produce(), nullptr);
    }
    for (std::uint32_t i = 0; i < limits::inflight_control_max; ++i) {
        EXPECT_NE(d.metadata(), nullptr);
    }
}

TEST(Pipeline, WhatOneSocketHadReceivedIsNotReadOnTheNext) {
    Driver d;
    d.to_ready();
    const RequestSlot* slot = d.produce();
    d.sent_ok();
    d.receive(ByteSpan(response_frame(slot->correlation_id, as_bytes("half an answer"))).first(9));
    d.received(0);
    d.closed();
    d.c().unwant();
    d.pass_to_deadline();
    d.take_events();
    d.sent.clear();
    d.to_ready();
    slot = d.produce();
    d.sent_ok();
    d.receive(response_frame(slot->correlation_id, as_bytes("whole")));
    ASSERT_EQ(d.events.size(), 1U);
    EXPECT_EQ(d.events[0].body, "whole");
}

TEST(Pipeline, ACloseInTheMiddleOfAResponseIsALossThatIsWarnedOf) {
    const Bytes answer = response_frame(2, as_bytes("ok"));
    for (std::size_t n = 0; n < answer.size(); ++n) {
        Driver d;
        d.to_ready();
        const RequestSlot* slot = d.produce();
        ASSERT_EQ(slot->correlation_id, 2);
        d.sent_ok();
        d.receive(ByteSpan(answer).first(n));
        d.received(0);
        EXPECT_EQ(d.c().last_error(), Errc::connection_lost);
        d.closed();
        ASSERT_EQ(d.events.size(), 2U);
        EXPECT_EQ(d.events[0].kind, Kind::lost);
        EXPECT_EQ(d.state(), State::backoff);
        EXPECT_EQ(d.lines_at(LogLevel::warn), 1U);
    }
}

TEST(Pipeline, ARequestWithoutAnAnswerInTimeEndsTheConnection) {
    Driver d;
    d.options.request_timeout = Duration::seconds(5);
    d.to_ready();
    const RequestSlot* first = d.produce();
    const Instant deadline = d.now + Duration::seconds(5);
    d.sent_ok();
    d.pass(Duration::seconds(2));
    d.produce();
    d.sent_ok();
    EXPECT_EQ(d.c().next_deadline(), deadline) << "the oldest counts";
    d.receive(response_frame(first->correlation_id, as_bytes("ok")));
    EXPECT_EQ(d.c().next_deadline(), deadline + Duration::seconds(2));
    d.pass_to_deadline();
    EXPECT_EQ(d.state(), State::closing);
    EXPECT_EQ(d.c().last_error(), Errc::request_timed_out);
    d.take_events();
    d.closed();
    ASSERT_EQ(d.events.size(), 2U);
    EXPECT_EQ(d.events[0].kind, Kind::lost);
    EXPECT_EQ(d.events[0].error, Errc::request_timed_out);
    EXPECT_TRUE(d.events[0].written);
}

TEST(Pipeline, ARequestThatNeverLeavesTimesOutAsWell) {
    Driver d;
    d.to_ready();
    d.produce();
    d.produce();  // queued behind a send that does not end
    d.pass_to_deadline();
    EXPECT_EQ(d.c().last_error(), Errc::request_timed_out);
    d.closed();
    ASSERT_EQ(d.events.size(), 3U);
    EXPECT_TRUE(d.events[0].written);
    EXPECT_FALSE(d.events[1].written);
}

TEST(PipelineDeath, ASlotIsSubmittedOnceAndWithSomethingInIt) {
    Driver d;
    d.to_ready();
    RequestSlot* slot = d.begin(ApiKey::produce);
    slot->pieces.clear();
    EXPECT_DEATH(d.c().submit(*slot, d.now), "assertion failed: !slot.pieces.empty");
    slot->pieces.assign(1, {slot->frame.data(), 4});
    d.c().submit(*slot, d.now);
    EXPECT_DEATH(d.c().submit(*slot, d.now), "assertion failed");
    EXPECT_DEATH(d.c().abandon(*slot), "assertion failed");
}

// Whatever happens in whatever order, each submitted request has exactly one end, and not while
// the kernel may hold its memory.
TEST(Pipeline, EverySubmittedRequestHasExactlyOneEndInAnyOrderOfEvents) {
    for (std::uint64_t seed = 1; seed <= 300; ++seed) {
        SCOPED_TRACE(seed);
        Driver d;
        d.options.idle_max = Duration::seconds(20);
        if (seed % 2 == 0) d.send_bytes_max = 5 + seed % 50;
        Prng prng(seed);
        std::deque<std::pair<std::uint32_t, std::int32_t>> out;  // slot and correlation id
        std::size_t ended = 0;
        std::size_t submitted = 0;
        for (int step = 0; step < 400; ++step) {
            const State state = d.state();
            const std::uint32_t dice = prng.below(100);
            if (dice < 3) {
                d.shut();
            } else if (dice < 10) {
                d.pass(Duration::ms(prng.below(3000)));
                d.deadline();
            } else if (state == State::idle || state == State::backoff) {
                d.want();
            } else if (state == State::resolving) {
                d.resolved(prng.below(3));
            } else if (state == State::connecting) {
                prng.below(4) == 0 ? d.refused() : d.connected();
            } else if (state == State::closing) {
                d.closed();
                d.sent.clear();
            } else if (d.sending && dice < 50) {
                d.sent_ok(prng.below(20) != 0);
            } else if (state == State::negotiating) {
                if (!d.sending && !d.sent.empty()) {
                    const auto request = d.next_sent();
                    d.receive(response_frame(request.correlation_id,
                                             encoded(request.version, usual_versions())));
                }
            } else if (dice < 70) {
                if (const RequestSlot* slot = prng.below(3) == 0 ? d.metadata() : d.produce()) {
                    out.emplace_back(d.c().slot_number(*slot), slot->correlation_id);
                    ++submitted;
                }
            } else if (dice < 95) {
                if (!out.empty()) d.receive(response_frame(out.front().second, as_bytes("ok")));
            } else {
                d.received(prng.below(2) == 0 ? 0 : -ECONNRESET);
            }
            for (const auto& event : d.take_events()) {
                if (event.kind != Kind::response && event.kind != Kind::lost) continue;
                ASSERT_FALSE(out.empty());
                ASSERT_EQ(event.slot, out.front().first);
                if (event.kind == Kind::lost) {
                    ASSERT_FALSE(d.open);
                }
                out.pop_front();
                ++ended;
            }
            if (d.state() == State::ready) {
                ASSERT_EQ(d.c().requests_unanswered(), out.size());
            }
        }
        ASSERT_EQ(submitted, ended + out.size());
        d.shut();
        if (d.open) d.closed();
        ASSERT_EQ(d.c().requests_unanswered(), 0U);
        for (const auto& event : d.take_events()) ended += event.kind == Kind::lost;
        ASSERT_EQ(submitted, ended);
    }
}

}  // namespace
}  // namespace ringpost::broker
