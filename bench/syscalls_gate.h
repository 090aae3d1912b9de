// SPDX-License-Identifier: Apache-2.0
// What a million messages may ask of kernel and allocator, compared with what was committed.
#pragma once

#include <map>
#include <string>

namespace ringpost::bench {

/// Figures by name.
using Figures = std::map<std::string, double>;

/// Prints both. 0: none has grown by more than 5 %, and what was 0 is; 1: one has; 77 (a test's
/// "skipped"): those that could be counted are well, and some could not be.
int compare_with_gates(const Figures& figures);
/// Writes them in the place of the committed ones.
int update_gates(const Figures& figures);

}  // namespace ringpost::bench
