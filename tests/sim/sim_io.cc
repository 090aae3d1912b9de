// SPDX-License-Identifier: Apache-2.0
// The kernel of a simulated thread.
#include "sim_io.h"

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "allocations.h"
#include "base/format.h"

namespace ringpost::sim {

namespace {

constexpr auto poison = std::byte{0xa7};
constexpr std::size_t poisoned_max = 512;
constexpr std::uint32_t pieces_max = 64;
constexpr std::uint32_t idle_turns_max = 5'000;

}  // namespace

SimIo::~SimIo() {
    *alive_ = false;
    for (const Socket& s : sockets_) {
        if (s.open) fail("an Io was destroyed with a socket open");
    }
}

SimIo::Socket& SimIo::socket(io::SocketId id) {
    if (id.index >= sockets_.size() || sockets_[id.index].generation != id.generation ||
        !sockets_[id.index].open) {
        fail(fmt::format("socket {}:{} was used and is not open", id.index, id.generation));
    }
    asked_ = true;
    return sockets_[id.index];
}

void SimIo::tell(io::Event::Kind kind, std::uint32_t index, int result) {
    const Socket& s = sockets_[index];
    told_.push_back(
        {{.kind = kind, .result = result, .token = s.token, .socket = id_of(index)}, {}});
    world_.note("event", static_cast<std::int64_t>(kind), index, result);
    wake_at(world_.now() + Duration::us(world_.dice().below(30)));
}

void SimIo::resolve(std::string_view host, std::uint16_t port, std::uint64_t token) {
    const Inside outside(false);
    world_.resolve(*this, std::string(host), port, token);
}

io::SocketId SimIo::connect(const io::Address& address, std::uint64_t token) {
    const Inside outside(false);
    asked_ = true;
    std::uint32_t index = 0;
    if (free_.empty()) {
        index = static_cast<std::uint32_t>(sockets_.size());
        sockets_.emplace_back();
    } else {
        index = free_.back();
        free_.pop_back();
    }
    Socket& s = sockets_[index];
    const std::uint32_t generation = s.generation + 1;
    s = {};
    s.generation = generation;
    s.token = token;
    s.open = s.connecting = true;
    s.wire = world_.connect(*this, index, producer_, address);
    return id_of(index);
}

void SimIo::send(io::SocketId id, std::span<const io::Piece> pieces) {
    const Inside outside(false);
    Socket& s = socket(id);
    if (!s.connected || s.closing) fail("a send on a socket that is not connected");
    if (s.sending) fail("two sends at a time on one socket");
    s.pieces.assign(pieces.begin(), pieces.end());
    s.copy.clear();
    for (const io::Piece piece : pieces) s.copy.insert(s.copy.end(), piece.begin(), piece.end());
    if (s.copy.empty()) fail("a send of nothing");
    s.sending = true;
    s.sent = 0;
    world_.look_at_requests(s.wire, s.copy);
    const std::uint32_t send = ++s.sends;
    world_.note("send", producer_, id.index, static_cast<std::int64_t>(s.copy.size()));
    if (s.error != 0) {
        forget_send(s);
        tell(io::Event::Kind::sent, id.index, -EPIPE);
        return;
    }
    world_.after(Duration::us(1), [this, id, send, alive = alive_] {
        if (*alive) pass_on(id.index, send);
    });
}

/// The kernel takes one more piece of a send, or tells that it has taken them all.
void SimIo::pass_on(std::uint32_t index, std::uint32_t send) {
    Socket& s = sockets_[index];
    if (!s.open || !s.sending || s.sends != send || s.closing) return;
    check_memory(s);
    if (s.sent == s.copy.size()) {
        forget_send(s);
        tell(io::Event::Kind::sent, index, static_cast<std::int32_t>(s.copy.size()));
        return;
    }
    const std::size_t limit =
        std::max<std::size_t>(world_.plan().piece_bytes_max, s.copy.size() / pieces_max + 1);
    const std::size_t bytes = std::min(limit, s.copy.size() - s.sent);
    const auto from = s.copy.begin() + static_cast<std::ptrdiff_t>(s.sent);
    const Instant arrives =
        world_.send_piece(s.wire, {from, from + static_cast<std::ptrdiff_t>(bytes)});
    s.sent += bytes;
    Dice& dice = world_.dice();
    Instant next = world_.now() + Duration::us(1 + dice.below(20));
    // That all has gone may be told late, even after the answer.
    if (s.sent == s.copy.size() && dice.one_in(8)) next = next + Duration::us(dice.below(5'000));
    Wire& wire = world_.wire(s.wire);
    wire.unsent_limit += bytes;
    if (wire.unsent_limit > world_.plan().socket_buffer_bytes) {
        next = std::max(next, arrives);
        wire.unsent_limit = 0;
    }
    if (next.is_never()) return;  // the socket's buffer is full, and nobody reads
    world_.at(next, [this, index, send, alive = alive_] {
        if (*alive) pass_on(index, send);
    });
}

void SimIo::check_memory(const Socket& s) const {
    const std::byte* expected = s.copy.data();
    for (const io::Piece piece : s.pieces) {
        if (std::memcmp(piece.data(), expected, piece.size()) != 0) {
            fail("memory was changed while the kernel was sending it");
        }
        expected += piece.size();
    }
}

void SimIo::forget_send(Socket& s) {
    if (!s.sending) return;
    check_memory(s);
    s.sending = false;
    s.pieces.clear();
}

void SimIo::receive(io::SocketId id, std::span<std::byte> room) {
    const Inside outside(false);
    Socket& s = socket(id);
    if (!s.connected || s.closing) fail("a receive on a socket that is not connected");
    if (!s.room.empty()) fail("two receives at a time on one socket");
    if (room.empty()) fail("a receive without room");
    s.room = room;
    std::fill_n(room.begin(), std::min(room.size(), poisoned_max), poison);
    world_.after(Duration::us(1), [this, id, alive = alive_] {
        if (*alive && sockets_[id.index].generation == id.generation) on_answers(id.index);
    });
}

void SimIo::on_answers(std::uint32_t index) {
    Socket& s = sockets_[index];
    if (!s.open || s.closing || s.room.empty()) return;
    Wire& wire = world_.wire(s.wire);
    const auto untouched = s.room.first(std::min(s.room.size(), poisoned_max));
    if (std::ranges::any_of(untouched, [](std::byte b) { return b != poison; })) {
        fail("memory was changed while the kernel was to receive into it");
    }
    if (s.error != 0) {
        s.room = {};
        tell(io::Event::Kind::received, index, -s.error);
    } else if (!wire.answers.empty()) {
        const std::size_t limit = std::max<std::size_t>(world_.plan().piece_bytes_max,
                                                        wire.answers.size() / pieces_max + 1);
        const std::size_t bytes = std::min({s.room.size(), wire.answers.size(), limit});
        std::copy_n(wire.answers.begin(), bytes, s.room.begin());
        wire.answers.erase(wire.answers.begin(),
                           wire.answers.begin() + static_cast<std::ptrdiff_t>(bytes));
        s.room = {};
        tell(io::Event::Kind::received, index, static_cast<std::int32_t>(bytes));
    } else if (wire.ended) {
        s.room = {};
        tell(io::Event::Kind::received, index, 0);
    }
}

void SimIo::on_connected(std::uint32_t index, int result) {
    Socket& s = sockets_[index];
    if (!s.open || s.closing || !s.connecting) return;
    s.connecting = false;
    s.connected = result == 0;
    tell(io::Event::Kind::connected, index, result);
}

void SimIo::on_reset(std::uint32_t index, int error) {
    Socket& s = sockets_[index];
    if (!s.open || s.closing) return;
    if (s.connecting) return on_connected(index, -error);
    s.error = error;
    if (s.sending) {
        forget_send(s);
        tell(io::Event::Kind::sent, index, -EPIPE);
    }
    on_answers(index);
}

void SimIo::close(io::SocketId id) {
    const Inside outside(false);
    Socket& s = socket(id);
    if (s.closing) return;
    s.closing = true;
    world_.note("close", producer_, id.index);
    world_.let_go(s.wire);
    // The kernel may hold the memory for a while yet.
    world_.after(Duration::us(world_.dice().below(3'000)), [this, id, alive = alive_] {
        if (!*alive) return;
        Socket& closing = sockets_[id.index];
        const bool says_so = world_.dice().one_in(2);
        if (closing.sending) {
            forget_send(closing);
            if (says_so) tell(io::Event::Kind::sent, id.index, -ECANCELED);
        }
        if (!closing.room.empty()) {
            closing.room = {};
            if (says_so) tell(io::Event::Kind::received, id.index, -ECANCELED);
        }
        tell(io::Event::Kind::closed, id.index, 0);
        closing.open = false;
        free_.push_back(id.index);
    });
}

void SimIo::on_resolved(std::uint64_t token, int result, std::vector<io::Address> addresses) {
    told_.push_back(
        {{.kind = io::Event::Kind::resolved, .result = result, .token = token}, addresses});
    world_.note("resolved", static_cast<std::int64_t>(token), result,
                static_cast<std::int64_t>(addresses.size()));
    wake_at(world_.now());
}

void SimIo::wake() noexcept {
    const Inside outside(false);
    woken_ = true;
    world_.note("wake", producer_);
    wake_at(world_.now() + Duration::us(world_.dice().below(60)));
}

void SimIo::wake_at(Instant when) {
    if (!asleep_ || when >= resumes_at_) return;
    resumes_at_ = when;
    world_.at(when, [this, sleep = sleep_, alive = alive_] {
        if (!*alive || sleep_ != sleep || fiber_ == nullptr) return;
        if (world_.now() < frozen_until_) {
            resumes_at_ = Instant::never();
            return wake_at(frozen_until_);
        }
        ++sleep_;
        fiber_->resume();
    });
}

std::size_t SimIo::wait(std::span<io::Event> out, Instant until) {
    const Inside outside(false);
    ++waits_;
    fiber_ = Fiber::current();
    asleep_ = true;
    resumes_at_ = Instant::never();
    if (told_.empty() && !woken_ && until > world_.now()) {
        ++sleeps_;
        idle_turns_ = 0;
        sleeps_until_ = until;
        if (on_sleep) on_sleep();
        if (!until.is_never()) wake_at(until);
    } else {
        sleeps_until_ = world_.now();
        const bool idle = told_.empty() && !woken_ && !asked_;
        idle_turns_ = idle ? idle_turns_ + 1 : 0;
        if (idle_turns_ > idle_turns_max) fail("a busy loop: turn after turn without an event");
        wake_at(world_.now() + world_.plan().turn_time);
    }
    asked_ = false;
    Fiber::suspend();
    asleep_ = false;
    woken_ = false;
    std::size_t count = 0;
    addresses_.clear();
    addresses_.reserve(out.size());
    while (count < out.size() && !told_.empty()) {
        out[count] = told_.front().event;
        if (out[count].kind == io::Event::Kind::resolved) {
            addresses_.push_back(std::move(told_.front().addresses));
            out[count].addresses = addresses_.back();
        }
        told_.pop_front();
        ++count;
    }
    return count;
}

}  // namespace ringpost::sim
