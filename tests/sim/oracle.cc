// SPDX-License-Identifier: Apache-2.0
// Reading the logs back, and comparing.
#include "oracle.h"

#include <algorithm>
#include <cstring>
#include <tuple>

#include "base/format.h"
#include "produce/partitioner.h"
#include "wire/record_batch.h"

namespace ringpost::sim {

namespace {

constexpr std::size_t number_bytes = 10;
constexpr char invalid_mark = '!';

/// A broker's refusal that no other attempt can change.
bool is_final(Errc code) {
    constexpr Errc final[] = {Errc::invalid_topic_exception,
                              Errc::topic_authorization_failed,
                              Errc::cluster_authorization_failed,
                              Errc::invalid_timestamp,
                              Errc::invalid_request,
                              Errc::policy_violation,
                              Errc::unsupported_for_message_format};
    return std::ranges::find(final, code) != std::end(final);
}

}  // namespace

std::string Oracle::value_of(std::uint32_t number, std::uint32_t bytes, bool invalid) {
    std::string value = fmt::format("{:010}", number);
    value.resize(std::max<std::size_t>(bytes, number_bytes + invalid));
    for (std::size_t i = number_bytes; i < value.size(); ++i) {
        value[i] = static_cast<char>('a' + (number * 7 + i * 13) % 26);
    }
    if (invalid) value[number_bytes] = invalid_mark;
    return value;
}

bool Oracle::is_invalid(std::string_view value) {
    return value.size() > number_bytes && value[number_bytes] == invalid_mark;
}

std::string Oracle::key_of(std::int32_t key) { return fmt::format("key-{}", key); }

void Oracle::fail_about(std::uint32_t number, const std::string& what) const {
    const Sent& s = sent_[number];
    std::string where;
    if (number < stands_.size()) {
        for (const Stands& at : stands_[number]) {
            where += fmt::format(" [log {} = {}-{} @ {}]", at.log, logs_[at.log].topic,
                                 logs_[at.log].partition, at.offset);
        }
    }
    fail(fmt::format(
        "record {} (producer {}, lane {}, topic {}, asked partition {}, accepted at "
        "{:.6f} ms; reported {}, {}, partition {}, offset {}, attempts {}, may have "
        "been written {}): {};{}",
        number, s.producer, s.lane, s.topic, s.partition,
        static_cast<double>(s.accepted.count_ns()) / 1e6, s.reported, to_string(s.error),
        s.reported_partition, s.offset, s.attempts, s.may_have_been_written, what, where));
}

void Oracle::on_report(const DeliveryReport& report, std::uint32_t lane) {
    if (report.tag >= sent_.size())
        fail(fmt::format("a report of record {}, which is none", report.tag));
    const auto number = static_cast<std::uint32_t>(report.tag);
    Sent& s = sent_[number];
    if (s.reported) fail_about(number, "reported twice");
    if (s.lane != lane) fail_about(number, "reported to another lane");
    s.reported = true;
    s.error = report.error;
    s.reported_partition = report.partition;
    s.offset = report.offset;
    s.attempts = report.attempts;
    s.may_have_been_written = report.may_have_been_written;
    --unreported_;
    delivered_ += report.ok();
    world_.note("report", static_cast<std::int64_t>(number),
                static_cast<std::int64_t>(report.error), report.offset);
    const Options& o = plan_.producers[s.producer].options;
    if (s.invalid && report.ok() && o.acks != Acks::none) {
        fail_about(number, "is invalid, and was acknowledged");
    }
    const bool brokers_name_records =
        !plan_.kafka_is_old && !plan_.has(Fault::upgrade) && !plan_.has(Fault::request_error);
    if (report.error == Errc::invalid_record && !s.invalid && brokers_name_records &&
        !report.may_have_been_written && o.retries > 1'000) {
        fail_about(number, "failed because of another record of its batch");
    }
    if (s.partition >= 0 && report.ok() && report.partition != s.partition) {
        fail_about(number, "reported in another partition than asked for");
    }
    if (!report.ok() && !report.value.is_null() &&
        report.value.text() != value_of(number, s.value_bytes, s.invalid)) {
        fail_about(number, "the report's value is not the record's");
    }
    if (!report.ok() && report.key.is_null() != (s.key < 0) && !report.value.is_null()) {
        fail_about(number, "the report's key is not the record's");
    }
    // Unless it is a metadata answer's, about a topic that was sound before and may be again.
    if (report.error == Errc::delivery_timeout && is_final(report.last_error) &&
        !plan_.has(Fault::odd_metadata)) {
        fail_about(number,
                   fmt::format("timed out, though {} was final", to_string(report.last_error)));
    }
    // Whether it stands in a topic that was made again can't be known: then it must not come twice.
    const bool in_doubt = plan_.has(Fault::delete_topic) && report.may_have_been_written &&
                          report.error != Errc::delivery_timeout;
    if (s.must_arrive && !report.ok() && !in_doubt) fail_about(number, "failed in a healed world");
    if (report.ok() && o.acks != Acks::none && report.attempts == 0) {
        fail_about(number, "acknowledged without having been sent");
    }
}

void Oracle::on_lane_gone(std::uint32_t lane) {
    for (Sent& s : sent_) {
        if (s.lane != lane || s.reported || s.unpolled) continue;
        s.unpolled = true;
        --unreported_;
    }
}

Oracle::Ends Oracle::ends_of(std::uint32_t producer) const {
    Ends ends;
    for (const Sent& s : sent_) {
        if (s.producer != producer) continue;
        ++ends.accepted;
        ends.delivered += s.reported && s.error == Errc::none;
        ends.failed += s.reported && s.error != Errc::none;
        ends.unpolled += !s.reported;
    }
    return ends;
}

bool Oracle::idempotent(const Sent& record) const {
    const Options& o = plan_.producers[record.producer].options;
    return o.acks == Acks::all && o.enable_idempotence;
}

/// Whether the setting allows an acknowledged record to be lost in this world.
bool Oracle::may_lose(const Sent& record) const {
    const Options& o = plan_.producers[record.producer].options;
    if (o.acks == Acks::none) {
        return std::ranges::any_of(plan_.rate, [](double rate) { return rate > 0; }) ||
               !plan_.topics_exist || plan_.stop_early;
    }
    return o.acks == Acks::leader && world_.lossy_crashes();
}

bool Oracle::is_first(const std::string& topic, std::int32_t partition) const {
    return std::ranges::none_of(logs_, [&](const LogText& log) {
        return log.topic == topic && log.partition == partition;
    });
}

void Oracle::read_logs() {
    for (const World::Buried& buried : world_.graveyard()) {
        logs_.push_back(
            {buried.topic, buried.partition, buried.log, is_first(buried.topic, buried.partition)});
    }
    for (const auto& topic : world_.cluster().topics()) {
        std::int32_t index = 0;
        for (const fake::Partition& partition : topic->partitions) {
            partition.log.check_invariants();
            logs_.push_back(
                {topic->name, index, World::read_all(partition.log), is_first(topic->name, index)});
            ++index;
        }
    }
    stands_.resize(sent_.size());
    in_order_.resize(logs_.size());
    for (std::size_t i = 0; i < logs_.size(); ++i) read_log(i);
}

void Oracle::read_log(std::size_t index) {
    const LogText& log = logs_[index];
    ByteSpan rest = log.bytes;
    wire::RecordsBuffer buffer;
    while (!rest.empty()) {
        wire::RecordBatchReader reader(rest, buffer);
        wire::RecordView view;
        while (reader.next(view)) {
            const std::string_view value = as_text(view.value);
            if (value.size() < number_bytes) fail("a log holds a record that nobody sent");
            std::uint32_t number = 0;
            for (const char c : value.substr(0, number_bytes)) {
                number = number * 10 + static_cast<std::uint32_t>(c - '0');
            }
            if (number >= sent_.size()) fail("a log holds a record that nobody sent");
            const Sent& s = sent_[number];
            stands_[number].push_back({index, reader.header().base_offset + view.offset_delta});
            in_order_[index].push_back(number);
            if (s.invalid) fail_about(number, "is invalid, and stands in a log");
            if (value != value_of(number, s.value_bytes, s.invalid))
                fail_about(number, "its bytes in the log differ");
            if (view.key_null != (s.key < 0) ||
                (s.key >= 0 && as_text(view.key) != key_of(s.key))) {
                fail_about(number, "its key in the log differs");
            }
            if (log.topic != world_.topic_name(s.topic))
                fail_about(number, "it stands in another topic");
            if (s.partition >= 0 && log.partition != s.partition) {
                fail_about(number, "it stands in another partition");
            }
            const bool same_count =
                !plan_.has(Fault::add_partitions) && !plan_.has(Fault::delete_topic);
            const Partitioner partitioner = produce::effective(plan_.producers[s.producer].options);
            if (s.partition < 0 && s.key >= 0 && same_count && partitioner < Partitioner::random) {
                const auto [place, first] =
                    place_of_key_.try_emplace({partitioner, s.topic, s.key}, log.partition);
                if (place->second != log.partition) fail_about(number, "its key is elsewhere too");
            }
        }
        if (reader.fault() != wire::BatchFault::none) {
            fail(fmt::format("log {}-{}: {}", log.topic, log.partition, to_string(reader.fault())));
        }
        rest = rest.subspan(reader.size());
    }
}

void Oracle::check_record(std::uint32_t number) {
    const Sent& s = sent_[number];
    const auto& stands = stands_[number];
    if (!s.reported && !s.unpolled) fail_about(number, "was never reported");
    if (s.reported && s.error == Errc::none) {
        const bool found =
            s.offset < 0 ? !stands.empty() : std::ranges::any_of(stands, [&](const Stands& at) {
                return at.offset == s.offset && logs_[at.log].partition == s.reported_partition;
            });
        if (!found && !may_lose(s))
            fail_about(number, "was acknowledged and is not in the log there");
    }
    if (s.reported && s.error != Errc::none && !s.may_have_been_written && !stands.empty()) {
        fail_about(number, "failed for certain and stands in the log");
    }
    if (idempotent(s)) {
        for (std::size_t i = 1; i < stands.size(); ++i) {
            if (stands[i].log == stands[i - 1].log) fail_about(number, "stands twice in one log");
        }
    } else if (s.reported && stands.size() > std::max(s.attempts, 1U)) {
        fail_about(number, "stands more often in the logs than it was sent");
    }
}

/// Records of one lane stand in the order in which they were produced.
void Oracle::check_order() {
    for (std::size_t i = 0; i < logs_.size(); ++i) {
        // Of several requests under way when a topic is made again, only the later may find it, and
        // a leader without any state takes whatever comes first.
        if (!logs_[i].first) continue;
        std::map<std::uint32_t, std::uint32_t> last;  // by lane
        for (const std::uint32_t number : in_order_[i]) {
            const Sent& s = sent_[number];
            if (!idempotent(s)) continue;
            const auto [at, first] = last.try_emplace(s.lane, number);
            if (!first && at->second >= number) {
                fail_about(number, fmt::format("stands behind record {} of the same lane in log {}",
                                               at->second, i));
            }
            at->second = number;
        }
    }
}

void Oracle::check() {
    read_logs();
    for (std::uint32_t i = 0; i < sent_.size(); ++i) check_record(i);
    check_order();
}

}  // namespace ringpost::sim
