#include "finewatt/data/label_index_internal.h"

#include <fmt/ranges.h>

#include <charconv>
#include <utility>

namespace finewatt {

std::optional<std::int64_t> whole_number(std::string_view text) {
    std::int64_t value = 0;
    const auto parsed = std::from_chars(text.data(), text.data() + text.size(), value);
    if (parsed.ec != std::errc() || parsed.ptr != text.data() + text.size()) {
        return std::nullopt;
    }
    return value;
}

Result<LabelIndex> LabelIndex::create(std::vector<std::string> names) {
    LabelIndex index;
    for (const std::string& name : names) {
        if (!index.ids_.emplace(name, static_cast<std::int32_t>(index.ids_.size())).second) {
            return FINEWATT_ERROR(kInvalidArgument, "label names: '{}' is given twice", name);
        }
    }
    index.names_ = std::move(names);
    return index;
}

bool LabelIndex::has_name(std::string_view name) const {
    return ids_.find(name) != ids_.end();
}

Result<std::int32_t> LabelIndex::id_of(const std::string& label, std::string_view place) const {
    if (const auto found = ids_.find(label); found != ids_.end()) {
        return found->second;
    }
    const std::optional<std::int64_t> number = whole_number(label);
    if (!number) {
        return FINEWATT_ERROR(kInvalidArgument,
                              "{}: label '{}' is not known; the labels are: {}; mend the row or "
                              "choose the task (and model) that knows it",
                              place, label, fmt::join(names_, ", "));
    }
    if (*number < 0 || *number >= static_cast<std::int64_t>(names_.size())) {
        return FINEWATT_ERROR(kInvalidArgument,
                              "{}: label id {} is not one of 0 to {} ({}); mend the row or choose "
                              "the task (and model) that knows it",
                              place, *number, static_cast<std::int64_t>(names_.size()) - 1,
                              fmt::join(names_, ", "));
    }
    return static_cast<std::int32_t>(*number);
}

Result<std::int32_t> LabelIndex::id_of(std::int64_t label, std::string_view place) const {
    return id_of(std::to_string(label), place);
}

}  // namespace finewatt
