// SPDX-License-Identifier: Apache-2.0
#include "io/tcp_socket.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <netinet/tcp.h>

#include "raw_peer.h"

namespace ringpost::io {
namespace {

int option(int descriptor, int level, int name) {
    int value = -1;
    socklen_t size = sizeof value;
    EXPECT_EQ(::getsockopt(descriptor, level, name, &value, &size), 0);
    return value;
}

TEST(TcpSocket, IsTunedAndClosedOnExec) {
    for (const Blocking blocking : {Blocking::no, Blocking::yes}) {
        const Descriptor d(open_stream(Address::Family::ipv4, blocking, {}));
        ASSERT_GE(d.number(), 0);
        EXPECT_EQ(option(d.number(), IPPROTO_TCP, TCP_NODELAY), 1);
        EXPECT_EQ(option(d.number(), SOL_SOCKET, SO_KEEPALIVE), 1);
        EXPECT_NE(::fcntl(d.number(), F_GETFD) & FD_CLOEXEC, 0);
        EXPECT_EQ((::fcntl(d.number(), F_GETFL) & O_NONBLOCK) != 0, blocking == Blocking::no);
    }
    EXPECT_LT(open_stream(Address::Family::none, Blocking::no, {}), 0);
}

TEST(TcpSocket, IsTunedAsItIsToldTo) {
    const StreamTuning tuning{.keepalive = false, .user_timeout = Duration::ms(1'234)};
    const Descriptor d(open_stream(Address::Family::ipv4, Blocking::no, tuning));
    EXPECT_EQ(option(d.number(), IPPROTO_TCP, TCP_NODELAY), 1);
    EXPECT_EQ(option(d.number(), SOL_SOCKET, SO_KEEPALIVE), 0);
    EXPECT_EQ(option(d.number(), IPPROTO_TCP, TCP_USER_TIMEOUT), 1'234);

    const Descriptor patient(open_stream(Address::Family::ipv4, Blocking::no, {}));
    EXPECT_EQ(option(patient.number(), IPPROTO_TCP, TCP_USER_TIMEOUT), 0) << "the kernel's own";
    // Longer than the kernel can be told: for as long as it can.
    const Descriptor old(open_stream(Address::Family::ipv4, Blocking::no,
                                     {.user_timeout = Duration::seconds(10'000'000)}));
    EXPECT_EQ(option(old.number(), IPPROTO_TCP, TCP_USER_TIMEOUT), INT32_MAX);
}

TEST(TcpSocket, ListensWhereItSays) {
    Address bound;
    const Result<int> l = open_listener(Address::from_literal("127.0.0.1", 0), Blocking::no, bound);
    ASSERT_TRUE(l) << l.error().text;
    const Descriptor d(*l);
    EXPECT_NE(bound.port, 0);
    EXPECT_EQ(bound, address_of(d.number()));
    EXPECT_NE(::fcntl(d.number(), F_GETFD) & FD_CLOEXEC, 0);
    EXPECT_EQ(option(d.number(), SOL_SOCKET, SO_ACCEPTCONN), 1);
}

TEST(TcpSocket, NamesTheAddressItCantListenOn) {
    Address bound;
    // An address that no host has.
    const Result<int> l =
        open_listener(Address::from_literal("192.0.2.1", 9092), Blocking::no, bound);
    ASSERT_FALSE(l);
    EXPECT_EQ(l.error().code, Errc::system_error);
    EXPECT_NE(l.error().text.find("192.0.2.1:9092"), std::string::npos) << l.error().text;
    EXPECT_FALSE(open_listener(Address{}, Blocking::no, bound));
}

}  // namespace
}  // namespace ringpost::io
