// SPDX-License-Identifier: Apache-2.0
#include "api/compression.h"

#include <gtest/gtest.h>

namespace ringpost::api {
namespace {

using produce::Compression;
using wire::Codec;

Options with(std::initializer_list<std::pair<const char*, const char*>> settings) {
    Options options;
    options.bootstrap_servers = "localhost";
    for (const auto& [name, value] : settings) {
        const auto set = options.set(name, value);
        EXPECT_TRUE(set) << set.error().text;
    }
    return options;
}
std::string error_of(std::string_view name, std::string_view value) {
    Options options;
    const auto set = options.set(name, value);
    return set ? "" : set.error().text;
}

TEST(Compression, IsNoneByDefault) {
    EXPECT_EQ(compression_of(Options{}), (Compression{Codec::none, 0}));
    EXPECT_TRUE(topic_compression_of(Options{}).empty());
}

TEST(Compression, HasTheNamesAndLevelsOfThePeers) {
    const auto of = [](auto settings) { return compression_of(with(settings)); };
    using S = std::initializer_list<std::pair<const char*, const char*>>;
    EXPECT_EQ(of(S{{"compression.type", "gzip"}}), (Compression{Codec::gzip, -1}));
    EXPECT_EQ(of(S{{"compression.type", "gzip"}, {"compression.gzip.level", "9"}}),
              (Compression{Codec::gzip, 9}));
    EXPECT_EQ(of(S{{"compression.codec", "snappy"}, {"compression.level", "1"}}),
              (Compression{Codec::snappy, 0}));
    EXPECT_EQ(of(S{{"compression.type", "lz4"}}), (Compression{Codec::lz4, 9}));
    EXPECT_EQ(of(S{{"compression.type", "zstd"}, {"compression.zstd.level", "-7"}}),
              (Compression{Codec::zstd, -7}));
    EXPECT_EQ(of(S{{"compression", "3"}}), (Compression{Codec::lz4, 9})) << "pykafka's number";
}

TEST(Compression, TakesLibrdkafkasLevels) {
    const auto of = [](const char* codec, const char* level) {
        return compression_of(with({{"compression.codec", codec}, {"compression.level", level}}));
    };
    EXPECT_EQ(of("gzip", "-1").level, -1);
    EXPECT_EQ(of("gzip", "6").level, 6);
    EXPECT_EQ(of("zstd", "0").level, 3);
    EXPECT_EQ(of("zstd", "19").level, 19);
    EXPECT_EQ(of("lz4", "0").level, 9) << "the fast compressor";
    EXPECT_EQ(of("lz4", "2").level, 9);
    EXPECT_EQ(of("lz4", "3").level, 3) << "LZ4 HC";
    EXPECT_EQ(of("lz4", "9").level, 10) << "LZ4 HC 9: KIP-390 calls the fast one so";
    EXPECT_EQ(of("lz4", "12").level, 12);
    if (!wire::is_built_in(Codec::gzip)) return;
    const Options too_much = with({{"compression.codec", "gzip"}, {"compression.level", "10"}});
    const auto valid = too_much.validate();
    ASSERT_FALSE(valid);
    EXPECT_EQ(valid.error().text,
              "compression.level=10 is too much for gzip, which takes 0 to 9");
}

TEST(Compression, ATopicMayHaveItsOwn) {
    const Options options = with({{"compression.type", "lz4"},
                                  {"compression.zstd.level", "7"},
                                  {"compression.topics", "logs=zstd:19,raw=none,other=zstd"}});
    const auto topics = topic_compression_of(options);
    ASSERT_EQ(topics.size(), 3U);
    EXPECT_EQ(topics[0], (std::pair{std::string("logs"), Compression{Codec::zstd, 19}}));
    EXPECT_EQ(topics[1], (std::pair{std::string("raw"), Compression{Codec::none, 0}}));
    EXPECT_EQ(topics[2], (std::pair{std::string("other"), Compression{Codec::zstd, 7}}));
    EXPECT_EQ(show_topic_compression(options), "logs=zstd:19,raw=none,other=zstd");
    EXPECT_EQ(with({{"compression.topics", ""}}).topic_compression.size(), 0U);
}

TEST(Compression, ErrorsNameWhatIsRight) {
    EXPECT_EQ(error_of("compression.type", "zip"),
              "compression.type: \"zip\" is not none, gzip, snappy, lz4 or zstd");
    EXPECT_EQ(error_of("compression.gzip.level", "0"),
              "compression.gzip.level: \"0\" is not 1 to 9, or -1: zlib's default");
    EXPECT_EQ(error_of("compression.lz4.level", "18"),
              "compression.lz4.level: \"18\" is not 1 to 17");
    EXPECT_EQ(error_of("compression.zstd.level", "23"),
              "compression.zstd.level: \"23\" is not -131072 to 22");
    for (const char* wrong : {"logs", "=zstd", "logs=zip", "logs=zstd:23", "logs=gzip:x", "logs=",
                              "a=lz4,a=zstd", "logs=lz4:0", ",", "a=lz4,,b=lz4"}) {
        EXPECT_NE(error_of("compression.topics", wrong), "") << wrong;
    }
    const std::string said = error_of("compression.topics", "logs=zip");
    for (const char* name : {"gzip (1 to 9)", "snappy", "lz4 (1 to 17)", "zstd (-131072 to 22)"}) {
        EXPECT_NE(said.find(name), std::string::npos) << said;
    }
}

TEST(Compression, LevelsSetInCodeAreCheckedToo) {
    Options options;
    options.bootstrap_servers = "localhost";
    options.compression_zstd_level = 99;
    const auto valid = options.validate();
    ASSERT_FALSE(valid);
    EXPECT_EQ(valid.error().text, "compression.zstd.level: \"99\" is not -131072 to 22");
}

}  // namespace
}  // namespace ringpost::api
