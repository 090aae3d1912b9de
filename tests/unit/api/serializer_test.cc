// SPDX-License-Identifier: Apache-2.0
#include <ringpost/serializer.h>

#include <stdexcept>

#include "running.h"

namespace ringpost {
namespace {

struct Row {
    std::string key;
    std::string value;
};

struct Reading {
    int sensor;
    double degrees;
};

Row to_text(int id, const Reading& reading) {
    if (reading.degrees < -273.15) throw std::invalid_argument("colder than cold");
    return {std::to_string(id), std::to_string(reading.sensor) + ":" +
                                    std::to_string(static_cast<int>(reading.degrees))};
}

class Serializer : public testing::Test {
protected:
    Serializer() {
        Options options = options_for(server->bootstrap());
        options.delivery_reports_with_records = true;
        producer = std::make_unique<Producer>(options);
    }
    std::unique_ptr<tools::BrokerThread> server = start_broker();
    std::unique_ptr<Producer> producer;
};

TEST_F(Serializer, MakesTheRecordsBytesInTheCallersThread) {
    Lane lane = *producer->open_lane();
    ASSERT_EQ(produce_serialized(lane, {.topic_name = "t", .tag = 5}, to_text, 7, Reading{3, 21.5}),
              Errc::none);
    ASSERT_EQ(produce_serialized(*producer, {.topic_name = "t"}, to_text, 8, Reading{4, 0}),
              Errc::none);
    ASSERT_TRUE(producer->flush(10s).ok());
    std::array<DeliveryReport, 2> reports;
    ASSERT_EQ(lane.poll(reports), 1U);
    EXPECT_EQ(reports[0].tag, 5U);
    EXPECT_EQ(reports[0].key.text(), "7");
    EXPECT_EQ(reports[0].value.text(), "3:21");
    ASSERT_EQ(producer->poll(reports), 1U);
    EXPECT_EQ(reports[0].value.text(), "4:0");
}

TEST_F(Serializer, MayMakeNullKeysAndViews) {
    struct View {
        Bytes key;
        std::string_view value;
    };
    const auto as_it_is = [](std::nullptr_t, std::string_view text) {
        return View{nullptr, text};
    };
    Lane lane = *producer->open_lane();
    ASSERT_EQ(produce_serialized(lane, {.topic_name = "t"}, as_it_is, nullptr,
                                 std::string_view("text")), Errc::none);
    ASSERT_TRUE(lane.flush(10s).ok());
    std::array<DeliveryReport, 2> reports;
    ASSERT_EQ(lane.poll(reports), 1U);
    EXPECT_TRUE(reports[0].key.is_null());
    EXPECT_EQ(reports[0].value.text(), "text");
}

TEST_F(Serializer, ThatThrowsLeavesNothingHalfQueued) {
    Lane lane = *producer->open_lane();
    EXPECT_THROW((void)produce_serialized(lane, {.topic_name = "t"}, to_text, 1,
                                          Reading{1, -300.0}), std::invalid_argument);
    EXPECT_EQ(lane.outstanding(), 0U);
    EXPECT_TRUE(produce_serialized(lane, {.topic_name = "t"}, to_text, 1, Reading{1, 1.0}) ==
                Errc::none);
    EXPECT_EQ(poll_all(lane, 1).size(), 1U);
}

}  // namespace
}  // namespace ringpost
