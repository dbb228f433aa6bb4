// LabelIndex: from a label as a file has it, a name or a number, to the id of its class.
#pragma once

#include "finewatt/base/result.h"

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace finewatt {

/// Return the whole number that a text is, or nothing.
std::optional<std::int64_t> whole_number(std::string_view text);

/// Immutable; any thread.
class LabelIndex {
  public:
    /// Error: invalid argument for a name that is given twice.
    static Result<LabelIndex> create(std::vector<std::string> names);

    bool has_name(std::string_view name) const;

    /// Return the id of a label: of its name or, where no name is like it, the id that it is
    /// itself. `place` is where the label stands. Error: invalid argument, listing the names.
    Result<std::int32_t> id_of(const std::string& label, std::string_view place) const;

    /// The same for a label that is a number in its file: an id, or a name that is that number.
    Result<std::int32_t> id_of(std::int64_t label, std::string_view place) const;

  private:
    std::vector<std::string> names_;
    std::map<std::string, std::int32_t, std::less<>> ids_;
};

}  // namespace finewatt
