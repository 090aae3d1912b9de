// SPDX-License-Identifier: Apache-2.0
// The options by name, in the order of their header.
#include "api/option_table.h"

#include <limits>
#include <vector>

#include "api/compression.h"
#include "api/option_values.h"
#include "base/limits.h"

namespace ringpost::api {

namespace {

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
constexpr Choice<Reports> reports_choices[] = {{"all", Reports::all},
                                               {"errors", Reports::errors},
                                               {"none", Reports::none},
                                               {"true", Reports::all},
                                               {"false", Reports::none}};
constexpr Choice<Mode> mode_choices[] = {{"threaded", Mode::threaded}, {"inline", Mode::inline_}};
constexpr Choice<MetadataRecovery> recovery_choices[] = {
    {"rebootstrap", MetadataRecovery::rebootstrap}, {"none", MetadataRecovery::none}};
constexpr Choice<IoBackend> io_choices[] = {{"auto", IoBackend::automatic},
                                            {"io_uring", IoBackend::io_uring},
                                            {"epoll", IoBackend::epoll}};
/// PostgreSQL's huge_pages are off, on and try.
constexpr Choice<HugePages> huge_choices[] = {{"off", HugePages::off},
                                              {"transparent", HugePages::transparent},
                                              {"try", HugePages::try_},
                                              {"on", HugePages::on}};
/// librdkafka's log_level is syslog's number.
constexpr Choice<LogLevel> log_choices[] = {
    {"off", LogLevel::off}, {"error", LogLevel::error}, {"warn", LogLevel::warn},
    {"info", LogLevel::info}, {"debug", LogLevel::debug}, {"0", LogLevel::error},
    {"1", LogLevel::error}, {"2", LogLevel::error}, {"3", LogLevel::error},
    {"4", LogLevel::warn}, {"5", LogLevel::info}, {"6", LogLevel::info}, {"7", LogLevel::debug}};

template <auto Member, CompressionType type>
bool set_level(Options& o, std::string_view value) {
    int level = 0;
    if (!parse_number(value, level) || !has_level(type, level)) return false;
    o.*Member = level;
    return true;
}

bool set_idempotence(Options& o, std::string_view value) {
    if (!parse_bool(value, o.enable_idempotence)) return false;
    o.enable_idempotence_asked = true;
    return true;
}

bool set_cpus(Options& o, std::string_view value) {
    std::vector<std::uint32_t> cpus;
    while (!value.empty()) {
        std::uint32_t cpu = 0;
        if (!parse_number(cut_item(value), cpu) || cpu > 1023) return false;
        cpus.push_back(cpu);
    }
    o.cpus = std::move(cpus);
    return true;
}
std::string show_cpus(const Options& o) { return fmt::format("{}", fmt::join(o.cpus, ",")); }

bool set_node(Options& o, std::string_view value) {
    if (same_word(value, "local")) return o.numa_node = Options::local_node, true;
    return set_number<&Options::numa_node, Options::any_node, 1023>(o, value);
}
std::string show_node(const Options& o) {
    return o.numa_node == Options::local_node ? "local" : show_number<&Options::numa_node>(o);
}

constexpr std::int64_t day_ms = 86'400'000;

/// Java's "never" is -1, librdkafka's is 0.
bool set_idle(Options& o, std::string_view value) {
    return set_millis<&Options::connections_max_idle, 0, day_ms>(o, value == "-1" ? "0" : value);
}

constexpr OptionRow rows[] = {
    {"bootstrap.servers", "metadata.broker.list hosts", "HOST:PORT[,HOST:PORT...]",
     set_text<&Options::bootstrap_servers>, show_text<&Options::bootstrap_servers>,
     "The brokers to begin with; they name the others. The port is 9092 where none is given."},
    {"client.id", "", "a name of 255 bytes at most, without control characters",
     set_text<&Options::client_id, limits::client_id_bytes_max>, show_text<&Options::client_id>,
     "The name in the brokers' logs and quotas."},
    {"acks", "request.required.acks required.acks", "all, -1, 1 or 0",
     set_choice<&Options::acks, acks_choices>, show_choice<&Options::acks, acks_choices>,
     "Whose acknowledgement makes a record delivered: every in-sync replica's (all, -1), the "
     "leader's (1), nobody's (0)."},
    {"enable.idempotence", "", "true or false", set_idempotence,
     show_bool<&Options::enable_idempotence>,
     "No duplicates and no reordering by retries. Needs `acks=all`; unless it is asked for, it "
     "gives way to another `acks`."},
    {"max.in.flight.requests.per.connection", "max.in.flight", "1 to 5",
     set_number<&Options::max_in_flight, 1, 5>, show_number<&Options::max_in_flight>,
     "Produce requests unanswered on one connection. A broker remembers five batches of a "
     "producer, so with more it could not tell a duplicate."},
    {"partitioner", "",
     "murmur2, murmur2_random (the same), consistent, consistent_random, fnv1a, fnv1a_random, "
     "xxhash, hashing, random, round_robin or sticky",
     set_choice<&Options::partitioner, partitioner_choices>,
     show_choice<&Options::partitioner, partitioner_choices>,
     "Where a record goes that names no partition; see the README."},
    {"partitioner.ignore.keys", "", "true or false", set_bool<&Options::partitioner_ignore_keys>,
     show_bool<&Options::partitioner_ignore_keys>, "Places records with keys like those without."},
    {"partitioner.adaptive.partitioning.enable", "", "true or false",
     set_bool<&Options::adaptive_partitioning>, show_bool<&Options::adaptive_partitioning>,
     "The sticky partition is drawn by how short the partitions' queues are (KIP-794)."},
    {"partitioner.availability.timeout.ms", "", "0 to 86400000; 0 is never",
     set_millis<&Options::availability_timeout, 0, day_ms>,
     show_millis<&Options::availability_timeout>,
     "The sticky partition stays away from brokers that have taken nothing for so long."},
    {"linger.ms", "queue.buffering.max.ms", "0 to 900000, a fraction is fine",
     set_millis<&Options::linger, 0, 900'000>, show_millis<&Options::linger>,
     "How long a batch may wait for company, from its first record."},
    {"linger.adaptive", "", "true or false", set_bool<&Options::linger_adaptive>,
     show_bool<&Options::linger_adaptive>,
     "A batch lingers only while a produce request to its broker is unanswered."},
    {"batch.size", "", "1024 to 67108864 bytes",
     set_number<&Options::batch_bytes, 1024, 64 << 20>, show_number<&Options::batch_bytes>,
     "Bytes of a batch that make it leave at once."},
    {"batch.num.messages", "min.queued.messages", "1 to 1000000",
     set_number<&Options::batch_records, 1, 1'000'000>, show_number<&Options::batch_records>,
     "Records of a batch that make it leave at once."},
    {"compression.type", "compression.codec compression", "none, gzip, snappy, lz4 or zstd",
     set_choice<&Options::compression_type, codec_choices>,
     show_choice<&Options::compression_type, codec_choices>,
     "What batches are compressed with, but for those that would not get smaller."},
    {"compression.gzip.level", "", "1 to 9, or -1: zlib's default",
     set_level<&Options::compression_gzip_level, CompressionType::gzip>,
     show_number<&Options::compression_gzip_level>, "How hard gzip tries."},
    {"compression.lz4.level", "", "1 to 17",
     set_level<&Options::compression_lz4_level, CompressionType::lz4>,
     show_number<&Options::compression_lz4_level>,
     "How hard lz4 tries: 9 is the fast compressor (KIP-390), others are LZ4 HC's levels."},
    {"compression.zstd.level", "", "-131072 to 22",
     set_level<&Options::compression_zstd_level, CompressionType::zstd>,
     show_number<&Options::compression_zstd_level>, "How hard zstd tries."},
    {"compression.level", "",
     "gzip 0 to 9, lz4 0 to 12, zstd 0 to 22, or -1: the codec's own option",
     set_number<&Options::compression_level, -1, 22>, show_number<&Options::compression_level>,
     "The level of whichever codec it is, by librdkafka's numbers."},
    {"compression.topics", "",
     "TOPIC=CODEC[:LEVEL][,...], each once, with none, gzip (1 to 9), snappy, lz4 (1 to 17) or "
     "zstd (-131072 to 22)",
     set_topic_compression, show_topic_compression,
     "Codecs of single topics, instead of `compression.type`."},
    {"message.max.bytes", "", "1000 to 67108864 bytes",
     set_number<&Options::message_max_bytes, 1000, 64 << 20>,
     show_number<&Options::message_max_bytes>,
     "The largest encoded record, its batch's header of 61 bytes included. Brokers have a bound "
     "of their own, 1048588 by default."},
    {"max.request.size", "", "1000 to 104857600 bytes",
     set_number<&Options::request_bytes_max, 1000, 100 << 20>,
     show_number<&Options::request_bytes_max>,
     "Bytes of one produce request; `message.max.bytes` at least."},
    {"buffer.memory", "", "2097152 to 1099511627776 bytes",
     set_number<&Options::buffer_memory, 2 << 20, std::int64_t{1} << 40>,
     show_number<&Options::buffer_memory>,
     "Bytes of record batches that a shard may hold; all of it is taken at start."},
    {"memory.huge.pages", "", "off, transparent, try or on",
     set_choice<&Options::huge_pages, huge_choices>,
     show_choice<&Options::huge_pages, huge_choices>,
     "Pages of 2 MiB for the batches: what the kernel makes of free memory (transparent), those "
     "of its reserve, `vm.nr_hugepages`, where there are enough (try), or else no start (on)."},
    {"memory.numa.node", "", "-1 to 1023, or local; -1 is the kernel's own choice", set_node,
     show_node,
     "The NUMA node that batches' and lanes' memory lies on as long as it has room; local is that "
     "of the CPU the shard starts on."},
    {"lane.ring.bytes", "", "4096 to 1073741824 bytes",
     set_number<&Options::lane_ring_bytes, 4096, 1 << 30>,
     show_number<&Options::lane_ring_bytes>,
     "A lane's ring for records on their way to the shard; the power of two below it counts."},
    {"lane.records.max", "", "1 to 10000000",
     set_number<&Options::lane_records_max, 1, 10'000'000>,
     show_number<&Options::lane_records_max>,
     "Records of one lane accepted and not yet polled."},
    {"queue.buffering.max.messages", "max.queued.messages", "1 to 2147483647",
     set_number<&Options::queue_records_max, 1, INT32_MAX>,
     show_number<&Options::queue_records_max>,
     "Records of all lanes together accepted and not yet polled; a hard limit."},
    {"max.block.ms", "", "0 to 86400000, or -1: as long as it takes",
     set_millis<&Options::max_block, -1, day_ms>, show_millis<&Options::max_block>,
     "How long `produce` waits at a limit; 0 is not at all."},
    {"delivery.reports", "", "all, errors or none",
     set_choice<&Options::delivery_reports, reports_choices>,
     show_choice<&Options::delivery_reports, reports_choices>,
     "Which records' reports `poll` hands out."},
    {"delivery.reports.with.records", "", "true or false",
     set_bool<&Options::delivery_reports_with_records>,
     show_bool<&Options::delivery_reports_with_records>,
     "Reports of delivered records show their bytes, too, as those of failed ones do."},
    {"delivery.reports.shared", "", "true or false", set_bool<&Options::delivery_reports_shared>,
     show_bool<&Options::delivery_reports_shared>,
     "The reports of all lanes go to one queue, which `Producer::poll` reads."},
    {"delivery.timeout.ms", "message.timeout.ms", "1 to 86400000",
     set_millis<&Options::delivery_timeout, 1, day_ms>, show_millis<&Options::delivery_timeout>,
     "From a record's acceptance to its report, at most."},
    {"request.timeout.ms", "ack.timeout.ms socket.timeout.ms", "1 to 86400000",
     set_millis<&Options::request_timeout, 1, day_ms>, show_millis<&Options::request_timeout>,
     "An unanswered request ends its connection after this."},
    {"retries", "message.send.max.retries max.retries", "0 to 2147483647",
     set_number<&Options::retries, 0, INT32_MAX>, show_number<&Options::retries>,
     "How often a batch may be sent again."},
    {"retry.backoff.ms", "", "1 to 300000", set_millis<&Options::retry_backoff, 1, 300'000>,
     show_millis<&Options::retry_backoff>,
     "The wait before a batch is sent again; it doubles, with jitter."},
    {"retry.backoff.max.ms", "", "1 to 300000", set_millis<&Options::retry_backoff_max, 1, 300'000>,
     show_millis<&Options::retry_backoff_max>, "What that wait grows to."},
    {"socket.connection.setup.timeout.ms", "", "1 to 86400000",
     set_millis<&Options::connection_setup_timeout, 1, day_ms>,
     show_millis<&Options::connection_setup_timeout>,
     "For looking up a broker's name, connecting and negotiating."},
    {"reconnect.backoff.ms", "", "1 to 3600000",
     set_millis<&Options::reconnect_backoff, 1, 3'600'000>,
     show_millis<&Options::reconnect_backoff>,
     "The wait before a broker is connected to again; it doubles, with full jitter."},
    {"reconnect.backoff.max.ms", "", "1 to 3600000",
     set_millis<&Options::reconnect_backoff_max, 1, 3'600'000>,
     show_millis<&Options::reconnect_backoff_max>, "What that wait grows to."},
    {"socket.keepalive.enable", "", "true or false", set_bool<&Options::socket_keepalive>,
     show_bool<&Options::socket_keepalive>,
     "The kernel probes connections that are silent, by its own times."},
    {"connections.max.idle.ms", "", "0 to 86400000; 0 or -1 is never", set_idle,
     show_millis<&Options::connections_max_idle>,
     "An unused connection is closed after this."},
    {"metadata.max.age.ms", "topic.metadata.refresh.interval.ms", "10 to 86400000",
     set_millis<&Options::metadata_max_age, 10, day_ms>, show_millis<&Options::metadata_max_age>,
     "How old the view of the cluster may get while in use."},
    {"metadata.max.idle.ms", "", "10 to 86400000",
     set_millis<&Options::metadata_max_idle, 10, day_ms>,
     show_millis<&Options::metadata_max_idle>,
     "A topic that nothing was produced to for so long is no longer asked for."},
    {"metadata.recovery.strategy", "", "rebootstrap or none",
     set_choice<&Options::metadata_recovery, recovery_choices>,
     show_choice<&Options::metadata_recovery, recovery_choices>,
     "Whether the bootstrap servers are gone back to when no known broker answers."},
    {"metadata.recovery.rebootstrap.trigger.ms", "", "100 to 86400000",
     set_millis<&Options::rebootstrap_trigger, 100, day_ms>,
     show_millis<&Options::rebootstrap_trigger>,
     "After how long without an answer from any known broker that is done."},
    {"topic.metadata.propagation.max.ms", "", "0 to 3600000",
     set_millis<&Options::topic_wait, 0, 3'600'000>, show_millis<&Options::topic_wait>,
     "How long a topic that does not exist may take to appear."},
    {"allow.auto.create.topics", "", "true or false",
     set_bool<&Options::allow_auto_create_topics>, show_bool<&Options::allow_auto_create_topics>,
     "Lets the broker create a topic that is produced to."},
    {"auto.start", "", "true or false", set_bool<&Options::auto_start>,
     show_bool<&Options::auto_start>,
     "The first call that needs a running producer starts it."},
    {"stop.timeout.ms", "pending.timeout.ms", "0 to 86400000",
     set_millis<&Options::stop_timeout, 0, day_ms>, show_millis<&Options::stop_timeout>,
     "How long the destructor waits for what is unfinished."},
    {"mode", "", "threaded or inline", set_choice<&Options::mode, mode_choices>,
     show_choice<&Options::mode, mode_choices>,
     "Who drives the loop: a thread for each shard, or the caller."},
    {"shards", "", "1 to 64", set_number<&Options::shards, 1, 64>, show_number<&Options::shards>,
     "Threads with their own connections and memory; inline mode has one shard."},
    {"cpu.affinity", "", "CPU numbers, such as 0,2", set_cpus, show_cpus,
     "The CPUs that the shards are pinned to, in turn."},
    {"thread.name", "", "a name of 255 bytes at most, without control characters",
     set_text<&Options::thread_name, limits::client_id_bytes_max>,
     show_text<&Options::thread_name>, "The threads are called this, -0, -1 and so on."},
    {"spin.us", "", "-1 to 1000000; -1 is for ever", set_micros<&Options::spin, -1, 1'000'000>,
     show_micros<&Options::spin>,
     "How long a shard looks for more work before it sleeps, at most: while work comes that often, "
     "and with more than two CPUs a shard. -1: it never sleeps."},
    {"io.backend", "", "auto, io_uring or epoll", set_choice<&Options::io_backend, io_choices>,
     show_choice<&Options::io_backend, io_choices>,
     "How the kernel is spoken to; auto takes io_uring where it can be had."},
    {"io.capabilities", "", "a bit mask, 0 to 4294967295",
     set_number<&Options::io_capabilities, 0, UINT32_MAX>,
     show_number<&Options::io_capabilities>,
     "The features of io_uring that may be used, for finding faults."},
    {"statistics.enable", "", "true or false", set_bool<&Options::statistics>,
     show_bool<&Options::statistics>,
     "`Producer::statistics` has histograms of turns, latencies and round trips; counters it "
     "always has."},
    {"log.level", "", "off, error, warn, info or debug; or syslog's 0 to 7",
     set_choice<&Options::log_level, log_choices>, show_choice<&Options::log_level, log_choices>,
     "What is logged to the sink that the program gives."},
};

}  // namespace

std::span<const OptionRow> option_table() { return rows; }

}  // namespace ringpost::api
