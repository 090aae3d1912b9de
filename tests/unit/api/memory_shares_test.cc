// SPDX-License-Identifier: Apache-2.0
// What a caller sees when one broker takes nothing: partition_full for its partitions alone.
#include "produce/partitioner.h"

#include <thread>

#include "running.h"

namespace ringpost {
namespace {

/// Three brokers, three partitions; one broker answers no Produce request, until it is mended.
struct OneDead {
    explicit OneDead(Options changes = {}, std::uint64_t buffer_memory = 16 << 20) {
        options = std::move(changes);
        options.bootstrap_servers = server->bootstrap();
        options.buffer_memory = buffer_memory;
        options.linger = 0ms;
        options.delivery_timeout = 600s;
        options.request_timeout = 500ms;
        options.stop_timeout = 0ms;
        producer.emplace(options);
        lane.emplace(*producer->open_lane());
        server->call([this](fake::Cluster& cluster) {
            ASSERT_TRUE(cluster.create_topic("t"));
            dead_partition = 1;
            dead_node = cluster.find_topic("t")->find(dead_partition)->leader;
            cluster.faults().on_request = [this](const fake::RequestAttempt& attempt) {
                const bool swallow = dead && attempt.node_id == dead_node &&
                                     attempt.header.key == wire::ApiKey::produce;
                return swallow ? fake::RequestFate::swallow : fake::RequestFate::handle;
            };
        });
    }
    ~OneDead() {
        lane.reset();
        producer.reset();
    }
    /// Produces until the answer is partition_full.
    void fill(Record record) {
        record.topic_name = "t";
        const std::string value(1000, 'v');
        record.value = value;
        for (int i = 0; i < 1'000'000; ++i) {
            const Errc error = lane->produce_for(record, 0ns);
            if (error == Errc::partition_full) return;
            if (error == Errc::none) {
                ++accepted;
            } else {
                ASSERT_EQ(error, Errc::queue_full);
                std::this_thread::yield();
            }
        }
        FAIL() << "never partition_full";
    }

    std::unique_ptr<tools::BrokerThread> server = start_broker({.brokers = 3, .partitions = 3});
    Options options;
    std::optional<Producer> producer;
    std::optional<Lane> lane;
    std::int32_t dead_partition = -1;
    std::int32_t dead_node = -1;
    std::atomic<bool> dead{true};
    std::size_t accepted = 0;
};

std::string key_for(std::int32_t partition, const auto& place) {
    for (int i = 0;; ++i) {
        const std::string key = "key-" + std::to_string(i);
        if (place(key) == partition) return key;
    }
}

TEST(MemoryShares, ADeadBrokerDoesNotTakeAllRecordsOfALane) {
    Options options;
    options.lane_records_max = 4'000;   // far less than the memory has room for
    options.lane_ring_bytes = 32 << 10;   // what is in there when it is full is taken all the same
    options.message_max_bytes = 10'000;
    OneDead w(options);
    const std::string_view names[] = {"t"};
    ASSERT_TRUE(w.producer->warm_up(names, 10s));
    const std::string value(1000, 'v');
    const auto produce_to = [&](std::int32_t partition, std::uint64_t tag) {
        const Record record{.topic_name = "t", .value = value, .partition = partition, .tag = tag};
        return w.lane->produce_for(record, 10s);
    };
    w.fill({.partition = w.dead_partition});
    EXPECT_LT(w.accepted, 3'900U);
    for (std::uint64_t i = 0; i < 10'000; ++i) {
        ASSERT_EQ(produce_to(i % 2 == 0 ? 0 : 2, i), Errc::none) << i;
        if (i % 10 == 9) {
            ASSERT_EQ(poll_all(*w.lane, 10).size(), 10U);
        }
    }
}

TEST(MemoryShares, ADeadBrokersPartitionIsFullAndTheOthersAreDelivered) {
    OneDead w;
    w.fill({.partition = w.dead_partition});
    const std::string value(1000, 'v');
    for (int i = 0; i < 10'000; ++i) {
        const std::int32_t partition = i % 2 == 0 ? 0 : 2;
        const Record record{.topic_name = "t", .value = value, .partition = partition};
        ASSERT_EQ(w.lane->produce_for(record, 10s), Errc::none) << i;
    }
    EXPECT_EQ(poll_all(*w.lane, 10'000).size(), 10'000U);
    const Record more{.topic_name = "t", .value = value, .partition = w.dead_partition};
    EXPECT_EQ(w.lane->produce(more), Errc::partition_full);
    EXPECT_EQ(w.lane->produce_for(more, 20ms), Errc::partition_full);
    w.dead = false;
    EXPECT_EQ(w.lane->produce_for(more, 20s), Errc::none);
    EXPECT_EQ(poll_all(*w.lane, w.accepted + 1).size(), w.accepted + 1);
}

TEST(MemoryShares, AKeyIsKeptBackIfItLeadsThere) {
    const std::pair<Partitioner, KeyHash> choices[] = {{Partitioner::murmur2, KeyHash::murmur2},
                                                       {Partitioner::consistent, KeyHash::crc32},
                                                       {Partitioner::fnv1a, KeyHash::fnv1a},
                                                       {Partitioner::hashing, KeyHash::sha1},
                                                       {Partitioner::xxhash, KeyHash::xxhash}};
    for (const auto& [partitioner, hash] : choices) {
        OneDead w({.partitioner = partitioner});
        Sha1 sha1;
        const auto place = [&, hash = hash](const std::string& key) {
            return produce::key_modulo(hash, as_bytes(key), 3, &sha1);
        };
        const std::string dead = key_for(w.dead_partition, place);
        const std::string well = key_for(0, place);
        w.fill({.key = dead});
        EXPECT_EQ(w.lane->produce({.topic_name = "t", .key = dead}), Errc::partition_full);
        EXPECT_EQ(w.lane->produce_for({.topic_name = "t", .key = well}, 10s), Errc::none);
        EXPECT_EQ(poll_all(*w.lane, 1).size(), 1U);
    }
}

/// Its ring is as large as half the memory: what is in it when the partition is full is too much.
TEST(MemoryShares, ALaneFullOfADeadBrokersRecordsHoldsUpNoOther) {
    OneDead w({}, 4 << 20);
    w.fill({.partition = w.dead_partition});
    Lane other = *w.producer->open_lane();
    for (int i = 0; i < 100; ++i) {
        ASSERT_EQ(other.produce({.topic_name = "t", .value = "v", .partition = 0}), Errc::none);
        ASSERT_EQ(poll_all(other, 1).size(), 1U) << i;
    }
}

TEST(MemoryShares, WithoutAKeyRecordsGoWhereThereIsRoom) {
    OneDead w({.max_block = Options::Millis(-1)});
    w.fill({.partition = w.dead_partition});
    for (int i = 0; i < 1000; ++i) {
        ASSERT_EQ(w.lane->produce({.topic_name = "t", .value = "v"}), Errc::none);
    }
    EXPECT_EQ(poll_all(*w.lane, 1000).size(), 1000U);
}

}  // namespace
}  // namespace ringpost
