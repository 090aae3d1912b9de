// SPDX-License-Identifier: Apache-2.0
// Everything that can be chosen about a producer. Each field can also be set by its text name.
#pragma once

#include <chrono>
#include <cstdint>
#include <limits>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <ringpost/error.h>
#include <ringpost/log.h>

namespace ringpost {

/// Which acknowledgement makes a record delivered (Kafka's `acks`).
enum class Acks : std::int8_t {
    none = 0,     ///< None: delivered once the kernel has taken the bytes. No offset.
    leader = 1,   ///< The leader's: lost if the leader fails before a follower has it.
    all = -1,     ///< Every in-sync replica's.
};

class OwnPartitioner;

/// Where a record goes that names no partition. Those "by hash" put every key where the client they
/// are named after puts it, over all partitions of the topic; what has no such place goes to the
/// *sticky* partition: one that is led, until about batch_bytes have gone there (KIP-794). An
/// empty key is a key, but for consistent_random.
enum class Partitioner : std::uint8_t {
    murmur2,            ///< Java's default, librdkafka's murmur2_random. No key: sticky.
    consistent,         ///< librdkafka's: CRC-32 by hash. No key: partition 0.
    consistent_random,  ///< librdkafka's default: CRC-32 by hash. No key or an empty one: sticky.
    fnv1a,              ///< librdkafka's: FNV-1a by hash. No key: as an empty one.
    fnv1a_random,       ///< librdkafka's: FNV-1a by hash. No key: sticky.
    xxhash,             ///< XXH64 (its seed 0) by hash. No key: sticky.
    hashing,            ///< pykafka's: SHA-1 by hash. No key: refused with invalid_argument.
    random,             ///< Keys ignored: any partition that is led, anew for each record.
    round_robin,        ///< Keys ignored: the partitions that are led, in turn.
    sticky,             ///< Keys ignored: the sticky partition.
};

/// Which records' delivery reports are handed out by poll.
enum class Reports : std::uint8_t {
    all,
    errors,   ///< Only those of records that failed.
    none,     ///< None. A record with a callback has its callback run all the same.
};

/// Who drives the loop.
enum class Mode : std::uint8_t {
    threaded,   ///< A thread a shard. Lanes may be used from any threads, one thread a lane.
    inline_,    ///< No thread: the starting thread drives the loop through poll, flush and stop.
};

/// What becomes of the brokers that are known when none of them gives metadata (KIP-899, KIP-1102).
enum class MetadataRecovery : std::uint8_t {
    none,         ///< They are tried for ever; the bootstrap addresses serve at the start only.
    rebootstrap,  ///< The bootstrap addresses are looked up anew and take their place.
};

enum class IoBackend : std::uint8_t { automatic, io_uring, epoll };

/// What a batch's records are compressed with; the numbers are Kafka's.
enum class CompressionType : std::uint8_t { none = 0, gzip = 1, snappy = 2, lz4 = 3, zstd = 4 };

/// How one topic's batches are compressed, whatever the others' are.
struct TopicCompression {
    std::string topic;
    CompressionType type = CompressionType::none;
    std::optional<int> level;   ///< as in the codec's own option; none: what that says
    bool operator==(const TopicCompression&) const = default;
};

/// Whose pages of 2 MiB a shard's batches are to lie in.
enum class HugePages : std::uint8_t {
    off,          ///< None is asked for: the kernel's own setting decides.
    transparent,  ///< Those that the kernel makes of free memory (madvise), as far as there is any.
    try_,         ///< Those of the reserve (vm.nr_hugepages), or transparent ones without enough.
    on,           ///< Those of the reserve, or the start fails.
};

/// Who has set an option: recorded by what reads text, for people; a producer does not need it.
struct OptionOrigin {
    std::string_view name;
    std::string value;   ///< As it was shown then: a field that was changed later is the program's.
    std::string origin;
};

/// One option as it would be used, for programs that print them.
struct OptionInfo {
    std::string_view name;
    std::string value;
    std::string origin;        ///< default, program, "because of NAME", or what set() was told.
    std::string default_value;
    std::string_view range;
    std::string_view also;     ///< Other names in the same unit, separated by spaces.
    std::string_view does;
};

/// Values are checked by Producer::start, which names the option, what was wrong and the range.
/// The text names accept dots or underscores alike, and pykafka's, librdkafka's and Java's names.
struct [[gnu::visibility("default")]] Options {
    using Micros = std::chrono::microseconds;
    using Millis = std::chrono::milliseconds;

    /// `bootstrap.servers`: "host[:port][,host[:port]...]"; the port is 9092 where none is given.
    std::string bootstrap_servers;
    /// `client.id`: named in the broker's logs and quotas.
    std::string client_id = "ringpost";

    /// `acks`: all (-1), 1 or 0.
    Acks acks = Acks::all;
    /// `enable.idempotence`: no duplicates and no reordering by retries. Needs acks=all; unless it
    /// was asked for by name, it gives way to acks=0 or 1.
    bool enable_idempotence = true;
    bool enable_idempotence_asked = false;  ///< Set by set(); set it yourself to insist.
    /// `max.in.flight.requests.per.connection`: 1..5.
    std::uint32_t max_in_flight = 5;

    /// `partitioner`.
    Partitioner partitioner = Partitioner::murmur2;
    /// Instead of `partitioner`: see <ringpost/partitioner.h>. None: `partitioner` decides.
    std::shared_ptr<OwnPartitioner> own_partitioner;
    /// `partitioner.ignore.keys`: places records with keys like those without (KIP-794).
    bool partitioner_ignore_keys = false;
    /// `partitioner.adaptive.partitioning.enable`: the sticky partition is drawn by how many
    /// batches wait for each; else each is as likely (KIP-794).
    bool adaptive_partitioning = true;
    /// `partitioner.availability.timeout.ms`: partitions whose broker could take none of its
    /// batches for so long are left out of that draw. 0: none is. Java's own default is 0.
    Millis availability_timeout{1'000};

    /// `linger.ms`: how long a batch may wait for company, from its first record. While a shard
    /// can't keep up with its callers, more such batches than it can send well go on filling.
    Micros linger{5'000};
    /// `linger.adaptive`: a batch lingers only while a produce request to its broker is unanswered,
    /// and linger at most. So an idle connection sends at once, and a busy one fills batches.
    bool linger_adaptive = false;
    /// `batch.size`: bytes of a batch that make it leave at once. 1 KiB..64 MiB.
    std::uint32_t batch_bytes = 128 * 1024;
    /// `batch.num.messages`: records of a batch that make it leave at once.
    std::uint32_t batch_records = 50'000;
    /// `compression.type`: what batches are compressed with, but for those that would not get
    /// smaller, which go as they are. Zstd needs brokers of Kafka 2.1 or later. A batch is as large
    /// as is likely to come to batch.size when it is compressed, by what the topic's last ones did.
    CompressionType compression_type = CompressionType::none;
    /// `compression.gzip.level`: 1..9, or -1: zlib's default.
    int compression_gzip_level = -1;
    /// `compression.lz4.level`: 1..17 (KIP-390); 9, the default, is the fast compressor, others are
    /// LZ4 HC's levels.
    int compression_lz4_level = 9;
    /// `compression.zstd.level`: -131072..22. Levels above 9 take turns of the loop that are longer
    /// than a quarter of a millisecond.
    int compression_zstd_level = 3;
    /// `compression.level`: instead of these three, by librdkafka's numbers: gzip 0..9, lz4 0..12
    /// (up to 2 is the fast compressor), zstd 0..22. -1: the codec's own option counts.
    int compression_level = -1;
    /// `compression.topics`: TOPIC=CODEC or TOPIC=CODEC:LEVEL, separated by commas.
    std::vector<TopicCompression> topic_compression;
    /// `message.max.bytes`: the largest encoded record, its batch's 61-byte header included. The
    /// broker's own default bound is 1,048,588 (its message.max.bytes).
    std::uint32_t message_max_bytes = 1'000'000;
    /// `max.request.size`: bytes of one produce request; at least message_max_bytes.
    std::uint32_t request_bytes_max = 4 << 20;

    /// `buffer.memory`: bytes of record batches a shard may hold; taken and touched at start, which
    /// fails with out_of_memory if that is more than the machine has.
    std::uint64_t buffer_memory = 32ULL << 20;
    /// `memory.huge.pages`: off, transparent, try or on, for the batches' memory (lanes' rings grow
    /// page by page as they are used). Each shard needs buffer_memory by 2 MiB of them, rounded up;
    /// the log says at level info what was had. What is of the reserve is back when the producer
    /// and its lanes are gone, and a child forked meanwhile.
    HugePages huge_pages = HugePages::off;
    /// `memory.numa.node`: the NUMA node on which batches' and lanes' memory is to lie, 0..1023, or
    /// any_node (-1): where it is touched first, or local_node (local): that of the CPU on which
    /// the shard starts; pin it (`cpu.affinity`), and it stays there. Memory lies elsewhere only if
    /// that node is full. A start fails if there is no such node or the kernel refuses.
    std::int32_t numa_node = any_node;
    static constexpr std::int32_t any_node = -1;
    static constexpr std::int32_t local_node = -2;
    /// `lane.ring.bytes`: a lane's ring for records on their way to the shard.
    std::uint32_t lane_ring_bytes = 2U << 20;
    /// `lane.records.max`: records of one lane accepted and not yet polled.
    std::uint32_t lane_records_max = 100'000;
    /// `queue.buffering.max.messages`: the same of all lanes together; a hard limit.
    std::uint32_t queue_records_max = 1'000'000;
    /// `max.block.ms`: how long produce waits at a limit. 0: not at all. -1: as long as it takes.
    Millis max_block{0};

    /// `delivery.reports`: all, errors or none.
    Reports delivery_reports = Reports::all;
    /// `delivery.reports.with.records`: reports of delivered records show their bytes, too, as
    /// those of failed ones do. Until they are polled, they keep up to half of buffer.memory.
    bool delivery_reports_with_records = false;
    /// `delivery.reports.shared`: the reports of all lanes go to one queue, which Producer::poll
    /// reads; a lane's own poll reads none.
    bool delivery_reports_shared = false;

    /// `delivery.timeout.ms`: from acceptance to the report, at most.
    Millis delivery_timeout{120'000};
    /// `request.timeout.ms`: an unanswered request ends its connection after this; so does the
    /// kernel if sent bytes stay without a TCP ACK (for the connection's setup timeout, if that is
    /// longer).
    Millis request_timeout{30'000};
    /// `retries`: how often a batch may be sent again.
    std::uint32_t retries = std::numeric_limits<std::int32_t>::max();
    /// `retry.backoff.ms`, `retry.backoff.max.ms`: doubling between the two, with jitter.
    Millis retry_backoff{100};
    Millis retry_backoff_max{1'000};

    /// `socket.connection.setup.timeout.ms`: for the name, the connection and its negotiation.
    Millis connection_setup_timeout{10'000};
    /// `reconnect.backoff.ms`, `reconnect.backoff.max.ms`: doubling, with full jitter.
    Millis reconnect_backoff{50};
    Millis reconnect_backoff_max{1'000};
    /// `socket.keepalive.enable`: the kernel looks after a quiet connection's peer. librdkafka's
    /// name; its default is false, Java's client has no choice but true.
    bool socket_keepalive = true;
    /// `connections.max.idle.ms`: an unused connection is closed after this. 0: never.
    Millis connections_max_idle{540'000};
    /// `metadata.max.age.ms`: how old the view of the cluster may get while in use.
    Millis metadata_max_age{300'000};
    /// `metadata.max.idle.ms`: a topic to which nothing was produced for so long is not asked for
    /// any more. Its next records wait for an answer, as a new topic's do.
    Millis metadata_max_idle{300'000};
    /// `metadata.recovery.strategy`: what to do when no known broker is of use.
    MetadataRecovery metadata_recovery = MetadataRecovery::rebootstrap;
    /// `metadata.recovery.rebootstrap.trigger.ms`: how long metadata may be wanted in vain
    /// until the known brokers are given up for the bootstrap addresses.
    Millis rebootstrap_trigger{300'000};
    /// `topic.metadata.propagation.max.ms`: how long a topic that does not exist may take to
    /// appear.
    Millis topic_wait{30'000};
    /// `allow.auto.create.topics`: let the broker create a topic that is produced to.
    bool allow_auto_create_topics = true;

    /// `auto.start`: the first call that needs a running producer starts it.
    bool auto_start = true;
    /// `stop.timeout.ms`: how long the destructor waits for what is unfinished.
    Millis stop_timeout{30'000};

    Mode mode = Mode::threaded;           ///< `mode`: threaded or inline.
    std::uint32_t shards = 1;             ///< `shards`: 1..64; inline mode has one.
    std::vector<std::uint32_t> cpus;      ///< `cpu.affinity`: shard i is pinned to cpus[i % size].
    std::string thread_name = "ringpost"; ///< `thread.name`: the threads are NAME-0, NAME-1, ...
    /// `spin.us`: how long a shard looks for more work before it sleeps, at most. It does so while
    /// work comes that often, and if the process may use more than two CPUs a shard. 0: never.
    /// -1: it never sleeps and takes a whole CPU, idle too (busy-poll).
    Micros spin{20};
    IoBackend io_backend = IoBackend::automatic;  ///< `io.backend`: auto, io_uring or epoll.
    std::uint32_t io_capabilities = 0xffff'ffffU; ///< `io.capabilities`: rungs of io_uring allowed.

    /// `statistics.enable`: Producer::statistics has histograms of turns, latencies, round trips,
    /// for a look at the clock a turn and an increment a batch. Counters it always has.
    bool statistics = true;

    LogLevel log_level = LogLevel::warn;  ///< `log.level`: off, error, warn, info or debug.
    LogSink log_sink;                     ///< None: no log.

    std::vector<OptionOrigin> origins;    ///< Written by set() and what reads files.

    /// Sets one option from text, as programs and files have it. Times are in the unit that the
    /// name says. The error names the nearest right name, or the range; nothing has changed then.
    Result<void> set(std::string_view name, std::string_view value,
                     std::string_view origin = "program");

    /// Sets what a file says that has the form of Java's .properties (OPTIONS.md tells it), 1 MiB
    /// at most. All of it or nothing: the error names file, line and what would be right. Only a
    /// regular file is read, so nothing can keep this waiting.
    Result<void> load(const std::string& path);
    /// The same from memory; `name` stands for the file in errors and origins.
    Result<void> load_text(std::string_view text, std::string_view name);

    /// Sets what the environment says: RINGPOST_LINGER_MS=5 is linger.ms. All of it or nothing; a
    /// variable that begins with RINGPOST_ and is no option is an error.
    /// Thread: while no other thread changes the environment.
    Result<void> load_environment();

    /// What a producer takes: where two options can't go together and nothing has been said about
    /// one of them, that one gives way. (A field that has its default counts as nothing said.)
    Options effective() const;

    /// Checks every value and every pair of effective(); the first thing wrong, with what would be
    /// right.
    Result<void> validate() const;

    /// The effective options, in the order of this header.
    std::vector<OptionInfo> explain() const;

    /// One line an effective option: "name = value", as load_text() reads it. One without a value
    /// is a comment.
    std::string describe() const;
};

}  // namespace ringpost
