// SPDX-License-Identifier: Apache-2.0
// Callbacks, reports that nobody wants, records that somebody waits for: through the public calls.
#include "api/report_reader.h"

#include <thread>
#include <utility>

#include "running.h"

namespace ringpost {
namespace {

class ReportReader : public testing::TestWithParam<Mode> {
protected:
    void start(Options options) {
        producer = std::make_unique<Producer>(std::move(options));
        auto opened = producer->open_lane();
        ASSERT_TRUE(opened) << opened.error().text;
        lane = std::move(*opened);
    }
    Options options() { return options_for(server->bootstrap(), GetParam()); }
    void refuse_everything() {
        server->call([](fake::Cluster& cluster) {
            cluster.faults().on_produce = [](const fake::ProduceAttempt&) {
                return fake::ProduceFault{Errc::policy_violation};
            };
        });
    }
    void answer_nothing() {
        server->call([this](fake::Cluster& cluster) {
            cluster.faults().on_request = [this](const fake::RequestAttempt& attempt) {
                if (attempt.header.key != wire::ApiKey::produce) return fake::RequestFate::handle;
                asked = true;
                asked.notify_all();
                return fake::RequestFate::swallow;
            };
        });
    }

    std::atomic<bool> asked{false};  ///< to produce, though it will not answer
    std::unique_ptr<tools::BrokerThread> server = start_broker();
    std::unique_ptr<Producer> producer;
    Lane lane;
};

// Callbacks
// -----------------------------------------------------------------------------------------

TEST_P(ReportReader, ACallbackRunsOnceInTheThreadThatPollsAndInOrder) {
    start(options());
    std::vector<std::uint64_t> seen;
    const auto me = std::this_thread::get_id();
    const auto note = [&](const DeliveryReport& report) {
        EXPECT_EQ(std::this_thread::get_id(), me);
        EXPECT_TRUE(report.ok());
        seen.push_back(report.tag);
    };
    for (std::uint64_t i = 0; i < 1000; ++i) {
        ASSERT_EQ(lane.produce({.topic_name = "t", .value = "v", .partition = 1, .tag = i},
                               on_delivery(note)), Errc::none);
    }
    EXPECT_TRUE(lane.flush(10s).ok());
    EXPECT_TRUE(seen.empty()) << "flush serves no callbacks unless asked to";
    EXPECT_EQ(lane.serve(10), 10U);
    EXPECT_EQ(seen.size(), 10U);
    EXPECT_EQ(lane.serve(), 990U);
    ASSERT_EQ(seen.size(), 1000U);
    for (std::uint64_t i = 0; i < 1000; ++i) EXPECT_EQ(seen[i], i);
    EXPECT_EQ(lane.outstanding(), 0U);
}

TEST_P(ReportReader, FlushServesTheLanesCallbacksIfAskedTo) {
    start(options());
    int ran = 0;
    for (int i = 0; i < 100; ++i) {
        ASSERT_EQ(lane.produce({.topic_name = "t", .value = "v"},
                               on_delivery([&](const DeliveryReport&) { ++ran; })), Errc::none);
    }
    EXPECT_TRUE(lane.flush(10s, Serve::callbacks).ok());
    EXPECT_EQ(ran, 100);
}

TEST_P(ReportReader, AnErrbackRunsForFailedRecordsOnlyAndSeesTheirBytesAndHeaders) {
    start(options());
    int errors = 0;
    const auto count = [&](const DeliveryReport& report) {
        ++errors;
        EXPECT_EQ(report.error, Errc::policy_violation);
        ASSERT_TRUE(report.has_record);
        EXPECT_EQ(report.value.text(), "bad");
        ASSERT_EQ(report.headers.size(), 2U);
        std::vector<std::string> text;
        for (const Header& header : report.headers) {
            text.push_back(std::string(header.key) + "=" +
                           (header.value.is_null() ? "null" : std::string(header.value.text())));
        }
        EXPECT_EQ(text, (std::vector<std::string>{"a=1", "b=null"}));
    };
    ASSERT_EQ(lane.produce({.topic_name = "t", .value = "good"}, on_error(count)), Errc::none);
    ASSERT_TRUE(lane.flush(10s, Serve::callbacks).ok());
    EXPECT_EQ(errors, 0);
    refuse_everything();
    const Header headers[] = {{"a", "1"}, {"b", {}}};
    ASSERT_EQ(lane.produce({.topic_name = "t", .value = "bad", .headers = headers},
                           on_error(count)), Errc::none);
    ASSERT_TRUE(lane.flush(10s, Serve::callbacks).ok());
    EXPECT_EQ(errors, 1);
}

TEST_P(ReportReader, ReportsWithAndWithoutCallbacksKeepTheirOrder) {
    start(options());
    std::vector<std::uint64_t> order;
    const auto note = [&](const DeliveryReport& report) { order.push_back(report.tag); };
    for (std::uint64_t i = 0; i < 6; ++i) {
        const Record record{.topic_name = "t", .value = "v", .partition = 0, .tag = i};
        ASSERT_EQ(i % 2 == 0 ? lane.produce(record, on_delivery(note)) : lane.produce(record),
                  Errc::none);
    }
    ASSERT_TRUE(lane.flush(10s).ok());
    EXPECT_EQ(lane.serve(), 1U) << "the second has no callback: that is poll's";
    std::array<DeliveryReport, 2> reports;
    EXPECT_EQ(lane.poll(reports), 2U);
    EXPECT_EQ(order, (std::vector<std::uint64_t>{0, 2, 4}));
    EXPECT_EQ(reports[0].tag, 1U);
    EXPECT_EQ(reports[1].tag, 3U);
    EXPECT_EQ(lane.poll(reports), 1U);
    EXPECT_EQ(reports[0].tag, 5U);
}

TEST_P(ReportReader, ACallbackMayProduceAndMayNotPoll) {
    start(options());
    std::array<DeliveryReport, 4> reports;
    int more = 3;
    const auto again = [&](const DeliveryReport&) {
        EXPECT_EQ(lane.poll(reports), 0U);
        EXPECT_EQ(lane.produce_sync({.topic_name = "t", .value = "v"}, 1s).error,
                  Errc::invalid_argument);
        if (more-- > 0) {
            EXPECT_EQ(lane.produce({.topic_name = "t", .value = "again", .tag = 9}), Errc::none);
        }
    };
    ASSERT_EQ(lane.produce({.topic_name = "t", .value = "v"}, on_delivery(again)), Errc::none);
    EXPECT_EQ(lane.serve_for(10s), 1U);
    EXPECT_EQ(lane.poll_for(reports, 10s), 1U);
    EXPECT_EQ(reports[0].tag, 9U);
}

TEST_P(ReportReader, ACallbackThatNeverRunsIsDropped) {
    answer_nothing();
    start(options());
    int alive = 0;
    struct Counted {
        explicit Counted(int& n) : n_(&n) { ++n; }
        Counted(Counted&& other) noexcept : n_(std::exchange(other.n_, nullptr)) {}
        ~Counted() {
            if (n_ != nullptr) --*n_;
        }
        void operator()(const DeliveryReport&) const { ADD_FAILURE() << "it ran"; }
        int* n_;
    };
    for (int i = 0; i < 10; ++i) {
        ASSERT_EQ(lane.produce({.topic_name = "t", .value = "v"}, on_delivery(Counted(alive))),
                  Errc::none);
    }
    EXPECT_EQ(alive, 10);
    Callback kept = on_delivery(Counted(alive));
    EXPECT_EQ(lane.produce({.topic_name = "?", .value = "v"}, std::move(kept)),
              Errc::invalid_topic_name);
    EXPECT_TRUE(kept) << "what is refused stays the caller's";
    EXPECT_EQ(alive, 11);
    lane = Lane();
    EXPECT_EQ(alive, 1);
}

// Reports wanted
// ------------------------------------------------------------------------------------

TEST_P(ReportReader, WhoWantsNoReportsNeedNotPollAndKeepsItsLimit) {
    Options o = options();
    o.lane_records_max = 100;
    o.delivery_reports = Reports::none;
    start(o);
    for (int i = 0; i < 5000; ++i) {
        ASSERT_EQ(lane.produce_for({.topic_name = "t", .value = "v"}, 10s), Errc::none) << i;
        ASSERT_LE(lane.outstanding(), 100U);
    }
    EXPECT_TRUE(lane.flush(10s).ok());
    std::array<DeliveryReport, 4> reports;
    EXPECT_EQ(lane.poll(reports), 0U);
    EXPECT_EQ(lane.outstanding(), 0U);
}

TEST_P(ReportReader, WhoWantsErrorsOnlyGetsThoseAndIsHeldUpByThose) {
    Options o = options();
    o.lane_records_max = 50;
    start(o);
    auto opened = producer->open_lane(Reports::errors);
    ASSERT_TRUE(opened);
    Lane& errors = *opened;
    for (int i = 0; i < 500; ++i) {
        ASSERT_EQ(errors.produce_for({.topic_name = "t", .value = "v"}, 10s), Errc::none);
    }
    ASSERT_TRUE(errors.flush(10s).ok());
    std::array<DeliveryReport, 64> reports;
    EXPECT_EQ(errors.poll(reports), 0U);
    refuse_everything();
    for (std::uint64_t i = 0; i < 50; ++i) {
        ASSERT_EQ(errors.produce({.topic_name = "t", .value = "v", .tag = i}), Errc::none);
    }
    EXPECT_EQ(errors.produce_for({.topic_name = "t", .value = "v"}, 10s), Errc::reports_full);
    ASSERT_TRUE(errors.flush(10s).ok());
    std::vector<DeliveryReport> all = poll_all(errors, 50);
    expect_each_tag_once(all, 50);
}

TEST_P(ReportReader, ADeliveredRecordsBytesAreShownOnRequest) {
    Options o = options();
    o.delivery_reports_with_records = true;
    start(o);
    ASSERT_EQ(lane.produce({.topic_name = "t", .key = "k", .value = "v"}), Errc::none);
    ASSERT_TRUE(lane.flush(10s).ok());
    std::array<DeliveryReport, 4> reports;
    ASSERT_EQ(lane.poll(reports), 1U);
    EXPECT_TRUE(reports[0].ok());
    ASSERT_TRUE(reports[0].has_record);
    EXPECT_EQ(reports[0].key.text(), "k");
    EXPECT_EQ(reports[0].value.text(), "v");
    EXPECT_TRUE(reports[0].headers.empty());
}

TEST_P(ReportReader, AReportNamesBrokerAttemptsAndLatency) {
    start(options());
    ASSERT_EQ(lane.produce({.topic_name = "t", .value = "v"}), Errc::none);
    ASSERT_TRUE(lane.flush(10s).ok());
    std::array<DeliveryReport, 4> reports;
    ASSERT_EQ(lane.poll(reports), 1U);
    EXPECT_GE(reports[0].broker, 0);
    EXPECT_EQ(reports[0].attempts, 1U);
    EXPECT_GT(reports[0].latency, 0us);
    EXPECT_LT(reports[0].latency, 10s);
    EXPECT_EQ(reports[0].stage, Stage::none);
}

TEST_P(ReportReader, ATimeoutSaysWhereTheRecordStood) {
    answer_nothing();
    Options o = options();
    o.delivery_timeout = 300ms;
    o.request_timeout = 10s;
    start(o);
    ASSERT_EQ(lane.produce({.topic_name = "t", .value = "v"}), Errc::none);
    std::vector<DeliveryReport> reports = poll_all(lane, 1);
    ASSERT_EQ(reports.size(), 1U);
    EXPECT_EQ(reports[0].error, Errc::delivery_timeout);
    EXPECT_EQ(reports[0].stage, Stage::in_flight);
    EXPECT_TRUE(reports[0].may_have_been_written);

    Options nowhere = options_for("127.0.0.1:1", GetParam());
    nowhere.delivery_timeout = 300ms;
    lane = Lane();
    start(nowhere);
    ASSERT_EQ(lane.produce({.topic_name = "t", .value = "v"}), Errc::none);
    reports = poll_all(lane, 1);
    ASSERT_EQ(reports.size(), 1U);
    EXPECT_EQ(reports[0].stage, Stage::metadata);
    EXPECT_EQ(reports[0].last_error, Errc::connect_failed);
}

// Sync
// ---------------------------------------------------------------------------------------------

TEST_P(ReportReader, SyncGetsItsOwnReportAndLeavesTheOthersToPoll) {
    Options o = options();
    o.linger = 60s;
    o.delivery_timeout = 120s;
    start(o);
    // In another partition, lingering: nobody waits for it.
    ASSERT_EQ(lane.produce({.topic_name = "t", .value = "v", .partition = 0, .tag = 1}),
              Errc::none);
    ASSERT_EQ(lane.produce({.topic_name = "t", .value = "v", .partition = 1, .tag = 2}),
              Errc::none);
    const auto begin = std::chrono::steady_clock::now();
    const DeliveryReport report =
        lane.produce_sync({.topic_name = "t", .value = "now", .partition = 1, .tag = 3}, 10s);
    EXPECT_TRUE(report.ok()) << to_string(report.error);
    EXPECT_EQ(report.tag, 3U);
    EXPECT_EQ(report.offset, 1);
    EXPECT_LT(std::chrono::steady_clock::now() - begin, 10s) << "it did not linger";
    std::array<DeliveryReport, 4> reports;
    ASSERT_EQ(lane.poll(reports), 1U) << "what shared its batch";
    EXPECT_EQ(reports[0].tag, 2U);
    EXPECT_EQ(lane.outstanding(), 1U) << "the other partition's still lingers";
}

TEST_P(ReportReader, ALateAnswerDoesNotSpoilTheNextSync) {
    start(options());
    server->call([](fake::Cluster& cluster) {
        cluster.faults().on_request = [](const fake::RequestAttempt& attempt) {
            return attempt.header.key == wire::ApiKey::produce ? fake::RequestFate::swallow
                                                               : fake::RequestFate::handle;
        };
    });
    const DeliveryReport late =
        lane.produce_sync({.topic_name = "t", .value = "1", .tag = 1}, 50ms);
    EXPECT_EQ(late.error, Errc::timed_out);
    EXPECT_TRUE(late.may_have_been_written);
    EXPECT_EQ(late.tag, 1U);
    EXPECT_EQ(lane.outstanding(), 1U);
    server->call([](fake::Cluster& cluster) { cluster.faults().on_request = nullptr; });
    EXPECT_TRUE(producer->purge(Purge::all, 10s));
    for (std::uint64_t i = 2; i < 20; ++i) {
        const DeliveryReport report =
            lane.produce_sync({.topic_name = "u", .value = "2", .tag = i}, 10s);
        ASSERT_TRUE(report.ok()) << to_string(report.error);
        EXPECT_EQ(report.tag, i);
    }
    std::array<DeliveryReport, 4> reports;
    EXPECT_EQ(lane.poll(reports), 0U) << "the late one is nobody's";
    EXPECT_EQ(lane.outstanding(), 0U);
}

TEST_P(ReportReader, SyncOfManyIsInTheRecordsOrderAndTakesMoreThanTheLaneHolds) {
    Options o = options();
    o.lane_records_max = 20;
    start(o);
    std::vector<Record> records;
    for (std::uint64_t i = 0; i < 200; ++i) {
        records.push_back({.topic_name = "t", .value = "v",
                           .partition = static_cast<std::int32_t>(i % 4), .tag = i});
    }
    records[7].topic_name = "no topic!";
    std::vector<DeliveryReport> reports(200);
    EXPECT_EQ(lane.produce_sync(records, reports, 20s), 199U);
    for (std::uint64_t i = 0; i < 200; ++i) {
        EXPECT_EQ(reports[i].tag, i);
        EXPECT_EQ(reports[i].error, i == 7 ? Errc::invalid_topic_name : Errc::none);
    }
    EXPECT_EQ(lane.outstanding(), 0U);
}

TEST_P(ReportReader, SyncEndsWithTheProducer) {
    answer_nothing();
    start(options());
    if (GetParam() == Mode::threaded) {
        std::thread stopper([&] {
            asked.wait(false);
            producer->stop(50ms);
        });
        const DeliveryReport report = lane.produce_sync({.topic_name = "t", .value = "v"}, 30s);
        EXPECT_EQ(report.error, Errc::purged);
        stopper.join();
    } else {
        producer->stop(50ms);
    }
    EXPECT_EQ(lane.produce_sync({.topic_name = "t", .value = "v"}, 30s).error, Errc::stopped);
}

INSTANTIATE_TEST_SUITE_P(Modes, ReportReader, testing::Values(Mode::threaded, Mode::inline_),
                         [](const auto& i) {
                             return i.param == Mode::threaded ? "threaded" : "inline";
                         });

// Bytes that are lent
// -----------------------------------------------------------------------------------------

TEST(LentBytes, StayWithTheirReportsUntilTheNextPoll) {
    Producer producer(options_for_nobody());
    Lane mine = *producer.open_lane();
    Lane other = *producer.open_lane();
    const std::string a(100, 'A');
    const std::string b(100, 'B');
    for (int i = 0; i < 20; ++i) {
        ASSERT_EQ(mine.produce({.topic_name = "t", .value = a}), Errc::none);
    }
    ASSERT_TRUE(producer.purge(Purge::all, 10s));
    std::array<DeliveryReport, 10> reports;  // fewer than the batch has
    for (int round = 0; round < 2; ++round) {
        ASSERT_EQ(mine.poll(reports), 10U);
        for (int i = 0; i < 600; ++i) {
            ASSERT_EQ(other.produce({.topic_name = i % 2 ? "t" : "u", .value = b}), Errc::none);
        }
        ASSERT_TRUE(producer.purge(Purge::all, 10s));  // so they have been taken into batches
        for (const DeliveryReport& report : reports) {
            ASSERT_TRUE(report.has_record);
            ASSERT_EQ(std::string(report.value.data(), report.value.size()), a) << round;
        }
        std::array<DeliveryReport, 100> rest;
        while (other.poll(rest) != 0) {}
    }
}

/// Nothing that they were lent is kept from the shard, nor its slots from the lane.
TEST(LentBytes, AreNotHeldForReportsThatNobodyIsGiven) {
    Options options = options_for_nobody();
    options.lane_records_max = 500;
    Producer producer(options);
    Lane sync = *producer.open_lane();
    for (int i = 0; i < 800; ++i) {
        const Record record{.topic_name = "t", .value = "v", .delivery_timeout = 1ms};
        ASSERT_EQ(sync.produce_sync(record, 10s).error, Errc::delivery_timeout) << i;
    }
    EXPECT_EQ(sync.outstanding(), 0U);

    options.delivery_reports_with_records = true;
    Producer quiet(options);
    Lane none = *quiet.open_lane(Reports::none);
    for (int i = 0; i < 2000; ++i) {
        ASSERT_EQ(none.produce({.topic_name = "t", .value = "v"}), Errc::none) << i;
        const bool purged = i % 20 != 19 || quiet.purge(Purge::all, 10s);
        ASSERT_TRUE(purged);
    }
}

TEST(LentBytes, AWaitThatOnlyAPollCanEndIsNotBegun) {
    Options options = options_for_nobody();
    options.lane_records_max = 1000;
    Producer producer(options);
    Lane lane = *producer.open_lane();
    for (int i = 0; i < 1000; ++i) {  // each a batch of its own, more than may be held at once
        const std::string topic = "t" + std::to_string(i);
        ASSERT_EQ(lane.produce({.topic_name = topic, .value = "v"}), Errc::none);
    }
    ASSERT_TRUE(producer.purge(Purge::all, 10s));
    std::vector<DeliveryReport> reports(1000);
    const std::size_t first = lane.poll(reports);
    ASSERT_LT(first, 1000U);
    for (std::size_t i = 0; i < first; ++i) {
        ASSERT_EQ(lane.produce({.topic_name = "t0", .value = "v"}), Errc::none);
    }
    EXPECT_EQ(lane.produce_for({.topic_name = "t0", .value = "v"}, forever), Errc::reports_full);
    EXPECT_GT(lane.poll(reports), 0U);
}

TEST(Callbacks, FindTheCreditsOfWhatHasBeenReportedAndDoNotWaitForMore) {
    Options options = options_for_nobody();
    options.queue_records_max = 4;
    options.max_block = Options::Millis(-1);
    Producer producer(options);
    Lane lane = *producer.open_lane();
    std::vector<Errc> answers;
    const auto again = [&](const DeliveryReport&) {
        answers.push_back(lane.produce({.topic_name = "t", .value = "again"}));
        answers.push_back(lane.produce({.topic_name = "t", .value = "one too many"}));
    };
    for (int i = 0; i < 4; ++i) {
        ASSERT_EQ(lane.produce({.topic_name = "t", .value = "v"}, on_delivery(again)),
                  Errc::none);
    }
    ASSERT_TRUE(producer.purge(Purge::all, 10s));
    EXPECT_EQ(lane.serve(), 4U);
    ASSERT_EQ(answers.size(), 8U);
    for (std::size_t i = 0; i < 8; i += 2) {
        EXPECT_EQ(answers[i], Errc::none) << i;
        EXPECT_NE(answers[i + 1], Errc::none) << i;
        EXPECT_TRUE(is_full(answers[i + 1])) << i;
    }
}

}  // namespace
}  // namespace ringpost
