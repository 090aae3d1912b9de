// SPDX-License-Identifier: Apache-2.0
#include "running.h"

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

    std::unique_ptr<tools::BrokerThread> server = broker();
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
    server = broker({.partitions = 1});
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
    Producer unstarted(options_for("127.0.0.1:1"));
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
    auto kafka = broker({.partitions = 12});
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
    auto kafka = broker({.partitions = 4});
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
    auto server = broker();
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
    auto server = broker();
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
    auto server = broker();
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
