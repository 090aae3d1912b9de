// SPDX-License-Identifier: Apache-2.0
// The pieces of the record path, one by one (Google Benchmark), with the other benches' flags.
#include <benchmark/benchmark.h>

#include <cstdio>
#include <string>
#include <string_view>
#include <vector>

int main(int argc, char** argv) {
    std::vector<std::string> arguments;
    for (int i = 0; i < argc; ++i) {
        const std::string_view argument = argv[i];
        if (argument == "--json") {
            arguments.emplace_back("--benchmark_format=json");
        } else if (argument == "--quick") {
            arguments.emplace_back("--benchmark_min_time=0.05");
        } else {
            arguments.emplace_back(argument);
        }
    }
    std::vector<char*> pointers;
    for (std::string& argument : arguments) pointers.push_back(argument.data());
    int count = static_cast<int>(pointers.size());
    benchmark::Initialize(&count, pointers.data());
    if (benchmark::ReportUnrecognizedArguments(count, pointers.data())) {
        (void)std::fprintf(stderr, "micro [--quick] [--json] [--benchmark_filter=REGEX ...]\n");
        return 2;
    }
    benchmark::RunSpecifiedBenchmarks();
    benchmark::Shutdown();
    return 0;
}
