// SPDX-License-Identifier: Apache-2.0
// What codec.h compresses, and what other producers do, read back. Trusts nothing.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "wire/codec.h"

namespace ringpost::wire {

enum class DecompressFault : std::uint8_t {
    none,
    corrupt,       ///< Not a whole stream of this codec, or more behind it than the codec allows.
    too_large,     ///< It would be more than `bytes_max`, or need a window larger than that.
    not_built_in,  ///< This build was made without the codec's library.
};
std::string_view to_string(DecompressFault fault);

/// Appends what `in` holds to `out`, at most `bytes_max` bytes; on a fault, nothing.
///
/// Bounds:    what `out` gains is `bytes_max` at most, and grows with what has really come out, not
///            with what a header announces.
/// Allocates: the codec's working memory, within the call.
DecompressFault decompress(Codec codec, ByteSpan in, std::size_t bytes_max,
                           std::vector<std::byte>& out);

}  // namespace ringpost::wire
