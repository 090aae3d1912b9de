// SPDX-License-Identifier: Apache-2.0
#include "produce/producer_core.h"

#include "core_world.h"

namespace ringpost::produce {
namespace {

const Duration second = Duration::seconds(1);

TEST(ProducerCore, DeliversARecordWithItsOffset) {
    CoreWorld world;
    world.add_topic(0, "t");
    ASSERT_TRUE(world.produce(0, 1, "one"));
    ASSERT_TRUE(world.produce(0, 2, "two"));
    world.pass(second);
    EXPECT_EQ(world.log("t"), (std::vector<std::string>{"one", "two"}));
    EXPECT_EQ(world.told(1).error, Errc::none);
    EXPECT_EQ(world.told(1).offset, 0);
    EXPECT_EQ(world.told(2).offset, 1);
    EXPECT_TRUE(world.core->idle());
    EXPECT_EQ(world.core->memory_used(), 0U);
}

TEST(ProducerCore, FailsWhatCannotBeDeliveredInTimeAndSaysWhy) {
    Config config;
    config.delivery_timeout = second * 3;
    CoreWorld world({.partitions = 1}, config);
    world.cluster.stop_node(1);
    world.add_topic(0, "t");
    ASSERT_TRUE(world.produce(0, 1, "one"));
    world.pass(second * 2);
    EXPECT_TRUE(world.reports.empty());
    world.pass(second * 2);
    EXPECT_EQ(world.told(1).error, Errc::delivery_timeout);
    EXPECT_EQ(world.told(1).last_error, Errc::connect_failed);
    EXPECT_FALSE(world.told(1).may_have_been_written);
    EXPECT_EQ(world.core->memory_used(), 0U);
}

TEST(ProducerCore, SaysThatAnUnansweredRecordMayHaveBeenWritten) {
    Config config;
    config.delivery_timeout = second * 3;
    CoreWorld world({.partitions = 1}, config);
    world.add_topic(0, "t");
    ASSERT_TRUE(world.produce(0, 1, "one"));
    world.pass(second);
    world.hold_answers(true);
    ASSERT_TRUE(world.produce(0, 2, "two"));
    world.pass(second * 5);
    EXPECT_EQ(world.told(2).error, Errc::delivery_timeout);
    EXPECT_TRUE(world.told(2).may_have_been_written);
    EXPECT_NE(world.core->memory_used(), 0U) << "the kernel may still read the batch";
    world.hold_answers(false);
    world.pass(second);
    EXPECT_EQ(world.core->memory_used(), 0U);
    EXPECT_EQ(world.reports.size(), world.accepted);
}

TEST(ProducerCore, GoesOnAfterATimedOutBatchWithoutLossOrDuplicate) {
    Config config;
    config.delivery_timeout = second * 3;
    config.request_timeout = config.connection.request_timeout = second;
    CoreWorld world({.partitions = 1}, config);
    world.add_topic(0, "t");
    ASSERT_TRUE(world.produce(0, 1, "one"));
    world.pass(second);
    world.hold_requests(true);
    ASSERT_TRUE(world.produce(0, 2, "lost"));
    world.pass(second * 6);
    EXPECT_EQ(world.told(2).error, Errc::delivery_timeout);
    world.hold_requests(false);
    world.reset_connections();
    ASSERT_TRUE(world.produce(0, 3, "three"));
    world.pass(second * 3);
    EXPECT_EQ(world.told(3).error, Errc::none);
    const auto log = world.log("t");
    EXPECT_EQ(log.front(), "one");
    EXPECT_EQ(log.back(), "three");
}

TEST(ProducerCore, PurgeReportsEverythingOnce) {
    CoreWorld world;
    world.add_topic(0, "t");
    world.add_topic(1, "u");
    ASSERT_TRUE(world.produce(0, 1, "one"));
    world.pass(second);
    world.hold_answers(true);
    ASSERT_TRUE(world.produce(0, 2, "in flight"));
    world.pass(second);
    ASSERT_TRUE(world.produce(0, 3, "open"));
    ASSERT_TRUE(world.produce(1, 4, "of another topic"));
    world.core->purge(Purge::all, world.now);
    world.core->shut_connections(world.now);
    EXPECT_EQ(world.reports.size(), 4U);
    EXPECT_EQ(world.count(Errc::purged), 3U);
    EXPECT_TRUE(world.told(2).may_have_been_written);
    EXPECT_FALSE(world.told(3).may_have_been_written);
    EXPECT_TRUE(world.core->idle());
    world.settle();
    EXPECT_TRUE(world.core->drained());
    EXPECT_EQ(world.core->memory_used(), 0U);
}

TEST(ProducerCore, AFlushEndsTheLingerOfWhatCameBeforeIt) {
    Config config;
    config.linger = second * 60;
    CoreWorld world({.partitions = 1}, config);
    world.add_topic(0, "t");
    ASSERT_TRUE(world.produce(0, 1, "one"));
    world.pass(second);
    EXPECT_TRUE(world.reports.empty());
    const std::uint64_t epoch = world.core->begin_flush(world.now);
    ASSERT_TRUE(world.produce(0, 2, "after"));
    world.settle();
    EXPECT_TRUE(world.core->flush_done(epoch));
    EXPECT_EQ(world.told(1).error, Errc::none);
    EXPECT_LE(world.reports.size(), 2U);
}

TEST(ProducerCore, AFlushWaitsForRecordsOfATopicNotKnownYet) {
    fake::ClusterOptions options{.partitions = 1};
    options.creation_delay_answers = 2;
    Config config;
    config.linger = second * 60;
    CoreWorld world(options, config);
    world.add_topic(0, "t");
    ASSERT_TRUE(world.produce(0, 1, "one"));
    const std::uint64_t epoch = world.core->begin_flush(world.now);
    world.settle();
    EXPECT_FALSE(world.core->flush_done(epoch));
    world.pass(second * 5);
    EXPECT_TRUE(world.core->flush_done(epoch)) << "parked records keep their place in the flush";
    EXPECT_EQ(world.told(1).error, Errc::none);
}

TEST(ProducerCore, WhatIsParkedDoesNotLingerAfterItsEndHoweverOftenThatCame) {
    Config config;
    config.linger = second * 60;
    CoreWorld world({.partitions = 1}, config);
    world.add_topic(0, "t");
    world.hold_answers(true);
    constexpr std::uint32_t times = 200;
    for (std::uint32_t i = 0; i < times; ++i) {
        ASSERT_TRUE(world.produce(0, i, "x"));
        world.core->end_linger(world.now);
        world.now = world.now + Duration::us(1);
        world.settle();
    }
    EXPECT_TRUE(world.core->can_begin_flush()) << "that is for those who flush";
    world.hold_answers(false);
    EXPECT_EQ(world.count(Errc::none), times);
    ASSERT_TRUE(world.produce(0, times, "later"));
    world.pass(second);
    EXPECT_EQ(world.reports.size(), times) << "what came after it lingers";
}

TEST(ProducerCore, RestsWhenThereIsNothingToDo) {
    CoreWorld world;
    world.add_topic(0, "t");
    ASSERT_TRUE(world.produce(0, 1, "one"));
    world.pass(second);
    // The next thing is the refresh of the metadata, or the end of an idle connection.
    EXPECT_GT(world.core->next_deadline(world.now), world.now + Duration::seconds(60));
}

TEST(ProducerCore, GivesUpOnTheMissingTopicOnlyAndSooner) {
    Config config;
    config.topic_wait = second * 2;
    CoreWorld world({.partitions = 1, .auto_create = false}, config);
    ASSERT_TRUE(world.cluster.create_topic("there"));
    world.add_topic(0, "there");
    world.add_topic(1, "missing");
    ASSERT_TRUE(world.produce(0, 1, "one"));
    ASSERT_TRUE(world.produce(1, 2, "two"));
    world.pass(second * 4);
    EXPECT_EQ(world.told(1).error, Errc::none);
    EXPECT_EQ(world.told(2).error, Errc::unknown_topic_or_partition);
    ASSERT_TRUE(world.cluster.create_topic("missing"));
    ASSERT_TRUE(world.produce(1, 3, "three"));
    world.pass(second * 3);
    EXPECT_EQ(world.told(3).error, Errc::none) << "the topic was made in the meantime";
}

TEST(ProducerCore, ABrokerThatMovesIsConnectedToAtItsNewAddress) {
    Config config;
    config.metadata_max_age = second;
    CoreWorld world({.partitions = 1}, config);
    world.add_topic(0, "t");
    ASSERT_TRUE(world.produce(0, 1, "one"));
    world.pass(second / 2);
    world.cluster.set_address(1, "localhost", CoreWorld::port_of(1));
    world.pass(second * 2);  // comes to rest only if the connection does
    EXPECT_EQ(world.core->nodes()[0]->host, "localhost");
    EXPECT_FALSE(world.core->nodes()[0]->address_changed);
    ASSERT_TRUE(world.produce(0, 2, "two"));
    world.pass(second);
    EXPECT_EQ(world.log("t"), (std::vector<std::string>{"one", "two"}));
}

TEST(ProducerCore, ARequestUnderWayToABrokerThatMovesIsLostAndSaysSo) {
    Config config;
    config.metadata_max_age = second;
    config.retries = 0;
    CoreWorld world({.brokers = 2, .partitions = 2}, config);
    world.add_topic(0, "t");
    ASSERT_TRUE(world.produce(0, 1, "a", 0));
    ASSERT_TRUE(world.produce(0, 2, "b", 1));
    world.pass(second / 2);
    world.swallow_produce(true);
    ASSERT_TRUE(world.produce(0, 3, "c", 0));
    world.pass(second / 10);
    for (const std::int32_t id : {1, 2}) {
        world.cluster.set_address(id, "localhost", CoreWorld::port_of(id));
    }
    world.pass(second * 3);
    EXPECT_EQ(world.told(3).error, Errc::connection_lost);
    EXPECT_TRUE(world.told(3).may_have_been_written);
}

TEST(ProducerCore, ARecordsOwnTimeoutEndsItAloneAndInTime) {
    Config config;
    config.max_in_flight = 1;  // only the first is sent, to a broker that is down
    CoreWorld world({.partitions = 1}, config);
    world.add_topic(0, "t");
    ASSERT_TRUE(world.produce(0, 1, "one"));
    world.pass(second);
    world.cluster.stop_node(1);
    world.pass(second * 2);
    ASSERT_TRUE(world.produce(0, 2, "patient", 0));
    ASSERT_TRUE(world.produce(0, 3, "hasty", 0, nullptr, 0, 0, 700));
    ASSERT_TRUE(world.produce(0, 4, "hastier", 0, nullptr, 0, 0, 300));
    ASSERT_TRUE(world.produce(0, 5, "hasty", 0, nullptr, 0, 0, 700));
    ASSERT_TRUE(world.produce(0, 6, "patient", 0));
    world.pass(Duration::ms(299));
    EXPECT_EQ(world.reports.size(), 1U);
    world.pass(Duration::ms(2));
    EXPECT_EQ(world.reports.size(), 2U);
    EXPECT_EQ(world.told(4).error, Errc::delivery_timeout);
    EXPECT_EQ(world.told(4).stage, Stage::connection);
    world.pass(Duration::ms(400));
    EXPECT_EQ(world.reports.size(), 4U);
    EXPECT_EQ(world.told(3).error, Errc::delivery_timeout);
    EXPECT_EQ(world.told(5).error, Errc::delivery_timeout);
    world.cluster.start_node(1);
    world.pass(second * 10);
    EXPECT_EQ(world.told(2).error, Errc::none);
    EXPECT_EQ(world.told(6).error, Errc::none);
    EXPECT_EQ(world.told(6).offset, world.told(2).offset + 1);
}

/// A record with a timeout of its own ends where `trouble` has left it.
Stage stage_at_the_end(Config config, const std::function<void(CoreWorld&)>& trouble) {
    config.delivery_timeout = second * 600;
    CoreWorld world({.partitions = 1}, config);
    world.add_topic(0, "t");
    trouble(world);
    EXPECT_TRUE(world.produce(0, 100, "hasty", 0, nullptr, 0, 0, 700));
    world.pass(second);
    EXPECT_EQ(world.told(100).error, Errc::delivery_timeout);
    return world.told(100).stage;
}

TEST(ProducerCore, ATimeoutSaysAtWhichStageTheRecordStood) {
    const auto ready = [](CoreWorld& w) {
        ASSERT_TRUE(w.produce(0, 1, "first"));
        w.pass(second);
    };
    EXPECT_EQ(stage_at_the_end({}, [](CoreWorld& w) { w.hold_requests(true); }), Stage::metadata);
    EXPECT_EQ(stage_at_the_end({.metadata_max_age = second / 10},
                               [&](CoreWorld& w) {
                                   ready(w);
                                   w.cluster.faults().on_metadata = [](std::int32_t,
                                                                       auto& answer) {
                                       for (auto& topic : answer.topics) {
                                           for (auto& p : topic.partitions) p.leader_id = -1;
                                       }
                                   };
                                   w.pass(second);
                               }),
              Stage::leader);
    EXPECT_EQ(stage_at_the_end({},
                               [](CoreWorld& w) {
                                   w.cluster.faults().on_init_producer_id = [] {
                                       return Errc::coordinator_load_in_progress;
                                   };
                                   w.pass(second);
                               }),
              Stage::producer_id);
    EXPECT_EQ(stage_at_the_end({.retry_backoff = second * 10, .retry_backoff_max = second * 20},
                               [&](CoreWorld& w) {
                                   ready(w);
                                   w.cluster.faults().on_produce = [](const auto&) {
                                       return fake::ProduceFault{Errc::not_enough_replicas};
                                   };
                               }),
              Stage::backing_off);
    EXPECT_EQ(stage_at_the_end({.linger = second * 10},
                               [&](CoreWorld& w) {
                                   ready(w);
                                   w.core->begin_flush(w.now);
                                   w.pass(second);
                               }),
              Stage::linger);
    EXPECT_EQ(stage_at_the_end({.max_in_flight = 1},
                               [&](CoreWorld& w) {
                                   ready(w);
                                   w.hold_answers(true);
                                   ASSERT_TRUE(w.produce(0, 2, "under way"));
                                   w.pass(second / 10);
                               }),
              Stage::queue);
}

TEST(ProducerCore, ARecordsOwnTimeoutHoldsWhileItsTopicIsUnknown) {
    CoreWorld world({.partitions = 1});
    world.cluster.stop_node(1);
    world.add_topic(0, "t");
    ASSERT_TRUE(world.produce(0, 1, "patient"));
    ASSERT_TRUE(world.produce(0, 2, "hasty", -1, nullptr, 0, 0, 200));
    world.pass(Duration::ms(201));
    EXPECT_EQ(world.reports.size(), 1U);
    EXPECT_EQ(world.told(2).error, Errc::delivery_timeout);
    EXPECT_EQ(world.told(2).stage, Stage::metadata);
    world.cluster.start_node(1);
    world.pass(second * 10);
    EXPECT_EQ(world.told(1).error, Errc::none);
}

TEST(ProducerCore, AnUrgentRecordsBatchDoesNotLingerAndTheOthersDo) {
    Config config;
    config.linger = second * 60;
    CoreWorld world({.partitions = 2}, config);
    world.add_topic(0, "t");
    ASSERT_TRUE(world.produce(0, 1, "parked, then urgent", 0, nullptr, 0, Entry::flag_urgent));
    world.pass(second);
    EXPECT_EQ(world.reports.size(), 1U);
    ASSERT_TRUE(world.produce(0, 2, "lingers", 1));
    ASSERT_TRUE(world.produce(0, 3, "lingers", 0));
    world.pass(second);
    EXPECT_EQ(world.reports.size(), 1U);
    ASSERT_TRUE(world.produce(0, 4, "urgent", 0, nullptr, 0, Entry::flag_urgent));
    world.pass(second);
    EXPECT_EQ(world.reports.size(), 3U);
    EXPECT_EQ(world.told(3).error, Errc::none) << "it shared the batch";
    EXPECT_EQ(world.told(4).error, Errc::none);
}

TEST(ProducerCore, APurgeEndsWhatItNamesAndTheRestGoesOn) {
    Config config;
    config.max_in_flight = 1;
    CoreWorld world({.partitions = 1}, config);
    world.add_topic(0, "t");
    ASSERT_TRUE(world.produce(0, 1, "one"));
    world.pass(second);
    world.hold_answers(true);
    ASSERT_TRUE(world.produce(0, 2, "in flight"));
    world.pass(second);
    ASSERT_TRUE(world.produce(0, 3, "queued"));
    world.core->purge(Purge::queued, world.now);
    EXPECT_EQ(world.told(3).error, Errc::purged);
    EXPECT_FALSE(world.told(3).may_have_been_written);
    EXPECT_EQ(world.reports.count(2), 0U);
    ASSERT_TRUE(world.produce(0, 4, "queued"));
    world.core->purge(Purge::in_flight, world.now);
    EXPECT_EQ(world.told(2).error, Errc::purged);
    EXPECT_EQ(world.told(2).stage, Stage::in_flight);
    EXPECT_TRUE(world.told(2).may_have_been_written);
    EXPECT_EQ(world.reports.count(4), 0U);
    world.hold_answers(false);
    world.pass(second * 3);
    EXPECT_EQ(world.told(4).error, Errc::none);
}

TEST(ProducerCore, ARecordKeepsItsAgeInAYoungerBatch) {
    Config config;
    config.delivery_timeout = second * 3;
    CoreWorld world({.partitions = 1}, config);
    world.cluster.stop_node(1);
    world.add_topic(0, "t");
    const Instant start = world.now;
    world.now = start + second * 2;
    ASSERT_TRUE(world.produce(0, 1, "young"));
    world.now = start;
    ASSERT_TRUE(world.produce(0, 2, "old"));  // as one that waited in its ring
    world.now = start + second * 2;
    world.pass(second / 2);
    EXPECT_TRUE(world.reports.empty());
    world.pass(second);
    EXPECT_EQ(world.told(2).error, Errc::delivery_timeout);
}

TEST(ProducerCore, APurgeReportsWhatWasJustRefusedForItsOwnReason) {
    CoreWorld world;
    world.add_topic(0, "t");
    ASSERT_TRUE(world.produce(0, 1, "one"));
    world.pass(second);
    ASSERT_TRUE(world.produce(0, 2, "to nowhere", 99));
    ASSERT_TRUE(world.produce(0, 3, "in time"));
    world.core->purge(Purge::all, world.now);
    EXPECT_EQ(world.told(2).error, Errc::invalid_partition);
    EXPECT_EQ(world.told(3).error, Errc::purged);
    EXPECT_TRUE(world.core->idle());
}

std::size_t on_their_way(CoreWorld& world) {
    const auto& nodes = world.core->nodes();
    return static_cast<std::size_t>(std::count_if(nodes.begin(), nodes.end(), [](const auto& n) {
        return n->connection.on_its_way() &&
               n->connection.state() != broker::Connection::State::waiting;
    }));
}

TEST(ProducerCore, ManyBrokersAreConnectedToAFewAtATimeAndWithoutAWait) {
    constexpr std::uint32_t brokers = 3 * limits::connection_setups_max;
    CoreWorld world({.brokers = brokers, .partitions = brokers});
    world.add_topic(0, "t");
    world.settle();
    for (std::uint32_t i = 0; i < brokers; ++i) {
        ASSERT_TRUE(world.produce(0, i, "x", static_cast<std::int32_t>(i)));
    }
    world.hold_requests(true);
    world.pass(second);
    EXPECT_EQ(on_their_way(world), limits::connection_setups_max);
    world.hold_requests(false);
    world.settle();  // no time passes: each that is ready lets another go
    EXPECT_EQ(world.count(Errc::none), brokers);
    EXPECT_EQ(on_their_way(world), 0U);
}

TEST(ProducerCore, BrokersOutOfReachDoNotKeepTheOthersFromTheirTurn) {
    constexpr std::uint32_t brokers = 4 * limits::connection_setups_max;
    CoreWorld world({.brokers = brokers, .partitions = brokers});
    world.add_topic(0, "t");
    world.settle();
    // All but the last few connect to nothing that answers.
    world.cluster.faults().on_request = [](const fake::RequestAttempt& attempt) {
        const bool last = attempt.node_id > static_cast<std::int32_t>(brokers) - 4;
        if (attempt.node_id == 1 || last) return fake::RequestFate::handle;
        return fake::RequestFate::swallow;
    };
    for (std::uint32_t i = 0; i < brokers; ++i) {
        ASSERT_TRUE(world.produce(0, i, "x", static_cast<std::int32_t>(i)));
    }
    world.pass(second * 60);
    EXPECT_EQ(world.count(Errc::none), 5U);
}

// Counting ---------------------------------------------------------------------------------------

ShardCounters counted(const CoreWorld& world) {
    ShardCounters counters;
    world.core->count(counters);
    return counters;
}

TEST(ProducerCore, CountsWhatIsHeldAndWhatIsOnItsWay) {
    CoreWorld world;
    world.add_topic(0, "t");
    ASSERT_TRUE(world.produce(0, 1, "x"));
    EXPECT_EQ(counted(world).batches_held, 1U);
    EXPECT_GT(counted(world).memory_used, 0U);
    EXPECT_EQ(counted(world).connections_up, 0U);
    world.pass(Duration::seconds(1));
    ASSERT_EQ(world.told(1).error, Errc::none);
    const ShardCounters counters = counted(world);
    EXPECT_EQ(counters.records_delivered, 1U);
    EXPECT_EQ(counters.batches_delivered, 1U);
    EXPECT_EQ(counters.batches_sent, 1U);
    EXPECT_EQ(counters.batches_retried, 0U);
    EXPECT_EQ(counters.requests_sent, 1U);
    EXPECT_EQ(counters.requests_in_flight, 0U);
    EXPECT_EQ(counters.bytes_delivered, counters.batch_bytes_sent);
    EXPECT_GT(counters.request_bytes_sent, counters.batch_bytes_sent);
    EXPECT_EQ(counters.batches_held, 0U);
    EXPECT_EQ(counters.memory_used, 0U);
    EXPECT_EQ(counters.connections_up, 1U);
}

TEST(ProducerCore, CountsLossesRetriesAndThrottlesByBroker) {
    CoreWorld world;
    world.add_topic(0, "t");
    int requests = 0;
    world.cluster.faults().on_request = [&](const fake::RequestAttempt& attempt) {
        const bool first = attempt.header.key == wire::ApiKey::produce && requests++ == 0;
        return first ? fake::RequestFate::close : fake::RequestFate::handle;
    };
    world.cluster.faults().produce_throttle_ms = 250;
    ASSERT_TRUE(world.produce(0, 1, "x"));
    world.pass(Duration::seconds(5));
    ASSERT_EQ(world.told(1).error, Errc::none);
    const ShardCounters counters = counted(world);
    EXPECT_EQ(counters.batches_sent, 2U);
    EXPECT_EQ(counters.batches_retried, 1U);
    EXPECT_EQ(counters.batch_records_sent, 2U);
    EXPECT_EQ(counters.requests_in_flight, 0U);
    EXPECT_EQ(counters.connections_up, 1U);
    std::vector<BrokerStatistics> brokers;
    world.core->brokers().read(brokers);
    ASSERT_EQ(brokers.size(), 1U);
    EXPECT_EQ(brokers[0].id, 1);
    EXPECT_EQ(brokers[0].requests_sent, 2U);
    EXPECT_EQ(brokers[0].requests_answered, 1U);
    EXPECT_EQ(brokers[0].requests_lost, 1U);
    EXPECT_EQ(brokers[0].answers_throttled, 1U);
    EXPECT_EQ(brokers[0].throttled.count(), 250);
    EXPECT_EQ(brokers[0].round_trip.total(), 1U);
}

}  // namespace
}  // namespace ringpost::produce
