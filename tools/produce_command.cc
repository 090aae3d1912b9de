// SPDX-License-Identifier: Apache-2.0
// `ringpost produce`.
#include "produce_command.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <ringpost/ringpost.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <limits>
#include <map>
#include <nlohmann/json.hpp>
#include <utility>

#include "interrupt.h"
#include "line_reader.h"

namespace ringpost::tools {

namespace {

using Clock = std::chrono::steady_clock;
using namespace std::chrono_literals;

/// In the place of the progress line, if that is what the terminal's last line is. Where nobody
/// can read it, it is not said: that is no reason to end. Threads: any; the log has its own.
void say(const std::string& text, bool is_progress = false) {
    static bool progress_shown = false;
    flockfile(stderr);
    if (std::exchange(progress_shown, is_progress)) (void)std::fputs("\r\033[K", stderr);
    (void)std::fputs(text.c_str(), stderr);
    funlockfile(stderr);
}
void complain(std::string_view text) { say(fmt::format("ringpost: {}\n", text)); }

/// What happened so far, and how a person or a machine is told.
struct Tally {
    std::uint64_t records = 0;
    std::uint64_t delivered = 0;
    std::uint64_t failed = 0;
    std::uint64_t bytes = 0;
    std::uint64_t maybe_written = 0;
    std::uint64_t batch_bytes = 0;        ///< on the wire
    std::uint64_t plain_batch_bytes = 0;  ///< the same before they were compressed
    std::map<std::string, std::uint64_t> errors;
    Clock::time_point start = Clock::now();

    double seconds() const { return std::chrono::duration<double>(Clock::now() - start).count(); }
    double rate() const { return static_cast<double>(delivered) / std::max(seconds(), 1e-9); }

    nlohmann::json json() const {
        return {{"records", records},
                {"delivered", delivered},
                {"failed", failed},
                {"may_have_been_written", maybe_written},
                {"bytes", bytes},
                {"batch_bytes_sent", batch_bytes},
                {"plain_bytes_sent", plain_batch_bytes},
                {"seconds", seconds()},
                {"records_per_second", rate()},
                {"errors", errors}};
    }
    std::string text(bool compressing) const {
        std::string line = fmt::format(
            "{} records, {} delivered, {} failed, {:.1f} MB in {:.2f} s: "
            "{:.0f} records/s, {:.1f} MB/s",
            records, delivered, failed, static_cast<double>(bytes) / 1e6, seconds(), rate(),
            static_cast<double>(bytes) / 1e6 / seconds());
        if (compressing && batch_bytes != 0) {
            const auto plain = static_cast<double>(plain_batch_bytes);
            const auto sent = static_cast<double>(batch_bytes);
            line += fmt::format("; batches of {:.1f} MB compressed to {:.1f} MB ({:.1f} to 1)",
                                plain / 1e6, sent / 1e6, plain / sent);
        }
        for (const auto& [name, count] : errors) line += fmt::format("\n  {}: {}", name, count);
        return line;
    }
};

class Sending {
public:
    Sending(const ProduceArguments& arguments, Options options)
        : arguments_(arguments),
          timeout_(options.effective().delivery_timeout),
          brokers_(options.bootstrap_servers),
          compressing_(options.compression_type != CompressionType::none ||
                       !options.topic_compression.empty()),
          producer_(std::move(options)) {}

    int run();

private:
    bool start();
    bool send_file(const std::string& name);
    bool send_lines(int fd, const std::string& name);
    void send_line(std::string_view line);
    void take_reports(Timeout wait);
    void fail(Errc error, Errc last, std::uint64_t tag);
    std::string where(std::uint64_t tag) const;
    void progress();
    void tell_statistics();
    int finish();

    const ProduceArguments& arguments_;
    const std::chrono::milliseconds timeout_;
    const std::string brokers_;
    const bool compressing_;
    Producer producer_;
    Lane lane_;
    Topic topic_;
    std::vector<Header> headers_;
    struct Input {
        std::string name;
        std::uint64_t first_tag;
    };
    std::vector<Input> inputs_;  // in the order of their tags; each has begun
    Tally tally_;
    std::array<DeliveryReport, 1024> reports_;
    const bool terminal_ = isatty(STDERR_FILENO) != 0;
    Clock::time_point next_progress_ = Clock::now() + 200ms;
    const Clock::duration statistics_every_ = std::chrono::duration_cast<Clock::duration>(
        std::chrono::duration<double>(arguments_.statistics_seconds));
    Clock::time_point next_statistics_ = Clock::now() + statistics_every_;
    bool unreadable_ = false;
};

bool Sending::start() {
    if (auto started = producer_.start(); !started) {
        complain(started.error().text);
        return false;
    }
    auto topic = producer_.topic(arguments_.topic);
    if (!topic) {
        complain(topic.error().text);
        return false;
    }
    auto lane = producer_.open_lane();
    if (!lane) {
        complain(lane.error().text);
        return false;
    }
    topic_ = *topic;
    lane_ = std::move(*lane);
    for (const std::string& header : arguments_.headers) {
        const std::size_t equals = header.find('=');
        const std::string_view text = header;
        if (equals == std::string::npos) {
            headers_.push_back({text, Bytes{}});
        } else {
            headers_.push_back({text.substr(0, equals), Bytes{text.substr(equals + 1)}});
        }
    }
    return true;
}

int Sending::run() {
    if (!start()) return 2;
    if (arguments_.files.empty()) {
        send_lines(STDIN_FILENO, "standard input");
    } else {
        for (const std::string& file : arguments_.files) {
            if (interrupted()) break;
            send_file(file);
        }
    }
    return finish();
}

bool Sending::send_file(const std::string& name) {
    if (name == "-") return send_lines(STDIN_FILENO, "standard input");
    const int fd = open(name.c_str(), O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        complain(fmt::format("{}: {}", name, std::strerror(errno)));
        unreadable_ = true;
        return false;
    }
    const bool ok = send_lines(fd, name);
    close(fd);
    return ok;
}

bool Sending::send_lines(int fd, const std::string& name) {
    LineReader reader(fd);
    std::string_view line;
    inputs_.push_back({name, tally_.records});
    while (!interrupted()) {
        switch (reader.next(line, 100)) {
            case LineReader::Outcome::line:
                send_line(line);
                break;
            case LineReader::Outcome::nothing_yet:
                take_reports(Timeout::zero());
                progress();
                break;
            case LineReader::Outcome::end:
                return true;
            case LineReader::Outcome::too_long:
                complain(fmt::format("{}: a line is longer than {} bytes", name,
                                     LineReader::line_bytes_max));
                unreadable_ = true;
                return false;
            case LineReader::Outcome::error:
                complain(fmt::format("{}: {}", name, std::strerror(reader.error())));
                unreadable_ = true;
                return false;
        }
    }
    return false;
}

void Sending::send_line(std::string_view line) {
    Record record;
    record.topic = topic_;
    record.partition = arguments_.partition;
    record.headers = headers_;
    record.value = line;
    if (!arguments_.key_delimiter.empty()) {
        const std::size_t at = line.find(arguments_.key_delimiter);
        if (at != std::string_view::npos) {
            record.key = line.substr(0, at);
            record.value = line.substr(at + arguments_.key_delimiter.size());
        }
    }
    record.tag = tally_.records;
    Errc error = lane_.produce(record);
    while (is_full(error)) {
        take_reports(10ms);
        progress();
        error = lane_.produce(record);
        // Not accepted, so not begun: what was is waited for.
        if (error != Errc::none && interrupted()) return;
    }
    ++tally_.records;
    tally_.bytes += line.size();
    if (error != Errc::none) fail(error, Errc::none, record.tag);
    if ((tally_.records & 1023) == 0) {
        take_reports(Timeout::zero());
        progress();
    }
}

void Sending::take_reports(Timeout wait) {
    for (;;) {
        const std::size_t count = lane_.poll_for(reports_, wait);
        for (std::size_t i = 0; i < count; ++i) {
            const DeliveryReport& report = reports_[i];
            if (report.ok()) {
                ++tally_.delivered;
                continue;
            }
            tally_.maybe_written += report.may_have_been_written;
            fail(report.error, report.last_error, report.tag);
        }
        if (count < reports_.size()) return;
        wait = Timeout::zero();
    }
}

std::string Sending::where(std::uint64_t tag) const {
    const auto after = std::upper_bound(inputs_.begin(), inputs_.end(), tag,
                                        [](auto t, const Input& i) { return t < i.first_tag; });
    const Input& input = *std::prev(after);
    return fmt::format("{}: line {}", input.name, tag - input.first_tag + 1);
}

/// The first of each kind in full, the rest as a count at the end.
void Sending::fail(Errc error, Errc last, std::uint64_t tag) {
    ++tally_.failed;
    std::uint64_t& count = tally_.errors[std::string(to_string(error))];
    if (++count > 1) return;
    std::string text = fmt::format("{}: {}: {}", where(tag), to_string(error), message(error));
    text += fmt::format(" [topic {}", arguments_.topic);
    if (arguments_.partition != any_partition)
        text += fmt::format(", partition {}", arguments_.partition);
    text += fmt::format(", brokers {}]", brokers_);
    if (last != Errc::none && last != error) {
        text += fmt::format(" (the last error was {}: {})", to_string(last), message(last));
    }
    complain(text);
}

void Sending::tell_statistics() { say(to_json(producer_.statistics()) + '\n'); }

void Sending::progress() {
    if (arguments_.statistics_seconds > 0 && Clock::now() >= next_statistics_) {
        next_statistics_ = Clock::now() + statistics_every_;
        tell_statistics();
    }
    if (!terminal_ || arguments_.quiet || Clock::now() < next_progress_) return;
    next_progress_ = Clock::now() + 200ms;
    say(fmt::format("{} records, {:.0f}/s, {} in flight, {} failed", tally_.records, tally_.rate(),
                    lane_.outstanding(), tally_.failed),
        true);
}

int Sending::finish() {
    if (interrupted()) {
        complain("interrupted: waiting for what was accepted; Ctrl-C again ends at once");
    }
    // Each record meets its end within the delivery timeout; a little more is for the last answers.
    const auto until = Clock::now() + timeout_ + 1s;
    lane_.flush(Timeout::zero());
    while (lane_.outstanding() != 0 && Clock::now() < until) {
        take_reports(100ms);
        progress();
    }
    producer_.stop(1s);
    take_reports(Timeout::zero());
    if (arguments_.statistics_seconds > 0) tell_statistics();
    const ShardStatistics sent = producer_.statistics().total();
    tally_.batch_bytes = sent.batch_bytes_sent;
    tally_.plain_batch_bytes = sent.plain_bytes_sent;
    say(arguments_.quiet ? "" : tally_.text(compressing_) + '\n');
    bool told = true;
    if (arguments_.json) {
        const std::string text = tally_.json().dump() + '\n';
        told = std::fputs(text.c_str(), stdout) >= 0 && std::fflush(stdout) == 0;
        if (!told) complain(fmt::format("standard output: {}", std::strerror(errno)));
    }
    const bool all = tally_.delivered == tally_.records && !unreadable_;
    return all && told ? 0 : 1;
}

}  // namespace

namespace {

/// Refuses "" and, for a header, a value without a name.
std::string refuse_nameless(const std::string& text) {
    return text.empty() || text.front() == '=' ? "give NAME=VALUE, or NAME" : "";
}
std::string refuse_empty(const std::string& text) {
    return text.empty() ? "give one character or more" : "";
}

std::string_view level_option(CompressionType type) {
    switch (type) {
        case CompressionType::gzip: return "compression.gzip.level";
        case CompressionType::lz4: return "compression.lz4.level";
        case CompressionType::zstd: return "compression.zstd.level";
        case CompressionType::none:
        case CompressionType::snappy: break;
    }
    return {};
}

/// CODEC or CODEC:LEVEL, for the options that they are short for.
Result<void> set_compression(std::string_view text, Options& options) {
    constexpr std::string_view origin = "-z";
    const std::size_t colon = std::min(text.find(':'), text.size());
    const std::string_view codec = text.substr(0, colon);
    auto set = options.set("compression.type", codec, origin);
    if (!set || colon == text.size()) return set;
    const std::string_view level = level_option(options.compression_type);
    if (level.empty()) {
        return Error{Errc::invalid_option, fmt::format("-z {}: {} has no levels; gzip, lz4 and "
                                                       "zstd have", text.substr(0, 100), codec)};
    }
    // Else a compression.level that came before would count.
    if (set = options.set("compression.level", "-1", origin); !set) return set;
    return options.set(level, text.substr(colon + 1), origin);
}

}  // namespace

void add_produce(CLI::App& app, ProduceArguments& a, std::function<void()> run) {
    CLI::App* sub = app.add_subcommand("produce", "Send lines to a topic, one record a line.");
    sub->add_option("-b,--brokers", a.brokers, "HOST:PORT[,HOST:PORT...] to begin with");
    sub->add_option("-t,--topic", a.topic, "Topic")->required();
    sub->add_option("-K,--key-delimiter", a.key_delimiter,
                    "What ends the key in a line; a line without it has no key")
        ->check(refuse_empty);
    sub->add_option("-p,--partition", a.partition,
                    "Partition, 0 and up (default: by key, or sticky)")
        ->check(CLI::Range(0, std::numeric_limits<std::int32_t>::max()));
    sub->add_option("-H,--header", a.headers, "NAME=VALUE, or NAME for a null value; repeatable")
        ->check(refuse_nameless)
        ->allow_extra_args(false);
    sub->add_option("-z,--compression", a.compression,
                    "none, gzip, snappy, lz4 or zstd, and perhaps a level: zstd:9")
        ->type_name("CODEC[:LEVEL]");
    add_option_arguments(*sub, a.options);
    sub->add_flag("--json", a.json, "A summary for machines on standard output");
    sub->add_option("--statistics", a.statistics_seconds,
                    "A line of JSON on standard error every SECONDS, and at the end")
        ->type_name("SECONDS")
        ->check(CLI::Range(0.001, 1e6));
    sub->add_flag("-q,--quiet", a.quiet, "No progress, no summary; errors only");
    sub->add_option("FILE", a.files, "Files to send; standard input if none, or for -");
    sub->footer(
        "Options: the environment (RINGPOST_LINGER_MS=5), then files, then -X, then -b and -z:\n"
        "the later counts. `ringpost options` prints them all.\n"
        "Exit status: 0 if every record was acknowledged, 1 if not or if a file could not be\n"
        "read, 2 if the arguments are wrong, 130 after a second Ctrl-C.");
    sub->callback(std::move(run));
}

int run_produce(const ProduceArguments& arguments) {
    catch_interrupts();
    Options options;
    options.log_sink = [](LogLevel, std::string_view line) { complain(line); };
    options.client_id = "ringpost-cli";
    Result<void> read = read_options(arguments.options, options);
    if (read && !arguments.brokers.empty()) {
        read = options.set("bootstrap.servers", arguments.brokers, "-b");
    }
    if (read && arguments.compression) read = set_compression(*arguments.compression, options);
    if (!read) {
        complain(read.error().text);
        return 2;
    }
    if (options.bootstrap_servers.empty()) {
        complain("no brokers: give -b HOST:PORT, or bootstrap.servers by -X, in a file (-F) or in "
                 "RINGPOST_BOOTSTRAP_SERVERS");
        return 2;
    }
    if (options.delivery_reports != Reports::all || options.delivery_reports_shared) {
        complain("delivery.reports and delivery.reports.shared are for programs of your own: this "
                 "one counts every report");
        return 2;
    }
    return Sending(arguments, std::move(options)).run();
}

}  // namespace ringpost::tools
