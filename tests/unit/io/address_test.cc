// SPDX-License-Identifier: Apache-2.0
#include "io/address.h"

#include <gtest/gtest.h>
#include <net/if.h>

#include <string>

namespace ringpost::io {
namespace {

TEST(Address, ReadsLiteralsAndWritesThemBack) {
    struct {
        const char* literal;
        const char* text;
    } const cases[] = {
        {"127.0.0.1", "127.0.0.1:9092"},
        {"255.255.255.255", "255.255.255.255:9092"},
        {"::1", "[::1]:9092"},
        {"[::1]", "[::1]:9092"},
        {"2001:DB8:0:0::1", "[2001:db8::1]:9092"},
        {"::ffff:10.0.0.1", "[::ffff:10.0.0.1]:9092"},
        {"fe80::1%7", "[fe80::1%7]:9092"},
    };
    for (const auto& c : cases) {
        const Address a = Address::from_literal(c.literal, 9092);
        EXPECT_EQ(a.text(), c.text) << c.literal;
    }
}

TEST(Address, TakesAScopeByItsInterfacesName) {
    const unsigned loopback = if_nametoindex("lo");
    if (loopback == 0) GTEST_SKIP() << "there is no interface lo";
    EXPECT_EQ(Address::from_literal("fe80::1%lo", 1).scope_id, loopback);
}

TEST(Address, DoesNotTakeANameForALiteral) {
    const std::string long_text(1000, '1');
    for (const std::string_view host :
         {std::string_view("localhost"), std::string_view(""), std::string_view("1.2.3"),
          std::string_view("1.2.3.4.5"), std::string_view("256.1.1.1"),
          std::string_view("1.2.3.4 "), std::string_view("[1.2.3.4]"), std::string_view("[::1"),
          std::string_view("::1]"), std::string_view("[]"), std::string_view("::1%"),
          std::string_view("::1%no-such-thing"), std::string_view("::1%0"),
          std::string_view("1.2.3.4\0x", 9), std::string_view(":::"),
          std::string_view(long_text)}) {
        EXPECT_EQ(Address::from_literal(host, 1), Address{}) << host;
    }
    EXPECT_EQ(Address{}.text(), "no address");
}

TEST(Address, PassesThroughTheKernelsForm) {
    for (const char* literal : {"10.1.2.3", "2001:db8::5", "fe80::1%3"}) {
        const Address a = Address::from_literal(literal, 65'535);
        const SocketAddress s = to_socket_address(a);
        EXPECT_EQ(from_socket_address(&s.plain, s.size), a) << literal;
        EXPECT_EQ(from_socket_address(&s.plain, s.size - 1), Address{}) << literal;
    }
    EXPECT_EQ(to_socket_address(Address{}).size, 0u);
    EXPECT_EQ(from_socket_address(nullptr, 0), Address{});
    sockaddr unknown{};
    unknown.sa_family = AF_UNIX;
    EXPECT_EQ(from_socket_address(&unknown, sizeof unknown), Address{});
}

}  // namespace
}  // namespace ringpost::io
