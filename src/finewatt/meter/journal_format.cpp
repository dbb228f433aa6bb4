#include "finewatt/meter/journal_format_internal.h"

#include <algorithm>
#include <cmath>

namespace finewatt {

std::optional<std::uint64_t> expected_raw(const JournalRule& rule,
                                          const std::optional<RawAnchor>& anchor,
                                          std::uint64_t energy_uj) {
    if (!anchor || energy_uj < anchor->energy_uj || rule.unit_j <= 0) {
        return std::nullopt;
    }
    const long double moved =
        std::round(static_cast<long double>(energy_uj - anchor->energy_uj) * 1e-6L / rule.unit_j);
    const long double raw = static_cast<long double>(anchor->raw) + moved;
    if (rule.range > 0) {
        return static_cast<std::uint64_t>(std::fmod(raw, static_cast<long double>(rule.range)));
    }
    constexpr long double kMost = 18446744073709551615.0L;  // 2^64 - 1
    return static_cast<std::uint64_t>(std::min(raw, kMost));
}

bool is_same_raw(const JournalRule& rule, std::uint64_t a, std::uint64_t b) {
    // Energies are rounded to a microjoule, raw values to a unit.
    const long double rounding = 2 + 1e-6L / rule.unit_j;
    const std::uint64_t apart = a > b ? a - b : b - a;
    const std::uint64_t around = rule.range > apart ? rule.range - apart : apart;
    return static_cast<long double>(std::min(apart, around)) <= rounding;
}

}  // namespace finewatt
