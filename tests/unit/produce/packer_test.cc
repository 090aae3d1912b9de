// SPDX-License-Identifier: Apache-2.0
#include "produce/packer.h"

#include "core_world.h"

namespace ringpost::produce {
namespace {

using wire::Codec;
constexpr std::uint32_t kib = 1024;
const Duration second = Duration::seconds(1);

Config compressing(Codec codec, int level = 0) {
    Config config;
    config.compression = {codec, level};
    config.linger = Duration{};
    return config;
}

/// Like a log line: a third of it, or less, is news.
std::string line(std::uint32_t i) {
    return "level=info service=checkout host=node-" + std::to_string(i % 40) +
           " message=\"the order was accepted\" order=" + std::to_string(i * 7919U);
}
/// Bytes that no codec makes fewer.
std::string noise(std::uint32_t seed, std::size_t bytes) {
    Prng prng(seed);
    std::string text(bytes, '\0');
    for (char& c : text) c = static_cast<char>(prng.next());
    return text;
}

/// A world whose topic 0, "t", is known.
struct Packing : CoreWorld {
    explicit Packing(Config c, std::uint32_t partitions = 1, std::size_t memory = 4 << 20)
        : Packing(std::move(c), fake::ClusterOptions{.partitions = partitions}, memory) {}
    Packing(Config c, const fake::ClusterOptions& options, std::size_t memory)
        : CoreWorld(options, std::move(c), memory) {
        add_topic(0, "t");
        EXPECT_TRUE(produce(0, 1'000'000, line(0), 0));
        pass(second);
        EXPECT_EQ(told(1'000'000).error, Errc::none);
        sent_before = log("t").size();
    }
    Topic& topic() { return *core->find_topic(0); }
    Partition& partition(std::uint32_t i = 0) { return *topic().partitions[i]; }
    /// The headers of the batches in a log.
    std::vector<wire::BatchHeader> headers(std::string_view name = "t", std::int32_t index = 0) {
        std::vector<wire::BatchHeader> all;
        const fake::PartitionLog& stored = cluster.find_topic(name)->find(index)->log;
        for (std::int64_t at = stored.start_offset(); at < stored.end_offset();) {
            EXPECT_TRUE(wire::decode_batch_header(stored.read(at, 1, true), all.emplace_back()));
            at = all.back().base_offset + all.back().record_count;
        }
        return all;
    }
    Codec codec_of_last() {
        return static_cast<Codec>(headers().back().attributes & wire::attribute_codec_mask);
    }
    /// Of those that are worth compressing.
    std::size_t plain_batches(std::int32_t index = 0) {
        const auto all = headers("t", index);
        return static_cast<std::size_t>(std::ranges::count_if(all, [](const auto& header) {
            return header.attributes == 0 && header.record_count > 20;
        }));
    }
    std::size_t sent_before = 0;
};

struct Each : testing::TestWithParam<Compression> {};

TEST_P(Each, RecordsArriveWholeAndInOrder) {
    Packing w(compressing(GetParam().codec, GetParam().level));
    for (std::uint32_t i = 0; i < 5'000; ++i) {
        ASSERT_TRUE(w.produce(0, i, line(i), 0));
        if (i % 1'000 == 999) w.settle();
    }
    w.pass(second);
    const std::vector<std::string> log = w.log("t");
    ASSERT_EQ(log.size(), w.sent_before + 5'000);
    for (std::uint32_t i = 0; i < 5'000; ++i) ASSERT_EQ(log[w.sent_before + i], line(i)) << i;
    EXPECT_EQ(w.count(Errc::none), 5'001U);
    EXPECT_EQ(w.codec_of_last(), GetParam().codec);
    ShardCounters counters;
    w.core->count(counters);
    EXPECT_LT(counters.batch_bytes_sent, counters.plain_bytes_sent * 2 / 3);
    EXPECT_EQ(counters.bytes_delivered, counters.batch_bytes_sent);
    EXPECT_EQ(counters.memory_used, 0U);
}

INSTANTIATE_TEST_SUITE_P(Codecs, Each,
                         testing::Values(Compression{Codec::gzip, -1}, Compression{Codec::gzip, 1},
                                         Compression{Codec::snappy, 0}, Compression{Codec::lz4, 9},
                                         Compression{Codec::lz4, 3}, Compression{Codec::zstd, 3},
                                         Compression{Codec::zstd, -5}),
                         [](const auto& tested) {
                             const int level = tested.param.level;
                             return std::string(wire::to_string(tested.param.codec)) +
                                    (level < 0 ? "_minus_" : "_") + std::to_string(std::abs(level));
                         });

TEST(Packer, WhatDoesNotGetSmallerGoesAsItIsAndIsTriedAgainLater) {
    Packing w(compressing(Codec::lz4, 9));
    EXPECT_EQ(w.codec_of_last(), Codec::none) << "one line";
    std::uint32_t slot = 0;
    const auto send = [&](const std::string& value) {
        ASSERT_TRUE(w.produce(0, slot++, value, 0));
        w.settle();
    };
    send(noise(1, 9'000));
    EXPECT_EQ(w.codec_of_last(), Codec::none);
    for (int i = 0; i < 4; ++i) {
        send(std::string(9'000, 'x'));
        EXPECT_EQ(w.codec_of_last(), Codec::none) << "not tried";
    }
    send(std::string(9'000, 'x'));
    EXPECT_EQ(w.codec_of_last(), Codec::lz4);
    send(noise(2, 9'000));
    send(std::string(9'000, 'x'));
    EXPECT_EQ(w.codec_of_last(), Codec::none);
    EXPECT_EQ(w.count(Errc::none), slot + 1);
}

TEST(Packer, ATurnTakesOneSliceOfALargeBatch) {
    Config config = compressing(Codec::zstd, 3);
    config.batch_bytes = 1 << 20;
    Packing w(config);
    for (std::uint32_t i = 0; i < 1'000; ++i) ASSERT_TRUE(w.produce(0, i, noise(i % 8, 500), 0));
    const Batch& batch = *w.partition().queue.front();
    std::uint32_t before = 0;
    int turns = 0;
    for (w.core->advance(w.now); w.partition().in_flight == 0; w.core->advance(w.now), ++turns) {
        ASSERT_LE(batch.packed_from - before, 32 * kib);
        ASSERT_GT(batch.packed_from, before);
        before = batch.packed_from;
        EXPECT_LE(w.core->next_deadline(w.now), w.now) << "there is no news to wait for";
        EXPECT_FALSE(w.partition().ready_hook.linked);
    }
    EXPECT_GE(turns, 15) << "500 KB in slices of 32";
    w.settle();
    EXPECT_EQ(w.count(Errc::none), 1'001U);
    EXPECT_EQ(w.codec_of_last(), Codec::zstd);
}

TEST(Packer, SmallBatchesOfAllPartitionsGoInOneTurnAndOneRequest) {
    Packing w(compressing(Codec::lz4, 9), 8);
    for (std::uint32_t i = 0; i < 8; ++i) {
        ASSERT_TRUE(w.produce(0, i, line(i), static_cast<std::int32_t>(i)));
    }
    const std::size_t requests = w.requests;
    w.settle();
    EXPECT_EQ(w.count(Errc::none), 9U);
    EXPECT_EQ(w.requests, requests + 1);
}

TEST(Packer, ABatchIsAsLargeAsIsLikelyToComeToItsSizeCompressed) {
    Config config = compressing(Codec::zstd, 3);
    config.batch_bytes = 16 * kib;
    Packing w(config, {.partitions = 1, .message_bytes_max = 20 * kib}, 32 << 20);
    w.config.linger = second * 60;
    std::uint32_t slot = 0;
    for (int round = 0; round < 40; ++round) {
        for (int i = 0; i < 1'000; ++i, ++slot) {
            ASSERT_TRUE(w.produce(0, slot, line(slot) + noise(slot, 10), 0));
        }
        w.settle();
    }
    EXPECT_LT(w.topic().packing.ratio, 0.5F);
    EXPECT_GT(w.topic().packing.ratio, 0.1F);  // or a batch is as large as any may be
    EXPECT_GT(w.topic().packing.batch_bytes, 32 * kib);
    const auto headers = w.headers();
    ASSERT_GT(headers.size(), 10U);
    for (auto header = headers.end() - 5; header != headers.end(); ++header) {
        EXPECT_LT(header->batch_length, 17 * kib);
        EXPECT_GT(header->batch_length, 12 * kib);
    }
    // Then it compresses no more: such batches are too large for the broker, and are halved.
    for (int i = 0; i < 200; ++i, ++slot) ASSERT_TRUE(w.produce(0, slot, noise(slot, 500), 0));
    w.pass(second * 61);
    EXPECT_EQ(w.count(Errc::none), slot + 1);
    EXPECT_EQ(w.topic().packing.batch_bytes, config.batch_bytes);
    const auto log = w.log("t");
    for (std::uint32_t i = 0; i < 200; ++i) {
        ASSERT_EQ(log[log.size() - 200 + i], noise(slot - 200 + i, 500));
    }
}

TEST(Packer, OneTopicHasACodecOfItsOwn) {
    Config config = compressing(Codec::gzip, -1);
    config.topic_compression = {{"plain", {Codec::none, 0}}, {"u", {Codec::zstd, 19}}};
    Packing w(config);
    w.add_topic(1, "u");
    w.add_topic(2, "plain");
    for (std::uint32_t i = 0; i < 3; ++i) {
        ASSERT_TRUE(w.produce(i, i, std::string(1'000, 'x'), 0));
    }
    w.pass(second);
    EXPECT_EQ(w.codec_of_last(), Codec::gzip);
    EXPECT_EQ(w.headers("u").back().attributes, 4);
    EXPECT_EQ(w.headers("plain").back().attributes, 0);
}

TEST(Packer, ABatchThatTimesOutMeanwhileLeavesTheOthersInOrder) {
    Config config = compressing(Codec::zstd, 3);
    config.slice_bytes_max = 100;
    config.delivery_timeout = second;
    Packing w(config, 2);
    ASSERT_TRUE(w.produce(0, 0, std::string(10'000, 'x'), 0));
    w.core->advance(w.now);
    ASSERT_TRUE(w.partition().queue.front()->pack_hook.linked);
    w.now = w.now + second / 2;
    ASSERT_TRUE(w.produce(0, 1, line(1), 1));
    w.core->advance(w.now);
    w.now = w.now + second / 2;
    w.core->advance(w.now);
    EXPECT_EQ(w.told(0).error, Errc::delivery_timeout);
    EXPECT_EQ(w.told(0).stage, Stage::queue);
    EXPECT_FALSE(w.told(0).may_have_been_written);
    ASSERT_TRUE(w.produce(0, 2, line(2), 0));
    for (int i = 0; i < 300; ++i) w.core->advance(w.now);
    w.settle();
    EXPECT_EQ(w.told(1).error, Errc::none);
    EXPECT_EQ(w.told(2).error, Errc::none);
    EXPECT_EQ(w.log("t").back(), line(2));
    EXPECT_EQ(w.core->memory_used(), 0U);
}

TEST(Packer, APurgeTakesWhatIsUnderWay) {
    Config config = compressing(Codec::lz4, 9);
    config.slice_bytes_max = 100;
    Packing w(config);
    for (std::uint32_t i = 0; i < 4; ++i) ASSERT_TRUE(w.produce(0, i, std::string(9'000, 'x'), 0));
    for (int i = 0; i < 3; ++i) w.core->advance(w.now);
    w.core->purge(Purge::queued, w.now);
    EXPECT_EQ(w.count(Errc::purged), 4U);
    EXPECT_EQ(w.core->memory_used(), 0U);
    EXPECT_TRUE(w.core->idle());
}

TEST(Packer, AFlushWaitsForWhatIsUnderWay) {
    Config config = compressing(Codec::gzip, 9);
    config.slice_bytes_max = 100;
    Packing w(config);
    ASSERT_TRUE(w.produce(0, 0, std::string(9'000, 'x'), 0));
    const std::uint64_t epoch = w.core->begin_flush(w.now);
    w.core->advance(w.now);
    EXPECT_FALSE(w.core->flush_done(epoch));
    w.pass(second);
    EXPECT_TRUE(w.core->flush_done(epoch));
}

/// What is sent again is the same, byte for byte: nothing is compressed twice.
TEST(Packer, ARetrySendsTheSameBytes) {
    Packing w(compressing(Codec::zstd, 3));
    w.hold_answers(true);
    for (std::uint32_t i = 0; i < 100; ++i) ASSERT_TRUE(w.produce(0, i, line(i), 0));
    w.settle();
    const Batch& batch = *w.partition().queue.front();
    ASSERT_TRUE(batch.is_packed());
    const std::uint32_t crc = load_be<std::uint32_t>(batch.wire_header() + 17);
    w.reset_connections();
    w.hold_answers(false);
    w.pass(second * 5);
    EXPECT_EQ(w.count(Errc::none), 101U);
    EXPECT_EQ(w.headers().back().crc, crc);
    EXPECT_EQ(w.log("t").size(), w.sent_before + 100) << "once";
}

TEST(Packer, WithAllMemoryTakenBatchesStillLeaveCompressed) {
    Config config = compressing(Codec::lz4, 9);
    config.batch_bytes = 32 * kib;
    Packing w(config, 4);
    std::uint32_t slot = 0;
    for (int round = 0; round < 5; ++round) {
        while (w.produce(0, slot, line(slot), static_cast<std::int32_t>(slot % 4))) ++slot;
        EXPECT_GT(w.core->memory_used(), w.core->memory_total() / 2);
        w.pass(second);
        EXPECT_EQ(w.core->memory_used(), 0U);
    }
    EXPECT_EQ(w.count(Errc::none), slot + 1);
    EXPECT_EQ(w.plain_batches(), 0U);
}

TEST(Packer, WithoutMemoryForItABatchGoesAsItIs) {
    Config config = compressing(Codec::lz4, 9);
    config.batch_bytes = 1 << 20;  // what comes of it has no place in an eighth of the memory
    Packing w(config);
    const auto value = [](std::uint32_t i) { return line(i) + noise(i, 200); };
    std::uint32_t slot = 0;
    while (w.produce(0, slot, value(slot), 0)) ++slot;
    w.pass(second * 5);
    EXPECT_EQ(w.count(Errc::none), slot + 1);
    EXPECT_EQ(w.core->memory_used(), 0U);
    EXPECT_EQ(w.headers()[1].attributes, 0);
    EXPECT_GT(w.headers()[1].record_count, 2'000);
    EXPECT_EQ(w.codec_of_last(), Codec::lz4) << "there was memory again";
}

/// While all requests that a broker takes are unanswered, the next one's batches are compressed.
TEST(Packer, WorksAheadWhileTheBrokerIsBusy) {
    Config config = compressing(Codec::lz4, 9);
    config.max_in_flight = 1;
    config.batch_bytes = 32 * kib;
    Packing w(config, 16);
    w.hold_answers(true);
    std::uint32_t slot = 0;
    ASSERT_TRUE(w.produce(0, slot++, line(0), 0));
    w.settle();
    for (; slot < 6'400; ++slot) {
        ASSERT_TRUE(w.produce(0, slot, line(slot), static_cast<std::int32_t>(slot % 16)));
    }
    for (int i = 0; i < 100; ++i) w.core->advance(w.now);
    int packed = 0;
    for (std::uint32_t i = 1; i < 16; ++i) packed += w.partition(i).queue.front()->is_packed();
    EXPECT_EQ(packed, 15);
    const std::size_t requests = w.requests;
    w.hold_answers(false);
    EXPECT_LE(w.requests, requests + 10) << "not one for each of 32 batches";
    w.pass(second);
    EXPECT_EQ(w.count(Errc::none), slot + 1);
}

TEST(Packer, TheLargestRecordStillHasItsPlace) {
    Config config = compressing(Codec::zstd, 3);
    Packing w(config, 1, 2 << 20);  // two blocks of the largest
    const std::string large((1 << 20) - 200, 'x');
    ASSERT_TRUE(w.produce(0, 1, large, 0));
    w.pass(second);
    EXPECT_EQ(w.told(1).error, Errc::none);
    EXPECT_EQ(w.log("t").back(), large);
}

TEST(Packer, ABrokerWithoutZstdIsAnErrorThatSaysSo) {
    using wire::ApiKey;
    Packing w(compressing(Codec::none));
    w.config.compression = {Codec::zstd, 3};
    w.restart_core();
    w.reports.clear();
    w.broker(1).set_apis({{ApiKey::produce, 0, 6},
                          {ApiKey::metadata, 0, 7},
                          {ApiKey::api_versions, 0, 1},
                          {ApiKey::init_producer_id, 0, 0}});
    w.add_topic(0, "t");
    ASSERT_TRUE(w.produce(0, 1, line(1), 0));
    ASSERT_TRUE(w.produce(0, 2, noise(2, 300), 0));
    w.pass(second);
    EXPECT_EQ(w.count(Errc::unsupported_compression_type), 2U) << "what would go plain, too";
    EXPECT_FALSE(w.told(1).may_have_been_written);
    EXPECT_EQ(w.log("t").size(), w.sent_before);
    EXPECT_TRUE(w.core->idle());
}


}  // namespace
}  // namespace ringpost::produce
