// SPDX-License-Identifier: Apache-2.0
// A shard with a thread of its own: named, pinned, started and joined.
#pragma once

#include <pthread.h>

#include <cstdint>
#include <optional>
#include <string>

#include <ringpost/error.h>

#include "shard/shard.h"

namespace ringpost::shard {

/// Thread: the one that owns it. The loop ends by Shard::request_stop.
class ShardThread {
public:
    explicit ShardThread(Shard& shard) : shard_(shard) {}
    ShardThread(const ShardThread&) = delete;
    ShardThread& operator=(const ShardThread&) = delete;
    ~ShardThread() { join(); }

    /// Returns once the shard is open, or has failed to. `name` is cut to the kernel's 15 bytes.
    Result<void> start(const std::string& name, std::optional<std::uint32_t> cpu);
    /// Waits for the loop's end.
    void join();

private:
    static void* main(void* self);

    Shard& shard_;
    pthread_t thread_{};
    bool started_ = false;
    std::string name_;
    std::optional<std::uint32_t> cpu_;
    Result<void> opened_;
    Signal up_;
    std::atomic<bool> is_up_{false};   ///< written by the new thread, once
};

}  // namespace ringpost::shard
