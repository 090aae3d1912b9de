// SPDX-License-Identifier: Apache-2.0
// Options: from text, checked one by one and against each other, and back to text.
#include <ringpost/options.h>

#include <algorithm>
#include <bit>
#include <chrono>
#include <vector>

#include "api/bootstrap.h"
#include "api/compression.h"
#include "api/option_table.h"
#include "api/option_values.h"
#include "api/properties.h"
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

/// What somebody wrote may be long; a message is not.
std::string_view shortened(std::string_view text) { return text.substr(0, 100); }

/// The value is not quoted where none would be right: it may be a password.
Result<void> check_peer(const api::PeerRow& peer, std::string_view name, std::string_view value) {
    const auto is_value = [&](std::string_view word) { return api::same_word(word, value); };
    if (peer.accepted == "*" || api::any_word(peer.accepted, is_value)) return {};
    if (peer.accepted.empty()) {
        return invalid(fmt::format("{}: {}; leave it out", shortened(name), peer.why));
    }
    std::string accepted(peer.accepted);
    if (const std::size_t space = accepted.find(' '); space != accepted.npos) {
        accepted.replace(space, 1, " or ");
    }
    return invalid(fmt::format("{}: \"{}\" is not {}: {}", shortened(name), shortened(value),
                               accepted, peer.why));
}

std::string origin_of(const Options& options, const api::OptionRow& row) {
    const std::string value = row.show(options);
    for (const OptionOrigin& known : options.origins) {
        if (known.name == row.name && known.value == value) return known.origin;
    }
    return value == row.show(Options{}) ? "default" : "program";
}

void note_origin(Options& options, const api::OptionRow& row, std::string origin) {
    std::erase_if(options.origins, [&](const auto& known) { return known.name == row.name; });
    options.origins.push_back({row.name, row.show(options), std::move(origin)});
}

/// "acks=1 (FILE:3)".
std::string as_said(const Options& options, std::string_view name) {
    const api::OptionRow& row = *api::find_option(name);
    return fmt::format("{}={} ({})", name, row.show(options), origin_of(options, row));
}

/// A lane's ring holds two of the largest records, each with its header.
std::uint64_t ring_bytes_needed(const Options& o) {
    return std::bit_ceil(2 * (std::uint64_t{o.message_max_bytes} + 64));
}
std::uint64_t memory_needed(const Options& o) { return 2ULL * api::block_bytes_for(o); }

/// What is changed in `out` where `given` says nothing.
class Conflicts {
public:
    Conflicts(const Options& given, Options& out) : given_(given), out_(out) {}

    /// The option `name` becomes `value`, unless it was asked for.
    template <typename T>
    bool give_way(std::string_view name, T Options::* member, T value,
                  std::string_view to) const {
        const api::OptionRow& row = *api::find_option(name);
        if (origin_of(given_, row) != "default") return false;
        if (out_.*member == value) return true;
        out_.*member = value;
        note_origin(out_, row, fmt::format("because of {}", to));
        return true;
    }

    /// One of the two gives way; the first, if it may.
    template <typename T, typename U>
    void settle(std::string_view first, T Options::* first_member, T first_value,
                std::string_view second, U Options::* second_member, U second_value) const {
        if (!give_way(first, first_member, first_value, second)) {
            give_way(second, second_member, second_value, first);
        }
    }

    /// Requests, rings and memory grow with the largest record; a smaller request shrinks it.
    void make_room_for_records() const {
        constexpr std::string_view record = "message.max.bytes";
        if (out_.request_bytes_max < out_.message_max_bytes) {
            settle("max.request.size", &Options::request_bytes_max, out_.message_max_bytes,
                   record, &Options::message_max_bytes, out_.request_bytes_max);
        }
        if (std::bit_floor(out_.lane_ring_bytes) < ring_bytes_needed(out_)) {
            give_way("lane.ring.bytes", &Options::lane_ring_bytes,
                     static_cast<std::uint32_t>(ring_bytes_needed(out_)), record);
        }
        if (out_.buffer_memory < memory_needed(out_)) {
            give_way("buffer.memory", &Options::buffer_memory, memory_needed(out_), record);
        }
    }

private:
    const Options& given_;
    Options& out_;
};

}  // namespace

Result<void> Options::set(std::string_view name, std::string_view value,
                          std::string_view origin) {
    const api::Named named = api::find_name(name);
    if (named.peer != nullptr) return check_peer(*named.peer, name, value);
    if (named.row == nullptr) {
        const std::string_view nearest = api::nearest_option(name);
        return invalid(fmt::format(
            "there is no option \"{}\"{}", shortened(name),
            nearest.empty() ? "; `ringpost options` lists those that there are"
                            : fmt::format("; did you mean \"{}\"?", nearest)));
    }
    const api::OptionRow& row = *named.row;
    const auto set = named.alias != nullptr ? named.alias->set : row.set;
    if (!set(*this, value)) {
        const bool by_its_name = api::dotted(name) == row.name;
        return invalid(fmt::format(
            "{}{}: \"{}\" is not {}", by_its_name ? row.name : name,
            by_its_name ? "" : fmt::format(" ({})", row.name), shortened(value),
            named.alias != nullptr ? named.alias->range : row.range));
    }
    note_origin(*this, row, std::string(origin));
    return {};
}

Options Options::effective() const {
    Options o = *this;
    const Conflicts conflicts(*this, o);
    if (acks != Acks::all && !enable_idempotence_asked) {
        conflicts.give_way("enable.idempotence", &Options::enable_idempotence, false, "acks");
    }
    if (message_max_bytes <= limits::record_bytes_limit) {
        conflicts.make_room_for_records();
    }
    if (retry_backoff_max < retry_backoff) {
        conflicts.settle("retry.backoff.max.ms", &Options::retry_backoff_max, retry_backoff,
                         "retry.backoff.ms", &Options::retry_backoff, retry_backoff_max);
    }
    if (reconnect_backoff_max < reconnect_backoff) {
        conflicts.settle("reconnect.backoff.max.ms", &Options::reconnect_backoff_max,
                         reconnect_backoff, "reconnect.backoff.ms", &Options::reconnect_backoff,
                         reconnect_backoff_max);
    }
    if (delivery_timeout < linger) {
        constexpr Millis most = std::chrono::hours(24);  // the option's own bound
        const Millis longer = std::min(std::min(request_timeout, most) +
                                           std::min(std::chrono::ceil<Millis>(linger), most),
                                       most);
        conflicts.settle("linger.ms", &Options::linger, Micros{0}, "delivery.timeout.ms",
                         &Options::delivery_timeout, longer);
    }
    return o;
}

Result<void> Options::validate() const {
    const Options o = effective();
    if (Result<void> ranges = check_ranges(o); !ranges) return ranges;
    if (auto seeds = api::parse_bootstrap_servers(o.bootstrap_servers); !seeds) {
        return seeds.error();
    }
    const auto said = [&](std::string_view name) { return as_said(o, name); };
    if (o.enable_idempotence && o.enable_idempotence_asked && o.acks != Acks::all) {
        return invalid(fmt::format("{} needs acks=all, and there is {}: leave one of the two out",
                                   said("enable.idempotence"), said("acks")));
    }
    if (o.enable_idempotence && o.enable_idempotence_asked && o.retries == 0) {
        return invalid(fmt::format("{} needs retries above 0, and there is {}: leave one of the "
                                   "two out",
                                   said("enable.idempotence"), said("retries")));
    }
    if (auto compression = api::check_compression(o); !compression) return compression;
    const auto is_below = [&](std::string_view low, std::string_view high, std::string_view why) {
        return invalid(fmt::format("{} is below {}{}", said(low), said(high), why));
    };
    if (o.request_bytes_max < o.message_max_bytes) {
        return is_below("max.request.size", "message.max.bytes", "");
    }
    if (o.retry_backoff_max < o.retry_backoff) {
        return is_below("retry.backoff.max.ms", "retry.backoff.ms", "");
    }
    if (o.reconnect_backoff_max < o.reconnect_backoff) {
        return is_below("reconnect.backoff.max.ms", "reconnect.backoff.ms", "");
    }
    if (o.own_partitioner != nullptr && o.partitioner_ignore_keys) {
        return invalid(fmt::format("{} says nothing to an own_partitioner, which is given the keys "
                                   "and may ignore them: leave one of the two out",
                                   said("partitioner.ignore.keys")));
    }
    if (o.delivery_timeout < o.linger) {
        return is_below("delivery.timeout.ms", "linger.ms", ": no record could be sent in time");
    }
    if (o.mode == Mode::inline_ && o.shards != 1) {
        return invalid(fmt::format("{} has one shard, and there is {}: leave one of the two out",
                                   said("mode"), said("shards")));
    }
    const auto has_no_room = [&](std::string_view name, std::uint64_t needed) {
        return invalid(fmt::format("{} has no room for {}: give {} or more", said(name),
                                   said("message.max.bytes"), needed));
    };
    if (std::bit_floor(o.lane_ring_bytes) < ring_bytes_needed(o)) {
        return has_no_room("lane.ring.bytes", ring_bytes_needed(o));
    }
    if (o.buffer_memory < memory_needed(o)) return has_no_room("buffer.memory", memory_needed(o));
    return {};
}

std::vector<OptionInfo> Options::explain() const {
    const Options used = effective();
    const Options defaults;
    std::vector<OptionInfo> all;
    for (const api::OptionRow& row : api::option_table()) {
        all.push_back({row.name, row.show(used), origin_of(used, row), row.show(defaults),
                       row.range, row.also, row.does});
    }
    return all;
}

std::string Options::describe() const {
    std::string text;
    for (const OptionInfo& option : explain()) {
        text += fmt::format("{}{} = {}\n", option.value.empty() ? "# " : "", option.name,
                            api::property_value(option.value));
    }
    return text;
}

}  // namespace ringpost
