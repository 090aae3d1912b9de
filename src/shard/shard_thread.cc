// SPDX-License-Identifier: Apache-2.0
// Starting and ending a shard's thread.
#include "shard/shard_thread.h"

#include <sched.h>
#include <signal.h>

#include <cstring>

namespace ringpost::shard {

Result<void> ShardThread::start(const std::string& name, std::optional<std::uint32_t> cpu) {
    name_ = name.substr(0, 15);
    cpu_ = cpu;
    // The program's signals are the program's: none is handled on this thread.
    sigset_t all;
    sigset_t before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    const int error = pthread_create(&thread_, nullptr, &ShardThread::main, this);
    pthread_sigmask(SIG_SETMASK, &before, nullptr);
    if (error != 0) {
        return Error{Errc::system_error,
                     fmt::format("no thread for a shard: {} (RLIMIT_NPROC, or no memory)",
                                 std::strerror(error))};
    }
    started_ = true;
    while (!is_up_.load(std::memory_order_acquire)) {
        const std::uint32_t seen = up_.prepare();
        if (is_up_.load(std::memory_order_acquire)) {
            up_.cancel();
            break;
        }
        up_.wait(seen, Duration::seconds(1));
    }
    if (!opened_) join();
    return opened_;
}

void* ShardThread::main(void* self) {
    auto& me = *static_cast<ShardThread*>(self);
    pthread_setname_np(pthread_self(), me.name_.c_str());
    bool pinned = true;
    if (me.cpu_) {
        cpu_set_t set;
        CPU_ZERO(&set);
        CPU_SET(*me.cpu_, &set);
        pinned = pthread_setaffinity_np(pthread_self(), sizeof set, &set) == 0;
    }
    me.opened_ = pinned ? me.shard_.open()
                        : Result<void>(Error{Errc::invalid_option,
                                             fmt::format("cpu.affinity: there is no CPU {} for us",
                                                         *me.cpu_)});
    const bool run = static_cast<bool>(me.opened_);
    me.is_up_.store(true, std::memory_order_release);
    me.up_.notify();
    if (!run) return nullptr;
    while (!me.shard_.finished()) me.shard_.turn(Instant::never());
    me.shard_.close();
    return nullptr;
}

void ShardThread::join() {
    if (!started_) return;
    pthread_join(thread_, nullptr);
    started_ = false;
}

}  // namespace ringpost::shard
