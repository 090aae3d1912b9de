// SPDX-License-Identifier: Apache-2.0
#include "wire/partition_hash.h"

#include "base/hash.h"
#include "base/sha1.h"
#include "golden.h"

namespace ringpost::wire {
namespace {

struct Vector {
    Bytes key;
    std::uint32_t murmur2;
    std::uint32_t murmur2_of_12;
    std::uint32_t crc32;
    std::uint32_t crc32_of_12;
    std::uint32_t fnv1a;
    std::uint32_t fnv1a_of_12;
};

Bytes text(std::string_view s) { return {as_bytes(s).begin(), as_bytes(s).end()}; }

// Computed by a Python implementation of each; those keys that occur in the unit tests of Kafka,
// librdkafka and franz-go agree with them. Columns "of 12": the partition out of twelve.
const Vector vectors[] = {
    {text(""), 0x106e08d9, 9, 0x00000000, 0, 0x811c9dc5, 3},
    {text("a"), 0xa2d0b27c, 4, 0xe8b7be43, 3, 0xe40c292c, 0},
    {text("21"), 0xc5f2f8ec, 0, 0xfd7746b4, 4, 0x8cf297ec, 0},
    {text("abc"), 0x1c94221b, 3, 0x352441c2, 6, 0x1a47e90b, 11},
    {text("1234"), 0x9fc97b14, 0, 0x9be3e0a3, 7, 0xfdc422fd, 3},
    {text("234"), 0xe7c009ca, 2, 0x0d717969, 1, 0x2dea3cd2, 6},
    {text("kafka"), 0xd067cf64, 4, 0x5bbc7517, 11, 0x0d33c4e1, 5},
    {text("foobar"), 0xd0e47bbe, 6, 0x9ef61f95, 5, 0xbf9cf968, 0},
    {text("giberish123456789"), 0x8f552b0c, 8, 0x7b3a8e3f, 11, 0x77a58295, 5},
    {text("a-little-bit-long-string"), 0xc53b1da0, 8, 0xee71cd62, 6, 0xdda30828, 4},
    {text("a-little-bit-longer-string"), 0xa768c9c3, 11, 0x87bfb12a, 2, 0x2e87f629, 9},
    {text("lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8"), 0xfc7d49cd, 5, 0xe0abb921, 1,
     0x1731f50e, 10},
    {text("PreAmbleWillBeRemoved,ThePrePartThatIs"), 0x78424f1c, 8, 0xddcba83a, 2, 0x65cbd69c, 8},
    {from_hex("00"), 0x166197bc, 8, 0xd202ef8d, 1, 0x050c5d1f, 3},
    {from_hex("ffffffffff"), 0xea504362, 6, 0xd2fd1072, 2, 0xc9ba17ca, 10},
    {from_hex("000102030405060708090a0b0c0d0e0f"), 0xc220d729, 9, 0xcecee288, 0, 0xc8fff215, 3},
    {from_hex("d0bad0bbd18ed1872dc3a42de697a5e69cac"), 0x66a60f14, 0, 0x13b5b71f, 3, 0xd9a0b916, 2},
    {text("123456789"), 0x9362de66, 6, 0xcbf43926, 2, 0xbb86b11c, 0},
};

TEST(PartitionHash, Murmur2PlacesKeysAsTheJavaClientDoes) {
    for (const Vector& v : vectors) {
        EXPECT_EQ(murmur2(v.key), v.murmur2) << to_hex(v.key);
        EXPECT_EQ(to_positive(murmur2(v.key)) % 12, v.murmur2_of_12) << to_hex(v.key);
    }
}

TEST(PartitionHash, Crc32PlacesKeysAsLibrdkafkasDefaultDoes) {
    for (const Vector& v : vectors) {
        EXPECT_EQ(crc32(v.key), v.crc32) << to_hex(v.key);
        EXPECT_EQ(crc32(v.key) % 12, v.crc32_of_12) << to_hex(v.key);
    }
}

TEST(PartitionHash, Fnv1aPlacesKeysAsLibrdkafkaAndSaramaDo) {
    for (const Vector& v : vectors) {
        EXPECT_EQ(fnv1a(v.key), v.fnv1a) << to_hex(v.key);
        EXPECT_EQ(absolute(fnv1a(v.key)) % 12, v.fnv1a_of_12) << to_hex(v.key);
    }
}

// librdkafka's test 0048 gives the hashes after they were made positive.
TEST(PartitionHash, KeysOfLibrdkafkasOwnPartitionerTestAgree) {
    EXPECT_EQ(to_positive(murmur2(as_bytes("23456"))), 0x058d780fU);
    EXPECT_EQ(crc32(as_bytes("23456")), 0xb1b451d7U);
    EXPECT_EQ(absolute(fnv1a(as_bytes("23456"))), 0x27e6f469U);
    EXPECT_EQ(to_positive(murmur2(as_bytes("hejsan"))), 0x5ec19395U);
    EXPECT_EQ(crc32(as_bytes("hejsan")), 0xd077037eU);
    EXPECT_EQ(absolute(fnv1a(as_bytes("hejsan"))), 0x17b1e27aU);
}

// int(hashlib.sha1(key).hexdigest(), 16) % n in Python, in the order of `vectors`.
TEST(PartitionHash, Sha1PlacesKeysAsPykafkasHashingDoes) {
    const std::uint32_t of_12[] = {1, 4, 8, 5, 4, 4, 8, 4, 1, 2, 10, 7, 4, 7, 10, 9, 11, 5};
    const std::uint32_t of_1000003[] = {294091, 547034, 354742, 629791, 130358, 824793,
                                        163199, 279711, 736878, 736918, 556190, 551708,
                                        15979,  654513, 219591, 797619, 752938, 499991};
    static_assert(std::size(of_12) == std::size(vectors));
    Sha1 sha1;
    for (std::size_t i = 0; i < std::size(vectors); ++i) {
        Sha1::Digest digest;
        ASSERT_TRUE(sha1.digest(vectors[i].key, digest));
        EXPECT_EQ(remainder(digest, 12), of_12[i]) << to_hex(vectors[i].key);
        EXPECT_EQ(remainder(digest, 1'000'003), of_1000003[i]) << to_hex(vectors[i].key);
    }
}

// xxhash.xxh64_intdigest(key) and its remainder in Python, in the order of `vectors`.
TEST(PartitionHash, Xxh64IsThatOfOtherLanguages) {
    struct Row {
        std::uint64_t hash, of_12;
    };
    const Row rows[] = {
        {0xef46db3751d8e999U, 9}, {0xd24ec4f1a98c6e5bU, 11}, {0x537fef459947c66fU, 7},
        {0x44bc2cf5ad770999U, 9}, {0xd8316e61d84f6ba4U, 0}, {0x2e0b86a10afe759bU, 3},
        {0x4fe60f686cb33e6bU, 11}, {0xa2aa05ed9085aaf9U, 1}, {0x87f593361d6200adU, 5},
        {0x6161f3dffe814552U, 6}, {0x1a14333472dd82bbU, 3}, {0x3d9143ddb3cdf4e8U, 4},
        {0xe0ea0277cee5c038U, 8}, {0xe934a84adb052768U, 0}, {0xdcd83ddc0a09cc20U, 0},
        {0x44b6ef2fb84169f7U, 3}, {0xbe462b89900463edU, 9}, {0x8cb841db40e6ae83U, 7},
    };
    static_assert(std::size(rows) == std::size(vectors));
    for (std::size_t i = 0; i < std::size(vectors); ++i) {
        EXPECT_EQ(xxh64(vectors[i].key), rows[i].hash) << to_hex(vectors[i].key);
        EXPECT_EQ(xxh64(vectors[i].key) % 12, rows[i].of_12) << to_hex(vectors[i].key);
    }
}

TEST(PartitionHash, RemaindersOfLargeNumbersAndLargeDivisors) {
    const Bytes ones(20, std::byte{0xff});  // 2^160 - 1
    EXPECT_EQ(remainder(ones, 1), 0U);
    EXPECT_EQ(remainder(ones, 2), 1U);
    EXPECT_EQ(remainder(ones, 1U << 20), (1U << 20) - 1);
    EXPECT_EQ(remainder(ones, UINT32_MAX), 0U) << "2^32 is 1 modulo 2^32 - 1";
    EXPECT_EQ(remainder({}, 7), 0U);
}

TEST(PartitionHash, AbsoluteOfTheSmallestIntegerDoesNotOverflow) {
    EXPECT_EQ(absolute(0x8000'0000U), 0x8000'0000U);
    EXPECT_EQ(absolute(0xffff'ffffU), 1U);
    EXPECT_EQ(absolute(0x7fff'ffffU), 0x7fff'ffffU);
    EXPECT_EQ(absolute(0), 0U);
}

TEST(PartitionHash, KeyNeedsNoAlignment) {
    for (const Vector& v : vectors) {
        for (std::size_t shift = 1; shift < 8; ++shift) {
            Bytes moved(shift);
            moved.insert(moved.end(), v.key.begin(), v.key.end());
            EXPECT_EQ(murmur2(ByteSpan(moved).subspan(shift)), v.murmur2);
        }
    }
}

}  // namespace
}  // namespace ringpost::wire
