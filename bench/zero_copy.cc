// SPDX-License-Identifier: Apache-2.0
// Whether sending without a copy pays: io_uring's SEND and SENDMSG against SEND_ZC and SENDMSG_ZC,
// over loopback TCP, by the size of a send. The receiver is a process of its own and reads all.
#include <CLI/CLI.hpp>
#include <arpa/inet.h>
#include <fmt/format.h>
#include <liburing.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <map>
#include <nlohmann/json.hpp>
#include <stdexcept>
#include <string>
#include <vector>

#include "child.h"

namespace ringpost::bench {
namespace {

using Json = nlohmann::json;
using Clock = std::chrono::steady_clock;

struct Way {
    const char* name;
    bool message;     ///< four pieces gathered, as a request's batches are
    bool zero_copy;
};
constexpr std::array<Way, 4> ways = {{{"send", false, false}, {"send_zc", false, true},
                                      {"sendmsg", true, false}, {"sendmsg_zc", true, true}}};
constexpr std::size_t pieces = 4;
/// A producer keeps a batch until its answer, so that its memory is not wanted back at once.
constexpr std::size_t buffers = 8;
// Linux 6.2; not in liburing 2.3's header.
constexpr unsigned report_usage = 1U << 3;
constexpr unsigned usage_copied = 1U << 31;

struct Sent {
    double gb_per_second = 0;
    double sender_ms_per_gb = 0;   ///< CPU, with what the kernel does for it in its name
    double both_ms_per_gb = 0;     ///< the receiver's, too
    double copied = 0;             ///< share of the sends that the kernel copied all the same
};

void check(long result, const char* what) {
    if (result < 0) throw std::runtime_error(fmt::format("{}: {}", what, std::strerror(errno)));
}

double cpu_ms(int whose) {
    rusage used{};
    getrusage(whose, &used);
    const auto ms = [](const timeval& t) {
        return 1e3 * static_cast<double>(t.tv_sec) + 1e-3 * static_cast<double>(t.tv_usec);
    };
    return ms(used.ru_utime) + ms(used.ru_stime);
}

/// A connected socket whose other end a process reads until its end.
class Receiver {
public:
    Receiver() {
        const int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        check(listener, "socket");
        sockaddr_in address{};
        address.sin_family = AF_INET;
        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        socklen_t size = sizeof address;
        auto* at = reinterpret_cast<sockaddr*>(&address);
        check(bind(listener, at, size), "bind");
        check(listen(listener, 1), "listen");
        check(getsockname(listener, at, &size), "getsockname");
        socket_ = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        check(connect(socket_, at, size), "connect");
        const int one = 1;
        setsockopt(socket_, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
        const int peer = accept(listener, nullptr, nullptr);
        check(peer, "accept");
        close(listener);
        pid_ = fork();
        check(pid_, "fork");
        if (pid_ == 0) {
            close(socket_);
            std::vector<char> room(1 << 20);
            while (recv(peer, room.data(), room.size(), 0) > 0) {}
            _exit(0);
        }
        close(peer);
    }
    Receiver(const Receiver&) = delete;
    Receiver& operator=(const Receiver&) = delete;
    ~Receiver() { finish(); }
    int socket_of() const { return socket_; }
    /// Ends the stream, and waits until all of it has been read.
    void finish() {
        if (pid_ < 0) return;
        shutdown(socket_, SHUT_WR);
        waitpid(pid_, nullptr, 0);
        close(socket_);
        pid_ = -1;
    }

private:
    int socket_ = -1;
    pid_t pid_ = -1;
};

/// One send under way at a time; memory is used again once the kernel has said that it may be.
class Sender {
public:
    Sender(int socket, Way way, std::size_t bytes)
        : socket_(socket), way_(way), bytes_(bytes),
          memory_(buffers, std::vector<char>(bytes, 'x')) {
        const int result = io_uring_queue_init(64, &ring_, IORING_SETUP_COOP_TASKRUN);
        if (result < 0) throw std::runtime_error(std::string("io_uring: ") + strerror(-result));
    }
    Sender(const Sender&) = delete;
    Sender& operator=(const Sender&) = delete;
    ~Sender() { io_uring_queue_exit(&ring_); }

    void send(std::uint64_t total) {
        for (std::uint64_t sent = 0; sent < total; sent += bytes_) {
            const std::size_t index = count_++ % buffers;
            while (lent_[index]) wait();
            submit(index);
            sending_ = true;
            while (sending_) wait();
        }
        while (std::find(lent_.begin(), lent_.end(), true) != lent_.end()) wait();
    }
    double copied() const {
        return notified_ == 0 ? 0
                              : static_cast<double>(copied_) / static_cast<double>(notified_);
    }

private:
    void submit(std::size_t index) {
        io_uring_sqe* sqe = io_uring_get_sqe(&ring_);
        const int flags = MSG_WAITALL | MSG_NOSIGNAL;
        if (way_.message) {
            const std::size_t each = bytes_ / pieces;
            for (std::size_t i = 0; i < pieces; ++i) {
                iov_[i] = {memory_[index].data() + i * each, each};
            }
            message_.msg_iov = iov_.data();
            message_.msg_iovlen = pieces;
            if (way_.zero_copy) {
                io_uring_prep_sendmsg_zc(sqe, socket_, &message_, flags);
            } else {
                io_uring_prep_sendmsg(sqe, socket_, &message_, flags);
            }
        } else if (way_.zero_copy) {
            io_uring_prep_send_zc(sqe, socket_, memory_[index].data(), bytes_, flags, 0);
        } else {
            io_uring_prep_send(sqe, socket_, memory_[index].data(), bytes_, flags);
        }
        if (way_.zero_copy) sqe->ioprio |= report_usage;
        io_uring_sqe_set_data64(sqe, index);
    }

    void wait() {
        check(io_uring_submit_and_wait(&ring_, 1), "io_uring_enter");
        io_uring_cqe* cqe = nullptr;
        while (io_uring_peek_cqe(&ring_, &cqe) == 0) {
            const std::size_t index = io_uring_cqe_get_data64(cqe);
            if ((cqe->flags & IORING_CQE_F_NOTIF) != 0) {
                lent_[index] = false;
                ++notified_;
                copied_ += (static_cast<unsigned>(cqe->res) & usage_copied) != 0;
            } else {
                if (cqe->res != static_cast<int>(bytes_)) {
                    throw std::runtime_error(fmt::format("{}: {}", way_.name,
                                                         std::strerror(-cqe->res)));
                }
                sending_ = false;
                lent_[index] = (cqe->flags & IORING_CQE_F_MORE) != 0;
            }
            io_uring_cqe_seen(&ring_, cqe);
        }
    }

    const int socket_;
    const Way way_;
    const std::size_t bytes_;
    std::vector<std::vector<char>> memory_;
    io_uring ring_{};
    msghdr message_{};
    std::array<iovec, pieces> iov_{};
    std::array<bool, buffers> lent_{};   ///< to the kernel, after the send itself is over
    bool sending_ = false;
    std::uint64_t count_ = 0;
    std::uint64_t notified_ = 0;
    std::uint64_t copied_ = 0;
};

Sent measure(Way way, std::size_t bytes, std::uint64_t total) {
    const double children = cpu_ms(RUSAGE_CHILDREN);
    Receiver receiver;
    Sender sender(receiver.socket_of(), way, bytes);
    sender.send(total / 16);  // until the window has opened
    const double before = cpu_ms(RUSAGE_SELF);
    const auto begin = Clock::now();
    sender.send(total);
    const double gb = static_cast<double>(total) * 1e-9;
    const double own = cpu_ms(RUSAGE_SELF) - before;
    receiver.finish();
    const std::chrono::duration<double> took = Clock::now() - begin;
    const double theirs = (cpu_ms(RUSAGE_CHILDREN) - children) * 16 / 17;  // warm-up was a 17th
    return {gb / took.count(), own / gb, (own + theirs) / gb, sender.copied()};
}

int run(int rounds, std::uint64_t total, bool json) {
    const std::uint64_t steal = steal_ticks();
    const std::vector<std::size_t> sizes = {4 << 10, 16 << 10, 64 << 10, 256 << 10, 1 << 20};
    Json result = {{"machine", machine()}, {"rounds", rounds}, {"bytes", total}};
    if (!json) {
        fmt::print("{}\n{} MB a run over loopback TCP, medians of {} interleaved rounds\n\n"
                   "{:>7}  {:<12}{:>8}{:>18}{:>16}{:>12}{:>14}\n", machine(), total >> 20, rounds,
                   "KB", "", "GB/s", "sender, CPU-ms/GB", "both, CPU-ms/GB", "both/plain",
                   "copied anyway");
    }
    for (const std::size_t bytes : sizes) {
        std::map<std::string, std::vector<Sent>> runs;
        for (int i = 0; i < rounds; ++i) {
            std::vector<Way> order(ways.begin(), ways.end());
            if (i % 2 == 1) std::reverse(order.begin(), order.end());
            for (const Way& way : order) runs[way.name].push_back(measure(way, bytes, total));
        }
        for (const Way& way : ways) {
            const auto middle = [&](const char* name, double Sent::*figure) {
                std::vector<double> values;
                for (const Sent& sent : runs[name]) values.push_back(sent.*figure);
                return median(values);
            };
            const double both = middle(way.name, &Sent::both_ms_per_gb);
            const double ratio =
                both / middle(way.message ? "sendmsg" : "send", &Sent::both_ms_per_gb);
            const double rate = middle(way.name, &Sent::gb_per_second);
            const double sender = middle(way.name, &Sent::sender_ms_per_gb);
            const double copied = middle(way.name, &Sent::copied);
            result["rows"].push_back({{"bytes", bytes}, {"way", way.name}, {"gb_per_second", rate},
                                      {"sender_cpu_ms_per_gb", sender},
                                      {"both_cpu_ms_per_gb", both}, {"to_plain", ratio},
                                      {"copied", copied}});
            if (json) continue;
            fmt::print("{:>7}  {:<12}{:>8.2f}{:>18.0f}{:>16.0f}{:>12.2f}{:>14}\n", bytes >> 10,
                       way.name, rate, sender, both, ratio,
                       way.zero_copy ? fmt::format("{:.0f} %", copied * 100) : "");
        }
    }
    result["steal_ticks"] = steal_ticks() - steal;
    if (json) {
        fmt::print("{}\n", result.dump(2));
    } else {
        fmt::print("\nsteal during the run: {} ticks of 10 ms\n", steal_ticks() - steal);
    }
    return 0;
}

}  // namespace
}  // namespace ringpost::bench

int main(int argc, char** argv) {
    CLI::App app{"Sends with and without a copy, by size"};
    int rounds = 5;
    std::uint64_t megabytes = 1024;
    bool quick = false;
    bool json = false;
    app.add_option("--rounds", rounds, "Rounds")->check(CLI::Range(1, 1000));
    app.add_option("--megabytes", megabytes, "Bytes a run")->check(CLI::Range(1, 1 << 20));
    app.add_flag("--quick", quick, "Three rounds of 128 MB (under 30 s)");
    app.add_flag("--json", json, "For machines");
    CLI11_PARSE(app, argc, argv);
    if (quick) {
        rounds = 3;
        megabytes = 128;
    }
    try {
        return ringpost::bench::run(rounds, megabytes << 20, json);
    } catch (const std::exception& error) {
        fmt::print(stderr, "zero_copy: {}\n", error.what());
        return 1;
    }
}
