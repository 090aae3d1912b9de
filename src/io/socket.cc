// SPDX-License-Identifier: Apache-2.0
// Book-keeping of one socket. Makes no system call.
#include "io/socket.h"

#include "base/assert.h"
#include "base/limits.h"

namespace ringpost::io {

Event Socket::take_event() {
    RINGPOST_ASSERT(ready != 0);
    Event event{};
    event.kind = static_cast<Event::Kind>(__builtin_ctz(ready));
    event.token = token;
    event.socket = id;
    ready &= static_cast<std::uint8_t>(~bit(event.kind));
    switch (event.kind) {
        case Event::Kind::connected:
            connecting = false;
            event.result = connect_result;
            break;
        case Event::Kind::sent:
            sending = false;
            event.result = send_result;
            break;
        case Event::Kind::received:
            receiving = false;
            event.result = receive_result;
            break;
        case Event::Kind::accepted:
        case Event::Kind::closed:
        case Event::Kind::resolved:
            break;
    }
    return event;
}

bool Socket::take_piece_memory() {
    if (!piece_memory) {
        piece_memory = Block(limits::send_pieces_max * sizeof(iovec), alignof(iovec));
    }
    return static_cast<bool>(piece_memory);
}

void Socket::set_send(std::span<const Piece> pieces) {
    RINGPOST_ASSERT(!pieces.empty());
    RINGPOST_ASSERT(pieces.size() <= limits::send_pieces_max);
    RINGPOST_ASSERT(piece_memory);
    auto* vectors = reinterpret_cast<iovec*>(piece_memory.data());
    std::size_t bytes = 0;
    for (std::size_t i = 0; i < pieces.size(); ++i) {
        vectors[i] = {const_cast<std::byte*>(pieces[i].data()), pieces[i].size()};
        bytes += pieces[i].size();
    }
    RINGPOST_ASSERT(bytes <= INT32_MAX);
    message = {};
    message.msg_iov = vectors;
    message.msg_iovlen = pieces.size();
    send_bytes = static_cast<std::int32_t>(bytes);
    sent_bytes = 0;
}

bool Socket::advance_send(std::int32_t bytes) {
    RINGPOST_ASSERT(bytes >= 0);
    RINGPOST_ASSERT(bytes <= send_bytes - sent_bytes);
    sent_bytes += bytes;
    auto left = static_cast<std::size_t>(bytes);
    while (message.msg_iovlen > 0 && left >= message.msg_iov->iov_len) {
        left -= message.msg_iov->iov_len;
        ++message.msg_iov;
        --message.msg_iovlen;
    }
    if (left > 0) {
        message.msg_iov->iov_base = static_cast<std::byte*>(message.msg_iov->iov_base) + left;
        message.msg_iov->iov_len -= left;
    }
    return sent_bytes == send_bytes;
}

void Socket::reset() {
    RINGPOST_ASSERT(descriptor < 0);
    RINGPOST_ASSERT(!ready_hook.linked);
    RINGPOST_ASSERT(operations == 0);
    Block memory = std::move(piece_memory);
    const SocketId next{id.index, id.generation + 1};
    *this = Socket{};
    id = next;
    piece_memory = std::move(memory);
}

}  // namespace ringpost::io
