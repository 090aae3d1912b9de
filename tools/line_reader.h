// SPDX-License-Identifier: Apache-2.0
// Lines of a descriptor, without a copy where a line lies whole in the buffer.
#pragma once

#include <poll.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <string_view>
#include <vector>

namespace ringpost::tools {

/// Owns: its buffer, which grows to the longest line, up to `line_bytes_max`.
class LineReader {
public:
    enum class Outcome { line, nothing_yet, end, too_long, error };
    static constexpr std::size_t line_bytes_max = 256U << 20;

    explicit LineReader(int fd) : fd_(fd), buffer_(1 << 20) {}

    /// The next line without its newline; valid until the next call. Waits `timeout_ms` for more
    /// at most. The last line need not end in a newline.
    Outcome next(std::string_view& line, int timeout_ms) {
        for (;;) {
            const char* from = buffer_.data() + scanned_;
            if (const void* end = std::memchr(from, '\n', end_ - scanned_)) {
                const auto at =
                    static_cast<std::size_t>(static_cast<const char*>(end) - buffer_.data());
                line = {buffer_.data() + begin_, at - begin_};
                begin_ = scanned_ = at + 1;
                return Outcome::line;
            }
            scanned_ = end_;
            if (at_end_) {
                if (begin_ == end_) return Outcome::end;
                line = {buffer_.data() + begin_, end_ - begin_};
                begin_ = scanned_ = end_;
                return Outcome::line;
            }
            const Outcome more = fill(timeout_ms);
            if (more != Outcome::line) return more;
        }
    }
    int error() const { return error_; }

private:
    Outcome fill(int timeout_ms) {
        if (begin_ != 0) {
            std::memmove(buffer_.data(), buffer_.data() + begin_, end_ - begin_);
            end_ -= begin_;
            scanned_ -= begin_;
            begin_ = 0;
        }
        if (end_ == buffer_.size()) {
            if (buffer_.size() >= line_bytes_max) return Outcome::too_long;
            buffer_.resize(buffer_.size() * 2);
        }
        pollfd waiting{fd_, POLLIN, 0};
        const int ready = poll(&waiting, 1, timeout_ms);
        if (ready == 0 || (ready < 0 && errno == EINTR)) return Outcome::nothing_yet;
        const ssize_t n = read(fd_, buffer_.data() + end_, buffer_.size() - end_);
        if (n < 0 && (errno == EINTR || errno == EAGAIN)) return Outcome::nothing_yet;
        if (n < 0) {
            error_ = errno;
            return Outcome::error;
        }
        at_end_ = n == 0;
        end_ += static_cast<std::size_t>(n);
        return Outcome::line;
    }

    int fd_;
    std::vector<char> buffer_;
    std::size_t begin_ = 0;
    std::size_t scanned_ = 0;
    std::size_t end_ = 0;
    bool at_end_ = false;
    int error_ = 0;
};

}  // namespace ringpost::tools
