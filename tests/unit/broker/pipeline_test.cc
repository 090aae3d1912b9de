// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <set>

#include "connection_driver.h"

namespace ringpost::broker {
namespace {

using wire::ApiKey;

constexpr std::uint32_t produce_slots = limits::inflight_requests_max;

// Slots ------------------------------------------------------------------------------------------

TEST(Pipeline, HasFiveProduceSlotsAndThreeOthersApartFromThem) {
    Driver d;
    d.to_ready();
    std::set<std::uint32_t> numbers;
    for (std::uint32_t i = 0; i < produce_slots; ++i) {
        const RequestSlot* slot = d.produce();
        ASSERT_NE(slot, nullptr);
        EXPECT_LT(d.c().slot_number(*slot), produce_slots);
        numbers.insert(d.c().slot_number(*slot));
    }
    EXPECT_EQ(d.produce(), nullptr);
    for (std::uint32_t i = 0; i < limits::inflight_control_max; ++i) {
        const RequestSlot* slot = i == 0 ? d.submit(ApiKey::init_producer_id) : d.metadata();
        ASSERT_NE(slot, nullptr);
        EXPECT_GE(d.c().slot_number(*slot), produce_slots);
        numbers.insert(d.c().slot_number(*slot));
    }
    EXPECT_EQ(d.metadata(), nullptr);
    EXPECT_EQ(numbers.size(), limits::request_slots);
    EXPECT_EQ(d.c().requests_unanswered(), limits::request_slots);
}

TEST(Pipeline, TheFirstProduceSlotMakesRoomForAll) {
    Driver d;
    d.to_ready();
    const RequestSlot* first = d.begin(ApiKey::produce);
    ASSERT_EQ(d.c().slot_number(*first), 0U);
    for (std::uint32_t i = 0; i < produce_slots; ++i) {
        const RequestSlot& slot = first[i];
        EXPECT_EQ(slot.frame.size(), limits::request_frame_bytes);
        EXPECT_GE(slot.pieces.capacity(), limits::send_pieces_max);
    }
}

TEST(Pipeline, MayBeAllowedFewerProduceRequests) {
    Driver d;
    d.options.inflight_max = 2;
    d.to_ready();
    EXPECT_NE(d.produce(), nullptr);
    EXPECT_NE(d.produce(), nullptr);
    EXPECT_EQ(d.produce(), nullptr);
    EXPECT_NE(d.metadata(), nullptr);
}

TEST(Pipeline, AnAbandonedSlotIsFreeAgainAndLeavesNoTrace) {
    Driver d;
    d.to_ready();
    for (int i = 0; i < 100; ++i) {
        RequestSlot* slot = d.begin(ApiKey::produce);
        ASSERT_NE(slot, nullptr);
        d.c().abandon(*slot);
    }
    d.poll();
    EXPECT_EQ(d.sends, 1U) << "the negotiation's";
    EXPECT_EQ(d.c().requests_unanswered(), 0U);
}

TEST(Pipeline, BeginsNothingUnlessReady) {
    Driver d;
    EXPECT_EQ(d.begin(ApiKey::produce), nullptr);
    d.want();
    EXPECT_EQ(d.begin(ApiKey::produce), nullptr);
    d.resolved(1);
    EXPECT_EQ(d.begin(ApiKey::produce), nullptr);
    d.connected();
    EXPECT_EQ(d.begin(ApiKey::metadata), nullptr);
    d.answer_versions(usual_versions());
    RequestSlot* slot = d.begin(ApiKey::produce);
    ASSERT_NE(slot, nullptr);
    d.c().abandon(*slot);
    d.shut();
    EXPECT_EQ(d.begin(ApiKey::produce), nullptr);
    d.closed();
    EXPECT_EQ(d.begin(ApiKey::produce), nullptr);
}

TEST(Pipeline, BeginsNothingThatTheBrokerDoesNotSpeak) {
    auto versions = usual_versions();
    versions.apis.pop_back();
    Driver d;
    d.to_negotiating();
    d.answer_versions(versions);
    EXPECT_EQ(d.begin(ApiKey::init_producer_id), nullptr);
    EXPECT_EQ(d.begin(ApiKey::fetch), nullptr);
}

TEST(Pipeline, BeginsNothingWhileMuted) {
    Driver d;
    d.to_ready();
    const Instant until = d.now + Duration::ms(100);
    d.c().mute(until);
    d.c().mute(d.now + Duration::ms(50));  // a shorter throttle does not cut the longer one
    EXPECT_EQ(d.c().muted_until(), until);
    EXPECT_EQ(d.begin(ApiKey::produce), nullptr);
    EXPECT_EQ(d.begin(ApiKey::metadata), nullptr);
    d.now = until + Duration::ns(-1);
    EXPECT_EQ(d.begin(ApiKey::produce), nullptr);
    d.now = until;
    EXPECT_NE(d.begin(ApiKey::produce), nullptr);
}

TEST(Pipeline, AResponseIsStillTakenWhileMuted) {
    Driver d;
    d.to_ready();
    const RequestSlot* slot = d.produce();
    d.sent_ok();
    d.c().mute(d.now + Duration::seconds(1));
    d.receive(response_frame(slot->correlation_id, as_bytes("ok")));
    ASSERT_EQ(d.events.size(), 1U);
    EXPECT_EQ(d.events[0].body, "ok");
}

// Sending ----------------------------------------------------------------------------------------

TEST(Pipeline, GathersWhatWaitedForTheSocketInOneSendInOrder) {
    Driver d;
    d.to_ready();
    std::vector<std::int32_t> ids;
    ids.push_back(d.produce()->correlation_id);
    EXPECT_EQ(d.sends, 2U);
    ids.push_back(d.produce()->correlation_id);
    ids.push_back(d.metadata()->correlation_id);
    ids.push_back(d.produce()->correlation_id);
    EXPECT_EQ(d.sends, 2U) << "one send at a time";
    d.sent_ok();
    EXPECT_EQ(d.sends, 3U) << "the three that waited leave together";
    d.sent_ok();
    EXPECT_EQ(d.sends, 3U);
    for (const std::int32_t id : ids) EXPECT_EQ(d.next_sent().correlation_id, id);
    EXPECT_TRUE(d.sent.empty());
}

TEST(Pipeline, ASendNamesNoMorePiecesThanTheKernelTakes) {
    Driver d;
    d.to_ready();
    d.produce();
    const std::byte byte{1};
    for (int i = 0; i < 3; ++i) {
        RequestSlot* slot = d.begin(ApiKey::produce);
        slot->pieces.assign(limits::send_pieces_max / 2, {&byte, 1});
        d.c().submit(*slot, d.now);
    }
    d.sent_ok();
    EXPECT_EQ(d.c().gather().size(), limits::send_pieces_max);
    d.sent_ok();
    EXPECT_EQ(d.c().gather().size(), limits::send_pieces_max / 2);
    EXPECT_EQ(d.sends, 4U);
}

TEST(Pipeline, ALargeRequestLeavesInPartsAndWhatIsBehindItAfterwards) {
    Driver d;
    d.to_ready();
    d.send_bytes_max = 100;
    Bytes records(250);
    for (std::size_t i = 0; i < records.size(); ++i) records[i] = static_cast<std::byte>(i);
    RequestSlot* large = d.begin(ApiKey::produce);
    const Bytes frame(large->pieces[0].begin(), large->pieces[0].end());
    large->pieces.push_back(ByteSpan(records).first(30));
    large->pieces.push_back(ByteSpan(records).subspan(30));
    d.c().submit(*large, d.now);
    d.poll();
    const std::int32_t behind = d.produce()->correlation_id;
    Bytes all;
    for (std::uint32_t left = static_cast<std::uint32_t>(frame.size()) + 250; left != 0;) {
        ASSERT_EQ(d.sent.size(), std::min(left, 100U));
        EXPECT_EQ(large->state, RequestSlot::State::sending);
        left -= static_cast<std::uint32_t>(d.sent.size());
        append(all, d.sent);
        d.sent.clear();
        d.sent_ok();
    }
    EXPECT_EQ(large->state, RequestSlot::State::awaiting);
    Bytes expected = frame;
    append(expected, records);
    EXPECT_EQ(all, expected);
    EXPECT_EQ(d.next_sent().correlation_id, behind);
}

TEST(Pipeline, ThePartsOfALostRequestAreForgotten) {
    Driver d;
    d.to_ready();
    d.send_bytes_max = 10;
    d.produce();
    d.sent_ok();
    d.received(-ECONNRESET);
    d.sent_ok(false);
    d.closed();
    ASSERT_EQ(d.take_events().size(), 2U);
    d.sent.clear();
    d.send_bytes_max = limits::turn_bytes;
    d.pass_to_deadline();
    d.to_ready();
    EXPECT_TRUE(d.sent.empty());
    const RequestSlot* slot = d.produce();
    while (d.sending) d.sent_ok();
    EXPECT_EQ(d.next_sent().correlation_id, slot->correlation_id);
}

TEST(Pipeline, AFailedSendEndsTheConnection) {
    Driver d;
    d.to_ready();
    d.produce();
    d.sent_ok(false);
    EXPECT_EQ(d.state(), State::closing);
    EXPECT_EQ(d.c().last_error(), Errc::connection_lost);
}

// Responses --------------------------------------------------------------------------------------

TEST(Pipeline, AResponseEndsItsRequestAndFreesItsSlot) {
    Driver d;
    d.to_ready();
    const RequestSlot* slot = d.produce();
    const std::uint32_t number = d.c().slot_number(*slot);
    d.sent_ok();
    d.receive(response_frame(slot->correlation_id, as_bytes("answer")));
    ASSERT_EQ(d.events.size(), 1U);
    EXPECT_EQ(d.events[0].kind, Kind::response);
    EXPECT_EQ(d.events[0].slot, number);
    EXPECT_EQ(d.events[0].body, "answer");
    EXPECT_EQ(d.c().requests_unanswered(), 0U);
    EXPECT_EQ(d.c().slot_version(number), 8) << "readable until the slot is begun again";
}

/// Two requests out; `frames` holds both answers.
struct TwoAnswers {
    TwoAnswers() {
        d.to_ready();
        const std::int32_t first = d.produce()->correlation_id;
        const std::int32_t second = d.metadata()->correlation_id;
        d.sent_ok();
        d.sent_ok();
        append(frames, response_frame(first, as_bytes("first")));
        append(frames, response_frame(second, as_bytes("the second")));
    }
    void expect_both() {
        ASSERT_EQ(d.events.size(), 2U);
        EXPECT_EQ(d.events[0].body, "first");
        EXPECT_EQ(d.events[0].slot, 0U);
        EXPECT_EQ(d.events[1].body, "the second");
        EXPECT_EQ(d.events[1].slot, produce_slots);
        EXPECT_EQ(d.state(), State::ready);
    }
    Driver d;
    Bytes frames;
};

TEST(Pipeline, SeveralResponsesInOneReadAreTakenApart) {
    TwoAnswers t;
    t.d.receive(t.frames);
    t.expect_both();
}

TEST(Pipeline, ResponsesMayBeSplitAtEveryByte) {
    const std::size_t size = TwoAnswers().frames.size();
    for (std::size_t at = 1; at < size; ++at) {
        SCOPED_TRACE(at);
        TwoAnswers t;
        t.d.receive(ByteSpan(t.frames).first(at));
        t.d.receive(ByteSpan(t.frames).subspan(at));
        t.expect_both();
    }
}

TEST(Pipeline, ResponsesMayComeByteByByte) {
    TwoAnswers t;
    for (const std::byte b : t.frames) t.d.receive({&b, 1});
    t.expect_both();
}

TEST(Pipeline, AResponseThatOvertakesItsSendsCompletionWaitsForIt) {
    Driver d;
    d.to_ready();
    const RequestSlot* slot = d.produce();
    const Bytes answer = response_frame(slot->correlation_id, as_bytes("early"));
    d.receive(answer);
    EXPECT_TRUE(d.events.empty()) << "the kernel still names the request's memory";
    EXPECT_EQ(d.state(), State::ready);
    d.sent_ok();
    ASSERT_EQ(d.events.size(), 1U);
    EXPECT_EQ(d.events[0].body, "early");
}

TEST(Pipeline, ALargeResponseGrowsTheBufferAndTheNextOneIsReadAsWell) {
    Driver d;
    d.to_ready();
    for (const std::size_t size : {std::size_t{3} << 20, std::size_t{5}}) {
        const RequestSlot* slot = d.produce();
        d.sent_ok();
        std::string body(size, 'x');
        body.back() = 'y';
        d.receive(response_frame(slot->correlation_id, as_bytes(body)));
        ASSERT_EQ(d.events.size(), 1U);
        EXPECT_EQ(d.take_events()[0].body, body);
    }
}

TEST(Pipeline, ManyResponsesPassThroughTheBufferWhereverTheyLie) {
    Driver d;
    d.to_ready();
    Prng prng(6);
    for (int round = 0; round < 3000; ++round) {
        Bytes frames;
        std::vector<std::string> bodies;
        for (std::uint32_t i = prng.below(produce_slots); i < produce_slots; ++i) {
            bodies.emplace_back(prng.below(6000), static_cast<char>('a' + i));
            append(frames, response_frame(d.produce()->correlation_id, as_bytes(bodies.back())));
        }
        while (d.sending) d.sent_ok();
        for (ByteSpan left = frames; !left.empty();) {
            const std::size_t n = std::min<std::size_t>(left.size(), 1 + prng.below(9000));
            d.receive(left.first(n));
            left = left.subspan(n);
        }
        const auto events = d.take_events();
        ASSERT_EQ(events.size(), bodies.size());
        for (std::size_t i = 0; i < bodies.size(); ++i) ASSERT_EQ(events[i].body, bodies[i]);
    }
}

TEST(Pipeline, AResponseToAnotherRequestEndsTheConnection) {
    for (const std::int32_t wrong : {-1, 1, 0, 1 << 30}) {
        Driver d;
        d.to_ready();
        const RequestSlot* slot = d.produce();
        d.sent_ok();
        d.receive(response_frame(slot->correlation_id + wrong, as_bytes("not for you")));
        if (wrong == 0) {
            EXPECT_EQ(d.state(), State::ready);
            continue;
        }
        EXPECT_EQ(d.state(), State::closing);
        EXPECT_EQ(d.c().last_error(), Errc::malformed_response);
        EXPECT_TRUE(d.events.empty()) << "nothing of it may be taken for an answer";
    }
}

TEST(Pipeline, ResponsesOutOfOrderEndTheConnection) {
    TwoAnswers t;
    const Bytes swapped(t.frames.begin() + 13, t.frames.end());
    t.d.receive(swapped);
    EXPECT_EQ(t.d.state(), State::closing);
    EXPECT_TRUE(t.d.events.empty());
}

TEST(Pipeline, AResponseThatNobodyAskedForEndsTheConnection) {
    Driver d;
    d.to_ready();
    d.receive(response_frame(1, as_bytes("hello")));
    EXPECT_EQ(d.state(), State::closing);
    EXPECT_EQ(d.c().last_error(), Errc::malformed_response);
}

TEST(Pipeline, AResponseWhoseHeaderCanNotBeReadEndsTheConnection) {
    auto versions = usual_versions();
    versions.apis[1].max = 12;  // a flexible header: tags follow the correlation id
    for (const bool good : {true, false}) {
        Driver d;
        d.to_negotiating();
        d.answer_versions(versions);
        const RequestSlot* slot = d.metadata();
        d.sent_ok();
        d.take_events();
        const std::byte tags[] = {good ? std::byte{0} : std::byte{0x80}};
        d.receive(response_frame(slot->correlation_id, tags));
        EXPECT_EQ(d.state(), good ? State::ready : State::closing);
        EXPECT_EQ(d.events.size(), good ? 1U : 0U);
    }
}

TEST(Pipeline, ASizeThatNoResponseHasEndsTheConnectionAtOnce) {
    for (const std::int32_t size : {INT32_MAX, INT32_MIN, -1, 0, 3,
                                    static_cast<std::int32_t>(limits::response_bytes_max) + 1}) {
        Driver d;
        d.to_ready();
        d.produce();
        d.sent_ok();
        Bytes bytes(4);
        store_be(bytes.data(), size);
        d.receive(bytes);
        EXPECT_EQ(d.state(), State::closing) << size;
        EXPECT_EQ(d.c().last_error(), Errc::malformed_response);
    }
}

TEST(Pipeline, TheLargestResponseAllowedTakesNoMemoryBeforeItsBytesCome) {
    Driver d;
    d.to_ready();
    d.produce();
    d.sent_ok();
    Bytes bytes(4);
    store_be(bytes.data(), static_cast<std::int32_t>(limits::response_bytes_max));
    d.receive(bytes);
    EXPECT_EQ(d.state(), State::ready);
    EXPECT_LE(d.room.size(), limits::receive_buffer_bytes);
}

TEST(Pipeline, NoBytesWhateverTheyAreDoMoreThanEndTheConnection) {
    Prng prng(8);
    for (int round = 0; round < 2000; ++round) {
        Driver d;
        d.to_ready();
        d.produce();
        d.metadata();
        while (d.sending) d.sent_ok();
        Bytes garbage(4 + prng.below(200));
        for (std::byte& b : garbage) b = static_cast<std::byte>(prng.next());
        if (prng.below(2) == 0) garbage[0] = garbage[1] = garbage[2] = std::byte{0};
        for (std::size_t at = 0; at < garbage.size() && d.state() == State::ready; ++at) {
            d.receive({&garbage[at], 1});
        }
        ASSERT_TRUE(d.state() == State::ready || d.state() == State::closing);
        ASSERT_TRUE(d.events.empty());
    }
}

TEST(Pipeline, TheOwnersDistrustEndsTheConnection) {
    Driver d;
    d.c().distrust("of nothing", d.now);
    EXPECT_EQ(d.state(), State::idle);
    d.to_ready();
    d.produce();
    d.c().distrust("a response that can't be read", d.now);
    d.poll();
    EXPECT_EQ(d.state(), State::closing);
    EXPECT_EQ(d.c().last_error(), Errc::malformed_response);
    EXPECT_EQ(d.actions.back(), Action::close);
}

// acks=0 -----------------------------------------------------------------------------------------

RequestSlot* produce_without_acks(Driver& d) {
    RequestSlot* slot = d.begin(ApiKey::produce);
    if (slot == nullptr) return nullptr;
    slot->expects_response = false;
    d.c().submit(*slot, d.now);
    d.poll();
    return slot;
}

TEST(Pipeline, WithoutAcksARequestEndsWithItsSend) {
    Driver d;
    d.to_ready();
    const RequestSlot* slot = produce_without_acks(d);
    EXPECT_TRUE(d.events.empty());
    d.sent_ok();
    ASSERT_EQ(d.events.size(), 1U);
    EXPECT_EQ(d.events[0].kind, Kind::response);
    EXPECT_EQ(d.events[0].slot, d.c().slot_number(*slot));
    EXPECT_TRUE(d.events[0].body.empty());
    EXPECT_EQ(d.c().requests_unanswered(), 0U);
}

TEST(Pipeline, WithoutAcksEachSendFreesAllTheSlotsThatItCarried) {
    Driver d;
    d.to_ready();
    for (std::uint32_t i = 0; i < produce_slots; ++i) ASSERT_NE(produce_without_acks(d), nullptr);
    EXPECT_EQ(produce_without_acks(d), nullptr);
    d.sent_ok();
    EXPECT_EQ(d.take_events().size(), 1U) << "the first went alone";
    d.sent_ok();
    EXPECT_EQ(d.take_events().size(), produce_slots - 1);
    EXPECT_NE(produce_without_acks(d), nullptr);
}

TEST(Pipeline, WithoutAcksStrayAnswersAreSkippedAndTheOthersFound) {
    Driver d;
    d.to_ready();
    const std::int32_t unasked = produce_without_acks(d)->correlation_id;
    const std::int32_t asked = d.metadata()->correlation_id;
    while (d.sending) d.sent_ok();
    d.take_events();
    Bytes frames = response_frame(unasked, as_bytes("Event Hubs says so anyway"));
    append(frames, response_frame(asked, as_bytes("metadata")));
    append(frames, response_frame(unasked, as_bytes("and again")));
    d.receive(frames);
    EXPECT_EQ(d.state(), State::ready);
    ASSERT_EQ(d.events.size(), 1U);
    EXPECT_EQ(d.events[0].body, "metadata");
}

TEST(Pipeline, WithoutAcksAFailedSendIsALossAndNoDelivery) {
    Driver d;
    d.to_ready();
    produce_without_acks(d);
    d.sent_ok(false);
    EXPECT_TRUE(d.events.empty());
    d.closed();
    ASSERT_EQ(d.events.size(), 2U);
    EXPECT_EQ(d.events[0].kind, Kind::lost);
    EXPECT_TRUE(d.events[0].written);
}

}  // namespace
}  // namespace ringpost::broker
