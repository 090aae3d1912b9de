// SPDX-License-Identifier: Apache-2.0
// What a producer and its lanes share: the shards, the names, the state. Lives until the last of
// them is gone, so a lane may be used, to no effect, after its producer.
#pragma once

#include <pthread.h>

#include <atomic>
#include <cstdint>
#include <memory>
#include <vector>

#include <ringpost/options.h>
#include <ringpost/producer.h>

#include "api/credits.h"
#include "api/topic_table.h"
#include "shard/shard.h"
#include "shard/shard_thread.h"

namespace ringpost::api {

struct ShardHost {
    explicit ShardHost(const shard::ShardOptions& options) : shard(options), thread(shard) {}
    std::atomic<std::uint32_t> lanes{0};       ///< those that the shard knows, closed ones too
    shard::Shard shard;
    shard::ShardThread thread;
};

/// A word that is zero in a forked child (MADV_WIPEONFORK), so that asking costs one load. It also
/// says whether records are taken: of the states, nearly all of them need no other look.
class ForkMark {
public:
    ForkMark();
    ~ForkMark();
    ForkMark(const ForkMark&) = delete;
    ForkMark& operator=(const ForkMark&) = delete;
    bool forked() const {
        return word_ != nullptr && word_->load(std::memory_order_relaxed) == 0;
    }
    /// Before that, the shards are there. Not in a child, nor where forks can't be noticed.
    void set_open(bool open) {
        if (word_ != nullptr && !forked()) {
            // pairs with the acquire load in is_open
            word_->store(open ? opened : closed, std::memory_order_release);
        }
    }
    bool is_open() const {
        return word_ != nullptr && word_->load(std::memory_order_acquire) == opened;
    }

private:
    static constexpr std::uint64_t closed = 1;
    static constexpr std::uint64_t opened = 2;
    std::atomic<std::uint64_t>* word_ = nullptr;  ///< a page
};

struct Host {
    explicit Host(Options o, std::shared_ptr<TopicTable> names = std::make_shared<TopicTable>())
        : options(std::move(o)), topics(std::move(names)), credits(options.queue_records_max) {}
    Host(const Host&) = delete;
    Host& operator=(const Host&) = delete;
    ~Host() {
        if (!fork_mark.forked()) return;
        // The rings, sockets and threads are the parent's: a child leaves them alone.
        for (auto& shard : shards) (void)shard.release();
    }

    const Options options;
    const std::shared_ptr<TopicTable> topics;  ///< handles outlive a stop and a start
    const std::uint64_t serial = next_serial();    ///< no other host of this process has it
    Credits credits;                           ///< outlives the shards, which give lanes' back
    shard::Signal report_signal;               ///< likewise; for who polls shared reports
    std::vector<std::unique_ptr<ShardHost>> shards;
    ForkMark fork_mark;
    std::atomic<Producer::State> state{Producer::State::created};
    pthread_t owner_thread{};                  ///< inline mode: who may call

    static std::uint64_t next_serial() {
        static std::atomic<std::uint64_t> last{0};
        return last.fetch_add(1, std::memory_order_relaxed) + 1;
    }
    /// What waits are measured by.
    Instant now(shard::Shard& shard) const;
    Timeout max_block() const {
        return options.max_block.count() < 0 ? forever : Timeout(options.max_block);
    }
    bool on_owner_thread() const { return pthread_equal(owner_thread, pthread_self()) != 0; }
    bool inline_mode() const { return options.mode == Mode::inline_; }
    /// Inline mode: a call by another thread than the one that started.
    bool wrong_thread() const { return inline_mode() && !on_owner_thread(); }
    /// The shards are there. Other threads may look at them from then on.
    bool ever_ran() const {
        // pairs with the store at the end of start
        return state.load(std::memory_order_acquire) != Producer::State::created &&
               !shards.empty();
    }
    /// none, or why no record can be taken.
    Errc refusal() const {
        if (fork_mark.forked()) [[unlikely]] return Errc::forked;
        const auto now = state.load(std::memory_order_acquire);
        if (now == Producer::State::running || now == Producer::State::flushing) [[likely]] {
            return Errc::none;
        }
        return now == Producer::State::created ? Errc::not_started : Errc::stopped;
    }
};

/// Waits until `done()` or the timeout: on the signal, or by turning the shard's loop inline.
/// Returns done()'s last answer.
template <typename Done>
bool wait_for(Host& host, shard::Shard& shard, shard::Signal& signal, Timeout timeout, Done&& done);

}  // namespace ringpost::api

#include "api/wait.h"
