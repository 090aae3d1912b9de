// SPDX-License-Identifier: Apache-2.0
// What a partitioner outside of the library is given, and the ready-made ones.
#include <utility>

#include <ringpost/partitioner.h>

#include "base/sha1.h"
#include "produce/partitioner.h"

namespace ringpost {

std::int32_t PartitionQuestion::key_modulo(KeyHash hash) const noexcept {
    if (key.is_null() || partition_count == 0) return -1;
    if (hash != KeyHash::sha1 || sha1 != nullptr) {
        return produce::key_modulo(hash, key.bytes(), partition_count, sha1);
    }
    Sha1 for_this_call;
    return produce::key_modulo(hash, key.bytes(), partition_count, &for_this_call);
}

namespace {

Error invalid(std::string_view text) { return {Errc::invalid_option, std::string(text)}; }

/// The absolute value of `hash` + `plus`, which is not negative; neither can overflow.
std::uint64_t distance_from_zero(std::int64_t hash, std::int64_t plus) {
    if (hash >= 0) return static_cast<std::uint64_t>(hash) + static_cast<std::uint64_t>(plus);
    const std::int64_t sum = hash + plus;
    return sum < 0 ? 0 - static_cast<std::uint64_t>(sum) : static_cast<std::uint64_t>(sum);
}

class Hashing final : public OwnPartitioner {
public:
    explicit Hashing(KeyHashFunction hash) : hash_(std::move(hash)) {}

    std::int32_t choose(const PartitionQuestion& question) noexcept override {
        if (question.key.is_null()) return no_partition;
        return static_cast<std::int32_t>(distance_from_zero(hash_(question.key.text()), 0) %
                                         question.partition_count);
    }

private:
    const KeyHashFunction hash_;
};

/// With the function if there is one, else with the hash of that name.
class GroupHashing final : public OwnPartitioner {
public:
    GroupHashing(KeyHash hash, KeyHashFunction function, std::int64_t group_size)
        : hash_(hash), function_(std::move(function)), group_size_(group_size) {}

    std::int32_t choose(const PartitionQuestion& question) noexcept override {
        const std::uint32_t count = question.partition_count;
        if (question.key.is_null() || group_size_ > count) return no_partition;
        const auto within =
            static_cast<std::int64_t>(question.random % static_cast<std::uint64_t>(group_size_));
        if (function_) {
            const std::uint64_t sum =
                distance_from_zero(function_(question.key.text()), within);
            return static_cast<std::int32_t>(sum % count);
        }
        const std::int32_t first = question.key_modulo(hash_);
        return first < 0 ? no_partition : static_cast<std::int32_t>((first + within) % count);
    }

private:
    const KeyHash hash_;
    const KeyHashFunction function_;
    const std::int64_t group_size_;
};

Result<std::shared_ptr<OwnPartitioner>> make_group(KeyHash hash, KeyHashFunction function,
                                                   std::int64_t group_size) {
    if (group_size < 1) return invalid("group hashing: group_size is below 1; give 1 or more");
    return std::shared_ptr<OwnPartitioner>(
        std::make_shared<GroupHashing>(hash, std::move(function), group_size));
}

}  // namespace

Result<std::shared_ptr<OwnPartitioner>> hashing_partitioner(KeyHashFunction hash) {
    if (!hash) return invalid("hashing: there is no function; partitioner=hashing has pykafka's");
    return std::shared_ptr<OwnPartitioner>(std::make_shared<Hashing>(std::move(hash)));
}

Result<std::shared_ptr<OwnPartitioner>> group_hashing_partitioner(KeyHash hash,
                                                                  std::int64_t group_size) {
    if (hash > KeyHash::sha1) return invalid("group hashing: there is no such KeyHash");
    if (hash == KeyHash::sha1 && !Sha1().usable()) {
        return Error{Errc::system_error, "group hashing: this machine's libcrypto gives no SHA-1"};
    }
    return make_group(hash, {}, group_size);
}

Result<std::shared_ptr<OwnPartitioner>> group_hashing_partitioner(KeyHashFunction hash,
                                                                  std::int64_t group_size) {
    if (!hash) return invalid("group hashing: there is no function; give one, or a KeyHash");
    return make_group(KeyHash::murmur2, std::move(hash), group_size);
}

}  // namespace ringpost
