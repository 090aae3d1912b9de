// SPDX-License-Identifier: Apache-2.0
// Records serialized in their lane; many produced at once.
#include <cstring>

#include "running.h"

namespace ringpost {
namespace {

class Claims : public testing::TestWithParam<Mode> {
protected:
    Claims() { options.delivery_reports_with_records = true; }
    void start() {
        producer = std::make_unique<Producer>(options);
        Result<Lane> opened = producer->open_lane();
        ASSERT_TRUE(opened) << opened.error().text;
        lane = std::move(*opened);
    }
    /// Claims and commits `value`, having claimed for `room` bytes.
    Errc put(const Record& record, std::string_view value, std::size_t room) {
        std::span<std::byte> claimed;
        if (const Errc error = lane.claim(record, room, claimed); error != Errc::none) return error;
        EXPECT_EQ(claimed.size(), room);
        std::memset(claimed.data(), '#', room);
        std::memcpy(claimed.data(), value.data(), value.size());
        return lane.commit(value.size());
    }
    std::unique_ptr<tools::BrokerThread> server = start_broker();
    Options options = options_for(server->bootstrap(), GetParam());
    std::unique_ptr<Producer> producer;
    Lane lane;
};
INSTANTIATE_TEST_SUITE_P(Modes, Claims, testing::Values(Mode::threaded, Mode::inline_));

TEST_P(Claims, OfEverySizeCarryExactlyWhatWasCommitted) {
    options.lane_ring_bytes = 1 << 20;
    options.message_max_bytes = 100'000;
    start();
    const Header headers[] = {{"trace", "abc"}, {"null", {}}};
    const std::string key(70, 'k');
    const Bytes keys[] = {{}, "", key};
    std::vector<std::string> values;
    // Around the sizes at which a length takes a byte more.
    const std::size_t sizes[] = {0, 1, 62, 63, 64, 65, 200, 8190, 8191, 8192, 8193, 70'000};
    const std::size_t mores[] = {0, 1, 130, 9000};
    for (const std::size_t size : sizes) {
        for (const std::size_t more : mores) {
            const std::size_t number = values.size();
            values.push_back(std::string(size, static_cast<char>('a' + number % 26)));
            const Record record{.topic_name = "t", .key = keys[number % 3],
                                .headers = number % 2 == 0 ? std::span<const Header>(headers)
                                                           : std::span<const Header>(),
                                .partition = 1, .tag = number};
            ASSERT_EQ(put(record, values.back(), size + more), Errc::none) << size << " " << more;
            // What others produce goes between the claims.
            const Record other{.topic_name = "t", .value = "x", .tag = 1'000'000};
            ASSERT_EQ(lane.produce(other), Errc::none);
            ASSERT_TRUE(lane.flush(10s).ok());
            std::array<DeliveryReport, 3> reports;
            ASSERT_EQ(lane.poll(reports), 2U);
            for (const DeliveryReport& report : std::span(reports).first(2)) {
                ASSERT_TRUE(report.ok()) << message(report.error);
                if (report.tag == 1'000'000) continue;
                EXPECT_EQ(report.tag, number);
                EXPECT_EQ(report.value.text(), values[number]);
                EXPECT_EQ(report.key.is_null(), keys[number % 3].is_null());
                EXPECT_EQ(report.key.text(), keys[number % 3].text());
                ASSERT_EQ(report.headers.size(), number % 2 == 0 ? 2U : 0U);
                if (!report.headers.empty()) {
                    EXPECT_EQ(report.headers.begin()->value.text(), "abc");
                }
            }
        }
    }
}

TEST_P(Claims, AreLostToWhatIsProducedMeanwhileAndToTheNextClaim) {
    start();
    std::span<std::byte> first;
    std::span<std::byte> second;
    EXPECT_EQ(lane.commit(0), Errc::invalid_argument);
    ASSERT_EQ(lane.claim({.topic_name = "t", .tag = 7}, 10, first), Errc::none);
    ASSERT_EQ(lane.produce({.topic_name = "t", .value = "whole", .tag = 1}), Errc::none);
    EXPECT_EQ(lane.commit(10), Errc::invalid_argument);
    EXPECT_EQ(lane.commit(10), Errc::invalid_argument);
    ASSERT_EQ(lane.claim({.topic_name = "t", .tag = 8}, 10, first), Errc::none);
    ASSERT_EQ(lane.claim({.topic_name = "t", .tag = 2}, 4, second), Errc::none);
    std::memcpy(second.data(), "four", 4);
    ASSERT_EQ(lane.commit(4), Errc::none);
    ASSERT_EQ(lane.claim({.topic_name = "t", .tag = 9}, 4, second), Errc::none);
    EXPECT_EQ(lane.commit(5), Errc::invalid_argument) << "more than was claimed";
    std::map<std::uint64_t, std::string> seen;
    ASSERT_TRUE(lane.flush(10s).ok());
    std::array<DeliveryReport, 10> reports;
    const std::size_t count = lane.poll(reports);
    for (std::size_t i = 0; i < count; ++i) seen[reports[i].tag] = reports[i].value.text();
    EXPECT_EQ(seen, (std::map<std::uint64_t, std::string>{{1, "whole"}, {2, "four"}}));
    EXPECT_EQ(lane.outstanding(), 0U);
}

TEST_P(Claims, KeepNoCreditThatIsNotUsed) {
    options.queue_records_max = 3;
    start();
    std::span<std::byte> value;
    for (int i = 0; i < 100; ++i) {
        ASSERT_EQ(lane.claim({.topic_name = "t"}, 10, value), Errc::none) << i;
        if (i % 2 == 0) {
            EXPECT_EQ(lane.commit(11), Errc::invalid_argument);
        }
        std::array<DeliveryReport, 1> none;
        EXPECT_EQ(lane.poll(none), 0U);  // an idle lane gives its credits back, but for the claim's
    }
    ASSERT_EQ(lane.commit(10), Errc::none);
    EXPECT_EQ(lane.produce({.topic_name = "t", .value = "x"}), Errc::none);
    EXPECT_EQ(lane.produce({.topic_name = "t", .value = "x"}), Errc::none);
    EXPECT_EQ(lane.claim({.topic_name = "t"}, 10, value), Errc::reports_full);
    EXPECT_EQ(poll_all(lane, 3).size(), 3U);
    EXPECT_EQ(lane.claim({.topic_name = "t"}, 10, value), Errc::none);
}

TEST_P(Claims, AreRefusedAsRecordsAre) {
    start();
    std::span<std::byte> value;
    EXPECT_EQ(lane.claim({.topic_name = "no/topic"}, 1, value), Errc::invalid_topic_name);
    EXPECT_EQ(lane.claim({.topic_name = "t", .partition = -2}, 1, value), Errc::invalid_partition);
    EXPECT_EQ(lane.claim({.topic_name = "t"}, 10'000'000, value), Errc::record_too_large);
    EXPECT_EQ(lane.claim({.topic_name = "t"}, SIZE_MAX, value), Errc::record_too_large);
    EXPECT_EQ(lane.claim({.topic_name = "t"}, std::size_t{1} << 63, value), Errc::record_too_large);
    ASSERT_EQ(lane.claim({.topic_name = "t"}, 1, value), Errc::none);
    producer->stop(5s);
    EXPECT_EQ(lane.commit(1), Errc::stopped);
    EXPECT_EQ(lane.outstanding(), 0U);
    EXPECT_EQ(Lane().claim({.topic_name = "t"}, 1, value), Errc::stopped);
}

TEST_P(Claims, HaveTheirReportsCallback) {
    start();
    std::span<std::byte> value;
    ASSERT_EQ(lane.claim({.topic_name = "t", .tag = 4}, 3, value), Errc::none);
    std::memcpy(value.data(), "abc", 3);
    std::vector<std::uint64_t> tags;
    auto note = [&](const DeliveryReport& report) {
        if (report.value.text() == "abc") tags.push_back(report.tag);
    };
    ASSERT_EQ(lane.commit(3, on_delivery(note)), Errc::none);
    ASSERT_TRUE(lane.flush(10s, Serve::callbacks).ok());
    EXPECT_EQ(tags, std::vector<std::uint64_t>{4});
}

/// Plain ones and others, in turn: what is produced at once is what is produced one by one.
TEST_P(Claims, ManyRecordsAtOnceKeepTheirOrderAndTheirBytes) {
    options.lane_ring_bytes = 1 << 22;
    start();
    const Topic topic = *producer->topic("t");
    const Header header{"h", "v"};
    std::vector<std::string> values;
    std::vector<Record> records;
    for (std::uint64_t i = 0; i < 1000; ++i) {
        const std::size_t size = i % 311 == 310 ? 9000 : i % 311;
        values.push_back(std::string(size, static_cast<char>('a' + i % 26)));
    }
    for (std::uint64_t i = 0; i < 1000; ++i) {
        Record record{.topic = topic, .value = values[i], .partition = 2, .tag = i};
        if (i % 97 == 5) record.topic = {}, record.topic_name = "t";
        if (i % 89 == 3) record.headers = {&header, 1};
        if (i % 83 == 1) record.timestamp_ms = 1'000'000 + static_cast<std::int64_t>(i);
        if (i % 79 == 2) record.key = values[(i * 7) % 1000];
        if (i % 211 == 9) record.value = {};
        records.push_back(record);
    }
    Errc refused = Errc::stopped;
    ASSERT_EQ(lane.produce(records, &refused), records.size());
    EXPECT_EQ(refused, Errc::none);
    std::uint64_t next = 0;
    std::array<DeliveryReport, 64> reports;
    while (next < records.size()) {
        const std::size_t count = lane.poll_for(reports, 10s);
        ASSERT_NE(count, 0U);
        for (const DeliveryReport& report : std::span(reports).first(count)) {
            const Record& record = records[next];
            ASSERT_EQ(report.tag, next++);
            ASSERT_TRUE(report.ok());
            EXPECT_EQ(report.value.is_null(), record.value.is_null());
            EXPECT_EQ(report.value.text(), record.value.text()) << report.tag;
            EXPECT_EQ(report.key.text(), record.key.text()) << report.tag;
            EXPECT_EQ(report.headers.size(), record.headers.size());
            if (record.timestamp_ms >= 0) {
                EXPECT_EQ(report.timestamp_ms, record.timestamp_ms);
            }
        }
    }
}

TEST_P(Claims, OfManyRecordsTheFirstRefusedEndsTheCall) {
    start();
    const Topic topic = *producer->topic("t");
    std::vector<Record> records(100, Record{.topic = topic, .value = "v"});
    records[70].partition = -5;
    Errc refused = Errc::none;
    EXPECT_EQ(lane.produce(records, &refused), 70U);
    EXPECT_EQ(refused, Errc::invalid_partition);
    EXPECT_EQ(lane.produce(std::span<const Record>(), &refused), 0U);
    EXPECT_EQ(refused, Errc::none);
    EXPECT_EQ(poll_all(lane, 70).size(), 70U);
    EXPECT_EQ(lane.outstanding(), 0U);
}

}  // namespace
}  // namespace ringpost
