// SPDX-License-Identifier: Apache-2.0
// Looking topic names up.
#include "api/topic_table.h"

#include <algorithm>

#include "base/limits.h"
#include "base/format.h"

namespace ringpost::api {

bool is_valid_topic_name(std::string_view name) {
    if (name.empty() || name.size() > limits::topic_name_bytes_max || name == "." || name == "..") {
        return false;
    }
    return std::all_of(name.begin(), name.end(), [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
               c == '.' || c == '_' || c == '-';
    });
}

Result<Topic> TopicTable::find_or_add(std::string_view name) {
    if (!is_valid_topic_name(name)) {
        return Error{Errc::invalid_topic_name,
                     fmt::format("topic name \"{}\": 1 to {} of a-z, A-Z, 0-9, '.', '_' and '-', "
                                 "and not \".\" or \"..\"",
                                 name, limits::topic_name_bytes_max)};
    }
    const std::lock_guard lock(mutex_);
    if (const auto found = ids_.find(name); found != ids_.end()) return Topic{found->second};
    if (names_.size() == limits::topics_max) return Errc::too_many_topics;
    const auto id = static_cast<std::uint32_t>(names_.size());
    names_.emplace_back(name);
    ids_[names_.back()] = id;
    return Topic{id};
}

std::string_view TopicTable::name(Topic topic) const {
    const std::lock_guard lock(mutex_);
    return topic.id() < names_.size() ? std::string_view(names_[topic.id()]) : std::string_view();
}

}  // namespace ringpost::api
