// SPDX-License-Identifier: Apache-2.0
// What became of a record.
#pragma once

#include <cstdint>

#include <ringpost/error.h>
#include <ringpost/record.h>

namespace ringpost {

/// Each accepted record gets exactly one DeliveryReport, in every ending: acknowledged, failed,
/// timed out, stopped.
struct DeliveryReport {
    std::uint64_t tag = 0;             ///< Record::tag.
    Topic topic;
    std::int32_t partition = -1;       ///< -1 if none was chosen before the record failed.
    Errc error = Errc::none;           ///< none: acknowledged as Options::acks asks.
    Errc last_error = Errc::none;      ///< For delivery_timeout and purged: what stood in the way.
    /// In the log, or -1: the record failed, or the broker did not say (acks=0; a duplicate of a
    /// batch that it had already and no longer remembers).
    std::int64_t offset = -1;
    std::int64_t timestamp_ms = -1;    ///< The record's, or the broker's append time if it set one.
    std::uint32_t attempts = 0;        ///< Times that the record was sent; saturates at 255.
    /// Only with an error: true if the record may stand in the log all the same.
    bool may_have_been_written = false;
    /// Only with an error: the record's own bytes are in `key` and `value`, until the lane's next
    /// poll. Failed records may keep up to half of Options::buffer_memory until they are polled;
    /// those beyond, and those that timed out before there was room for them, come without.
    bool has_record = false;
    Bytes key;
    Bytes value;

    bool ok() const noexcept { return error == Errc::none; }
};

}  // namespace ringpost
