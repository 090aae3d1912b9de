// SPDX-License-Identifier: Apache-2.0
// Options by name.
#include "api/option_table.h"
#include "base/format.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <limits>
#include <vector>

namespace ringpost::api {

namespace {

template <typename T>
bool parse_number(std::string_view text, T& out) {
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), out);
    return error == std::errc{} && end == text.data() + text.size() && !text.empty();
}

template <auto Member, std::int64_t Low, std::int64_t High>
bool set_number(Options& o, std::string_view value) {
    std::int64_t n = 0;
    if (!parse_number(value, n) || n < Low || n > High) return false;
    o.*Member = static_cast<std::remove_reference_t<decltype(o.*Member)>>(n);
    return true;
}

/// In milliseconds, with a fraction where the field is finer.
template <auto Member, std::int64_t Low, std::int64_t High>
bool set_millis(Options& o, std::string_view value) {
    double ms = 0;
    if (!parse_number(value, ms)) return false;
    if (!(ms >= static_cast<double>(Low) && ms <= static_cast<double>(High))) return false;
    using D = std::remove_reference_t<decltype(o.*Member)>;
    const auto d = std::chrono::duration<double, std::milli>(ms);
    o.*Member = std::chrono::duration_cast<D>(d + std::chrono::duration<double, std::nano>(1));
    return true;
}

template <auto Member, std::int64_t Low, std::int64_t High>
bool set_micros(Options& o, std::string_view value) {
    std::int64_t us = 0;
    if (!parse_number(value, us) || us < Low || us > High) return false;
    o.*Member = std::chrono::microseconds(us);
    return true;
}

bool parse_bool(std::string_view value, bool& out) {
    if (value == "true" || value == "1" || value == "yes" || value == "on") return out = true, true;
    if (value == "false" || value == "0" || value == "no" || value == "off") {
        return out = false, true;
    }
    return false;
}

template <auto Member>
bool set_bool(Options& o, std::string_view value) {
    return parse_bool(value, o.*Member);
}

template <auto Member>
bool set_text(Options& o, std::string_view value) {
    o.*Member = value;
    return !value.empty();
}

/// A choice by name: the rows of `Choices` are {text, value}.
template <auto Member, const auto& Choices>
bool set_choice(Options& o, std::string_view value) {
    for (const auto& [text, choice] : Choices) {
        if (text == value) return o.*Member = choice, true;
    }
    return false;
}

template <auto Member>
std::string show_number(const Options& o) {
    return fmt::format("{}", o.*Member);
}
template <auto Member>
std::string show_bool(const Options& o) {
    return o.*Member ? "true" : "false";
}
template <auto Member>
std::string show_text(const Options& o) {
    return o.*Member;
}
template <auto Member>
std::string show_millis(const Options& o) {
    return fmt::format("{}", std::chrono::duration<double, std::milli>(o.*Member).count());
}
template <auto Member>
std::string show_micros(const Options& o) {
    return fmt::format("{}", (o.*Member).count());
}
template <auto Member, const auto& Choices>
std::string show_choice(const Options& o) {
    for (const auto& [text, choice] : Choices) {
        if (choice == o.*Member) return std::string(text);
    }
    return "?";
}

template <typename T>
struct Choice {
    std::string_view text;
    T value;
};
constexpr Choice<Acks> acks_choices[] = {
    {"all", Acks::all}, {"-1", Acks::all}, {"1", Acks::leader}, {"0", Acks::none}};
constexpr Choice<Partitioner> partitioner_choices[] = {
    {"murmur2", Partitioner::murmur2},
    {"murmur2_random", Partitioner::murmur2},
    {"consistent", Partitioner::consistent},
    {"consistent_random", Partitioner::consistent_random},
    {"fnv1a", Partitioner::fnv1a},
    {"fnv1a_random", Partitioner::fnv1a_random},
    {"xxhash", Partitioner::xxhash},
    {"hashing", Partitioner::hashing},
    {"random", Partitioner::random},
    {"round_robin", Partitioner::round_robin},
    {"sticky", Partitioner::sticky}};
constexpr Choice<Mode> mode_choices[] = {{"threaded", Mode::threaded}, {"inline", Mode::inline_}};
constexpr Choice<IoBackend> io_choices[] = {{"auto", IoBackend::automatic},
                                            {"io_uring", IoBackend::io_uring},
                                            {"epoll", IoBackend::epoll}};
constexpr Choice<LogLevel> log_choices[] = {{"off", LogLevel::off},
                                            {"error", LogLevel::error},
                                            {"warn", LogLevel::warn},
                                            {"info", LogLevel::info},
                                            {"debug", LogLevel::debug}};

bool set_idempotence(Options& o, std::string_view value) {
    o.enable_idempotence_asked = true;
    return parse_bool(value, o.enable_idempotence);
}

bool set_cpus(Options& o, std::string_view value) {
    std::vector<std::uint32_t> cpus;
    while (!value.empty()) {
        const std::size_t comma = std::min(value.find(','), value.size());
        std::uint32_t cpu = 0;
        if (!parse_number(value.substr(0, comma), cpu) || cpu > 1023) return false;
        cpus.push_back(cpu);
        value.remove_prefix(std::min(comma + 1, value.size()));
    }
    o.cpus = std::move(cpus);
    return true;
}
std::string show_cpus(const Options& o) { return fmt::format("{}", fmt::join(o.cpus, ",")); }

constexpr std::int64_t day_ms = 86'400'000;

constexpr OptionRow rows[] = {
    {"bootstrap.servers", "metadata.broker.list hosts", "HOST:PORT[,HOST:PORT...]",
     set_text<&Options::bootstrap_servers>, show_text<&Options::bootstrap_servers>},
    {"client.id", "", "a name", set_text<&Options::client_id>, show_text<&Options::client_id>},
    {"acks", "request.required.acks required.acks", "all, -1, 1 or 0",
     set_choice<&Options::acks, acks_choices>, show_choice<&Options::acks, acks_choices>},
    {"enable.idempotence", "", "true or false", set_idempotence,
     show_bool<&Options::enable_idempotence>},
    {"max.in.flight.requests.per.connection", "max.in.flight", "1 to 5",
     set_number<&Options::max_in_flight, 1, 5>, show_number<&Options::max_in_flight>},
    {"partitioner", "",
     "murmur2, murmur2_random (the same), consistent, consistent_random, fnv1a, fnv1a_random, "
     "xxhash, hashing, random, round_robin or sticky",
     set_choice<&Options::partitioner, partitioner_choices>,
     show_choice<&Options::partitioner, partitioner_choices>},
    {"partitioner.ignore.keys", "", "true or false", set_bool<&Options::partitioner_ignore_keys>,
     show_bool<&Options::partitioner_ignore_keys>},
    {"partitioner.adaptive.partitioning.enable", "", "true or false",
     set_bool<&Options::adaptive_partitioning>, show_bool<&Options::adaptive_partitioning>},
    {"partitioner.availability.timeout.ms", "", "0 to 86400000; 0 is never",
     set_millis<&Options::availability_timeout, 0, day_ms>,
     show_millis<&Options::availability_timeout>},
    {"linger.ms", "queue.buffering.max.ms", "0 to 900000, a fraction is fine",
     set_millis<&Options::linger, 0, 900'000>, show_millis<&Options::linger>},
    {"batch.size", "", "1024 to 67108864 bytes",
     set_number<&Options::batch_bytes, 1024, 64 << 20>, show_number<&Options::batch_bytes>},
    {"batch.num.messages", "min.queued.messages", "1 to 1000000",
     set_number<&Options::batch_records, 1, 1'000'000>, show_number<&Options::batch_records>},
    {"message.max.bytes", "", "1000 to 67108864 bytes",
     set_number<&Options::message_max_bytes, 1000, 64 << 20>,
     show_number<&Options::message_max_bytes>},
    {"max.request.size", "", "1000 to 104857600 bytes",
     set_number<&Options::request_bytes_max, 1000, 100 << 20>,
     show_number<&Options::request_bytes_max>},
    {"buffer.memory", "", "2097152 to 1099511627776 bytes",
     set_number<&Options::buffer_memory, 2 << 20, std::int64_t{1} << 40>,
     show_number<&Options::buffer_memory>},
    {"lane.ring.bytes", "", "4096 to 1073741824 bytes",
     set_number<&Options::lane_ring_bytes, 4096, 1 << 30>,
     show_number<&Options::lane_ring_bytes>},
    {"queue.buffering.max.messages", "max.queued.messages", "1 to 10000000",
     set_number<&Options::queue_records_max, 1, 10'000'000>,
     show_number<&Options::queue_records_max>},
    {"delivery.timeout.ms", "message.timeout.ms", "1 to 86400000",
     set_millis<&Options::delivery_timeout, 1, day_ms>, show_millis<&Options::delivery_timeout>},
    {"request.timeout.ms", "ack.timeout.ms", "1 to 86400000",
     set_millis<&Options::request_timeout, 1, day_ms>, show_millis<&Options::request_timeout>},
    {"retries", "message.send.max.retries max.retries", "0 to 2147483647",
     set_number<&Options::retries, 0, INT32_MAX>, show_number<&Options::retries>},
    {"retry.backoff.ms", "", "1 to 300000", set_millis<&Options::retry_backoff, 1, 300'000>,
     show_millis<&Options::retry_backoff>},
    {"retry.backoff.max.ms", "", "1 to 300000", set_millis<&Options::retry_backoff_max, 1, 300'000>,
     show_millis<&Options::retry_backoff_max>},
    {"socket.connection.setup.timeout.ms", "", "1 to 86400000",
     set_millis<&Options::connection_setup_timeout, 1, day_ms>,
     show_millis<&Options::connection_setup_timeout>},
    {"reconnect.backoff.ms", "", "1 to 3600000",
     set_millis<&Options::reconnect_backoff, 1, 3'600'000>,
     show_millis<&Options::reconnect_backoff>},
    {"reconnect.backoff.max.ms", "", "1 to 3600000",
     set_millis<&Options::reconnect_backoff_max, 1, 3'600'000>,
     show_millis<&Options::reconnect_backoff_max>},
    {"connections.max.idle.ms", "", "0 to 86400000; 0 is never",
     set_millis<&Options::connections_max_idle, 0, day_ms>,
     show_millis<&Options::connections_max_idle>},
    {"metadata.max.age.ms", "topic.metadata.refresh.interval.ms", "10 to 86400000",
     set_millis<&Options::metadata_max_age, 10, day_ms>, show_millis<&Options::metadata_max_age>},
    {"topic.metadata.propagation.max.ms", "", "0 to 3600000",
     set_millis<&Options::topic_wait, 0, 3'600'000>, show_millis<&Options::topic_wait>},
    {"allow.auto.create.topics", "", "true or false",
     set_bool<&Options::allow_auto_create_topics>, show_bool<&Options::allow_auto_create_topics>},
    {"stop.timeout.ms", "pending.timeout.ms", "0 to 86400000",
     set_millis<&Options::stop_timeout, 0, day_ms>, show_millis<&Options::stop_timeout>},
    {"mode", "", "threaded or inline", set_choice<&Options::mode, mode_choices>,
     show_choice<&Options::mode, mode_choices>},
    {"shards", "", "1 to 64", set_number<&Options::shards, 1, 64>, show_number<&Options::shards>},
    {"cpu.affinity", "", "CPU numbers, such as 0,2", set_cpus, show_cpus},
    {"thread.name", "", "a name", set_text<&Options::thread_name>,
     show_text<&Options::thread_name>},
    {"spin.us", "", "0 to 1000000", set_micros<&Options::spin, 0, 1'000'000>,
     show_micros<&Options::spin>},
    {"io.backend", "", "auto, io_uring or epoll", set_choice<&Options::io_backend, io_choices>,
     show_choice<&Options::io_backend, io_choices>},
    {"io.capabilities", "", "a bit mask, 0 to 4294967295",
     set_number<&Options::io_capabilities, 0, UINT32_MAX>,
     show_number<&Options::io_capabilities>},
    {"log.level", "", "off, error, warn, info or debug",
     set_choice<&Options::log_level, log_choices>, show_choice<&Options::log_level, log_choices>},
};

std::string dotted(std::string_view name) {
    std::string text(name);
    std::replace(text.begin(), text.end(), '_', '.');
    return text;
}

bool is_called(const OptionRow& row, std::string_view name) {
    if (row.name == name) return true;
    for (std::string_view rest = row.also; !rest.empty();) {
        const std::size_t space = std::min(rest.find(' '), rest.size());
        if (rest.substr(0, space) == name) return true;
        rest.remove_prefix(std::min(space + 1, rest.size()));
    }
    return false;
}

/// Levenshtein's: letters to insert, delete or replace.
std::size_t distance(std::string_view a, std::string_view b) {
    std::vector<std::size_t> row(b.size() + 1);
    for (std::size_t j = 0; j <= b.size(); ++j) row[j] = j;
    for (std::size_t i = 1; i <= a.size(); ++i) {
        std::size_t diagonal = std::exchange(row[0], i);
        for (std::size_t j = 1; j <= b.size(); ++j) {
            const std::size_t replace = diagonal + (a[i - 1] != b[j - 1]);
            diagonal = row[j];
            row[j] = std::min({replace, row[j] + 1, row[j - 1] + 1});
        }
    }
    return row[b.size()];
}

}  // namespace

std::span<const OptionRow> option_table() { return rows; }

const OptionRow* find_option(std::string_view name) {
    const std::string wanted = dotted(name);
    const auto found = std::find_if(std::begin(rows), std::end(rows),
                                    [&](const OptionRow& row) { return is_called(row, wanted); });
    return found == std::end(rows) ? nullptr : found;
}

std::string_view nearest_option(std::string_view name) {
    // A very long name is nobody's typing error; its head tells enough.
    std::string wanted = dotted(name.substr(0, 100));
    for (char& c : wanted) c = static_cast<char>(c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c);
    const auto& nearest =
        *std::min_element(std::begin(rows), std::end(rows), [&](const auto& a, const auto& b) {
            return distance(wanted, a.name) < distance(wanted, b.name);
        });
    const std::size_t typos_max = std::max<std::size_t>(2, wanted.size() / 3);
    return distance(wanted, nearest.name) <= typos_max ? nearest.name : std::string_view{};
}

}  // namespace ringpost::api
