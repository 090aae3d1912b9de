// SPDX-License-Identifier: Apache-2.0
// Each code that a broker may answer a Produce request with, and what comes of it.
#include "core_world.h"
#include "protocol_codes.h"
#include "wire/error_codes.h"

namespace ringpost::produce {
namespace {

const Duration second = Duration::seconds(1);

/// Two partitions; the first one's leader answers with the code under test.
struct Case {
    explicit Case(int code_) : code(code_), world({.partitions = 2}, config()) {
        error = wire::errc_of(static_cast<std::int16_t>(code));
        world.add_topic(0, "t");
        EXPECT_TRUE(world.produce(0, 100, "first", 0));
        EXPECT_TRUE(world.produce(0, 101, "first", 1));
        world.pass(second);
        EXPECT_EQ(world.count(Errc::none), 2U);
        world.reports.clear();
        world.cluster.faults().on_produce = [this](const fake::ProduceAttempt& attempt) {
            if (attempt.partition != 0) return fake::ProduceFault{};
            const bool strikes = tries++ < times;
            return strikes ? fake::ProduceFault{static_cast<Errc>(code)} : fake::ProduceFault{};
        };
        world.cluster.faults().on_request = [this](const fake::RequestAttempt& attempt) {
            metadata_requests += attempt.header.key == wire::ApiKey::metadata;
            return fake::RequestFate::handle;
        };
        before = partition();
    }
    static Config config() {
        Config config;
        config.linger = Duration::ms(5);
        config.delivery_timeout = second * 10;
        return config;
    }
    Told answered(int strikes, Duration time = second * 3) {
        times = strikes;
        EXPECT_TRUE(world.produce(0, 0, "a", 0));
        EXPECT_TRUE(world.produce(0, 1, "b", 0));
        world.pass(time);
        EXPECT_EQ(world.told(0).error, world.told(1).error);
        return world.told(0);
    }
    struct Identity {
        std::int64_t id;
        std::int16_t epoch;
        bool operator==(const Identity&) const = default;
    };
    Identity partition() {
        const Partition& p = *world.core->find_topic(0)->partitions[0];
        return {p.producer_id, p.producer_epoch};
    }
    Identity next_epoch() const {
        return {before.id, static_cast<std::int16_t>(before.epoch + 1)};
    }
    /// The partition goes on: nothing that came before stands in the way of another record.
    void expect_next_delivered() {
        times = 0;
        ASSERT_TRUE(world.produce(0, 50, "next", 0));
        world.pass(second * 3);
        EXPECT_EQ(world.told(50).error, Errc::none);
        EXPECT_EQ(world.log("t").back(), "next");
    }

    int code;
    Errc error;
    CoreWorld world;
    int times = 0;
    int tries = 0;
    int metadata_requests = 0;
    Identity before{};
};

using Values = std::vector<std::string>;
constexpr int for_ever = 1'000'000;

class EachCode : public testing::TestWithParam<ProtocolCode> {};

TEST_P(EachCode, AnsweredOnce) {
    const ProtocolCode& expected = GetParam();
    Case c(expected.code);
    const Told told = c.answered(1);
    const Values whole{"first", "a", "b"};
    const Values without{"first"};
    switch (expected.what) {
        case Class::delivered:
            EXPECT_EQ(told.error, Errc::none);
            EXPECT_EQ(told.attempts, 1U);
            EXPECT_EQ(told.offset, expected.code == 0 ? 1 : -1);
            EXPECT_EQ(c.partition(), c.before);
            return;
        case Class::retry:
        case Class::refresh:
            EXPECT_EQ(told.error, Errc::none);
            EXPECT_EQ(told.attempts, 2U);
            EXPECT_EQ(c.world.log("t"), whole);
            EXPECT_EQ(c.metadata_requests, expected.what == Class::refresh ? 1 : 0);
            EXPECT_EQ(c.partition(), c.before) << "the same numbers, or it could come twice";
            break;
        case Class::sequence:
            EXPECT_EQ(told.error, Errc::none);
            EXPECT_EQ(told.attempts, 2U);
            EXPECT_EQ(c.world.log("t"), whole);
            if (expected.code == 49) {
                EXPECT_NE(c.partition().id, c.before.id);
            } else {
                EXPECT_EQ(c.partition(), c.next_epoch());
            }
            break;
        case Class::split:
            EXPECT_EQ(told.error, Errc::none);
            EXPECT_EQ(c.tries, 3) << "the batch, then its halves";
            EXPECT_EQ(c.world.log("t"), whole);
            EXPECT_EQ(c.partition(), c.before);
            break;
        case Class::named:
        case Class::record:
        case Class::producer:
            EXPECT_EQ(told.error, c.error);
            EXPECT_EQ(told.attempts, 1U);
            EXPECT_EQ(told.may_have_been_written, !expected.unwritten);
            EXPECT_EQ(c.tries, 1);
            EXPECT_EQ(c.world.log("t"), without);
            EXPECT_EQ(c.partition(), c.next_epoch()) << "its numbers were used up";
            break;
    }
    c.expect_next_delivered();
}

TEST_P(EachCode, AnsweredForEver) {
    const ProtocolCode& expected = GetParam();
    Case c(expected.code);
    const Told told = c.answered(for_ever, second * 12);
    switch (expected.what) {
        case Class::delivered: return;
        case Class::retry:
        case Class::refresh:
        case Class::sequence:
            EXPECT_EQ(told.error, Errc::delivery_timeout);
            EXPECT_EQ(told.last_error, c.error);
            EXPECT_EQ(told.may_have_been_written, !expected.unwritten);
            EXPECT_GT(c.tries, 4);
            EXPECT_LT(c.tries, 100) << "it backs off";
            break;
        case Class::split:
            EXPECT_EQ(told.error, c.error);
            EXPECT_FALSE(told.may_have_been_written);
            EXPECT_EQ(c.tries, 3);
            break;
        case Class::named:
        case Class::record:
        case Class::producer:
            EXPECT_EQ(told.error, c.error);
            EXPECT_EQ(c.tries, 1);
            break;
    }
    EXPECT_EQ(c.world.log("t"), Values{"first"});
    c.expect_next_delivered();
}

/// What waits elsewhere fails with a code that is about the whole producer, and with no other.
TEST_P(EachCode, EndsWhatElseWaitsOnlyIfItIsAboutTheProducer) {
    const ProtocolCode& expected = GetParam();
    Case c(expected.code);
    const bool ends = expected.what == Class::producer;
    c.times = 1;
    c.world.add_topic(1, "not-known-yet");
    ASSERT_TRUE(c.world.produce(0, 0, "a", 0, nullptr, 0, Entry::flag_urgent));
    ASSERT_TRUE(c.world.produce(0, 2, "lingers", 1));
    c.world.cluster.faults().on_metadata = [](std::int32_t, wire::MetadataResponse& answer) {
        for (auto& topic : answer.topics) {
            if (topic.name == "t") continue;
            topic.error_code = static_cast<std::int16_t>(Errc::leader_not_available);
            topic.partitions.clear();
        }
    };
    ASSERT_TRUE(c.world.produce(1, 3, "parked", 0));
    c.world.settle();
    EXPECT_EQ(c.world.count(c.error) == 3, ends && c.error != Errc::none);
    ASSERT_TRUE(c.world.produce(0, 4, "at once", 1));
    c.world.settle();
    if (ends) {
        EXPECT_EQ(c.world.told(4).error, c.error);
        EXPECT_EQ(c.world.told(4).attempts, 0U);
        EXPECT_FALSE(c.world.told(4).may_have_been_written);
    }
    c.world.cluster.faults().on_metadata = nullptr;
    c.world.pass(second * 5);
    ASSERT_TRUE(c.world.produce(0, 5, "later", 1));
    ASSERT_TRUE(c.world.produce(1, 6, "later", 0));
    c.world.pass(second * 5);
    EXPECT_EQ(c.world.told(4).error, ends ? c.error : Errc::none);
    EXPECT_EQ(c.world.told(5).error, Errc::none) << "somebody may have granted it meanwhile";
    EXPECT_EQ(c.world.told(6).error, Errc::none);
}

INSTANTIATE_TEST_SUITE_P(OfTheProtocol, EachCode, testing::ValuesIn(protocol_codes),
                         [](const auto& tested) {
                             return std::string(to_string(static_cast<Errc>(tested.param.code)));
                         });

TEST(ErrorCodes, OneThatIsUnknownIsAClearFailureWithItsNumber) {
    for (const int code : unknown_codes) {
        SCOPED_TRACE(code);
        Case c(code);
        const Told told = c.answered(1);
        EXPECT_EQ(static_cast<int>(told.error), code);
        EXPECT_EQ(told.attempts, 1U);
        EXPECT_TRUE(told.may_have_been_written);
        EXPECT_EQ(c.partition(), c.next_epoch());
        c.expect_next_delivered();
    }
}

TEST(ErrorCodes, OneOfOurOwnIsNotTakenFromABroker) {
    for (const Errc own : {Errc::queue_full, Errc::stopped, Errc::delivery_timeout}) {
        Case c(static_cast<int>(own));
        EXPECT_EQ(c.answered(1).error, Errc::unknown_server_error);
        c.expect_next_delivered();
    }
}

}  // namespace
}  // namespace ringpost::produce
