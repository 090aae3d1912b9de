// SPDX-License-Identifier: Apache-2.0
// System calls by the tracepoint that `perf stat -e raw_syscalls:sys_enter` counts by, the rest by
// getrusage.
#include "kernel_counts.h"

#include <fmt/format.h>
#include <linux/perf_event.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <cerrno>
#include <cstddef>
#include <cstring>
#include <fstream>

namespace ringpost::bench {

namespace {

/// The tracepoint's number, or -1.
int tracepoint() {
    for (const char* root : {"/sys/kernel/tracing", "/sys/kernel/debug/tracing"}) {
        std::ifstream id(fmt::format("{}/events/raw_syscalls/sys_enter/id", root));
        if (int number = 0; id >> number) return number;
    }
    return -1;
}

/// A counter of this thread and of all that it will begin, for the calls that the filter lets pass.
int open_counter(int tracepoint, const std::string& filter) {
    perf_event_attr attributes{};
    attributes.size = sizeof attributes;
    attributes.type = PERF_TYPE_TRACEPOINT;
    attributes.config = static_cast<std::uint64_t>(tracepoint);
    attributes.inherit = 1;
    const auto descriptor = static_cast<int>(
        syscall(SYS_perf_event_open, &attributes, 0, -1, -1, PERF_FLAG_FD_CLOEXEC));
    if (descriptor >= 0 && !filter.empty() &&
        ioctl(descriptor, PERF_EVENT_IOC_SET_FILTER, filter.c_str()) != 0) {
        close(descriptor);
        return -1;
    }
    return descriptor;
}

}  // namespace

KernelCounts::KernelCounts() {
    const int id = tracepoint();
    if (id < 0) {
        refused_ = "no tracefs at /sys/kernel/tracing that this user may read";
        return;
    }
    const int all = open_counter(id, "");
    if (all < 0) {
        refused_ = fmt::format("perf_event_open: {}", std::strerror(errno));
        return;
    }
    events_.push_back({"system_calls", all});
    const std::pair<const char*, int> apart[] = {{"io_uring_enter", SYS_io_uring_enter},
                                                 {"futex", SYS_futex},
                                                 {"poll", SYS_poll},
                                                 {"sendmsg", SYS_sendmsg},
                                                 {"recvmsg", SYS_recvmsg},
                                                 {"read", SYS_read},
                                                 {"write", SYS_write}};
    for (const auto& [name, number] : apart) {
        const int descriptor = open_counter(id, fmt::format("id == {}", number));
        if (descriptor >= 0) events_.push_back({name, descriptor});
    }
}

KernelCounts::~KernelCounts() {
    for (const Event& event : events_) close(event.descriptor);
}

namespace {

/// The first places of a snapshot; those of the events follow.
constexpr const char* always[] = {"minor_faults", "major_faults", "voluntary_switches",
                                  "involuntary_switches", "cpu_ms"};

}  // namespace

KernelCounts::Snapshot KernelCounts::now() const {
    rusage usage{};
    getrusage(RUSAGE_SELF, &usage);
    timespec cpu{};
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &cpu);
    const auto cpu_s = static_cast<double>(cpu.tv_sec) + 1e-9 * static_cast<double>(cpu.tv_nsec);
    Snapshot counts{static_cast<double>(usage.ru_minflt), static_cast<double>(usage.ru_majflt),
                    static_cast<double>(usage.ru_nvcsw), static_cast<double>(usage.ru_nivcsw),
                    cpu_s * 1e3};
    std::size_t place = std::size(always);
    for (const Event& event : events_) {
        std::uint64_t value = 0;
        if (read(event.descriptor, &value, sizeof value) == sizeof value) {
            counts[place] = static_cast<double>(value);
        }
        ++place;
    }
    return counts;
}

Counts KernelCounts::between(const Snapshot& before, const Snapshot& after, double divisor) const {
    Counts counts;
    const auto put = [&](const std::string& name, std::size_t place) {
        counts[name] = (after[place] - before[place]) / divisor;
    };
    std::size_t place = 0;
    for (const char* name : always) put(name, place++);
    for (const Event& event : events_) put(event.name, place++);
    return counts;
}

}  // namespace ringpost::bench
