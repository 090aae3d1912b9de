// SPDX-License-Identifier: Apache-2.0
// TCP sockets with the options that every connection of ours has. Blocking calls: none.
#pragma once

#include "io/io.h"

namespace ringpost::io {

/// Whether the descriptor itself blocks. epoll needs one that does not. io_uring never blocks in
/// the call, and versions of it have answered -EAGAIN for O_NONBLOCK where they should wait.
enum class Blocking : bool { no, yes };

/// A tuned, close-on-exec TCP socket, or -errno.
int open_stream(Address::Family family, Blocking blocking, const StreamTuning& tuning) noexcept;

/// TCP_NODELAY (a request must not wait for the previous one's ACK), keepalive (a quiet peer that
/// vanished without a word is noticed at last), and the time that sent bytes may stay without an
/// ACK (else a peer that vanished amid them is noticed after a quarter of an hour; who waits for an
/// answer has a deadline of its own, but acks=0 waits for none). A refusal is ignored: all are
/// refinements.
void tune_stream(int descriptor, const StreamTuning& tuning) noexcept;

/// A listening socket; `bound` is its address with the port that the kernel chose.
Result<int> open_listener(const Address& address, Blocking blocking, Address& bound);

}  // namespace ringpost::io
