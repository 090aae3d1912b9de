// SPDX-License-Identifier: Apache-2.0
#include "io/socket.h"

#include <gtest/gtest.h>

#include <array>
#include <string>
#include <vector>

#include "base/limits.h"

namespace ringpost::io {
namespace {

/// What of the send remains.
std::string remaining(const Socket& s) {
    std::string text;
    for (std::size_t i = 0; i < s.message.msg_iovlen; ++i) {
        const iovec& v = s.message.msg_iov[i];
        text.append(static_cast<const char*>(v.iov_base), v.iov_len);
    }
    return text;
}

TEST(Socket, GoesOnWithASendWhereverItWasCut) {
    const std::array<Piece, 5> pieces{as_bytes("abc"), as_bytes(""), as_bytes("d"),
                                      as_bytes("efgh"), as_bytes("")};
    for (std::int32_t first = 0; first <= 8; ++first) {
        for (std::int32_t second = 0; second <= 8 - first; ++second) {
            Socket s;
            ASSERT_TRUE(s.take_piece_memory());
            s.set_send(pieces);
            EXPECT_EQ(s.send_bytes, 8);
            EXPECT_EQ(s.advance_send(first), first == 8);
            EXPECT_EQ(s.advance_send(second), first + second == 8);
            EXPECT_EQ(remaining(s), std::string("abcdefgh").substr(std::size_t(first + second)));
        }
    }
}

TEST(Socket, HasRoomForTheLargestSend) {
    Socket s;
    ASSERT_TRUE(s.take_piece_memory());
    const std::vector<Piece> pieces(limits::send_pieces_max, as_bytes("x"));
    s.set_send(pieces);
    EXPECT_EQ(remaining(s).size(), limits::send_pieces_max);
}

TEST(Socket, GivesItsEventsInTheOrderOfAConnectionsLife) {
    Socket s;
    s.connecting = s.sending = s.receiving = true;
    s.connect_result = 1;
    s.send_result = 2;
    s.receive_result = 3;
    s.ready = Socket::bit(Event::Kind::received) | Socket::bit(Event::Kind::connected) |
              Socket::bit(Event::Kind::closed) | Socket::bit(Event::Kind::sent);
    EXPECT_FALSE(s.connect_waits());
    EXPECT_FALSE(s.send_waits());
    EXPECT_FALSE(s.receive_waits());
    EXPECT_EQ(s.take_event().kind, Event::Kind::connected);
    EXPECT_FALSE(s.connecting);
    EXPECT_EQ(s.take_event().result, 2);
    EXPECT_FALSE(s.sending);
    EXPECT_EQ(s.take_event().result, 3);
    EXPECT_FALSE(s.receiving);
    EXPECT_EQ(s.take_event().kind, Event::Kind::closed);
    EXPECT_EQ(s.ready, 0);
}

TEST(Socket, KeepsItsMemoryForTheNextGeneration) {
    Socket s;
    s.id = {3, 41};
    ASSERT_TRUE(s.take_piece_memory());
    const std::byte* memory = s.piece_memory.data();
    s.open = s.closing = true;
    s.token = 9;
    s.reset();
    EXPECT_EQ(s.id, (SocketId{3, 42}));
    EXPECT_EQ(s.token, 0u);
    EXPECT_FALSE(s.open);
    EXPECT_FALSE(s.closing);
    EXPECT_TRUE(s.take_piece_memory());
    EXPECT_EQ(s.piece_memory.data(), memory);
}

}  // namespace
}  // namespace ringpost::io
