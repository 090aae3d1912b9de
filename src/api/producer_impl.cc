// SPDX-License-Identifier: Apache-2.0
// A producer's beginning and end.
#include "api/producer_impl.h"

#include <sched.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <unistd.h>

#include <algorithm>
#include <bit>

#include "api/bootstrap.h"
#include "api/compression.h"
#include "api/thread_lanes.h"
#include "base/limits.h"
#include "base/sha1.h"

namespace ringpost::api {

ForkMark::ForkMark() {
    const auto page_bytes = static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
    void* page =
        mmap(nullptr, page_bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (page == MAP_FAILED) return;  // then forks are not noticed; nothing else is lost
    if (madvise(page, page_bytes, MADV_WIPEONFORK) != 0) {
        munmap(page, page_bytes);
        return;
    }
    word_ = new (page) std::atomic<std::uint64_t>(closed);
}

ForkMark::~ForkMark() {
    if (word_ != nullptr) munmap(word_, static_cast<std::size_t>(sysconf(_SC_PAGESIZE)));
}

shard::ShardOptions shard_options(const Options& o, std::uint32_t index) {
    const Log log(o.log_level, o.log_sink);
    shard::ShardOptions s;
    produce::Config& p = s.produce;
    p.seeds = *parse_bootstrap_servers(o.bootstrap_servers);
    p.acks = o.acks;
    p.idempotent = o.enable_idempotence && o.acks == Acks::all;
    p.max_in_flight = o.max_in_flight;
    p.unhashed = produce::unhashed_by(o);
    p.own = o.own_partitioner;
    p.adaptive_partitioning = o.adaptive_partitioning;
    p.availability_timeout = Duration::from(o.availability_timeout);
    p.linger = Duration::from(o.linger);
    p.linger_adaptive = o.linger_adaptive;
    p.batch_bytes = o.batch_bytes;
    p.batch_records = o.batch_records;
    p.request_bytes_max = o.request_bytes_max;
    p.compression = compression_of(o);
    p.topic_compression = topic_compression_of(o);
    p.delivery_timeout = Duration::from(o.delivery_timeout);
    p.request_timeout = Duration::from(o.request_timeout);
    p.retries = o.retries;
    p.retry_backoff = Duration::from(o.retry_backoff);
    p.retry_backoff_max = Duration::from(o.retry_backoff_max);
    p.metadata_max_age = Duration::from(o.metadata_max_age);
    p.metadata_max_idle = Duration::from(o.metadata_max_idle);
    p.metadata_recovery = o.metadata_recovery;
    p.rebootstrap_trigger = Duration::from(o.rebootstrap_trigger);
    p.topic_wait = std::min(Duration::from(o.topic_wait), p.delivery_timeout);
    p.allow_auto_create_topics = o.allow_auto_create_topics;
    p.statistics = o.statistics;
    p.log = log;
    p.connection = {.client_id = o.client_id,
                    .setup_timeout = Duration::from(o.connection_setup_timeout),
                    .request_timeout = Duration::from(o.request_timeout),
                    .idle_max = Duration::from(o.connections_max_idle),
                    .backoff = Duration::from(o.reconnect_backoff),
                    .backoff_max = Duration::from(o.reconnect_backoff_max),
                    .inflight_max = o.max_in_flight,
                    .log = log};
    s.io.backend = o.io_backend == IoBackend::io_uring ? io::Backend::io_uring
                   : o.io_backend == IoBackend::epoll  ? io::Backend::epoll
                                                       : io::Backend::automatic;
    s.io.capabilities = o.io_capabilities;
    s.io.sockets_max = limits::brokers_max;
    // The kernel counts a connect by the same time: it must not cut the one that we give it short.
    s.io.tuning = {.keepalive = o.socket_keepalive,
                   .user_timeout = std::max(p.request_timeout, p.connection.setup_timeout)};
    s.io.log = log;
    s.block_bytes_max = block_bytes_for(o);
    s.memory_bytes = o.buffer_memory / s.block_bytes_max * s.block_bytes_max;
    s.placement = {.huge_pages = o.huge_pages, .numa_node = o.numa_node};
    s.wake_bytes = std::min<std::uint64_t>(o.batch_bytes, o.lane_ring_bytes / 4);
    s.records_max = o.queue_records_max;
    s.lane_records_max = o.lane_records_max;
    s.spin = Duration::from(o.spin);
    std::uint64_t seed = index;
    if (getrandom(&seed, sizeof seed, 0) != sizeof seed)
        seed ^= std::uint64_t(monotonic_now().count_ns());
    s.seed = seed;
    return s;
}

namespace {

/// All of it is touched at start: more than there is would have the kernel end the program.
Result<void> check_memory(const Options& o) {
    const auto machine = static_cast<std::uint64_t>(sysconf(_SC_PHYS_PAGES)) *
                         static_cast<std::uint64_t>(sysconf(_SC_PAGESIZE));
    if (o.buffer_memory <= machine / o.shards) return {};
    return Error{Errc::out_of_memory,
                 fmt::format("buffer.memory={} for each of {} shard(s) is more than the {} bytes "
                             "of this machine",
                             o.buffer_memory, o.shards, machine)};
}

/// Before a record is refused for what the machine lacks.
Result<void> check_hash(const Options& o) {
    if (produce::unhashed_by(o) != produce::Unhashed::sha1) return {};
    if (Sha1().usable()) return {};
    return Error{Errc::system_error,
                 "partitioner=hashing needs SHA-1, which this machine's libcrypto does not give"};
}

std::uint32_t cpus_usable() {
    cpu_set_t cpus;
    // The call fails only where there are more than the set has room for.
    if (sched_getaffinity(0, sizeof cpus, &cpus) != 0) return CPU_SETSIZE;
    return static_cast<std::uint32_t>(CPU_COUNT(&cpus));
}

}  // namespace

Result<void> ProducerImpl::start() {
    if (host_->fork_mark.forked()) return Error{Errc::forked, std::string(message(Errc::forked))};
    const std::lock_guard lock(lifecycle_);
    return start_locked();
}

Result<void> ProducerImpl::start_locked() {
    if (host_->state.load() == Producer::State::stopped) begin_anew();
    if (host_->state.load() != Producer::State::created) return {};
    if (Result<void> valid = host_->options.validate(); !valid) return valid;
    if (Result<void> fits = check_memory(host_->options); !fits) return fits;
    if (Result<void> exists = shard::check_numa_node(host_->options.numa_node); !exists) {
        return exists;
    }
    if (Result<void> hashes = check_hash(host_->options); !hashes) return hashes;
    return start_shards();
}

/// Everything new but the names. Whoever still has a lane keeps its stopped host alive.
void ProducerImpl::begin_anew() {
    shelf_->close();
    shelf_ = std::make_shared<LaneShelf>();
    host_ = std::make_shared<Host>(host_->options, host_->topics);
    stopped_clean_ = true;
}

Result<void> ProducerImpl::start_shards() {
    Host& host = *host_;
    host.owner_thread = pthread_self();
    for (std::uint32_t i = 0; i < host.options.shards; ++i) {
        shard::ShardOptions each = shard_options(host.options, i);
        each.spin = shard::SpinBudget::allowed(each.spin, host.options.shards, cpus_usable());
        host.shards.push_back(std::make_unique<ShardHost>(each));
        ShardHost& shard = *host.shards.back();
        std::optional<std::uint32_t> cpu;
        if (!host.options.cpus.empty()) cpu = host.options.cpus[i % host.options.cpus.size()];
        Result<void> up =
            host.inline_mode()
                ? shard.shard.open()
                : shard.thread.start(fmt::format("{}-{}", host.options.thread_name, i), cpu);
        if (!up) {
            host.shards.pop_back();
            for (const auto& started : host.shards) started->shard.request_stop(Duration{});
            host.shards.clear();
            return up;
        }
    }
    host.state.store(Producer::State::running, std::memory_order_release);
    host.fork_mark.set_open(true);
    return {};
}

// Lanes
// --------------------------------------------------------------------------------------------

Result<std::shared_ptr<LaneImpl>> ProducerImpl::open_lane(Reports reports) {
    // Not behind a stop, which may take its time; nor, in a child, behind whoever had the lock.
    const Errc refusal = host_->refusal();
    if (refusal != Errc::none && refusal != Errc::not_started) {
        return Error{refusal, std::string(message(refusal))};
    }
    const std::lock_guard lock(lifecycle_);
    if (host_->options.auto_start && host_->state.load() == Producer::State::created) {
        if (Result<void> up = start_locked(); !up) return up.error();
    }
    auto lane = api::open_lane(host_, reports);
    if (lane && (*lane)->shared()) shelf_->add(*lane);
    return lane;
}

Result<std::shared_ptr<LaneImpl>> open_lane(const std::shared_ptr<Host>& shared_host,
                                            Reports reports) {
    Host& host = *shared_host;
    if (const Errc refusal = host.refusal(); refusal != Errc::none) {
        return Error{refusal, std::string(message(refusal))};
    }
    if (host.wrong_thread()) {
        return Error{Errc::wrong_thread, std::string(message(Errc::wrong_thread))};
    }
    ShardHost& shard = **std::min_element(host.shards.begin(), host.shards.end(),
                                          [](const auto& a, const auto& b) {
                                              return a->lanes.load(std::memory_order_relaxed) <
                                                     b->lanes.load(std::memory_order_relaxed);
                                          });
    if (shard.lanes.load(std::memory_order_relaxed) >= limits::lanes_max) {
        return Error{Errc::too_many_lanes,
                     fmt::format("a shard has {} lanes at most", limits::lanes_max)};
    }
    const Options& o = host.options;
    const shard::Lend lend = o.delivery_reports_with_records ? shard::Lend::all
                             : reports == Reports::none      ? shard::Lend::none
                                                             : shard::Lend::failed;
    auto channel = std::make_shared<shard::LaneChannel>(
        std::bit_floor(o.lane_ring_bytes), std::min(o.lane_records_max, o.queue_records_max), lend,
        shard.shard.lane_placement());
    if (reports != Reports::all) {
        channel->refund = [&credits = host.credits](std::uint32_t n) { credits.give(n); };
        channel->refund_failed = reports == Reports::none;
    }
    auto lane = std::make_shared<LaneImpl>(shared_host, shard, channel, reports);
    if (lane->shared()) lane->tell(host.report_signal);
    if (!channel->usable() || !lane->usable()) {
        return Error{Errc::out_of_memory,
                     "no memory for a lane: lower lane.ring.bytes or lane.records.max"};
    }
    shard.shard.lanes().add(channel);
    if (!host.inline_mode()) shard.shard.wake_if_parked();
    return lane;
}

LaneImpl* ProducerImpl::thread_lane(Errc& error) noexcept {
    ThreadLane* mine = find_thread_lane(host_->serial);
    if (mine != nullptr && mine->own != nullptr) [[likely]] return mine->own.get();
    auto opened = open_lane(host_->options.delivery_reports);
    if (!opened) return error = opened.error().code, nullptr;
    if (mine == nullptr) mine = &add_thread_lane(host_->serial, shelf_);
    mine->own = std::move(*opened);
    return mine->own.get();
}

ReportReader::Read ProducerImpl::read_for(std::span<DeliveryReport> out, std::size_t callbacks_max,
                                          Timeout timeout) noexcept {
    Host& host = *host_;
    if (host.fork_mark.forked() || !host.ever_ran() || host.wrong_thread()) return {};
    ThreadLane* mine = find_thread_lane(host.serial);
    ReportReader::Read sum;
    const auto add = [&](const ReportReader::Read& some) {
        sum.reports += some.reports;
        sum.callbacks += some.callbacks;
    };
    const auto look = [&] {
        if (mine != nullptr) {
            // Not at the end of the poll before: its reports may have shown a lane's last bytes.
            std::erase_if(mine->adopted, [](const auto& lane) { return lane->spent(); });
        }
        if (auto adopted = shelf_->adopt(); adopted != nullptr) {
            if (mine == nullptr) mine = &add_thread_lane(host.serial, shelf_);
            // One signal for all that this thread reads.
            adopted->tell(host.report_signal);
            if (mine->own != nullptr) mine->own->tell(host.report_signal);
            mine->adopted.push_back(std::move(adopted));
        }
        const auto read = [&](LaneImpl& lane) {
            add(lane.read_now(out.subspan(sum.reports), callbacks_max - sum.callbacks));
        };
        if (mine != nullptr && mine->own != nullptr) read(*mine->own);
        for (std::size_t i = 0; mine != nullptr && i < mine->adopted.size(); ++i) {
            read(*mine->adopted[i]);
        }
        if (host.options.delivery_reports_shared) {
            if (host.inline_mode()) host.shards[0]->shard.turn(Instant{});
            const auto some = shelf_->read(out.subspan(sum.reports), callbacks_max - sum.callbacks,
                                           host.report_signal);
            add(some);
        }
        return sum.reports + sum.callbacks != 0;
    };
    if (look() || timeout <= Timeout::zero()) return sum;
    const Instant until = deadline_after(host.now(host.shards[0]->shard), timeout);
    // Alone it waits for its own lane, else for all; and for a thread's end, whose lane it adopts.
    LaneImpl* const own = mine == nullptr ? nullptr : mine->own.get();
    const bool alone = own != nullptr && !own->shared();
    for (bool again = true; again;) {
        const bool others = !alone || !mine->adopted.empty();
        shard::Signal& signal = others ? host.report_signal : own->signal();
        const LaneShelf::Watch watch(*shelf_, signal);
        again = false;
        wait_for(host, own == nullptr ? host.shards[0]->shard : own->shard(), signal,
                 time_left(until, host.now(host.shards[0]->shard)), [&] {
                     if (look() || host.refusal() != Errc::none) return true;
                     again = !others && !mine->adopted.empty();
                     return again;
                 });
    }
    return sum;
}

// Flush, purge and stop
// ----------------------------------------------------------------------------

ProducerImpl::Totals ProducerImpl::totals() const {
    Totals sum;
    for (const auto& shard : host_->shards) {
        const ShardCounters counters = shard->shard.counters();
        sum.taken += counters.records_taken;
        sum.delivered += counters.records_delivered;
        sum.failed += counters.records_failed;
    }
    return sum;
}

FlushResult ProducerImpl::flush(Timeout timeout) noexcept {
    Host& host = *host_;
    if (host.fork_mark.forked() || !host.ever_ran() || host.wrong_thread()) return {};
    auto running = Producer::State::running;
    const bool ours = host.state.compare_exchange_strong(running, Producer::State::flushing);
    const Totals before = totals();
    const Instant until = deadline_after(monotonic_now(), timeout);
    std::vector<std::uint64_t> tickets;
    for (const auto& shard : host.shards) tickets.push_back(shard->shard.request_flush());
    bool all = true;
    for (std::size_t i = 0; i < tickets.size(); ++i) {
        shard::Shard& shard = host.shards[i]->shard;
        all &= wait_for(host, shard, shard.signal(), time_left(until, monotonic_now()),
                        [&] { return shard.flush_done(tickets[i]); });
    }
    const Totals after = totals();
    auto flushing = Producer::State::flushing;
    if (ours) host.state.compare_exchange_strong(flushing, Producer::State::running);
    const std::uint64_t reported = after.delivered + after.failed;
    return {after.delivered - before.delivered, after.failed - before.failed,
            all ? 0 : std::max<std::uint64_t>(after.taken - std::min(after.taken, reported), 1)};
}

bool ProducerImpl::purge(Purge what, Timeout timeout) noexcept {
    Host& host = *host_;
    if (host.fork_mark.forked() || !host.ever_ran() || host.wrong_thread()) return true;
    const Instant until = deadline_after(monotonic_now(), timeout);
    std::vector<std::uint64_t> tickets;
    for (const auto& shard : host.shards) tickets.push_back(shard->shard.request_purge(what));
    bool all = true;
    for (std::size_t i = 0; i < tickets.size(); ++i) {
        shard::Shard& shard = host.shards[i]->shard;
        const auto done = [&] { return shard.purge_done(tickets[i]); };
        all &= wait_for(host, shard, shard.signal(), time_left(until, monotonic_now()), done);
    }
    return all;
}

Result<void> ProducerImpl::warm_up(std::span<const std::string_view> names, Timeout timeout) {
    Host& host = *host_;
    if (const Errc refusal = host.refusal(); refusal != Errc::none) {
        return Error{refusal, std::string(message(refusal))};
    }
    if (host.wrong_thread()) {
        return Error{Errc::wrong_thread, std::string(message(Errc::wrong_thread))};
    }
    std::vector<shard::WarmUpCall::Topic> topics;
    for (const std::string_view name : names) {
        const Result<Topic> topic = host.topics->find_or_add(name);
        if (!topic) return topic.error();
        topics.push_back({topic->id(), std::string(name)});
    }
    if (topics.empty()) return {};
    const Instant until = deadline_after(monotonic_now(), timeout);
    std::vector<shard::WarmUpCallRef> calls;
    for (const auto& shard : host.shards) {
        calls.push_back(std::make_shared<shard::WarmUpCall>(topics));
        shard->shard.request_warm_up(calls.back());
    }
    Error first;
    for (std::size_t i = 0; i < calls.size(); ++i) {
        shard::Shard& shard = host.shards[i]->shard;
        const bool done = wait_for(host, shard, shard.signal(), time_left(until, monotonic_now()),
                                   [&] { return calls[i]->done() || shard.stopped(); });
        if (!calls[i]->done()) calls[i]->abandon();
        Error outcome = done && !calls[i]->done()
                            ? Error{Errc::stopped, std::string(message(Errc::stopped))}
                            : calls[i]->outcome();
        if (first.code == Errc::none) first = std::move(outcome);
    }
    if (first.code != Errc::none) return first;
    return {};
}

bool ProducerImpl::stop(Timeout timeout) noexcept {
    if (host_->fork_mark.forked()) return true;  // nobody may be left to give the lock back
    const std::lock_guard lock(lifecycle_);
    Host& host = *host_;
    if (host.state.load() == Producer::State::stopped) return stopped_clean_;
    if (!host.shards.empty() && host.wrong_thread()) return false;
    if (host.shards.empty()) {
        host.state.store(Producer::State::stopped);
        return true;
    }
    const Totals before = totals();
    host.fork_mark.set_open(false);
    host.state.store(Producer::State::stopping, std::memory_order_release);
    for (const auto& shard : host.shards) shard->shard.request_stop(Duration::from(timeout));
    for (const auto& shard : host.shards) {
        while (host.inline_mode() && !shard->shard.finished()) shard->shard.turn(Instant::never());
        shard->thread.join();
    }
    host.state.store(Producer::State::stopped, std::memory_order_release);
    host.report_signal.notify();
    return stopped_clean_ = totals().failed == before.failed;
}

}  // namespace ringpost::api
