// SPDX-License-Identifier: Apache-2.0
// What the kernel says of a process's memory, and its reserve of huge pages for a test's time.
#pragma once

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <cstdint>
#include <fstream>
#include <sstream>
#include <string>

namespace ringpost::shard {

inline std::string text_of_file(const std::string& path) {
    std::ostringstream text;
    text << std::ifstream(path).rdbuf();
    return text.str();
}

/// A field of the mapping that has the address, as /proc/self/smaps has it: "VmFlags", "Size".
inline std::string smaps_field(const void* address, const std::string& field) {
    std::ifstream smaps("/proc/self/smaps");
    const auto mine = reinterpret_cast<std::uintptr_t>(address);
    bool here = false;
    for (std::string line; std::getline(smaps, line);) {
        std::istringstream words(line);
        std::uintptr_t begin = 0;
        std::uintptr_t end = 0;
        char dash = 0;
        if (words >> std::hex >> begin >> dash >> end && dash == '-') {
            here = begin <= mine && mine < end;
        }
        if (here && line.starts_with(field + ":")) return line.substr(field.size() + 1);
    }
    return "";
}
inline std::size_t smaps_kib(const void* address, const std::string& field) {
    const std::string value = smaps_field(address, field);
    return value.empty() ? 0 : std::stoul(value);
}

/// The line of /proc/self/numa_maps about the mapping that begins there.
inline std::string numa_line(const void* address) {
    std::ostringstream begin;
    begin << std::hex << reinterpret_cast<std::uintptr_t>(address) << ' ';
    std::ifstream maps("/proc/self/numa_maps");
    for (std::string line; std::getline(maps, line);) {
        if (line.starts_with(begin.str())) return line;
    }
    return "";
}

inline bool has_transparent_pages() {
    const std::string setting = text_of_file("/sys/kernel/mm/transparent_hugepage/enabled");
    return !setting.empty() && setting.find("[never]") == std::string::npos;
}
inline bool has_numa() { return !text_of_file("/proc/self/numa_maps").empty(); }

/// So many more free huge pages of 2 MiB for as long as it lives, and nobody else's test meanwhile.
class HugePageReserve {
public:
    explicit HugePageReserve(std::size_t pages) : lock_(::open(file("nr"), O_RDONLY | O_CLOEXEC)) {
        ::flock(lock_, LOCK_EX);
        before_ = count("nr");
        write(before_ + pages);
        usable_ = count("nr") >= before_ + pages;
    }
    ~HugePageReserve() {
        write(before_);
        ::close(lock_);
    }
    HugePageReserve(const HugePageReserve&) = delete;
    HugePageReserve& operator=(const HugePageReserve&) = delete;

    /// False: only root may, or there is no memory for it.
    bool usable() const { return usable_; }
    static std::size_t count(const std::string& what) {
        const std::string text = text_of_file(file(what.c_str()));
        return text.empty() ? 0 : std::stoul(text);
    }
    /// Those that nobody has, and nobody has been promised.
    static std::size_t free_pages() { return count("free") - count("resv"); }

private:
    static const char* file(const std::string& what) {
        if (what == "nr") return "/sys/kernel/mm/hugepages/hugepages-2048kB/nr_hugepages";
        if (what == "resv") return "/sys/kernel/mm/hugepages/hugepages-2048kB/resv_hugepages";
        return "/sys/kernel/mm/hugepages/hugepages-2048kB/free_hugepages";
    }
    static void write(std::size_t pages) { std::ofstream(file("nr")) << pages; }

    int lock_;
    std::size_t before_ = 0;
    bool usable_ = false;
};

}  // namespace ringpost::shard
