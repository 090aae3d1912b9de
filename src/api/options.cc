// SPDX-License-Identifier: Apache-2.0
// Options: from text, checked one by one and against each other, and back to text.
#include <ringpost/options.h>

#include <bit>

#include "api/bootstrap.h"
#include "api/option_table.h"
#include "base/limits.h"
#include "base/format.h"

namespace ringpost {

namespace {

Error invalid(std::string text) { return {Errc::invalid_option, std::move(text)}; }

/// Each field through its own row: a field set from C++ has the same range as one set from text.
Result<void> check_ranges(const Options& options) {
    Options scratch;
    for (const api::OptionRow& row : api::option_table()) {
        const std::string value = row.show(options);
        if (row.set(scratch, value) || (value.empty() && row.name != "bootstrap.servers")) continue;
        return invalid(fmt::format("{}: \"{}\" is not {}", row.name, value, row.range));
    }
    return {};
}

}  // namespace

Result<void> Options::set(std::string_view name, std::string_view value) {
    const api::OptionRow* row = api::find_option(name);
    if (row == nullptr) {
        const std::string_view nearest = api::nearest_option(name);
        return invalid(fmt::format(
            "there is no option \"{}\"{}", name.substr(0, 100),
            nearest.empty() ? "; Options in the README lists those that there are"
                            : fmt::format("; did you mean \"{}\"?", nearest)));
    }
    if (!row->set(*this, value)) {
        return invalid(
            fmt::format("{}: \"{}\" is not {}", row->name, value.substr(0, 100), row->range));
    }
    return {};
}

Result<void> Options::validate() const {
    if (Result<void> ranges = check_ranges(*this); !ranges) return ranges;
    if (auto seeds = api::parse_bootstrap_servers(bootstrap_servers); !seeds) return seeds.error();
    if (enable_idempotence && enable_idempotence_asked && acks != Acks::all) {
        return invalid("enable.idempotence=true needs acks=all; leave one of the two out");
    }
    if (enable_idempotence && enable_idempotence_asked && retries == 0) {
        return invalid("enable.idempotence=true needs retries above 0; leave one of the two out");
    }
    if (request_bytes_max < message_max_bytes) {
        return invalid(fmt::format("max.request.size={} is below message.max.bytes={}",
                                   request_bytes_max, message_max_bytes));
    }
    if (retry_backoff_max < retry_backoff) {
        return invalid("retry.backoff.max.ms is below retry.backoff.ms");
    }
    if (reconnect_backoff_max < reconnect_backoff) {
        return invalid("reconnect.backoff.max.ms is below reconnect.backoff.ms");
    }
    if (delivery_timeout < linger) {
        return invalid("delivery.timeout.ms is below linger.ms: no record could be sent in time");
    }
    if (own_partitioner != nullptr && partitioner_ignore_keys) {
        return invalid("partitioner.ignore.keys=true says nothing to an own_partitioner, which is "
                       "given the keys and may ignore them; leave one of the two out");
    }
    if (mode == Mode::inline_ && shards != 1) return invalid("mode=inline has shards=1");
    const std::uint64_t ring_needed = 2ULL * (message_max_bytes + 64);
    if (std::bit_floor(lane_ring_bytes) < ring_needed) {
        return invalid(
            fmt::format("lane.ring.bytes={} has no room for message.max.bytes={}: give {} or more",
                        lane_ring_bytes, message_max_bytes, std::bit_ceil(ring_needed)));
    }
    const std::uint64_t memory_needed = 2ULL * api::block_bytes_for(*this);
    if (buffer_memory < memory_needed) {
        return invalid(
            fmt::format("buffer.memory={} is too small for message.max.bytes={}: give {} or more",
                        buffer_memory, message_max_bytes, memory_needed));
    }
    return {};
}

std::string Options::describe() const {
    std::string text;
    for (const api::OptionRow& row : api::option_table()) {
        text += fmt::format("{} = {}\n", row.name, row.show(*this));
    }
    return text;
}

}  // namespace ringpost
