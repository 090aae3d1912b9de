// SPDX-License-Identifier: Apache-2.0
#include "running.h"

#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <thread>

namespace ringpost {
namespace {

class EitherMode : public testing::TestWithParam<Mode> {
protected:
    void start(Options options) {
        producer = std::make_unique<Producer>(std::move(options));
        auto up = producer->start();
        ASSERT_TRUE(up) << up.error().text;
        auto opened = producer->open_lane();
        ASSERT_TRUE(opened);
        lane = std::move(*opened);
    }
    void start() { start(options_for(server->bootstrap(), GetParam())); }

    std::unique_ptr<tools::BrokerThread> server = start_broker();
    std::unique_ptr<Producer> producer;
    Lane lane;
};

TEST_P(EitherMode, ReportsEachRecordOnceWithTagAndOffset) {
    start();
    const Topic topic = *producer->topic("t");
    for (std::uint64_t i = 0; i < 10'000; ++i) {
        const std::string key = "k" + std::to_string(i % 100);
        ASSERT_EQ(lane.produce({.topic = topic, .key = key, .value = "v", .tag = i}), Errc::none);
    }
    EXPECT_TRUE(lane.flush(10s).ok());
    const auto reports = poll_all(lane, 10'000);
    expect_each_tag_once(reports, 10'000);
    std::map<std::int32_t, std::int64_t> last;
    for (const DeliveryReport& report : reports) {
        ASSERT_TRUE(report.ok()) << to_string(report.error);
        EXPECT_EQ(report.topic, topic);
        EXPECT_GT(report.timestamp_ms, 1'600'000'000'000);
        // Within a partition the reports of one lane come in the order of the log.
        EXPECT_GT(report.offset, last.contains(report.partition) ? last[report.partition] : -1);
        last[report.partition] = report.offset;
    }
    EXPECT_EQ(lane.outstanding(), 0U);
    EXPECT_TRUE(producer->stop(5s));
}

/// Our sockets that are connected to that port of this host: what the kernel has for the option.
std::vector<int> options_towards(const std::string& port, int level, int name) {
    std::vector<int> values;
    for (int d = 0; d < 1024; ++d) {
        sockaddr_in peer{};
        socklen_t size = sizeof peer;
        if (::getpeername(d, reinterpret_cast<sockaddr*>(&peer), &size) < 0) continue;
        if (peer.sin_family != AF_INET || std::to_string(ntohs(peer.sin_port)) != port) continue;
        int value = -1;
        size = sizeof value;
        EXPECT_EQ(::getsockopt(d, level, name, &value, &size), 0);
        values.push_back(value);
    }
    return values;
}

TEST_P(EitherMode, ItsSocketsHaveWhatItsOptionsSay) {
    const std::string where = server->bootstrap();
    const std::string port = where.substr(where.rfind(':') + 1);
    for (const bool keepalive : {true, false}) {
        Options options = options_for(where, GetParam());
        if (!keepalive) {
            ASSERT_TRUE(options.set("socket.keepalive.enable", "false"));
        }
        options.request_timeout = keepalive ? 7'777ms : 1s;
        options.connection_setup_timeout = keepalive ? 1s : 7'777ms;
        start(options);
        ASSERT_EQ(lane.produce({.topic_name = "t", .value = "v"}), Errc::none);
        poll_all(lane, 1);
        EXPECT_EQ(options_towards(port, SOL_SOCKET, SO_KEEPALIVE),
                  std::vector<int>{keepalive ? 1 : 0});
        EXPECT_EQ(options_towards(port, IPPROTO_TCP, TCP_USER_TIMEOUT), std::vector<int>{7'777});
        EXPECT_EQ(options_towards(port, IPPROTO_TCP, TCP_NODELAY), std::vector<int>{1});
        producer->stop(5s);
    }
}

TEST_P(EitherMode, AfterAWarmUpNoRecordWaitsForAConnectionOrAQuestion) {
    server = start_broker({.brokers = 3, .partitions = 6});
    Options options = options_for(server->bootstrap(), GetParam());
    if (GetParam() == Mode::threaded) options.shards = 2;
    start(options);
    auto second_lane = producer->open_lane();
    ASSERT_TRUE(second_lane);
    const std::string_view topics[] = {"t", "u"};
    const auto warm = producer->warm_up(topics, 10s);
    ASSERT_TRUE(warm) << warm.error().text;
    server->call([](fake::Cluster& cluster) {
        cluster.faults().on_request = [](const fake::RequestAttempt& attempt) {
            // Nothing else is answered any more: not even a new connection's ApiVersions.
            return attempt.header.key == wire::ApiKey::produce ? fake::RequestFate::handle
                                                               : fake::RequestFate::close;
        };
    });
    std::uint64_t tag = 0;
    for (Lane* each : {&lane, &*second_lane}) {
        for (const std::string_view topic : topics) {
            for (std::int32_t partition = 0; partition < 6; ++partition) {
                ASSERT_EQ(each->produce({.topic_name = topic, .value = "v", .partition = partition,
                                         .tag = tag++}),
                          Errc::none);
            }
        }
    }
    for (Lane* each : {&lane, &*second_lane}) {
        const auto reports = poll_all(*each, 12);
        ASSERT_EQ(reports.size(), 12U);
        for (const auto& report : reports) EXPECT_TRUE(report.ok()) << to_string(report.error);
    }
}

TEST_P(EitherMode, AWarmUpThatFailsSaysWhatStoodInItsWay) {
    start();
    const std::string_view bad[] = {"t", "no such name!"};
    EXPECT_EQ(producer->warm_up(bad, 1s).error().code, Errc::invalid_topic_name);
    EXPECT_TRUE(producer->warm_up({}, 0s));
    const std::string_view topics[] = {"t"};
    server->call([](fake::Cluster& cluster) {
        cluster.faults().on_metadata = [](std::int32_t, wire::MetadataResponse& response) {
            for (auto& topic : response.topics) {
                topic.error_code = static_cast<std::int16_t>(Errc::topic_authorization_failed);
                topic.partitions.clear();
            }
        };
    });
    const auto begun = std::chrono::steady_clock::now();
    const auto refused = producer->warm_up(topics, 30s);
    EXPECT_LT(std::chrono::steady_clock::now() - begun, 20s) << "a refusal is not waited out";
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code, Errc::topic_authorization_failed);
    EXPECT_NE(refused.error().text.find("topic t: topic_authorization_failed: "),
              std::string::npos)
        << refused.error().text;

    // Nothing listens there.
    Producer lost(options_for("127.0.0.1:1", GetParam()));
    EXPECT_EQ(lost.warm_up(topics, 1s).error().code, Errc::not_started);
    ASSERT_TRUE(lost.start());
    EXPECT_EQ(lost.warm_up(topics, 300ms).error().code, Errc::connect_failed);
    lost.stop(1s);
    EXPECT_EQ(lost.warm_up(topics, 1s).error().code, Errc::stopped);
}

TEST_P(EitherMode, TakesATopicNameARecord) {
    start();
    for (std::uint64_t i = 0; i < 100; ++i) {
        const std::string name = "topic-" + std::to_string(i % 7);
        ASSERT_EQ(lane.produce({.topic_name = name, .value = "v", .tag = i}), Errc::none);
    }
    const auto reports = poll_all(lane, 100);
    expect_each_tag_once(reports, 100);
    for (const auto& report : reports) EXPECT_TRUE(report.ok());
    EXPECT_EQ(producer->topic_name(reports[0].topic),
              "topic-" + std::to_string(reports[0].tag % 7));
}

TEST_P(EitherMode, NullAndEmptyAreKeptApart) {
    start();
    const Topic topic = *producer->topic("t");
    const Header headers[] = {{"null", {}}, {"empty", ""}};
    ASSERT_EQ(lane.produce({.topic = topic, .key = "", .value = {}, .headers = headers,
                            .partition = 0}), Errc::none);
    ASSERT_EQ(lane.produce({.topic = topic, .key = {}, .value = "", .partition = 0}), Errc::none);
    poll_all(lane, 2);
    server->call([](fake::Cluster& cluster) {
        auto& log = cluster.find_topic("t")->find(0)->log;
        std::vector<wire::RecordView> records;
        for (std::int64_t at = 0; at < log.end_offset();) {
            wire::RecordBatchReader reader(log.read(at, 1, true));
            wire::RecordView record;
            while (reader.next(record)) records.push_back(record);
            at = reader.header().base_offset + reader.header().record_count;
        }
        ASSERT_EQ(records.size(), 2U);
        EXPECT_FALSE(records[0].key_null);
        EXPECT_TRUE(records[0].value_null);
        wire::HeaderReader first(records[0]);
        wire::HeaderView header;
        ASSERT_TRUE(first.next(header));
        EXPECT_TRUE(header.value_null());
        ASSERT_TRUE(first.next(header));
        EXPECT_EQ(header.value_size, 0);
        EXPECT_TRUE(records[1].key_null);
        EXPECT_FALSE(records[1].value_null);
    });
}

TEST_P(EitherMode, AFailedRecordsBytesAreInItsReport) {
    server = start_broker({.partitions = 1});
    server->call([](fake::Cluster& cluster) {
        cluster.faults().on_produce = [](const fake::ProduceAttempt&) {
            return fake::ProduceFault{Errc::policy_violation};
        };
    });
    start();
    for (std::uint64_t i = 0; i < 500; ++i) {
        const std::string value(i * 37 % 1500, static_cast<char>('a' + i % 26));
        const std::string key = "k" + std::to_string(i);
        ASSERT_EQ(lane.produce({.topic_name = "t", .key = key, .value = value, .tag = i}),
                  Errc::none);
    }
    std::array<DeliveryReport, 64> some;
    std::size_t seen = 0;
    while (seen < 500) {
        const std::size_t n = lane.poll_for(some, 10s);
        ASSERT_NE(n, 0U);
        for (std::size_t i = 0; i < n; ++i) {
            const std::uint64_t tag = some[i].tag;
            EXPECT_EQ(some[i].error, Errc::policy_violation);
            EXPECT_EQ(some[i].key.text(), "k" + std::to_string(tag));
            EXPECT_EQ(some[i].value.text(),
                      std::string(tag * 37 % 1500, static_cast<char>('a' + tag % 26)));
        }
        seen += n;
    }
}

/// Parked records take half of the memory, and their bytes are lent then: the rest finds no room.
TEST(Producer, APurgeEndsWhatWaitsInTheRingsToo) {
    Options options = options_for_nobody();
    options.buffer_memory = 8 << 20;
    Producer producer(options);
    Lane lane = *producer.open_lane();
    const std::string value(1000, 'v');
    std::uint64_t accepted = 0;
    const Record record{.topic_name = "t", .value = value};
    while (lane.produce_for(record, 50ms) == Errc::none) ++accepted;
    EXPECT_GT(accepted, 5000U);
    ASSERT_TRUE(producer.purge(Purge::all, 10s));
    EXPECT_EQ(lane.flush(0s).outstanding, 0U);
    std::array<DeliveryReport, 64> reports;
    std::uint64_t purged = 0;
    while (const std::size_t count = lane.poll(reports)) {
        for (std::size_t i = 0; i < count; ++i) purged += reports[i].error == Errc::purged;
    }
    EXPECT_EQ(purged, accepted);
}

TEST_P(EitherMode, StopsInTimeAndPurgesWhatIsLeft) {
    server->call([](fake::Cluster& cluster) {
        cluster.faults().on_request = [](const fake::RequestAttempt& attempt) {
            return attempt.header.key == wire::ApiKey::produce ? fake::RequestFate::swallow
                                                               : fake::RequestFate::handle;
        };
    });
    start();
    for (std::uint64_t i = 0; i < 5000; ++i) {
        ASSERT_EQ(lane.produce({.topic_name = "t", .value = "v", .tag = i}), Errc::none);
    }
    const auto begin = std::chrono::steady_clock::now();
    EXPECT_FALSE(producer->stop(300ms));
    EXPECT_LT(std::chrono::steady_clock::now() - begin, 3s);
    EXPECT_EQ(producer->state(), Producer::State::stopped);
    const auto reports = poll_all(lane, 5000);
    expect_each_tag_once(reports, 5000);
    for (const auto& report : reports) EXPECT_EQ(report.error, Errc::purged);
    EXPECT_EQ(lane.produce({.topic_name = "t", .value = "v"}), Errc::stopped);
}

TEST_P(EitherMode, ALaneOutlivesItsProducerToNoEffect) {
    start();
    ASSERT_EQ(lane.produce({.topic_name = "t", .value = "v", .tag = 9}), Errc::none);
    producer.reset();
    EXPECT_EQ(poll_all(lane, 1).size(), 1U);
    EXPECT_EQ(lane.produce({.topic_name = "t", .value = "v"}), Errc::stopped);
    std::array<DeliveryReport, 4> none;
    EXPECT_EQ(lane.poll_for(none, 10s), 0U) << "nothing can come: no wait";
    EXPECT_TRUE(lane.flush(1s).ok());
}

TEST_P(EitherMode, LanesComeAndGo) {
    start();
    for (int i = 0; i < 200; ++i) {
        Lane one = *producer->open_lane();
        ASSERT_EQ(one.produce({.topic_name = "t", .value = "v"}), Errc::none);
        if (i % 2 == 0) {
            EXPECT_TRUE(one.flush(10s).ok());
        }
    }
    EXPECT_TRUE(producer->flush(10s).ok());
    EXPECT_TRUE(producer->stop(5s));
    const auto records = server->call([](fake::Cluster& cluster) {
        std::int64_t sum = 0;
        for (auto& p : cluster.find_topic("t")->partitions) sum += p.log.end_offset();
        return sum;
    });
    EXPECT_EQ(records, 200) << "what a dropped lane had accepted is delivered";
}

TEST_P(EitherMode, RefusesWhatIsWrongAndSaysWhich) {
    start();
    EXPECT_EQ(lane.produce({.topic_name = "", .value = "v"}), Errc::invalid_topic_name);
    EXPECT_EQ(lane.produce({.topic_name = "a b", .value = "v"}), Errc::invalid_topic_name);
    EXPECT_EQ(lane.produce({.topic = Topic{99}, .value = "v"}), Errc::invalid_topic_name);
    EXPECT_EQ(lane.produce({.topic_name = "t", .value = "v", .partition = -2}),
              Errc::invalid_partition);
    EXPECT_EQ(lane.produce({.topic_name = "t", .value = "v", .timestamp_ms = -5}),
              Errc::invalid_argument);
    const std::string large(1'000'000, 'x');
    EXPECT_EQ(lane.produce({.topic_name = "t", .value = large}), Errc::record_too_large);
    const std::vector<Header> many(1001);
    EXPECT_EQ(lane.produce({.topic_name = "t", .value = "v", .headers = many}),
              Errc::invalid_argument);
    ASSERT_EQ(lane.produce({.topic_name = "t", .value = "v", .partition = 4}), Errc::none);
    EXPECT_EQ(poll_all(lane, 1).at(0).error, Errc::invalid_partition);
}

TEST_P(EitherMode, PollWithNothingUnderWayIsEmptyAndDoesNotWaitForever) {
    start();
    std::array<DeliveryReport, 4> none;
    EXPECT_EQ(lane.poll(none), 0U);
    EXPECT_EQ(lane.poll_for(none, 20ms), 0U);
    EXPECT_EQ(lane.poll({}), 0U);
    EXPECT_TRUE(lane.flush(1s).ok());
    EXPECT_TRUE(producer->flush(1s).ok());
}

TEST_P(EitherMode, TheLimitOfUnpolledRecordsIsHard) {
    Options options = options_for(server->bootstrap(), GetParam());
    options.queue_records_max = 100;
    start(options);
    for (int i = 0; i < 100; ++i) {
        ASSERT_EQ(lane.produce({.topic_name = "t", .value = "v"}), Errc::none);
    }
    EXPECT_EQ(lane.produce({.topic_name = "t", .value = "v"}), Errc::reports_full);
    EXPECT_EQ(lane.produce_for({.topic_name = "t", .value = "v"}, 10s), Errc::reports_full);
    EXPECT_EQ(poll_all(lane, 100).size(), 100U);
    EXPECT_EQ(lane.produce({.topic_name = "t", .value = "v"}), Errc::none);
}

INSTANTIATE_TEST_SUITE_P(Modes, EitherMode, testing::Values(Mode::threaded, Mode::inline_),
                         [](const auto& i) {
                             return i.param == Mode::threaded ? "threaded" : "inline";
                         });

TEST(Producer, RefusesRecordsBeforeStartAndNamesABadOption) {
    Options by_hand = options_for("127.0.0.1:1");
    by_hand.auto_start = false;
    Producer unstarted(by_hand);
    EXPECT_EQ(unstarted.produce({.topic_name = "t", .value = "v"}), Errc::not_started);
    EXPECT_EQ(unstarted.open_lane().error().code, Errc::not_started);
    EXPECT_EQ(unstarted.state(), Producer::State::created);
    Options bad = options_for("127.0.0.1:1");
    bad.batch_bytes = 3;
    Producer wrong(bad);
    const auto started = wrong.start();
    ASSERT_FALSE(started);
    EXPECT_NE(started.error().text.find("batch.size"), std::string::npos) << started.error().text;
    Lane none;
    EXPECT_EQ(none.produce({.topic_name = "t", .value = "v"}), Errc::stopped);
}

TEST(Producer, HashingRefusesARecordWithoutAKeyAndPlacesTheOthers) {
    auto kafka = start_broker({.partitions = 12});
    Options options = options_for(kafka->bootstrap());
    options.partitioner = Partitioner::hashing;
    Producer producer(options);
    ASSERT_TRUE(producer.start());
    Lane lane = *producer.open_lane();
    EXPECT_EQ(lane.produce({.topic_name = "t", .value = "v"}), Errc::invalid_argument);
    EXPECT_EQ(lane.produce({.topic_name = "t", .value = "v", .partition = 3}), Errc::none);
    EXPECT_EQ(lane.produce({.topic_name = "t", .key = "kafka", .value = "v", .tag = 1}),
              Errc::none);
    const auto reports = poll_all(lane, 2);
    ASSERT_EQ(reports.size(), 2U);
    for (const DeliveryReport& report : reports) {
        EXPECT_TRUE(report.ok());
        EXPECT_EQ(report.partition, report.tag == 1 ? 8 : 3);
    }
}

class ByLength : public OwnPartitioner {
public:
    std::int32_t choose(const PartitionQuestion& question) noexcept override {
        if (question.key.is_null()) return no_partition;
        return static_cast<std::int32_t>(question.key.size());
    }
    void on_batch_sealed(std::string_view, std::int32_t) noexcept override { ++sealed; }
    std::atomic<int> sealed = 0;
};

TEST(Producer, AsksAPartitionerOfItsOwnersInEitherMode) {
    auto kafka = start_broker({.partitions = 4});
    for (const Mode mode : {Mode::threaded, Mode::inline_}) {
        Options options = options_for(kafka->bootstrap(), mode);
        const auto by_length = std::make_shared<ByLength>();
        options.own_partitioner = by_length;
        Producer producer(options);
        ASSERT_TRUE(producer.start());
        Lane lane = *producer.open_lane();
        const std::string_view keys[] = {"", "k", "kk", "kkk", "kkkk"};
        for (std::uint64_t i = 0; i < 5; ++i) {
            ASSERT_EQ(lane.produce({.topic_name = "t", .key = keys[i], .tag = i}), Errc::none);
        }
        ASSERT_EQ(lane.produce({.topic_name = "t", .tag = 5}), Errc::none);
        const auto reports = poll_all(lane, 6);
        ASSERT_EQ(reports.size(), 6U);
        for (const DeliveryReport& report : reports) {
            const bool fails = report.tag > 3;
            EXPECT_EQ(report.error, fails ? Errc::invalid_partition : Errc::none);
            EXPECT_EQ(report.partition, fails ? -1 : static_cast<std::int32_t>(report.tag));
            EXPECT_EQ(report.key.is_null(), report.tag == 5 || !fails);
        }
        EXPECT_EQ(by_length->sealed, 4);
    }
}

TEST(Producer, ManyThreadsEachGetTheirOwnReports) {
    auto server = start_broker();
    Options options = options_for(server->bootstrap());
    options.shards = 2;
    Producer producer(options);
    ASSERT_TRUE(producer.start());
    std::vector<std::thread> threads;
    std::atomic<std::size_t> good{0};
    for (std::uint64_t t = 0; t < 6; ++t) {
        threads.emplace_back([&, t] {
            Lane lane = *producer.open_lane();
            std::size_t seen = 0;
            std::array<DeliveryReport, 256> reports;
            const auto take = [&](Timeout wait) {
                const std::size_t n = lane.poll_for(reports, wait);
                for (std::size_t i = 0; i < n; ++i)
                    good += reports[i].ok() && reports[i].tag >> 32 == t;
                seen += n;
            };
            for (std::uint64_t i = 0; i < 20'000; ++i) {
                while (
                    lane.produce({.topic_name = "t", .value = "0123456789", .tag = t << 32 | i}) !=
                    Errc::none) {
                    take(10ms);
                }
            }
            while (seen < 20'000) take(5s);
        });
    }
    for (auto& thread : threads) thread.join();
    EXPECT_EQ(good, 6U * 20'000U);
    EXPECT_TRUE(producer.stop(5s));
}

TEST(Producer, AnInlineProducerBelongsToOneThread) {
    auto server = start_broker();
    Producer producer(options_for(server->bootstrap(), Mode::inline_));
    ASSERT_TRUE(producer.start());
    Lane lane = *producer.open_lane();
    Errc answer = Errc::none;
    std::thread([&] { answer = lane.produce({.topic_name = "t", .value = "v"}); }).join();
    EXPECT_EQ(answer, Errc::wrong_thread);
}

TEST(Producer, AForkedChildIsToldAndDoesNotHang) {
#if defined(__SANITIZE_THREAD__)
    GTEST_SKIP() << "the thread sanitizer starts no threads after a fork";
#endif
    auto server = start_broker();
    Producer producer(options_for(server->bootstrap()));
    ASSERT_TRUE(producer.start());
    Lane lane = *producer.open_lane();
    const pid_t child = fork();
    if (child == 0) {
        const bool told = lane.produce({.topic_name = "t", .value = "v"}) == Errc::forked &&
                          producer.stop(10s) && lane.flush(10s).ok();
        _exit(told ? 0 : 1);
    }
    int status = -1;
    ASSERT_EQ(waitpid(child, &status, 0), child);
    EXPECT_EQ(status, 0);
    ASSERT_EQ(lane.produce({.topic_name = "t", .value = "v"}), Errc::none);
    EXPECT_TRUE(poll_all(lane, 1).at(0).ok()) << "the parent goes on";
}

}  // namespace
}  // namespace ringpost
