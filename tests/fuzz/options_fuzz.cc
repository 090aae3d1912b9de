// SPDX-License-Identifier: Apache-2.0
// Option lines, as a file or a command line would have them.
#include <ringpost/options.h>

#include <string_view>

#include "fuzz.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace ringpost;
    Options options;
    std::string_view text(reinterpret_cast<const char*>(data), size);
    while (!text.empty()) {
        const std::string_view line = text.substr(0, text.find('\n'));
        text.remove_prefix(line.size() < text.size() ? line.size() + 1 : text.size());
        const std::size_t at = line.find('=');
        if (at == std::string_view::npos) continue;
        const Result<void> set = options.set(line.substr(0, at), line.substr(at + 1));
        fuzz::must(set.has_value() || !set.error().text.empty(), "a refusal says nothing");
    }
    const Result<void> valid = options.validate();
    fuzz::must(valid.has_value() || !valid.error().text.empty(), "a refusal says nothing");
    fuzz::must(!options.describe().empty(), "options describe themselves");
    return 0;
}
