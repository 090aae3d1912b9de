// SPDX-License-Identifier: Apache-2.0
// The Io of a simulated thread: the kernel's side of its sockets, and a clock that somebody moves.
#pragma once

#include <deque>
#include <memory>
#include <string>
#include <vector>

#include "fiber.h"
#include "io/io.h"
#include "world.h"

namespace ringpost::sim {

/// A simulated kernel is a strict one: it copies what is to be sent when it is asked, and looks,
/// whenever a piece leaves and until the end, that the memory still holds that.
class SimIo final : public io::Io {
public:
    SimIo(World& world, std::uint32_t producer) : world_(world), producer_(producer) {}
    ~SimIo() override;

    // Io.
    Instant now() override { return world_.now(); }
    std::int64_t wall_ms() override { return world_.now().count_ns() / 1'000'000; }
    void resolve(std::string_view host, std::uint16_t port, std::uint64_t token) override;
    io::SocketId connect(const io::Address& address, std::uint64_t token) override;
    void send(io::SocketId id, std::span<const io::Piece> pieces) override;
    void receive(io::SocketId id, std::span<std::byte> room) override;
    void close(io::SocketId id) override;
    Result<io::SocketId> listen(const io::Address&, std::uint64_t, io::Address&) override {
        return Errc::system_error;
    }
    void set_token(io::SocketId, std::uint64_t) override {}
    std::size_t wait(std::span<io::Event> out, Instant until) override;
    void wake() noexcept override;
    std::string description() const override { return "a simulated world"; }
    Counters counters() const override { return {sleeps_, waits_}; }

    // The world's side.
    void on_resolved(std::uint64_t token, int result, std::vector<io::Address> addresses);
    void on_connected(std::uint32_t socket, int result);
    void on_answers(std::uint32_t socket);
    void on_reset(std::uint32_t socket, int error);

    std::shared_ptr<bool> alive() const { return alive_; }
    bool asleep() const { return asleep_; }
    Instant sleeps_until() const { return sleeps_until_; }
    std::uint64_t waits() const { return waits_; }
    /// The thread does not run before `until`, whatever happens to its sockets.
    void freeze(Instant until) { frozen_until_ = std::max(frozen_until_, until); }
    /// Called when the thread is about to sleep: what must hold then.
    std::function<void()> on_sleep;

private:
    struct Socket {
        std::uint32_t wire = 0;
        std::uint32_t generation = 0;
        std::uint64_t token = 0;
        bool open = false;
        bool connecting = false;
        bool connected = false;
        bool closing = false;
        bool sending = false;
        std::vector<io::Piece> pieces;
        std::vector<std::byte> copy;  ///< of what is to be sent
        std::size_t sent = 0;
        std::uint32_t sends = 0;
        std::span<std::byte> room;
        int error = 0;  ///< a reset that nobody has been told of
    };
    struct Told {
        io::Event event;
        std::vector<io::Address> addresses;
    };

    Socket& socket(io::SocketId id);
    io::SocketId id_of(std::uint32_t index) const { return {index, sockets_[index].generation}; }
    void tell(io::Event::Kind kind, std::uint32_t index, int result);
    void pass_on(std::uint32_t index, std::uint32_t send);
    void check_memory(const Socket& s) const;
    void wake_at(Instant when);
    void forget_send(Socket& s);

    World& world_;
    const std::uint32_t producer_;
    std::vector<Socket> sockets_;
    std::vector<std::uint32_t> free_;
    std::deque<Told> told_;
    std::vector<std::vector<io::Address>> addresses_;  ///< of the events given out last
    Fiber* fiber_ = nullptr;                           ///< that sleeps in wait
    bool woken_ = false;
    bool asleep_ = false;
    Instant sleeps_until_;
    Instant resumes_at_ = Instant::never();
    Instant frozen_until_;
    std::uint64_t sleep_ = 0;  ///< which sleep a timer belongs to
    std::uint64_t waits_ = 0;
    std::uint64_t sleeps_ = 0;
    std::uint32_t idle_turns_ = 0;
    std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);  ///< for what comes too late
    bool asked_ = false;  ///< something was asked for since the last wait
};

}  // namespace ringpost::sim
