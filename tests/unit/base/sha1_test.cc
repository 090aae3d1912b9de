// SPDX-License-Identifier: Apache-2.0
#include "base/sha1.h"

#include <gtest/gtest.h>

#include <string>

namespace ringpost {
namespace {

std::string digest(Sha1& sha1, std::string_view text) {
    Sha1::Digest bytes;
    EXPECT_TRUE(sha1.digest(as_bytes(text), bytes));
    std::string hex;
    for (const std::byte b : bytes) {
        hex += "0123456789abcdef"[static_cast<unsigned>(b) >> 4];
        hex += "0123456789abcdef"[static_cast<unsigned>(b) & 15];
    }
    return hex;
}

// FIPS 180-4's examples, and the digest of nothing.
TEST(Sha1, AgreesWithItsStandardOneDigestAfterAnother) {
    Sha1 sha1;
    ASSERT_TRUE(sha1.usable());
    for (int round = 0; round < 3; ++round) {
        EXPECT_EQ(digest(sha1, ""), "da39a3ee5e6b4b0d3255bfef95601890afd80709");
        EXPECT_EQ(digest(sha1, "abc"), "a9993e364706816aba3e25717850c26c9cd0d89d");
        EXPECT_EQ(digest(sha1, "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq"),
                  "84983e441c3bd26ebaae4aa1f95129e5e54670f1");
        EXPECT_EQ(digest(sha1, std::string(1'000'000, 'a')),
                  "34aa973cd4c4daa4f61eeb2bdbad27316534016f");
    }
}

}  // namespace
}  // namespace ringpost
