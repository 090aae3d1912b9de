// SPDX-License-Identifier: Apache-2.0
#include "io/kernel_error.h"

#include <gtest/gtest.h>
#include <sys/resource.h>

#include <cerrno>

namespace ringpost::io {
namespace {

TEST(KernelError, NamesTheLimitThatWasReached) {
    rlimit limit{};
    ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &limit), 0);
    EXPECT_EQ(kernel_error(EMFILE), "Too many open files (RLIMIT_NOFILE, ulimit -n, is " +
                                        std::to_string(limit.rlim_cur) + ")");
    EXPECT_NE(kernel_error(ENFILE).find("fs.file-max"), std::string::npos);
    EXPECT_EQ(kernel_error(ECONNREFUSED), "Connection refused");
}

}  // namespace
}  // namespace ringpost::io
