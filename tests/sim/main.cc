// SPDX-License-Identifier: Apache-2.0
// A world a seed: `sim --seed N` replays one, `sim --seeds A..B --jobs N` runs many.
#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

#include "actors.h"
#include "allocations.h"
#include "base/format.h"

namespace ringpost::sim {

namespace {

/// What the run under way would say of itself if it failed.
struct Run {
    const Plan* plan = nullptr;
    World* world = nullptr;
    std::string program;
};
Run run;

void tell(const std::string& what) {
    std::string text =
        fmt::format("sim: seed {} failed: {}\n", run.plan == nullptr ? 0 : run.plan->seed, what);
    if (run.world != nullptr) text += "last events:\n" + run.world->trace().tail();
    if (run.plan != nullptr) {
        text += run.plan->text();
        text += fmt::format("replay: {} --seed {} --verbose\n", run.program, run.plan->seed);
    }
    std::fflush(stdout);
    std::fputs(text.c_str(), stderr);
    std::fflush(nullptr);
}

/// What runs of one process add up to; shared with the parent.
struct Sum {
    std::uint64_t seeds, records, delivered, events, virtual_ms;
    std::uint64_t rounds_counted;  ///< in which the allocator must not be called
    std::uint64_t current;         ///< the seed under way
    std::uint64_t struck[fault_kinds];
};

struct Outcome {
    std::uint64_t hash = 0;
    Duration lasted;
};

using Producers = std::vector<std::unique_ptr<SimProducer>>;

/// How often a producer is used in a long rest. In the first half every broker may be met.
constexpr int rests = 24;

/// The first connection to one that was not.
constexpr std::uint64_t idle_growth_max = 512 * 1024;

bool all_quiet(const Producers& producers) {
    return std::ranges::all_of(producers, [](const auto& p) { return p->stopped() || p->quiet(); });
}

/// A record to every partition arrives.
void probe(World& world, const Producers& producers, Duration bound) {
    for (const auto& producer : producers) {
        if (!producer->asked_to_stop()) producer->probe();
    }
    if (world.run_until(world.now() + bound, [&] { return all_quiet(producers); })) {
        fail("probes have no reports");
    }
}

/// Nothing is asked of anybody.
void rest(World& world, const Producers& producers, Duration lasts) {
    for (const auto& producer : producers) producer->begin_rest(lasts);
    world.run_until(world.now() + lasts);
    for (const auto& producer : producers) {
        producer->check_at_rest();
        producer->begin_rest({});
    }
}

/// Rested and used by turns: everything arrives, and no memory is held that was not before.
void rest_long(World& world, const Producers& producers, Duration lasts, Duration bound) {
    std::uint64_t bytes = 0;
    for (int i = 1; i <= rests; ++i) {
        rest(world, producers, lasts / rests);
        probe(world, producers, bound);
        if (i == rests / 2) bytes = library_bytes();
    }
    if (library_bytes() > bytes + idle_growth_max) {
        fail(fmt::format("{} bytes after half of a rest, {} at its end", bytes, library_bytes()));
    }
}

/// The whole life of a world, with so long a rest before its end. Ends the process if a promise is
/// broken.
Outcome simulate(std::uint64_t seed, bool verbose, Duration idle, Sum& sum) {
    const Plan plan = draw_plan(seed, idle > Duration{});
    World world(plan, verbose);
    run.plan = &plan;
    run.world = &world;
    if (verbose) std::fputs(plan.text().c_str(), stdout);
    const Instant began = world.now();
    Oracle oracle(world, plan);
    Producers producers;
    for (std::uint32_t i = 0; i < plan.producers.size(); ++i) {
        producers.push_back(std::make_unique<SimProducer>(world, oracle, plan, i));
    }
    for (const auto& producer : producers) {
        world.after(Duration::us(world.dice().below(100'000)), [&producer] { producer->start(); });
    }
    world.run_until(world.now() + Duration::ms(100));
    world.on_freeze = [&](Duration duration) {
        const auto count = static_cast<std::uint32_t>(producers.size());
        producers[world.dice().below(count)]->freeze(duration);
    };

    // Safety: all that can go wrong does; what is wrong in the end, the oracle finds.
    world.begin_faults();
    if (plan.stop_early) {
        const auto when = Duration::ns(world.dice().between(1, plan.faults_last.count_ns()));
        const Duration timeout =
            world.dice().one_in(3) ? Duration{} : Duration::ms(world.dice().magnitude(1, 5'000));
        world.after(when, [&producers, timeout] { producers[0]->stop(timeout); });
    }
    world.run_until(world.now() + plan.faults_last);

    // Liveness: nothing goes wrong any more, and everything comes to its end in time.
    world.heal();
    for (const auto& producer : producers) world.run_until(producer->frozen_until());
    Duration bound = Duration::seconds(10);
    for (const auto& producer : producers) {
        producer->calm_down();
        bound = std::max(bound, producer->at_rest_within() + Duration::seconds(6));
    }
    if (world.run_until(world.now() + bound, [&] { return all_quiet(producers); })) {
        std::string warm_ups;
        for (const auto& producer : producers) warm_ups += producer->unfinished_warm_ups();
        fail(fmt::format("{} of {} records have no report {} ms after the last fault{}",
                         oracle.unreported(), oracle.accepted(), bound.count_ms(), warm_ups));
    }
    // All is well: then a new record arrives, wherever it goes; where records have been, others
    // follow without a call to the allocator.
    std::uint64_t allocated = 0;
    Instant began_round;
    for (int round = 0; round < 3; ++round) {
        world.run_until(world.now() + Duration::seconds(2));
        allocated = allocations();
        began_round = world.now();
        probe(world, producers, bound);
    }
    // An answer may come in pieces for a while.
    const bool warm = world.last_question() + Duration::seconds(1) < began_round;
    if (warm && !plan.has_snappy() && allocations() != allocated) {
        fail(fmt::format("{} calls to the allocator", allocations() - allocated));
    }
    sum.rounds_counted += warm;
    rest(world, producers, Duration::seconds(2));
    if (idle > Duration{}) rest_long(world, producers, idle, bound);
    for (const auto& producer : producers) producer->stop(Duration::seconds(1));
    world.run_until(world.now() + Duration::seconds(2));
    for (const auto& producer : producers) producer->check_at_rest();
    oracle.check();
    for (const auto& producer : producers) producer->check_statistics();

    const Duration lasted = world.now() - began;
    ++sum.seeds;
    sum.records += oracle.accepted();
    sum.delivered += oracle.delivered();
    sum.events += world.trace().count();
    sum.virtual_ms += static_cast<std::uint64_t>(lasted.count_ms());
    for (std::size_t i = 0; i < fault_kinds; ++i) sum.struck[i] += world.struck()[i];
    producers.clear();
    run.world = nullptr;
    return {world.trace().hash(), lasted};
}

/// One process's share: every `jobs`th seed from `from` on. Its exit code says how it went.
[[noreturn]] void work(std::uint64_t from, std::uint64_t to, std::uint64_t step, bool twice,
                       Duration idle, Sum& sum) {
    for (std::uint64_t seed = from; seed <= to; seed += step) {
        sum.current = seed;
        const Outcome first = simulate(seed, false, idle, sum);
        if (twice) {
            Sum again{};
            if (simulate(seed, false, idle, again).hash != first.hash)
                fail("the same seed ran otherwise");
        }
    }
    sum.current = UINT64_MAX;
    _exit(0);
}

void print(const Sum& sum, double seconds, unsigned jobs, std::size_t failures) {
    fmt::print(
        "{} seeds, {} records accepted, {} delivered, {} events, {:.1f} virtual hours, "
        "{:.0f} virtual seconds a second a core\n",
        sum.seeds, sum.records, sum.delivered, sum.events,
        static_cast<double>(sum.virtual_ms) / 3.6e6,
        static_cast<double>(sum.virtual_ms) / 1e3 / std::max(seconds, 1e-9) / jobs);
    fmt::print("{} worlds in which the allocator was to be left alone\n", sum.rounds_counted);
    fmt::print("faults:");
    for (std::size_t i = 0; i < fault_kinds; ++i) {
        fmt::print(" {} {}", name_of(static_cast<Fault>(i)), sum.struck[i]);
    }
    fmt::print("\n{} of {} seeds failed in {:.1f} s\n", failures, sum.seeds + failures, seconds);
}

/// All the seeds, in `jobs` processes; a seed that fails takes its process with it, and another
/// goes on behind it.
int run_many(std::uint64_t from, std::uint64_t to, unsigned jobs, bool twice, Duration idle,
             std::size_t enough) {
    const auto began = std::chrono::steady_clock::now();
    auto* sums = static_cast<Sum*>(mmap(nullptr, sizeof(Sum) * jobs, PROT_READ | PROT_WRITE,
                                        MAP_SHARED | MAP_ANONYMOUS, -1, 0));
    std::vector<pid_t> workers(jobs);
    const auto begin = [&](unsigned job, std::uint64_t seed) {
        std::fflush(nullptr);
        workers[job] = fork();
        if (workers[job] == 0) work(seed, to, jobs, twice, idle, sums[job]);
    };
    for (unsigned job = 0; job < jobs; ++job) begin(job, from + job);
    std::vector<std::uint64_t> failed;
    for (unsigned left = jobs; left > 0;) {
        int status = 0;
        const pid_t ended = waitpid(-1, &status, 0);
        const auto job = static_cast<unsigned>(std::ranges::find(workers, ended) - workers.begin());
        if (job >= jobs) continue;
        if (status == 0) {
            --left;
            continue;
        }
        failed.push_back(sums[job].current);
        if (sums[job].current + jobs <= to && failed.size() < enough) {
            begin(job, sums[job].current + jobs);
        } else {
            --left;
        }
    }
    Sum sum{};
    for (unsigned job = 0; job < jobs; ++job) {
        sum.seeds += sums[job].seeds;
        sum.records += sums[job].records;
        sum.delivered += sums[job].delivered;
        sum.events += sums[job].events;
        sum.virtual_ms += sums[job].virtual_ms;
        sum.rounds_counted += sums[job].rounds_counted;
        for (std::size_t i = 0; i < fault_kinds; ++i) sum.struck[i] += sums[job].struck[i];
    }
    const std::chrono::duration<double> took = std::chrono::steady_clock::now() - began;
    print(sum, took.count(), jobs, failed.size());
    std::ranges::sort(failed);
    for (const std::uint64_t seed : failed) fmt::print("failed seed: {}\n", seed);
    return failed.empty() ? 0 : 1;
}

void on_abort(int) {
    tell("an assertion failed, or memory was misused");
    _exit(1);
}

}  // namespace

void fail(const std::string& what) {
    tell(what);
    _exit(1);
}

}  // namespace ringpost::sim

int main(int argc, char** argv) {
    using namespace ringpost::sim;
    CLI::App app("Runs ringpost in simulated worlds, each drawn from a seed.");
    std::uint64_t seed = 0;
    std::string seeds;
    unsigned jobs = 1;
    std::size_t enough = 20;
    bool verbose = false;
    bool twice = false;
    std::int64_t idle_hours = 0;
    auto* one = app.add_option("--seed", seed, "run this one");
    auto* many = app.add_option("--seeds", seeds, "run these: A..B");
    app.add_option("--jobs", jobs, "processes (1)")->check(CLI::Range(1, 256));
    app.add_option("--enough", enough, "stop after so many failed seeds (20)");
    app.add_flag("--verbose", verbose, "print every event");
    app.add_flag("--twice", twice, "run each seed twice and compare what happened");
    app.add_option("--idle", idle_hours, "hours that each world rests before it is used again (0)");
    one->excludes(many);
    CLI11_PARSE(app, argc, argv);
    const auto idle = ringpost::Duration::seconds(idle_hours * 3600);
    run.program = argv[0];
    signal(SIGABRT, on_abort);
    signal(SIGSEGV, on_abort);
    if (*many) {
        std::uint64_t from = 0;
        std::uint64_t to = 0;
        if (std::sscanf(seeds.c_str(), "%lu..%lu", &from, &to) != 2 || to < from) {
            std::fprintf(stderr, "sim: --seeds takes A..B, not '%s'\n", seeds.c_str());
            return 2;
        }
        return run_many(from, to, jobs, twice, idle, enough);
    }
    Sum sum{};
    const auto began = std::chrono::steady_clock::now();
    const Outcome outcome = simulate(seed, verbose, idle, sum);
    const std::chrono::duration<double> took = std::chrono::steady_clock::now() - began;
    print(sum, took.count(), 1, 0);
    fmt::print("trace hash {:016x}\n", outcome.hash);
    return 0;
}
