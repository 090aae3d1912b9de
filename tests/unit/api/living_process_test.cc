// SPDX-License-Identifier: Apache-2.0
// A producer in a process to which things happen: limits that are reached, system calls that are
// denied, signals, sleep. The process is a fork of the test; the broker is the test's own.
#include <signal.h>
#include <sys/resource.h>
#include <sys/time.h>

#include <atomic>
#include <filesystem>
#include <fstream>
#include <mutex>
#include <thread>

#include "base/sanitized.h"
#include "io/raw_peer.h"
#include "running.h"

namespace ringpost {
namespace {

using io::deny_system_call;
using io::NoDescriptors;

/// What became of records whose tags count from 0.
class Tally {
public:
    explicit Tally(Lane& lane) : lane_(lane) {}

    /// One more record, polling for as long as there is no room.
    Errc produce(std::string_view value = "v") {
        for (;;) {
            const Errc error = lane_.produce(
                {.topic_name = "t", .value = value, .partition = 0, .tag = times_.size()});
            if (error == Errc::none) times_.push_back(0);
            if (error != Errc::queue_full && error != Errc::reports_full) return error;
            poll(1);
        }
    }
    /// Until `count` more reports have come, or twenty seconds have passed.
    void poll(std::size_t count) {
        std::array<DeliveryReport, 100> some;
        const auto until = std::chrono::steady_clock::now() + 20s;
        for (std::size_t seen = 0; seen < count && std::chrono::steady_clock::now() < until;) {
            const std::size_t n = lane_.poll_for(some, 1s);
            for (std::size_t i = 0; i < n; ++i) {
                const DeliveryReport& report = some[i];
                ++times_.at(report.tag);
                in_order_ &= report.tag == reports++;
                if (report.ok()) ++delivered;
                last_error = report.ok() ? last_error : report.error;
            }
            seen += n;
        }
    }
    void poll_rest() { poll(times_.size() - reports); }
    /// Empty if each record was reported once, and `delivered_` of them as delivered.
    std::string check(std::size_t delivered_) {
        poll_rest();
        for (const int times : times_) {
            if (times != 1) return "a record was reported " + std::to_string(times) + " times";
        }
        if (!in_order_) return "reports out of order";
        if (delivered == delivered_) return "";
        return std::to_string(delivered) + " delivered, last " + std::string(to_string(last_error));
    }
    std::string check_all_delivered() { return check(times_.size()); }

    std::size_t reports = 0;
    std::size_t delivered = 0;
    Errc last_error = Errc::none;

private:
    Lane& lane_;
    std::vector<int> times_;
    bool in_order_ = true;
};

/// A producer, its lane and what it logs.
struct Client {
    explicit Client(Options options) : producer(with_log(std::move(options))) {}

    /// Empty if it is up.
    std::string start() {
        if (const auto up = producer.start(); !up) return up.error().text;
        auto opened = producer.open_lane();
        if (!opened) return opened.error().text;
        lane = std::move(*opened);
        return "";
    }
    std::size_t lines_with(std::string_view text) {
        const std::lock_guard lock(mutex);
        return static_cast<std::size_t>(std::ranges::count_if(
            lines, [&](const std::string& line) { return line.find(text) != std::string::npos; }));
    }

    std::mutex mutex;
    std::vector<std::string> lines;
    Producer producer;
    Lane lane;

private:
    Options with_log(Options options) {
        options.log_level = LogLevel::warn;
        options.log_sink = [this](LogLevel, std::string_view line) {
            const std::lock_guard lock(mutex);
            lines.emplace_back(line);
        };
        return options;
    }
};

std::chrono::nanoseconds processor_time() {
    timespec t;
    ::clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return std::chrono::seconds(t.tv_sec) + std::chrono::nanoseconds(t.tv_nsec);
}

std::size_t open_descriptors() {
    const std::filesystem::directory_iterator all("/proc/self/fd");
    return static_cast<std::size_t>(std::distance(begin(all), end(all)));
}

std::size_t resident_bytes() {
    std::size_t total = 0;
    std::size_t resident = 0;
    std::ifstream("/proc/self/statm") >> total >> resident;
    return resident * static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
}

struct Way {
    const char* name;
    Mode mode;
    IoBackend backend;
};
constexpr Way ways[] = {{"threaded_uring", Mode::threaded, IoBackend::io_uring},
                        {"threaded_epoll", Mode::threaded, IoBackend::epoll},
                        {"inline_uring", Mode::inline_, IoBackend::io_uring},
                        {"inline_epoll", Mode::inline_, IoBackend::epoll}};

class LivingProcess : public testing::TestWithParam<Way> {
protected:
    void SetUp() override {
#if defined(__SANITIZE_THREAD__)
        GTEST_SKIP() << "the thread sanitizer starts no threads after a fork";
#endif
        if (GetParam().backend != IoBackend::io_uring) return;
        if (const auto made = io::make_uring_io({}); !made) GTEST_SKIP() << made.error().text;
    }
    Options options() const {
        Options o = options_for(server->bootstrap(), GetParam().mode);
        o.io_backend = GetParam().backend;
        return o;
    }
    template <typename Body>
    std::string in_child(Body body) {
        return run_in_child(*server, std::move(body));
    }
    /// Records that the partition has.
    std::int64_t appended() {
        return server->call([](fake::Cluster& cluster) {
            fake::Topic* topic = cluster.find_topic("t");
            return topic == nullptr ? 0 : topic->find(0)->log.end_offset();
        });
    }

    std::unique_ptr<tools::BrokerThread> server = start_broker({.partitions = 1});
};
INSTANTIATE_TEST_SUITE_P(Every, LivingProcess, testing::ValuesIn(ways),
                         [](const auto& info) { return info.param.name; });

TEST_P(LivingProcess, DeliversEachRecordOnceThoughIoUringIsDeniedHalfway) {
    if (GetParam().backend != IoBackend::io_uring) return;
    constexpr int each = 2'000;
    std::int64_t expected = 0;
    for (const int error : {EPERM, ENOSYS, ENOMEM}) {
        const std::string wrong = in_child([&]() -> std::string {
            Client client(options());
            if (std::string not_up = client.start(); !not_up.empty()) return not_up;
            Tally tally(client.lane);
            for (int i = 0; i < each; ++i) tally.produce();
            tally.poll(1);
            if (!deny_system_call(SYS_io_uring_enter, static_cast<unsigned>(error)) ||
                !deny_system_call(SYS_io_uring_register, static_cast<unsigned>(error))) {
                return "no seccomp filter";
            }
            for (int i = 0; i < each; ++i) tally.produce();
            if (!client.producer.flush(20s).ok()) return "the flush was in vain";
            if (std::string bad = tally.check_all_delivered(); !bad.empty()) return bad;
            if (!client.producer.stop(5s)) return "the stop lost something";
            return client.lines_with("io_uring can't be used") == 1 ? "" : "not one line";
        });
        EXPECT_EQ(wrong, "") << error;
        EXPECT_EQ(appended(), expected += 2 * each);
    }
}

TEST_P(LivingProcess, SaysWhichLimitKeepsItFromStarting) {
    // Short of all descriptors, of all but one, and so on until there are enough.
    const std::string wrong = in_child([&]() -> std::string {
        for (unsigned spare = 0; spare < 10; ++spare) {
            const NoDescriptors limited(spare);
            Client client(options());
            const std::string not_up = client.start();
            if (not_up.empty()) return spare == 0 ? "started without a descriptor" : "";
            if (not_up.find("RLIMIT_NOFILE") == std::string::npos) return "said: " + not_up;
        }
        return "ten descriptors are too few";
    });
    EXPECT_EQ(wrong, "");
}

TEST_P(LivingProcess, NeedsNoLockedMemory) {
    const std::string wrong = in_child([&]() -> std::string {
        const rlimit none{0, 0};
        if (::setrlimit(RLIMIT_MEMLOCK, &none) != 0) return "no limit";
        Options o = options();
        o.io_backend = IoBackend::automatic;  // old kernels count a ring's memory
        Client client(std::move(o));
        if (std::string not_up = client.start(); !not_up.empty()) return not_up;
        Tally tally(client.lane);
        tally.produce();
        return tally.check_all_delivered();
    });
    EXPECT_EQ(wrong, "");
}

TEST_P(LivingProcess, SaysWhatAsksForTooMuchMemoryWhereAddressesAreLimited) {
#ifdef RINGPOST_SANITIZED
    GTEST_SKIP() << "sanitizers take terabytes of addresses";
#endif
    // Room for nothing at all, for a part of what a start takes, for all of it.
    for (rlim_t spare = 1 << 20;; spare += 8 << 20) {
        ASSERT_LT(spare, 512 << 20) << "there is never enough";
        const std::string said = in_child([&]() -> std::string {
            if (!limit_addresses(spare)) return "no limit";
            Client client(options());
            if (std::string not_up = client.start(); !not_up.empty()) return not_up;
            Tally tally(client.lane);
            for (int i = 0; i < 1000; ++i) tally.produce();
            return tally.check_all_delivered();
        });
        if (said.empty()) break;
        EXPECT_TRUE(names_memory(said)) << (spare >> 20) << " MB: " << said;
    }
}

TEST_P(LivingProcess, WaitsForDescriptorsAndThenDelivers) {
    for (const char* const host : {"127.0.0.1", "localhost"}) {
        const std::string wrong = in_child([&]() -> std::string {
            Options o = options();
            o.bootstrap_servers = std::string(host) + ":" + std::to_string(server->ports()[0]);
            Client client(std::move(o));
            if (std::string not_up = client.start(); !not_up.empty()) return not_up;
            Tally tally(client.lane);
            {
                const NoDescriptors none;
                for (int i = 0; i < 100; ++i) tally.produce();
                const auto before = processor_time();
                client.lane.flush(1500ms);
                // A try a second at last, and twenty in all, take no time.
                if (processor_time() - before > 150ms) return "the loop is busy";
                if (tally.reports != 0) return "something was given up";
                const std::lock_guard lock(client.mutex);
                if (client.lines.empty() || client.lines.size() > 3) {
                    return std::to_string(client.lines.size()) + " lines";
                }
                if (host[0] == '1' && client.lines[0].find("RLIMIT_NOFILE") == std::string::npos) {
                    return "said: " + client.lines[0];
                }
            }
            return tally.check_all_delivered();
        });
        EXPECT_EQ(wrong, "") << host;
    }
    EXPECT_EQ(appended(), 200);
}

TEST_P(LivingProcess, ReconnectsOnceThereAreDescriptorsAgain) {
    const std::string wrong = in_child([&]() -> std::string {
        Options o = options();
        o.connections_max_idle = 100ms;
        Client client(std::move(o));
        if (std::string not_up = client.start(); !not_up.empty()) return not_up;
        Tally tally(client.lane);
        tally.produce();
        tally.poll_rest();
        const std::size_t connected = open_descriptors();
        const auto until = std::chrono::steady_clock::now() + 10s;
        while (open_descriptors() >= connected && std::chrono::steady_clock::now() < until) {
            std::array<DeliveryReport, 1> none;
            client.lane.poll(none);
            std::this_thread::sleep_for(10ms);
        }
        {
            const NoDescriptors none;
            for (int i = 0; i < 100; ++i) tally.produce();
            client.lane.flush(500ms);
            if (tally.reports != 1) return "reported without a connection";
        }
        return tally.check_all_delivered();
    });
    EXPECT_EQ(wrong, "");
    EXPECT_EQ(appended(), 101);
}

void do_nothing(int) {}

TEST_P(LivingProcess, DeliversEachRecordOnceInAStormOfSignals) {
    constexpr int records = 100'000;
    const std::string wrong = in_child([&]() -> std::string {
        struct sigaction action {};
        action.sa_handler = do_nothing;  // and no SA_RESTART
        ::sigaction(SIGALRM, &action, nullptr);
        const itimerval often{{0, 50}, {0, 50}};
        ::setitimer(ITIMER_REAL, &often, nullptr);
        Client client(options());
        if (std::string not_up = client.start(); !not_up.empty()) return not_up;
        Tally tally(client.lane);
        for (int i = 0; i < records; ++i) {
            if (tally.produce() != Errc::none) return "a record was refused";
            if (i % 1000 == 0 && !client.lane.flush(20s).ok()) return "a flush was in vain";
        }
        if (std::string bad = tally.check_all_delivered(); !bad.empty()) return bad;
        return client.producer.stop(5s) ? "" : "the stop lost something";
    });
    EXPECT_EQ(wrong, "");
    EXPECT_EQ(appended(), records);
}

TEST_P(LivingProcess, AForkSendsNothingAndTheParentEverythingOnce) {
    const std::string wrong = in_child([&]() -> std::string {
        Options o = options();
        o.linger = 200ms;
        Client client(std::move(o));
        if (std::string not_up = client.start(); !not_up.empty()) return not_up;
        Tally tally(client.lane);
        tally.produce();
        tally.poll_rest();
        // Some are on their way, some linger, and the lane's ring has the last.
        for (int i = 0; i < 500; ++i) tally.produce();
        const std::string in_fork = io::run_in_child([&]() -> std::string {
            const auto begin = std::chrono::steady_clock::now();
            Lane& lane = client.lane;
            if (lane.produce({.topic_name = "t", .value = "v"}) != Errc::forked) return "taken";
            if (lane.produce_for({.topic_name = "t", .value = "v"}, 10s) != Errc::forked) {
                return "taken after a wait";
            }
            if (const auto up = client.producer.start(); up.error().code != Errc::forked) {
                return "started again";
            }
            if (const auto another = client.producer.open_lane();
                another.error().code != Errc::forked) {
                return "another lane";
            }
            std::array<DeliveryReport, 10> some;
            if (lane.poll_for(some, 10s) != 0) return "the parent's reports";
            client.producer.purge(Purge::all, 10s);
            client.lane = {};
            if (!client.producer.flush(10s).ok() || !client.producer.stop(10s)) return "no end";
            return std::chrono::steady_clock::now() - begin < 5s ? "" : "it waited";
        });
        if (!in_fork.empty()) return "in the fork: " + in_fork;
        return tally.check_all_delivered();
    });
    EXPECT_EQ(wrong, "");
    EXPECT_EQ(appended(), 501);
}

/// Stops the process that calls it, and has it go on after `pause`.
void sleep_like_a_laptop(std::chrono::milliseconds pause) {
    const pid_t me = ::getpid();
    const pid_t waker = ::fork();
    if (waker == 0) {
        ::kill(me, SIGSTOP);
        std::this_thread::sleep_for(pause);
        ::kill(me, SIGCONT);
        ::_exit(0);
    }
    ::waitpid(waker, nullptr, 0);
}

TEST_P(LivingProcess, ReportsWhatTimedOutWhileItWasStoppedAndGoesOn) {
    std::atomic<bool> swallows = false;
    server->call([&](fake::Cluster& cluster) {
        cluster.faults().on_request = [&](const fake::RequestAttempt& attempt) {
            return swallows && attempt.header.key == wire::ApiKey::produce
                       ? fake::RequestFate::swallow
                       : fake::RequestFate::handle;
        };
    });
    int go[2];
    ASSERT_EQ(::pipe(go), 0);
    std::thread ear([&] {
        for (char c = 0; ::read(go[0], &c, 1) == 1 && c != 'e';) swallows = c == 's';
    });
    const std::string wrong = in_child([&]() -> std::string {
        const auto tell = [&](char c) {
            const bool told = ::write(go[1], &c, 1) == 1;
            std::this_thread::sleep_for(told ? 50ms : 0ms);
        };
        Options o = options();
        o.delivery_timeout = 1s;
        o.request_timeout = 900ms;
        Client client(std::move(o));
        if (std::string not_up = client.start(); !not_up.empty()) return not_up;
        Tally tally(client.lane);
        tally.produce();
        tally.poll_rest();
        tell('s');
        for (int i = 0; i < 100; ++i) tally.produce();
        client.lane.flush(10ms);
        sleep_like_a_laptop(3s);
        tell('g');
        // What was on its way ends by the clock that went on; what comes now has its own time.
        for (int i = 0; i < 100; ++i) tally.produce();
        if (std::string bad = tally.check(101); !bad.empty()) return bad;
        return tally.last_error == Errc::delivery_timeout ? "" : "another error";
    });
    const char end = 'e';
    EXPECT_EQ(::write(go[1], &end, 1), 1);
    ear.join();
    ::close(go[0]);
    ::close(go[1]);
    EXPECT_EQ(wrong, "");
    EXPECT_EQ(appended(), 101);
}

TEST_P(LivingProcess, TenThousandLanesLeaveNothingBehind) {
    const bool threaded = GetParam().mode == Mode::threaded;
    const std::string wrong = in_child([&]() -> std::string {
        Options o = options();
        o.lane_records_max = 100;
        o.lane_ring_bytes = 256 * 1024;
        o.message_max_bytes = 16 * 1024;
        Client client(std::move(o));
        if (std::string not_up = client.start(); !not_up.empty()) return not_up;
        std::atomic<int> refused = 0;
        const auto use_one = [&](bool wait) {
            auto lane = client.producer.open_lane();
            if (!lane || lane->produce({.topic_name = "t", .value = "v"}) != Errc::none) ++refused;
            if (lane && wait && !lane->flush(20s).ok()) ++refused;
        };
        const auto use_many = [&](int count) {
            for (int i = 0; i < count; ++i) use_one(i % 10 == 0);
            client.producer.flush(20s);
        };
        const auto crowd = [&] {
            std::vector<std::thread> threads;
            for (int t = 0; t < (threaded ? 4 : 0); ++t) {
                threads.emplace_back([&] {
                    std::vector<Lane> lanes;
                    for (int i = 0; i < 100; ++i) {
                        auto lane = client.producer.open_lane();
                        if (!lane) return void(++refused);
                        lanes.push_back(std::move(*lane));
                        if (lanes.back().produce({.topic_name = "t", .value = "v"}) != Errc::none) {
                            ++refused;
                        }
                    }
                });
            }
            for (std::thread& thread : threads) thread.join();
            client.producer.flush(20s);
        };
        crowd();
        use_many(1'000);
        const std::size_t descriptors = open_descriptors();
        const std::size_t resident = resident_bytes();
        use_many(5'000);
        crowd();
        use_many(4'000);
        if (refused != 0) return std::to_string(refused.load()) + " failed";
        if (open_descriptors() > descriptors) return "descriptors are left open";
#ifndef RINGPOST_SANITIZED
        const std::size_t now = resident_bytes();
        if (now > resident + (16 << 20)) {
            return std::to_string((now - resident) >> 20) + " MB more are resident";
        }
#else
        (void)resident;
#endif
        return client.producer.stop(10s) ? "" : "the stop lost something";
    });
    EXPECT_EQ(wrong, "");
    EXPECT_EQ(appended(), threaded ? 10'800 : 10'000);
}

}  // namespace
}  // namespace ringpost
