// SPDX-License-Identifier: Apache-2.0
#include "wire/produce_request_writer.h"

#include "base/limits.h"
#include "golden.h"
#include "wire/api.h"
#include "wire/produce.h"

namespace ringpost::wire {
namespace {

/// Writes a frame with the records where the socket would see them.
struct Frame {
    Bytes room = Bytes(limits::request_frame_bytes);
    Writer out{room};
    std::vector<std::pair<std::size_t, ByteSpan>> cuts;

    void partition(ProduceRequestWriter& w, std::int32_t index, ByteSpan records) {
        w.partition(index, static_cast<std::uint32_t>(records.size()));
        cuts.emplace_back(out.size(), records);
        w.end_partition();
    }
    std::uint64_t records_bytes() const {
        std::uint64_t n = 0;
        for (const auto& cut : cuts) n += cut.second.size();
        return n;
    }
    Bytes gathered() const {
        Bytes bytes;
        std::size_t from = 0;
        for (const auto& [at, records] : cuts) {
            const ByteSpan before = out.written().subspan(from, at - from);
            bytes.insert(bytes.end(), before.begin(), before.end());
            bytes.insert(bytes.end(), records.begin(), records.end());
            from = at;
        }
        const ByteSpan rest = out.written().subspan(from);
        bytes.insert(bytes.end(), rest.begin(), rest.end());
        return bytes;
    }
};

TEST(ProduceRequestWriter, WritesTheGoldenFramesAroundABatchThatStaysInPlace) {
    const Bytes batch = golden("batch_a");
    for (const auto& [name, version] :
         {std::pair{"p7", 7}, std::pair{"p11", 11}, std::pair{"p13", 13}}) {
        Frame frame;
        ProduceRequestWriter w(frame.out, static_cast<std::int16_t>(version), 3, "c1", -1, 30000,
                               1);
        w.topic("t", golden_id(), 1);
        frame.partition(w, 0, batch);
        w.end_topic();
        w.finish(batch.size());
        ASSERT_TRUE(frame.out.ok());
        EXPECT_EQ(to_hex(frame.gathered()), to_hex(golden(name))) << name;
    }
}

TEST(ProduceRequestWriter, AgreesWithTheStructEncoderForManyTopicsInEveryVersion) {
    const Bytes large(20'000, std::byte{7});
    const std::vector<ByteSpan> records = {as_bytes("one"), large, as_bytes("three")};
    for (std::int16_t v = 3; v <= 13; ++v) {
        SCOPED_TRACE(v);
        Frame frame;
        ProduceRequest expected;
        expected.acks = 1;
        expected.timeout_ms = 1234;
        ProduceRequestWriter w(frame.out, v, -9, "client", 1, 1234, 2);
        for (const char* name : {"first", "second"}) {
            auto& topic = expected.topics.emplace_back();
            if (v >= 13) topic.id = golden_id();
            if (v <= 12) topic.name = name;
            w.topic(name, golden_id(), 3);
            for (std::int32_t i = 0; i < 3; ++i) {
                frame.partition(w, i, records[static_cast<std::size_t>(i)]);
                topic.partitions.push_back({i, records[static_cast<std::size_t>(i)]});
            }
            w.end_topic();
        }
        w.finish(frame.records_bytes());

        Bytes room(64 * 1024);
        Writer whole(room);
        std::byte* size_at = begin_frame(whole);
        encode_request_header(whole, ApiKey::produce, v, -9, "client");
        encode(whole, v, expected);
        end_frame(whole, size_at);
        EXPECT_EQ(to_hex(frame.gathered()), to_hex(whole.written()));
    }
}

TEST(ProduceRequestWriter, NeverNeedsMoreThanItsBoundsSay) {
    const std::string longest(limits::topic_name_bytes_max, 'n');
    for (const std::string& name : {std::string("t"), std::string(16, 'x'), longest}) {
        for (std::int16_t v = 3; v <= 13; ++v) {
            Frame frame;
            ProduceRequestWriter w(frame.out, v, 1, "client", -1, 1, 1);
            const std::size_t head = frame.out.size();
            w.topic(name, golden_id(), 1);
            const std::size_t topic = frame.out.size();
            w.partition(0, 100'000'000);
            w.end_partition();
            const std::size_t partition = frame.out.size();
            w.end_topic();
            const std::size_t end = frame.out.size();
            w.finish(100'000'000);
            EXPECT_LE(topic - head + (end - partition), produce_topic_frame_bytes_max(name));
            EXPECT_LE(partition - topic, produce_partition_frame_bytes_max);
            EXPECT_LE(head + (frame.out.size() - end), produce_request_frame_bytes_max("client"));
        }
    }
}

TEST(ProduceRequestWriter, FrameWithoutRoomFailsInsteadOfOverflowing) {
    Frame whole;
    const auto write = [](Writer& out) {
        ProduceRequestWriter w(out, 12, 1, "client", -1, 1, 1);
        w.topic("topic", golden_id(), 1);
        w.partition(0, 10);
        w.end_partition();
        w.end_topic();
        w.finish(10);
    };
    write(whole.out);
    for (std::size_t room_bytes = 0; room_bytes < whole.out.size(); ++room_bytes) {
        Bytes room(room_bytes);
        Writer out(room);
        write(out);
        EXPECT_FALSE(out.ok()) << room_bytes;
    }
}

TEST(ProduceRequestWriterDeathTest, TotalThatIsNotTheSumOfTheBatchesIsABug) {
    EXPECT_DEATH(
        {
            Frame frame;
            ProduceRequestWriter w(frame.out, 12, 1, "client", -1, 1, 1);
            w.topic("topic", golden_id(), 1);
            w.partition(0, 10);
            w.end_partition();
            w.end_topic();
            w.finish(11);
        },
        "records_bytes_total");
}

TEST(ProduceRequestWriterDeathTest, TopicWithoutAnIdInTheVersionOfIdsIsABug) {
    EXPECT_DEATH(
        {
            Frame frame;
            ProduceRequestWriter w(frame.out, 13, 1, "client", -1, 1, 1);
            w.topic("topic", Uuid{}, 1);
        },
        "is_zero");
}

}  // namespace
}  // namespace ringpost::wire
