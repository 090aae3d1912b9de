// SPDX-License-Identifier: Apache-2.0
#include <ringpost/ringpost.h>

#include <array>
#include <cstdio>

int main(int argc, char** argv) {
    ringpost::Options options;
    options.bootstrap_servers = argc > 1 ? argv[1] : "127.0.0.1:9092";
    options.log_sink = [](ringpost::LogLevel, std::string_view line) {
        std::fprintf(stderr, "%.*s\n", int(line.size()), line.data());
    };
    ringpost::Producer producer(options);
    if (auto up = producer.start(); !up) return std::puts(up.error().text.c_str()), 1;
    auto topic = producer.topic("greetings");
    auto lane = producer.open_lane();  // one for each producing thread
    if (!topic || !lane) return 1;

    auto error = lane->produce({.topic = *topic, .key = "en", .value = "hello", .tag = 7});
    if (error != ringpost::Errc::none) return std::puts(message(error).data()), 1;
    if (!lane->flush(std::chrono::seconds(10)).ok()) std::puts("not delivered in 10 s");

    std::array<ringpost::DeliveryReport, 16> reports;
    for (std::size_t i = 0, n = lane->poll(reports); i < n; ++i)
        std::printf("record %lu: %s, partition %d, offset %ld\n", reports[i].tag,
                    to_string(reports[i].error).data(), reports[i].partition, reports[i].offset);
    return producer.stop(std::chrono::seconds(5)) ? 0 : 1;
}
