// SPDX-License-Identifier: Apache-2.0
// Option lines: as a .properties file, as arguments one by one, and as an environment.
#include <ringpost/options.h>

#include <string>
#include <string_view>
#include <vector>

#include "api/option_sources.h"
#include "fuzz.h"

namespace {

using namespace ringpost;

void check(const Options& options) {
    const Result<void> valid = options.validate();
    fuzz::must(valid.has_value() || !valid.error().text.empty(), "a refusal says nothing");
    const std::string text = options.describe();
    fuzz::must(!text.empty(), "options describe themselves");
    Options again;
    fuzz::must(again.load_text(text, "it").has_value(), "a description is a file of options");
    fuzz::must(again.describe() == text, "and sets what it describes");
}

void load_as_file(std::string_view text) {
    Options options;
    const std::string before = options.describe();
    const Result<void> loaded = options.load_text(text, "FILE");
    if (!loaded) {
        fuzz::must(loaded.error().text.starts_with("FILE:"), "a refusal names its file");
        fuzz::must(options.describe() == before, "a refused file changes nothing");
    }
    check(options);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    std::string_view text(reinterpret_cast<const char*>(data), size);
    load_as_file(text);
    Options options;
    std::vector<std::string> variables;
    while (!text.empty()) {
        const std::string_view line = text.substr(0, text.find('\n'));
        text.remove_prefix(line.size() < text.size() ? line.size() + 1 : text.size());
        const std::size_t at = line.find('=');
        if (at == std::string_view::npos) continue;
        const Result<void> set = options.set(line.substr(0, at), line.substr(at + 1));
        fuzz::must(set.has_value() || !set.error().text.empty(), "a refusal says nothing");
        variables.push_back("RINGPOST_" + std::string(line));
    }
    check(options);
    std::vector<const char*> environment;
    for (const std::string& variable : variables) environment.push_back(variable.c_str());
    environment.push_back(nullptr);
    Options from_environment;
    const Result<void> read = api::read_environment(from_environment, environment.data());
    fuzz::must(read.has_value() || !read.error().text.empty(), "a refusal says nothing");
    check(from_environment);
    return 0;
}
