// SPDX-License-Identifier: Apache-2.0
// The library's log: one comparison when a level is off, the user's sink when it is on.
#pragma once

#include <ringpost/log.h>

#include <utility>

#include "base/format.h"

namespace ringpost {

/// Thread: any, if the sink allows it. Owns: a copy of the sink. Allocates: only when a line is on.
class Log {
public:
    Log() = default;
    Log(LogLevel level, LogSink sink)
        : level_(sink ? level : LogLevel::off), sink_(std::move(sink)) {}

    bool on(LogLevel level) const { return level <= level_ && level != LogLevel::off; }

    template <typename... A>
    void error(fmt::format_string<A...> format, A&&... args) const {
        write(LogLevel::error, format, std::forward<A>(args)...);
    }
    template <typename... A>
    void warn(fmt::format_string<A...> format, A&&... args) const {
        write(LogLevel::warn, format, std::forward<A>(args)...);
    }
    template <typename... A>
    void info(fmt::format_string<A...> format, A&&... args) const {
        write(LogLevel::info, format, std::forward<A>(args)...);
    }
    template <typename... A>
    void debug(fmt::format_string<A...> format, A&&... args) const {
        write(LogLevel::debug, format, std::forward<A>(args)...);
    }

private:
    template <typename... A>
    void write(LogLevel level, fmt::format_string<A...> format, A&&... args) const {
        if (on(level)) [[unlikely]] emit(level, format, fmt::make_format_args(args...));
    }
    void emit(LogLevel level, fmt::string_view format, fmt::format_args args) const;

    LogLevel level_ = LogLevel::off;
    LogSink sink_;
};

}  // namespace ringpost
