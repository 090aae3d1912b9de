// SPDX-License-Identifier: Apache-2.0
// memory.huge.pages and memory.numa.node as a program meets them: what a start says, what is taken,
// and that everything comes back.
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>

#include <algorithm>
#include <mutex>

#include "base/sanitized.h"
#include "io/raw_peer.h"
#include "running.h"
#include "shard/memory_seen.h"

namespace ringpost {
namespace {

using io::deny_system_call;
using shard::HugePageReserve;

constexpr std::size_t pages = 3;  // of a shard
constexpr const char* no_root = "the kernel's reserve of huge pages can't be changed: not root?";

struct Log {
    void to(Options& options) {
        options.log_level = LogLevel::info;
        options.log_sink = [this](LogLevel, std::string_view line) {
            const std::lock_guard lock(mutex);
            lines += std::string(line) + "\n";
        };
    }
    std::mutex mutex;
    std::string lines;
};

class Placement : public testing::TestWithParam<Mode> {
protected:
    Options options() const {
        Options o = options_for(server->bootstrap(), GetParam());
        o.buffer_memory = (2 * pages - 1) << 20;
        return o;
    }
    /// Empty if so many records were delivered.
    static std::string deliver(Producer& producer, int records = 100) {
        auto lane = producer.open_lane();
        if (!lane) return lane.error().text;
        for (int i = 0; i < records; ++i) {
            const Record record{.topic_name = "t", .value = "v"};
            if (lane->produce(record) != Errc::none) return "refused";
        }
        const auto reports = poll_all(*lane, static_cast<std::size_t>(records));
        if (reports.size() != static_cast<std::size_t>(records)) return "not all was reported";
        for (const DeliveryReport& report : reports) {
            if (!report.ok()) return std::string(to_string(report.error));
        }
        return "";
    }
    static std::string why_not(Options options) {
        Producer producer(std::move(options));
        const auto up = producer.start();
        EXPECT_EQ(producer.state(), up ? Producer::State::running : Producer::State::created);
        return up ? "" : up.error().text;
    }

    std::unique_ptr<tools::BrokerThread> server = start_broker({.partitions = 1});
};
INSTANTIATE_TEST_SUITE_P(Every, Placement, testing::Values(Mode::threaded, Mode::inline_),
                         [](const auto& info) {
                             return info.param == Mode::threaded ? "threaded" : "inline";
                         });

TEST_P(Placement, EveryKindDelivers) {
    for (const char* const huge : {"off", "transparent", "try"}) {
        for (const char* const node : {"-1", "local"}) {
            Options o = options();
            ASSERT_TRUE(o.set("memory.huge.pages", huge));
            if (shard::has_numa()) {
                ASSERT_TRUE(o.set("memory.numa.node", node));
            }
            Producer producer(std::move(o));
            EXPECT_EQ(deliver(producer), "") << huge << ' ' << node;
        }
    }
}

TEST_P(Placement, NothingIsSaidWhereNothingIsAskedFor) {
    Log log;
    Options o = options();
    log.to(o);
    EXPECT_EQ(why_not(std::move(o)), "");
    EXPECT_EQ(log.lines.find("huge"), std::string::npos) << log.lines;
}

TEST_P(Placement, TheLogSaysWhatWasHad) {
    if (!shard::has_transparent_pages()) GTEST_SKIP() << "no transparent huge pages here";
    const auto said = [&] {
        Log log;
        Options o = options();
        log.to(o);
        o.huge_pages = HugePages::transparent;
        return why_not(std::move(o)) + log.lines;
    };
    const auto has = [](const std::string& text, const std::string& part) {
        return text.find(part) != text.npos ? "" : text;
    };
    EXPECT_EQ(has(said(), "batches: 5242880 of 5242880 bytes lie in huge pages (transparent)"), "");
#if !defined(__SANITIZE_THREAD__)
    const std::string wrong = run_in_child(*server, [&]() -> std::string {
        if (::prctl(PR_SET_THP_DISABLE, 1, 0, 0, 0) != 0) return "still enabled";
        return has(said(), "batches: 0 of 5242880 bytes lie in huge pages");
    });
    EXPECT_EQ(wrong, "");
#endif
}

TEST_P(Placement, OfTheReserveIsTakenForEachShardAndComesBack) {
    Log log;
    Options o = options();
    log.to(o);
    o.huge_pages = HugePages::on;
    o.shards = GetParam() == Mode::inline_ ? 1 : 2;
    const HugePageReserve reserve(o.shards * pages);
    if (!reserve.usable()) GTEST_SKIP() << no_root;
    const std::size_t before = HugePageReserve::count("free");
    {
        Producer producer(o);
        EXPECT_EQ(deliver(producer), "");  // its lane takes none
        EXPECT_EQ(HugePageReserve::count("free"), before - o.shards * pages);
        EXPECT_TRUE(producer.stop(5s));
    }
    EXPECT_EQ(HugePageReserve::count("free"), before);
    EXPECT_NE(log.lines.find("5242880 bytes lie in huge pages of the kernel's reserve"),
              std::string::npos)
        << log.lines;
}

TEST_P(Placement, AReserveThatIsTooSmallIsSaidAndLeftAsItWas) {
    Options o = options();
    o.huge_pages = HugePages::on;
    o.shards = GetParam() == Mode::inline_ ? 1 : 2;
    const HugePageReserve reserve(o.shards * pages - 1);  // one shard, of two, has them
    if (!reserve.usable()) GTEST_SKIP() << no_root;
    const std::size_t before = HugePageReserve::count("free");
    const std::string said = why_not(std::move(o));
    if (before >= 2 * pages) GTEST_SKIP() << "somebody's reserve is large enough";
    EXPECT_NE(said.find("memory.huge.pages=on: 3 huge pages"), std::string::npos) << said;
    EXPECT_EQ(HugePageReserve::count("free"), before);
}

TEST_P(Placement, ANodeThatThereIsNotIsRefusedBeforeAnythingStarts) {
    if (!shard::has_numa()) GTEST_SKIP() << "this kernel knows no NUMA nodes";
    Log log;
    Options o = options();
    log.to(o);
    o.numa_node = 1023;
    EXPECT_NE(why_not(std::move(o)).find("memory.numa.node=1023"), std::string::npos);
    EXPECT_EQ(log.lines, "");
}

TEST_P(Placement, BatchesAndRingsPreferTheShardsNode) {
    if (!shard::has_numa()) GTEST_SKIP() << "this kernel knows no NUMA nodes";
    Options o = options();
    o.numa_node = Options::local_node;
    Producer producer(std::move(o));
    ASSERT_TRUE(producer.start());
    const auto preferring = [] {
        std::istringstream maps(shard::text_of_file("/proc/self/numa_maps"));
        int count = 0;
        for (std::string line; std::getline(maps, line);) {
            count += line.find(" prefer") != line.npos && line.find(" anon=") != line.npos;
        }
        return count;
    };
    EXPECT_EQ(preferring(), 1);
    auto lane = producer.open_lane();
    ASSERT_TRUE(lane);
    ASSERT_EQ(lane->produce({.topic_name = "t", .value = "v"}), Errc::none);
    EXPECT_EQ(poll_all(*lane, 1).size(), 1U);
    EXPECT_EQ(preferring(), 3);
}

TEST_P(Placement, SaysThatTheKernelRefusesToBind) {
#if defined(__SANITIZE_THREAD__)
    GTEST_SKIP() << "the thread sanitizer starts no threads after a fork";
#endif
    const std::string said = run_in_child(*server, [&]() -> std::string {
        if (!deny_system_call(SYS_mbind, EPERM)) return "no seccomp filter";
        Options o = options();
        o.numa_node = Options::local_node;
        return why_not(std::move(o));
    });
    EXPECT_NE(said.find("memory.numa.node: memory could not be bound"), std::string::npos) << said;
}

TEST_P(Placement, SaysWhatAsksForTooMuchMemoryWhereAddressesAreLimited) {
#ifdef RINGPOST_SANITIZED
    GTEST_SKIP() << "sanitizers take terabytes of addresses";
#endif
    for (rlim_t spare = 1 << 20;; spare += 8 << 20) {
        ASSERT_LT(spare, 512 << 20) << "there is never enough";
        const std::string said = run_in_child(*server, [&]() -> std::string {
            if (!limit_addresses(spare)) return "no limit";
            Options o = options();
            o.huge_pages = HugePages::transparent;
            Producer producer(std::move(o));
            if (const auto up = producer.start(); !up) return up.error().text;
            return deliver(producer);
        });
        if (said.empty()) break;
        EXPECT_TRUE(names_memory(said)) << (spare >> 20) << " MB: " << said;
    }
}

TEST_P(Placement, AForkCopiesWhatItMayAndTheParentGoesOn) {
#if defined(__SANITIZE_THREAD__)
    GTEST_SKIP() << "the thread sanitizer starts no threads after a fork";
#endif
    // Exactly as many as are needed: none is left to copy a page to.
    const HugePageReserve reserve(pages);
    if (!reserve.usable()) GTEST_SKIP() << no_root;
    const std::string wrong = run_in_child(*server, [&]() -> std::string {
        Options o = options();
        o.huge_pages = HugePages::on;
        Producer producer(std::move(o));
        if (const auto up = producer.start(); !up) return up.error().text;
        if (std::string bad = deliver(producer); !bad.empty()) return bad;
        int go[2];
        if (::pipe(go) != 0) return "no pipe";
        const pid_t child = ::fork();
        if (child == 0) {
            char c;
            const bool told = ::read(go[0], &c, 1) == 1;
            const bool ended = producer.stop(5s) && producer.open_lane().error().code ==
                                                        Errc::forked;
            ::_exit(told && ended ? 0 : 1);
        }
        // The parent writes to its pages while the child still has them.
        if (std::string bad = deliver(producer, 1000); !bad.empty()) return "parent: " + bad;
        if (::write(go[1], "g", 1) != 1) return "no word";
        int status = -1;
        ::waitpid(child, &status, 0);
        if (status != 0) return "the child's status is " + std::to_string(status);
        return deliver(producer);
    });
    EXPECT_EQ(wrong, "");
}

}  // namespace
}  // namespace ringpost
