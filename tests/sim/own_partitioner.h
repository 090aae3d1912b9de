// SPDX-License-Identifier: Apache-2.0
// A program's own partitioner, not always a sane one.
#pragma once

#include <ringpost/partitioner.h>

namespace ringpost::sim {

/// Places keys by their hash, the rest anywhere, and a few records nowhere at all.
class SimPartitioner final : public OwnPartitioner {
public:
    std::int32_t choose(const PartitionQuestion& question) noexcept override {
        const std::uint64_t dice = question.random >> 32;
        if (dice % 64 == 0) return static_cast<std::int32_t>(question.random);
        if (!question.key.is_null()) return question.key_modulo(KeyHash::sha1);
        if (dice % 3 == 0 || question.led.empty()) return any_partition;
        return question.led[question.random % question.led.size()];
    }
};

}  // namespace ringpost::sim
