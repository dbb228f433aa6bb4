// One field table per record struct: JSON keys, reference documentation and imports all come from
// it, so that a name or unit is written once.
//
// A struct takes part by a static function `fields()` that returns a tuple of Field. The unit is
// that of the stored number: "J", "W", "s", "g/kWh", "1" for a plain ratio or count, "" for text.
#pragma once

#include <string_view>
#include <tuple>

namespace finewatt {

/// One row of a field table: the name used at every boundary, the member, its unit and meaning.
template <class Struct, class Member>
struct Field {
    std::string_view name;
    Member Struct::*member;
    std::string_view unit;
    std::string_view meaning;
};

template <class Struct, class Member>
constexpr Field<Struct, Member> field(std::string_view name, Member Struct::*member,
                                      std::string_view unit, std::string_view meaning) {
    return {name, member, unit, meaning};
}

}  // namespace finewatt
