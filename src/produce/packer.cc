// SPDX-License-Identifier: Apache-2.0
// Slices, memory for what comes out, and whether it pays.
#include "produce/packer.h"

#include <algorithm>
#include <cstring>

#include "base/assert.h"
#include "wire/record_batch.h"

namespace ringpost::produce {

namespace {

/// It pays if at least so much of a batch is saved.
constexpr std::uint32_t least_saving = 32;
/// Batches that go as they are after one for which it did not pay; doubled each time.
constexpr std::uint32_t plain_min = 4, plain_max = 64;
/// A batch of fewer bytes says nothing about larger ones, and costs little.
constexpr std::uint32_t telling_bytes = 4096;
/// A batch's plain bytes, however well they are compressed, in batch.size and as a part of memory.
constexpr std::uint32_t plain_of_batch_max = 16, plain_of_memory_max = 32;
/// What a stream's beginning costs, in slices.
constexpr double begin_cost = 0.05;

std::uint32_t records_bytes(const Batch& batch) {
    return batch.bytes - static_cast<std::uint32_t>(wire::batch_header_bytes);
}

/// `size` bytes of the records, from `from` on: where they stand, or gathered in `room`.
ByteSpan records_at(const Batch& batch, std::size_t from, std::size_t size, Block& room) {
    from += wire::batch_header_bytes;
    std::size_t gathered = 0;
    for (const Slab& slab : batch.used_slabs()) {
        if (from >= slab.used) {
            from -= slab.used;
            continue;
        }
        const ByteSpan piece = slab.bytes().subspan(from);
        if (gathered == 0 && piece.size() >= size) return piece.first(size);
        const std::size_t bytes = std::min(piece.size(), size - gathered);
        std::memcpy(room.data() + gathered, piece.data(), bytes);
        gathered += bytes;
        if (gathered == size) break;
        from = 0;
    }
    return {room.data(), gathered};
}

/// As the topic's ratio makes it likely, then twice the one before.
std::size_t next_piece_bytes(const Batch& batch) {
    const std::uint32_t all = records_bytes(batch);
    const float estimate = static_cast<float>(all) * batch.topic->packing.ratio * 1.05F;
    const std::size_t wish = batch.piece_count == 0
                                 ? static_cast<std::size_t>(estimate) + wire::batch_header_bytes
                                 : std::size_t{batch.pieces[batch.piece_count - 1].capacity} * 2;
    // So that all pieces together have room for as much as there was.
    const std::size_t bound = std::max<std::size_t>(limits::slab_bytes_growth_max,
                                                    all / limits::packed_pieces_max);
    return std::min(wish, bound);
}

}  // namespace

Packer::Packer(const Config& config, BatchPool& pool, Delivery& delivery, Readiness& readiness)
    : config_(config), pool_(pool), delivery_(delivery), readiness_(readiness) {}

Result<void> Packer::open() {
    std::vector<Compression> wanted{config_.compression};
    for (const auto& [topic, compression] : config_.topic_compression) {
        if (std::ranges::count(wanted, compression) == 0) wanted.push_back(compression);
    }
    const Arena& arena = pool_.arena();
    const std::size_t batch_max = std::max<std::size_t>(
        {arena.block_bytes_max(), std::size_t{config_.batch_bytes} * plain_of_batch_max});
    std::size_t room_bytes = 0;
    for (const Compression& what : wanted) {
        if (what.codec == wire::Codec::none) continue;
        auto made = wire::make_compressor(what.codec, what.level, batch_max);
        if (!made) return made.error();
        room_bytes = std::max(room_bytes, (*made)->slice_bytes());
        made_.push_back({what, std::move(*made)});
    }
    if (room_bytes == 0) return {};
    room_ = Block(room_bytes, alignof(std::max_align_t));
    if (!room_) return Error{Errc::out_of_memory, "compression: no memory for a slice"};
    return {};
}

const Compression& Packer::asked_for(const Topic& topic) const {
    const auto& all = config_.topic_compression;
    const auto found =
        std::ranges::find(all, topic.name, [](const auto& one) { return one.first; });
    return found == all.end() ? config_.compression : found->second;
}

void Packer::set_up(Topic& topic) const {
    const Compression& what = asked_for(topic);
    topic.packing.codec = what.codec;
    expect(topic.packing, 1);
    if (what.codec == wire::Codec::none) return;
    const auto made = std::ranges::find(made_, what, &Made::what);
    RINGPOST_ASSERT(made != made_.end());
    topic.packing.compressor = static_cast<std::uint32_t>(made - made_.begin());
}

/// A batch is full when it is likely to come to batch.size, with a twentieth to spare.
void Packer::expect(TopicPacking& packing, float ratio) const {
    packing.ratio = ratio;
    const auto batch_bytes = static_cast<float>(config_.batch_bytes);
    const std::size_t most =
        std::min<std::size_t>(std::size_t{config_.batch_bytes} * plain_of_batch_max,
                              pool_.arena().bytes_total() / plain_of_memory_max);
    const float plain = std::min(batch_bytes / (ratio * 1.05F), static_cast<float>(most));
    packing.batch_bytes = std::max(config_.batch_bytes, static_cast<std::uint32_t>(plain));
}

bool Packer::queue(Batch& batch, Instant now) {
    RINGPOST_ASSERT(batch.state != Batch::State::open);
    TopicPacking& packing = batch.topic->packing;
    if (packing.plain_left != 0) {
        --packing.plain_left;
        batch.packing = Batch::Packing::plain;
        return true;
    }
    delivery_.to_pack().push_back(batch);
    run(now);
    return batch.packing != Batch::Packing::not_yet;
}

void Packer::run(Instant now) {
    while (Batch* batch = delivery_.to_pack().front()) {
        const double cost = cost_of_next(*batch);
        if (cost > budget_ && budget_ < 1) return;
        budget_ -= cost;
        step(*batch);
        if (batch->packing == Batch::Packing::not_yet) continue;
        delivery_.to_pack().remove(*batch);
        readiness_.update(*batch->partition, now);
    }
}

wire::Compressor& Packer::compressor_for(const Batch& batch) const {
    return *made_[batch.topic->packing.compressor].compressor;
}

std::size_t Packer::slice_bytes(const Batch& batch) const {
    return std::min<std::size_t>(compressor_for(batch).slice_bytes(), config_.slice_bytes_max);
}

/// In slices.
double Packer::cost_of_next(const Batch& batch) const {
    const std::size_t whole = slice_bytes(batch);
    const std::size_t next = std::min<std::size_t>(records_bytes(batch) - batch.packed_from, whole);
    const double begin = batch.packed_from == 0 ? begin_cost : 0;
    return begin + static_cast<double>(next) / static_cast<double>(whole);
}

void Packer::step(Batch& batch) {
    wire::Compressor& compressor = compressor_for(batch);
    const std::uint32_t all = records_bytes(batch);
    if (batch.packed_from == 0) {
        compressor.begin(all);
        batch.packed_bytes = wire::batch_header_bytes;
        batch.packed_crc = {};
    }
    const std::size_t size = std::min<std::size_t>(slice_bytes(batch), all - batch.packed_from);
    const ByteSpan slice = records_at(batch, batch.packed_from, size, room_);
    RINGPOST_ASSERT(slice.size() == size);
    batch.packed_from += static_cast<std::uint32_t>(size);
    const bool last = batch.packed_from == all;
    turns_since_ = 0;
    if (!put(batch, compressor.add(slice, last))) return end_plain(batch);
    if (last) end_packed(batch);
}

/// False: no memory, or it has become as large as it was.
bool Packer::put(Batch& batch, ByteSpan bytes) {
    batch.packed_bytes += static_cast<std::uint32_t>(bytes.size());
    const std::uint32_t all = records_bytes(batch);
    const std::uint32_t most = all - all / least_saving;
    if (batch.packed_bytes - wire::batch_header_bytes >= most) {
        if (all >= telling_bytes) does_not_pay(batch.topic->packing);
        return false;
    }
    batch.packed_crc.update(bytes);  // while they are in the cache
    while (!bytes.empty()) {
        if (batch.piece_count == 0 || batch.pieces[batch.piece_count - 1].room() == 0) {
            if (!pool_.try_add_piece(batch, next_piece_bytes(batch), limits::slab_bytes_min)) {
                return false;
            }
            delivery_.on_piece(batch);
            if (batch.piece_count == 1) batch.pieces[0].used = wire::batch_header_bytes;
        }
        PackedPiece& piece = batch.pieces[batch.piece_count - 1];
        const std::size_t size = std::min<std::size_t>(piece.room(), bytes.size());
        std::memcpy(piece.memory + piece.used, bytes.data(), size);
        piece.used += static_cast<std::uint32_t>(size);
        bytes = bytes.subspan(size);
    }
    return true;
}

/// It is tried again after a while: what a topic carries may change.
void Packer::does_not_pay(TopicPacking& packing) const {
    packing.plain_next = std::clamp(packing.plain_next * 2, plain_min, plain_max);
    packing.plain_left = packing.plain_next;
    expect(packing, 1);
}

void Packer::end_packed(Batch& batch) const {
    batch.packing = Batch::Packing::packed;
    TopicPacking& packing = batch.topic->packing;
    if (records_bytes(batch) < telling_bytes) return;
    const auto packed = static_cast<float>(batch.packed_bytes - wire::batch_header_bytes);
    const float ratio = packed / static_cast<float>(records_bytes(batch));
    expect(packing, packing.ratio + (ratio - packing.ratio) / 4);
    packing.plain_next = 0;
}

void Packer::end_plain(Batch& batch) {
    batch.packing = Batch::Packing::plain;
    delivery_.drop_pieces(batch);
}

}  // namespace ringpost::produce
