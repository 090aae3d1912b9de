// SPDX-License-Identifier: Apache-2.0
// Names of pykafka, librdkafka and Java that are no plain second name of a row: those in another
// unit or form, and those that there is no choice about.
#include "api/option_table.h"
#include "api/option_values.h"

namespace ringpost::api {

namespace {

/// Java's classes, with or without their package.
bool set_partitioner_class(Options& o, std::string_view value) {
    constexpr std::string_view package = "org.apache.kafka.clients.producer.";
    if (value.starts_with(package)) value.remove_prefix(package.size());
    if (value.starts_with("internals.")) value.remove_prefix(10);
    if (value == "DefaultPartitioner") return o.partitioner = Partitioner::murmur2, true;
    if (value == "RoundRobinPartitioner") return o.partitioner = Partitioner::round_robin, true;
    if (value == "UniformStickyPartitioner") return o.partitioner = Partitioner::sticky, true;
    return false;
}

/// pykafka's: wait without a deadline, or not at all.
bool set_block_on_queue_full(Options& o, std::string_view value) {
    bool block = false;
    if (!parse_bool(value, block)) return false;
    o.max_block = Options::Millis(block ? -1 : 0);
    return true;
}

/// librdkafka's.
bool set_only_error(Options& o, std::string_view value) {
    bool only = false;
    if (!parse_bool(value, only)) return false;
    o.delivery_reports = only ? Reports::errors : Reports::all;
    return true;
}

constexpr AliasRow aliases[] = {
    {"block.on.queue.full", "max.block.ms", "true (wait as long as it takes) or false",
     set_block_on_queue_full},
    {"delivery.report.only.error", "delivery.reports", "true or false", set_only_error},
    {"queue.buffering.max.kbytes", "buffer.memory", "2048 to 1073741824 KiB",
     set_number<&Options::buffer_memory, 2048, std::int64_t{1} << 30, 1024>},
    {"partitioner.class", "partitioner",
     "DefaultPartitioner, RoundRobinPartitioner or UniformStickyPartitioner; classes can't be "
     "loaded",
     set_partitioner_class},
};

constexpr PeerRow peers[] = {
    {"security.protocol", "plaintext", "TLS and SASL are not supported yet"},
    {"ssl.* sasl.* https.* security.providers enable.ssl.certificate.verification "
     "enable.sasl.oauthbearer.unsecure.jwt",
     "", "TLS and SASL are not supported yet"},
    {"transactional.id transaction.timeout.ms transaction.two.phase.commit.enable", "",
     "transactions are not supported yet"},
    {"key.serializer value.serializer serializer", "",
     "a record's key and value are bytes here, and its program makes them before it calls produce"},
    {"interceptor.classes metric.reporters config.providers config.providers.* "
     "plugin.library.paths auto.include.jmx.reporter",
     "", "no classes and no plug-ins are loaded"},
    {"enable.metrics.push", "false", "nothing is pushed to brokers but records"},
    {"statistics.interval.ms", "0",
     "statistics are asked for, not sent: see Producer::statistics and `ringpost produce "
     "--statistics`"},
    {"metrics.*", "",
     "statistics are counted from the start, and asked for: see Producer::statistics"},
    {"api.version.request", "true", "the versions are negotiated with each broker"},
    {"api.version api.version.fallback.ms api.version.request.timeout.ms broker.version "
     "broker.version.fallback",
     "", "the versions are negotiated with each broker"},
    {"zookeeper.hosts", "", "brokers are asked, not ZooKeeper: name them in bootstrap.servers"},
    {"socket.nagle.disable", "true", "TCP_NODELAY is always on"},
    {"socket.send.buffer.bytes socket.receive.buffer.bytes send.buffer.bytes receive.buffer.bytes",
     "0 -1", "the kernel chooses the sizes of its buffers"},
    {"receive.message.max.bytes", "100000000", "this bound on a response is fixed"},
    {"client.dns.lookup", "use_all_dns_ips", "all addresses of a name are tried"},
    {"topic.metadata.refresh.sparse", "true", "only topics that are produced to are asked for"},
    {"queuing.strategy", "fifo", "a partition's records leave in their order"},
    {"message.copy.max.bytes", "*", "produce copies each record once, straight into its ring"},
    {"queue.empty.timeout.ms", "*", "a shard without work sleeps until there is some"},
    {"queue.buffering.backpressure.threshold", "*",
     "a batch goes on growing until a connection takes it"},
    {"sync", "false", "a call waits for its report, not a producer: see produce_sync"},
    {"debug log.queue log.thread.name log.connection.close", "", "log.level alone chooses"},
    {"sticky.partitioning.linger.ms", "",
     "the sticky partition changes when its batch is full, not by time"},
    {"group.* auto.offset.reset auto.commit.* enable.auto.commit enable.auto.offset.store "
     "enable.partition.eof fetch.* max.poll.* max.partition.fetch.bytes session.timeout.ms "
     "heartbeat.interval.ms isolation.level partition.assignment.strategy key.deserializer "
     "value.deserializer check.crcs queued.* consume.* exclude.internal.topics",
     "", "this is a consumer's; ringpost only produces"},
};

}  // namespace

std::span<const AliasRow> alias_table() { return aliases; }
std::span<const PeerRow> peer_table() { return peers; }

}  // namespace ringpost::api
