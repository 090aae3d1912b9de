// SPDX-License-Identifier: Apache-2.0
// The helper thread for look-ups, and what it shares with its Io.
#include "io/resolver.h"

#include <netdb.h>
#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <condition_variable>
#include <mutex>
#include <string>

#include "io/address.h"

namespace ringpost::io {
namespace {

struct Question {
    std::string host;
    std::uint16_t port = 0;
    std::uint64_t token = 0;
};

}  // namespace

/// Everything is guarded by `mutex`. The helper writes `wake_descriptor` under it too, so that the
/// descriptor is not closed and its number given to somebody else in between.
struct Resolver::Shared {
    std::mutex mutex;
    std::condition_variable asked;
    Vector<Question> questions;
    Vector<Answer> answers;
    LookUp look_up_function = nullptr;
    int wake_descriptor = -1;
    bool looking_up = false;
    bool stopping = false;

    void answer(Answer&& a) {
        answers.push_back(std::move(a));
        const std::uint64_t one = 1;
        [[maybe_unused]] const auto written = ::write(wake_descriptor, &one, sizeof one);
    }
};

int look_up(const char* host, Vector<Address>& addresses) {
    addrinfo hints{};
    hints.ai_family = AF_UNSPEC;
    hints.ai_socktype = SOCK_STREAM;
    hints.ai_protocol = IPPROTO_TCP;
    hints.ai_flags = AI_ADDRCONFIG;
    addrinfo* found = nullptr;
    const int result = ::getaddrinfo(host, nullptr, &hints, &found);
    if (result != 0) return result;
    for (const addrinfo* a = found; a != nullptr; a = a->ai_next) {
        const Address address = from_socket_address(a->ai_addr, a->ai_addrlen);
        if (address.family == Address::Family::none) continue;
        // /etc/hosts may name one address on several lines.
        if (std::find(addresses.begin(), addresses.end(), address) == addresses.end()) {
            addresses.push_back(address);
        }
    }
    ::freeaddrinfo(found);
    return addresses.empty() ? EAI_NONAME : 0;
}

Resolver::Resolver(int wake_descriptor, LookUp look_up_function)
    : shared_(std::allocate_shared<Shared>(Allocator<Shared>{})) {
    shared_->look_up_function = look_up_function;
    shared_->wake_descriptor = wake_descriptor;
}

Resolver::~Resolver() {
    if (!started_) return;
    bool in_look_up = false;
    {
        const std::lock_guard lock(shared_->mutex);
        shared_->stopping = true;
        in_look_up = shared_->looking_up;
        shared_->asked.notify_one();
    }
    if (in_look_up) {
        ::pthread_detach(thread_);
    } else {
        ::pthread_join(thread_, nullptr);
    }
}

void Resolver::ask(std::string_view host, std::uint16_t port, std::uint64_t token) {
    const bool running = started_ || start();
    const std::lock_guard lock(shared_->mutex);
    if (running) {
        shared_->questions.push_back({std::string(host), port, token});
        shared_->asked.notify_one();
    } else {
        shared_->answer({token, EAI_AGAIN, {}});
    }
}

void Resolver::take(Vector<Answer>& answers) {
    const std::lock_guard lock(shared_->mutex);
    for (Answer& a : shared_->answers) answers.push_back(std::move(a));
    shared_->answers.clear();
}

bool Resolver::start() {
    // The thread inherits the mask: the program's signals are for the program's own threads.
    sigset_t all;
    sigset_t before;
    ::sigfillset(&all);
    ::pthread_sigmask(SIG_SETMASK, &all, &before);
    auto* share = new std::shared_ptr<Shared>(shared_);
    started_ = ::pthread_create(&thread_, nullptr, &Resolver::run, share) == 0;
    ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
    if (!started_) delete share;
    return started_;
}

void* Resolver::run(void* argument) {
    ::pthread_setname_np(::pthread_self(), "ringpost-dns");
    auto* handed_over = static_cast<std::shared_ptr<Shared>*>(argument);
    const std::shared_ptr<Shared> shared = std::move(*handed_over);
    delete handed_over;

    std::unique_lock lock(shared->mutex);
    for (;;) {
        shared->asked.wait(lock, [&] { return shared->stopping || !shared->questions.empty(); });
        if (shared->stopping) return nullptr;
        const Question question = std::move(shared->questions.front());
        shared->questions.erase(shared->questions.begin());
        shared->looking_up = true;
        lock.unlock();

        Answer answer{question.token, 0, {}};
        answer.result = shared->look_up_function(question.host.c_str(), answer.addresses);
        for (Address& a : answer.addresses) a.port = question.port;

        lock.lock();
        shared->looking_up = false;
        if (shared->stopping) return nullptr;
        shared->answer(std::move(answer));
    }
}

}  // namespace ringpost::io
