// SPDX-License-Identifier: Apache-2.0
// What this process, all its threads together, has asked of the kernel.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace ringpost::bench {

/// By name; a name is missing where the machine does not permit to count it.
using Counts = std::map<std::string, double>;

/// Thread:    made before the process has other threads: those begun later are counted with it.
class KernelCounts {
public:
    KernelCounts();
    KernelCounts(const KernelCounts&) = delete;
    KernelCounts& operator=(const KernelCounts&) = delete;
    ~KernelCounts();

    /// Since the process began; without an allocation, as a bench may count these, too.
    using Snapshot = std::array<double, 16>;
    Snapshot now() const;
    /// What came between two snapshots, divided.
    Counts between(const Snapshot& before, const Snapshot& after, double divisor) const;
    /// Why system calls are not counted; empty if they are.
    const std::string& refused() const { return refused_; }

private:
    struct Event {
        std::string name;
        int descriptor;
    };
    std::vector<Event> events_;
    std::string refused_;
};

}  // namespace ringpost::bench
