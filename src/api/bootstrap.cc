// SPDX-License-Identifier: Apache-2.0
// Reading bootstrap.servers.
#include "api/bootstrap.h"
#include "base/format.h"

#include <algorithm>
#include <bit>
#include <charconv>

namespace ringpost::api {

namespace {

std::string_view trimmed(std::string_view text) {
    while (!text.empty() && text.front() == ' ') text.remove_prefix(1);
    while (!text.empty() && text.back() == ' ') text.remove_suffix(1);
    return text;
}

Error bad(std::string_view part, std::string_view why) {
    return {Errc::invalid_option,
            fmt::format("bootstrap.servers: \"{}\": {}; give HOST:PORT[,HOST:PORT...]", part, why)};
}

Result<produce::Seed> parse_one(std::string_view part) {
    std::string_view host = part;
    std::string_view port;
    bool has_port = false;
    if (part.starts_with('[')) {
        const std::size_t end = part.find(']');
        if (end == std::string_view::npos) return bad(part, "']' is missing");
        host = part.substr(1, end - 1);
        const std::string_view rest = part.substr(end + 1);
        if (!rest.empty() && rest[0] != ':') return bad(part, "':' and a port belong after ']'");
        has_port = !rest.empty();
        if (has_port) port = rest.substr(1);
    } else if (const std::size_t colon = part.rfind(':'); colon != std::string_view::npos) {
        // More than one colon without brackets can only be an IPv6 address.
        if (part.find(':') == colon) {
            host = part.substr(0, colon);
            port = part.substr(colon + 1);
            has_port = true;
        }
    }
    if (host.empty()) return bad(part, "the host is missing");
    if (host.size() > 255) return bad(part, "the host is too long");
    produce::Seed seed{std::string(host), 9092};
    if (!has_port) return seed;
    unsigned number = 0;
    const auto [end, error] = std::from_chars(port.data(), port.data() + port.size(), number);
    if (error != std::errc{} || end != port.data() + port.size() || number == 0 || number > 65535) {
        return bad(part, "the port is a number from 1 to 65535");
    }
    seed.port = static_cast<std::uint16_t>(number);
    return seed;
}

}  // namespace

Result<std::vector<produce::Seed>> parse_bootstrap_servers(std::string_view text) {
    std::vector<produce::Seed> seeds;
    while (!text.empty()) {
        const std::size_t comma = std::min(text.find(','), text.size());
        const std::string_view part = trimmed(text.substr(0, comma));
        text.remove_prefix(std::min(comma + 1, text.size()));
        if (part.empty()) continue;
        Result<produce::Seed> seed = parse_one(part);
        if (!seed) return seed.error();
        seeds.push_back(std::move(*seed));
    }
    if (seeds.empty()) return bad("", "no broker is named");
    return seeds;
}

std::uint32_t block_bytes_for(const Options& options) {
    return std::bit_ceil(std::max<std::uint32_t>(options.message_max_bytes + 64, 1U << 20));
}

}  // namespace ringpost::api
