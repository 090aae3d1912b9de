// SPDX-License-Identifier: Apache-2.0
// fmt for messages, header-only, so that the library needs no more at run time.
#pragma once

#include <fmt/format.h>  // IWYU pragma: export
