// SPDX-License-Identifier: Apache-2.0
#include "api/option_sources.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <fstream>

namespace ringpost {
namespace {

std::string origin_of(const Options& options, std::string_view name) {
    for (const OptionInfo& option : options.explain()) {
        if (option.name == name) return option.origin;
    }
    return "there is no such option";
}

std::string refusal(std::string_view text) {
    Options o;
    const std::string before = o.describe();
    const std::string error = o.load_text(text, "FILE").error().text;
    if (!error.empty()) {
        EXPECT_EQ(o.describe(), before) << "a refused file has changed something";
        EXPECT_TRUE(o.origins.empty());
    }
    return error;
}

TEST(OptionSources, AFileSetsOptionsByAnyOfTheirNames) {
    Options o;
    ASSERT_TRUE(o.load_text("# librdkafka's\r\n"
                            "metadata.broker.list = a:1,\\\r\n"
                            "                       b:2\r\n"
                            "queue_buffering_max_ms: 7.5\r\n"
                            "compression.codec none\r\n",
                            "my.conf"));
    EXPECT_EQ(o.bootstrap_servers, "a:1,b:2");
    EXPECT_EQ(o.linger.count(), 7500);
    EXPECT_EQ(origin_of(o, "bootstrap.servers"), "my.conf:2");
    EXPECT_EQ(origin_of(o, "linger.ms"), "my.conf:4");
    EXPECT_EQ(origin_of(o, "acks"), "default");
}

TEST(OptionSources, AnErrorNamesFileAndLine) {
    EXPECT_EQ(refusal("acks=1\n\nlinger.ms=-1\n"),
              "FILE:3: linger.ms: \"-1\" is not 0 to 900000, a fraction is fine");
    EXPECT_EQ(refusal("lingr.ms=5"),
              "FILE:1: there is no option \"lingr.ms\"; did you mean \"linger.ms\"?");
    EXPECT_EQ(refusal("\n\\u12=5"), "FILE:2: \\u needs four hexadecimal digits");
    EXPECT_EQ(refusal("[section]"),
              "FILE:1: there is no option \"[section]\"; `ringpost options` lists those that there "
              "are");
}

TEST(OptionSources, TwoNamesOfOneOptionMustAgree) {
    EXPECT_EQ(refusal("linger.ms=5\nqueue.buffering.max.ms=6"),
              "FILE:2: queue.buffering.max.ms=6 and linger.ms=5 (FILE:1) are the same option, "
              "linger.ms: leave one of the two out");
    EXPECT_EQ(refusal("linger.ms=5\nqueue.buffering.max.ms=5.0"), "");
    EXPECT_EQ(refusal("linger.ms=5\nlinger_ms=6"), "") << "by one name, the later counts";
    EXPECT_NE(refusal("buffer.memory=4194304\nqueue.buffering.max.kbytes=4097"), "");
    EXPECT_EQ(refusal("buffer.memory=4194304\nqueue.buffering.max.kbytes=4096"), "");
}

TEST(OptionSources, WhatDescribesOptionsSetsThem) {
    Options o;
    o.client_id = " a\\b # c ";
    o.acks = Acks::leader;
    o.linger = std::chrono::microseconds(1);
    o.cpus = {1, 2};
    Options again;
    EXPECT_EQ(again.load_text(o.describe(), "x").error().text, "");
    EXPECT_EQ(again.describe(), o.describe());
    EXPECT_EQ(again.client_id, o.client_id);
}

TEST(OptionSources, TheEnvironmentSetsOptions) {
    const char* const environment[] = {"PATH=/bin", "RINGPOST_LINGER_MS=7", "RINGPOST_WERROR=true",
                                       "RINGPOST_METADATA_BROKER_LIST=a:1", "RINGPOSTER=x",
                                       "RINGPOST_", nullptr};
    Options o;
    EXPECT_EQ(api::read_environment(o, environment).error().text, "");
    EXPECT_EQ(o.linger.count(), 7000);
    EXPECT_EQ(o.bootstrap_servers, "a:1");
    EXPECT_EQ(origin_of(o, "linger.ms"), "environment RINGPOST_LINGER_MS");
    EXPECT_TRUE(api::read_environment(o, nullptr));
}

TEST(OptionSources, AVariableThatIsNoOptionIsAnsweredWithTheNearest) {
    const auto complaint = [](const char* entry) {
        const char* const environment[] = {"RINGPOST_ACKS=1", entry, nullptr};
        Options o;
        const std::string text = api::read_environment(o, environment).error().text;
        EXPECT_EQ(o.acks, Acks::all) << "a refused environment has changed something";
        return text;
    };
    EXPECT_EQ(complaint("RINGPOST_LINGR_MS=5"),
              "RINGPOST_LINGR_MS: there is no option \"lingr.ms\"; did you mean "
              "RINGPOST_LINGER_MS?");
    EXPECT_EQ(complaint("RINGPOST_LINGER_MS=soon"),
              "environment RINGPOST_LINGER_MS: linger.ms: \"soon\" is not 0 to 900000, a fraction "
              "is fine");
    EXPECT_NE(complaint("RINGPOST_WAREHOUSE_ADDRESS=5").find("unset it"), std::string::npos);
    EXPECT_NE(complaint("RINGPOST_=5"), "");
    EXPECT_NE(complaint("RINGPOST_REQUIRED_ACKS=0").find("the same option"), std::string::npos);
}

TEST(OptionSources, TheProgramsOwnEnvironmentIsRead) {
    ASSERT_EQ(setenv("RINGPOST_SPIN_US", "3", 1), 0);
    Options o;
    EXPECT_EQ(o.load_environment().error().text, "");
    unsetenv("RINGPOST_SPIN_US");
    EXPECT_EQ(o.spin.count(), 3);
}

/// A folder of its own for each test.
class OptionFiles : public testing::Test {
protected:
    OptionFiles() {
        std::string pattern = std::filesystem::temp_directory_path() / "options-XXXXXX";
        folder_ = mkdtemp(pattern.data());
    }
    ~OptionFiles() override { std::filesystem::remove_all(folder_); }

    /// Loads it, which must not take long whatever it is.
    static std::string complaint(const std::string& path) {
        const auto began = std::chrono::steady_clock::now();
        Options o;
        const std::string text = o.load(path).error().text;
        EXPECT_LT(std::chrono::steady_clock::now() - began, std::chrono::seconds(5)) << path;
        EXPECT_TRUE(text.empty() || text.starts_with(path)) << text;
        return text.substr(std::min(text.size(), path.size()));
    }

    std::string write(const std::string& name, std::string_view text) const {
        std::ofstream(folder_ / name, std::ios::binary) << text;
        return folder_ / name;
    }

    std::filesystem::path folder_;
};

TEST_F(OptionFiles, AreLoaded) {
    Options o;
    const std::string path = write("my.properties", "acks=1\nlinger.ms=2\n");
    EXPECT_EQ(o.load(path).error().text, "");
    EXPECT_EQ(o.acks, Acks::leader);
    EXPECT_EQ(origin_of(o, "linger.ms"), path + ":2");
    EXPECT_EQ(complaint(write("empty", "")), "");
    EXPECT_EQ(complaint("/dev/null"), ": this is no regular file; options are read from one only");
}

TEST_F(OptionFiles, ThatAreNoneAreRefusedAtOnce) {
    EXPECT_EQ(complaint(folder_ / "missing"), ": No such file or directory");
    EXPECT_EQ(complaint(folder_), ": this is a directory; name a file in it");
    EXPECT_NE(complaint("/dev/zero").find("no regular file"), std::string::npos);
    const std::string fifo = folder_ / "fifo";
    ASSERT_EQ(mkfifo(fifo.c_str(), 0600), 0);
    EXPECT_NE(complaint(fifo).find("no regular file"), std::string::npos);
    EXPECT_EQ(complaint(""), ": No such file or directory");
    EXPECT_EQ(complaint("/proc/self/mem"), ": Input/output error");
}

TEST_F(OptionFiles, ThatAreHugeOrBinaryAreRefused) {
    const std::string huge = write("huge", "");
    ASSERT_EQ(truncate(huge.c_str(), off_t{1} << 40), 0);  // a sparse tebibyte
    EXPECT_EQ(complaint(huge), ":1: there are more than 1048576 bytes of it");
    EXPECT_NE(complaint("/proc/self/exe"), "");
    EXPECT_EQ(complaint(write("nul", std::string_view("acks=1\n\0", 8))),
              ":2: the byte 0x00 is no text");
}

TEST_F(OptionFiles, ThatMayNotBeReadAreRefused) {
    const std::string path = write("secret", "acks=1");
    ASSERT_EQ(chmod(path.c_str(), 0), 0);
    if (access(path.c_str(), R_OK) == 0) GTEST_SKIP() << "this user may read everything";
    EXPECT_EQ(complaint(path), ": Permission denied");
}

}  // namespace
}  // namespace ringpost
