// SPDX-License-Identifier: Apache-2.0
// Every bound in the library, with its unit, its reason and its relation to the others.
#pragma once

#include <cstddef>
#include <cstdint>

namespace ringpost::limits {

/// Produce requests unanswered on one connection. A broker remembers the last five batches of each
/// producer id and partition (ProducerStateEntry.NUM_BATCHES_TO_RETAIN); with more in flight it
/// could not tell a duplicate from a new batch.
inline constexpr std::uint32_t inflight_requests_max = 5;

/// Requests of the other kinds (ApiVersions, Metadata, InitProducerId) unanswered on a connection.
inline constexpr std::uint32_t inflight_control_max = 3;

/// Request slots of a connection.
inline constexpr std::uint32_t request_slots = inflight_requests_max + inflight_control_max;

/// Bytes of one produce request that are not record batches: header, names, array lengths.
inline constexpr std::uint32_t request_frame_bytes = 32 * 1024;

/// Partitions in one produce request. Bounds the iovecs of a send together with `batch_slabs_max`.
inline constexpr std::uint32_t request_partitions_max = 256;

/// Memory pieces of one batch: 4 KiB doubling to 256 KiB passes 1 MiB with ten of them; a larger
/// record takes one piece of its own size.
inline constexpr std::uint32_t batch_slabs_max = 16;

/// Pieces of a compressed batch's memory: the first is what the estimate says, the others double.
inline constexpr std::uint32_t packed_pieces_max = 8;

/// Pieces that one send may name (the kernel's UIO_MAXIOV).
inline constexpr std::uint32_t send_pieces_max = 1024;

/// Smallest and largest piece that a growing batch takes from the arena, in bytes. 64 KiB and up
/// are gathered by the kernel at full speed; small ones keep many quiet partitions cheap.
inline constexpr std::uint32_t slab_bytes_min = 4 * 1024;
inline constexpr std::uint32_t slab_bytes_growth_max = 256 * 1024;

/// A Kafka topic name: Topic.MAX_NAME_LENGTH.
inline constexpr std::uint32_t topic_name_bytes_max = 249;

/// Room for all that a shard takes at its start besides its batches' memory: brokers, sockets, the
/// allocator's own segments of 32 MiB. Asked for at once, so that a process without it is told.
inline constexpr std::uint64_t set_up_room_bytes = 96ULL << 20;

/// Topics that one producer can name, and partitions that one topic can have.
inline constexpr std::uint32_t topics_max = 1U << 20;
inline constexpr std::uint32_t partitions_max = 1U << 20;

/// Bytes of a client id, whose length has 16 bits in each request; also of a thread name.
inline constexpr std::uint32_t client_id_bytes_max = 255;

/// Bytes of a file with options, and of one logical line of it: a list of some thousand brokers.
inline constexpr std::uint32_t options_text_bytes_max = 1U << 20;
inline constexpr std::uint32_t options_line_bytes_max = 64 * 1024;

/// Brokers that a shard knows of, those that left and came again under another id included. What
/// names more of them is no cluster.
inline constexpr std::uint32_t brokers_max = 10'000;

/// Connections of a shard between their name and their first request at one time. All of a usual
/// cluster's, yet fewer than a broker's queue of connections to be accepted holds
/// (socket.listen.backlog.size, 50): also behind one proxy a whole cluster's return is no storm.
inline constexpr std::uint32_t connection_setups_max = 32;

/// Headers of one record.
inline constexpr std::uint32_t record_headers_max = 1'000;

/// Largest record that can be asked for, in bytes of the encoded record. The broker's own bound
/// on a request is 100 MiB by default (socket.request.max.bytes).
inline constexpr std::uint32_t record_bytes_limit = 64U << 20;

/// Bytes that a shard takes from one lane before it looks at its sockets again: keeps one busy
/// lane from starving the rest.
inline constexpr std::uint32_t turn_bytes = 256 * 1024;

/// Bytes of one send, which the kernel copies while the loop stands still. 256 KiB cost a third of
/// the rate of 1 KB records.
inline constexpr std::uint32_t send_bytes_max = 8U << 20;

/// Both, while batches are compressed: that takes a turn's time, and is not as fast.
inline constexpr std::uint32_t packing_turn_bytes = 64 * 1024;

/// Batches whose linger is over that leave in a turn which has not emptied the rings: a batch costs
/// as much as some 20 records, of which a turn takes 256 KiB.
inline constexpr std::uint32_t backlog_turn_batches = 64;

/// From so many lingering batches on a ring is looked ahead in: with 24 it was 6 % faster.
inline constexpr std::uint32_t lookahead_batches = 12;

/// Bytes of a place to which a record is likely to go next that the cache is asked for.
inline constexpr std::uint32_t prefetch_bytes_max = 1024;

/// Topics that a shard begins to warm up in one turn: a name to be kept costs some hundred ns.
inline constexpr std::uint32_t warm_up_turn_topics = 500;

/// How far back zstd looks for what it has seen before: bounds its compressor's memory, which would
/// be 700 MiB at the highest level for a batch of 64 MiB. Most are smaller. A power of two.
inline constexpr std::uint32_t compression_window_bytes_max = 1U << 20;

/// Bytes of one batch's records behind their compression, for whoever reads them back.
inline constexpr std::uint32_t decompressed_bytes_max = 128U << 20;

/// A response larger than this ends the connection (librdkafka's receive.message.max.bytes).
inline constexpr std::uint32_t response_bytes_max = 100'000'000;

/// The receive buffer that a connection starts with; a larger response grows it.
inline constexpr std::uint32_t receive_buffer_bytes = 16 * 1024;

/// Credits that a lane draws from its producer's limit at once: one shared counter is touched once
/// in so many records. Of a small limit a sixteenth for all lanes, so that few lie idle.
inline constexpr std::uint32_t credit_lot_max = 256;

/// Lanes of ended threads whose reports nobody has polled yet. Beyond, the oldest's are dropped.
inline constexpr std::uint32_t retired_lanes_max = 1024;

/// Lanes alive in one shard: a run names its lane in 16 bits.
inline constexpr std::uint32_t lanes_max = 65'535;

/// Nanoseconds, for each partition that is led, for which the sticky partition is drawn by the same
/// weights: looking at a queue costs some ten of them, so all looks take a hundredth of a shard's
/// time.
inline constexpr std::uint64_t sticky_weights_good_for_ns_a_partition = 1'000;

static_assert(request_partitions_max * 2 + 2 <= send_pieces_max,
              "a request of one-piece batches must fit one send");
static_assert((compression_window_bytes_max & (compression_window_bytes_max - 1)) == 0);
static_assert(decompressed_bytes_max > record_bytes_limit,
              "a batch of the largest record must be readable");
static_assert(slab_bytes_min <= slab_bytes_growth_max);
static_assert((slab_bytes_min & (slab_bytes_min - 1)) == 0);
static_assert((slab_bytes_growth_max & (slab_bytes_growth_max - 1)) == 0);
static_assert(request_frame_bytes >= topic_name_bytes_max + client_id_bytes_max + 512,
              "a request for one partition of the longest topic name must fit");

}  // namespace ringpost::limits
