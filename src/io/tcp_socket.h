// SPDX-License-Identifier: Apache-2.0
// TCP sockets with the options that every connection of ours has. Blocking calls: none.
#pragma once

#include "io/io.h"

namespace ringpost::io {

/// Whether the descriptor itself is O_NONBLOCK. epoll needs it. io_uring must not have it: with
/// it the kernel answers -EAGAIN where it would otherwise wait for the socket to become ready.
enum class Blocking : bool { no, yes };

/// A tuned, close-on-exec TCP socket, or -errno.
int open_stream(Address::Family family, Blocking blocking) noexcept;

/// TCP_NODELAY (a request must not wait for the previous one's ACK) and keepalive (a peer that
/// vanished without a word is noticed at last). A refusal is ignored: both are refinements.
void tune_stream(int descriptor) noexcept;

/// A listening socket; `bound` is its address with the port that the kernel chose.
Result<int> open_listener(const Address& address, Blocking blocking, Address& bound);

}  // namespace ringpost::io
