// SPDX-License-Identifier: Apache-2.0
// io_uring set-up and system calls. liburing 2.3 gives the mappings and the layouts; constants of
// newer kernels are named here. Entering is done here too, so that one turn is one system call.
#include "io/uring_ring.h"

#include <fcntl.h>
#include <unistd.h>

#include <bit>
#include <cerrno>
#include <csignal>
#include <cstring>

#include "base/assert.h"

namespace ringpost::io {
namespace {

// Of kernels newer than liburing 2.3; own names, so that a newer liburing does not clash.
constexpr unsigned setup_no_sqarray = 1U << 16;   // Linux 6.6, chosen by itself in liburing 2.6
constexpr unsigned feature_no_iowait = 1U << 17;  // Linux 6.15
constexpr unsigned enter_no_iowait = 1U << 7;

/// Submission entries. A turn rarely submits more than two a connection; a full queue costs one
/// more system call.
constexpr unsigned submissions_max = 256;

/// Completion entries beyond one for each operation, in multiples of the submission entries.
constexpr unsigned completions_ratio_min = 4;
static_assert(operations_limit + submissions_max * completions_ratio_min <= 65'536,
              "the kernel's IORING_MAX_CQ_ENTRIES");

struct Rung {
    std::uint32_t capability;  ///< 0: not maskable.
    unsigned flags;
    const char* name;
};

/// From the newest kernel to the oldest that SUBMIT_ALL allows. COOP_TASKRUN keeps completions
/// from interrupting other work, DEFER_TASKRUN leaves them until the ring is entered.
constexpr Rung ladder[] = {
    {cap_defer_taskrun,
     IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN | IORING_SETUP_TASKRUN_FLAG,
     "SINGLE_ISSUER|DEFER_TASKRUN"},
    {cap_single_issuer,
     IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_COOP_TASKRUN | IORING_SETUP_TASKRUN_FLAG,
     "SINGLE_ISSUER|COOP_TASKRUN"},
    {cap_coop_taskrun, IORING_SETUP_COOP_TASKRUN | IORING_SETUP_TASKRUN_FLAG, "COOP_TASKRUN"},
    {0, 0, "plain"},
};

/// What the loop relies on: no completion is lost, arguments are copied at submission, and a
/// timeout for the wait itself.
constexpr unsigned features_needed =
    IORING_FEAT_NODROP | IORING_FEAT_SUBMIT_STABLE | IORING_FEAT_EXT_ARG;

/// The value of kernel.io_uring_disabled; '0' also where there is no such switch.
char io_uring_disabled() {
    char value = '0';
    const int descriptor = ::open("/proc/sys/kernel/io_uring_disabled", O_RDONLY | O_CLOEXEC);
    if (descriptor < 0) return value;
    if (::read(descriptor, &value, 1) != 1) value = '0';
    ::close(descriptor);
    return value;
}

const char* likely_cause(int error) {
    switch (error) {
        case EPERM:
        case EACCES:
            if (io_uring_disabled() == '2') return "the sysctl kernel.io_uring_disabled is 2";
            if (io_uring_disabled() == '1') {
                return "the sysctl kernel.io_uring_disabled is 1 and this process is not in "
                       "kernel.io_uring_group";
            }
            return "a seccomp profile denies it, as the default one of a container does";
        case ENOSYS:
            return "this kernel is built without io_uring, or a seccomp profile hides it";
        case ENOMEM:
            return "not enough memory, or RLIMIT_MEMLOCK (ulimit -l) is too low";
        case EMFILE:
        case ENFILE:
            return "too many open files; see RLIMIT_NOFILE (ulimit -n)";
        case EINVAL:
            return "Linux 5.18 or later is needed";
        default:
            return "not a cause that is known";
    }
}

}  // namespace

Error uring_setup_error(int error) {
    const Errc code = error == ENOMEM ? Errc::out_of_memory : Errc::system_error;
    return {code, fmt::format("can't set io_uring up: {} ({})", std::strerror(error),
                              likely_cause(error))};
}

void UringRing::close() {
    if (opened_) io_uring_queue_exit(&ring_);
    opened_ = false;
}

Result<void> UringRing::open(std::uint32_t capabilities, std::uint32_t operations_max) {
    RINGPOST_ASSERT(!opened_);
    if (operations_max > operations_limit) {
        return Error{Errc::invalid_option,
                     fmt::format("{} io_uring operations at once are asked for; {} is the most",
                                 operations_max, operations_limit)};
    }
    int result = -EINVAL;
    for (const Rung& rung : ladder) {
        if (rung.capability != 0 && (capabilities & rung.capability) == 0) continue;
        result = try_set_up(rung.flags, operations_max);
        if (result != -EINVAL) break;
    }
    if (result < 0) return uring_setup_error(-result);
    if ((ring_.features & features_needed) != features_needed) return uring_setup_error(EINVAL);
    if ((capabilities & cap_registered_ring) != 0) {
        registered_ = io_uring_register_ring_fd(&ring_) == 1;
    }
    if (registered_) enter_flags_ = IORING_ENTER_REGISTERED_RING;
    // Without it a sleeping shard counts as waiting for a disk in every load statistic.
    if ((ring_.features & feature_no_iowait) != 0) sleep_flags_ = enter_no_iowait;
    return {};
}

int UringRing::try_set_up(unsigned flags, std::uint32_t operations_max) {
    io_uring_params params{};
    params.flags = flags | IORING_SETUP_SUBMIT_ALL | IORING_SETUP_CQSIZE;
    // One wake-up completion may come with each filling of the submission queue; those fit the
    // entries that are added here.
    params.cq_entries = std::bit_ceil(operations_max + submissions_max * completions_ratio_min);
    const int result = io_uring_queue_init_params(submissions_max, &ring_, &params);
    if (result < 0) return result;
    opened_ = true;
    // publish() relies on entry i of the kernel's index array naming submission i.
    if ((ring_.flags & setup_no_sqarray) == 0) {
        for (unsigned i = 0; i < ring_.sq.ring_entries; ++i) ring_.sq.array[i] = i;
    }
    return 0;
}

io_uring_sqe* UringRing::try_submission() { return io_uring_get_sqe(&ring_); }

bool UringRing::try_completion(io_uring_cqe& completion) {
    if (!has_completion()) return false;
    const io_uring_cqe* next = &ring_.cq.cqes[*ring_.cq.khead & ring_.cq.ring_mask];
    completion.user_data = next->user_data;
    completion.res = next->res;
    completion.flags = next->flags;
    io_uring_cq_advance(&ring_, 1);
    return true;
}

bool UringRing::needs_enter() const {
    if (ring_.sq.sqe_tail != io_uring_smp_load_acquire(ring_.sq.khead)) return true;
    return (IO_URING_READ_ONCE(*ring_.sq.kflags) & (IORING_SQ_TASKRUN | IORING_SQ_CQ_OVERFLOW)) !=
           0;
}

unsigned UringRing::publish() {
    ring_.sq.sqe_head = ring_.sq.sqe_tail;
    io_uring_smp_store_release(ring_.sq.ktail, ring_.sq.sqe_tail);
    return ring_.sq.sqe_tail - io_uring_smp_load_acquire(ring_.sq.khead);
}

int UringRing::enter(unsigned minimum, unsigned flags, void* argument, std::size_t argument_bytes) {
    const unsigned submissions = publish();
    const int result =
        io_uring_enter2(static_cast<unsigned>(ring_.enter_ring_fd), submissions, minimum,
                        flags | enter_flags_, static_cast<sigset_t*>(argument), argument_bytes);
    RINGPOST_ASSERT(result != -EEXIST);  // Another thread than the ring's own: this library's bug.
    return result;
}

int UringRing::submit() { return enter(0, 0, nullptr, 0); }

int UringRing::submit_and_reap() { return enter(0, IORING_ENTER_GETEVENTS, nullptr, 0); }

int UringRing::submit_and_sleep(const Duration* timeout) {
    __kernel_timespec time{};
    io_uring_getevents_arg argument{};
    argument.sigmask_sz = _NSIG / 8;
    if (timeout != nullptr) {
        time.tv_sec = timeout->count_ns() / 1'000'000'000;
        time.tv_nsec = timeout->count_ns() % 1'000'000'000;
        argument.ts = reinterpret_cast<std::uintptr_t>(&time);
    }
    return enter(1, IORING_ENTER_GETEVENTS | IORING_ENTER_EXT_ARG | sleep_flags_, &argument,
                 sizeof argument);
}

std::string UringRing::description() const {
    const char* name = "";
    const unsigned mask = IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN |
                          IORING_SETUP_COOP_TASKRUN | IORING_SETUP_TASKRUN_FLAG;
    for (const Rung& rung : ladder) {
        if ((ring_.flags & mask) == rung.flags) name = rung.name;
    }
    return fmt::format("{}{}", name, registered_ ? ", registered ring" : "");
}

}  // namespace ringpost::io
