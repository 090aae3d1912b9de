// SPDX-License-Identifier: Apache-2.0
// Without libFuzzer: gives the files of the named folders to the target, and some seeded mutations
// of each. The same targets, as a test of every build.
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <vector>

#include "base/prng.h"
#include "fuzz.h"

namespace {

constexpr int mutations_of_each = 2'000;

std::vector<std::uint8_t> mutated(std::vector<std::uint8_t> bytes, ringpost::Prng& prng) {
    const std::uint32_t changes = 1 + prng.below(4);
    for (std::uint32_t i = 0; i < changes; ++i) {
        const auto size = static_cast<std::uint32_t>(bytes.size());
        const std::uint32_t at = prng.below(size);
        switch (prng.below(4)) {
            case 0:
                if (size != 0) bytes[at] = static_cast<std::uint8_t>(prng.next());
                break;
            case 1:
                if (size != 0) bytes[at] ^= static_cast<std::uint8_t>(1U << prng.below(8));
                break;
            case 2: bytes.resize(prng.below(size + 1)); break;
            default: bytes.insert(bytes.begin() + at, static_cast<std::uint8_t>(prng.next()));
        }
    }
    return bytes;
}

}  // namespace

int main(int argc, char** argv) {
    std::size_t inputs = 0;
    for (int i = 1; i < argc; ++i) {
        std::vector<std::filesystem::path> files;
        for (const auto& entry : std::filesystem::directory_iterator(argv[i])) {
            files.push_back(entry.path());
        }
        std::ranges::sort(files);
        for (const auto& path : files) {
            std::ifstream file(path, std::ios::binary);
            const std::vector<std::uint8_t> bytes{std::istreambuf_iterator<char>(file), {}};
            LLVMFuzzerTestOneInput(bytes.data(), bytes.size());
            ringpost::Prng prng(++inputs);
            for (int k = 0; k < mutations_of_each; ++k) {
                const std::vector<std::uint8_t> other = mutated(bytes, prng);
                LLVMFuzzerTestOneInput(other.data(), other.size());
            }
        }
    }
    std::printf("%zu inputs, each with %d mutations\n", inputs, mutations_of_each);
    return inputs == 0 ? 1 : 0;
}
