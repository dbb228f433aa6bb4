// The settings of both commands as tables: the key that a --spec file and a record use, the member
// of the options, and the line on the help page. Main type: Setting. Whoever reads or writes all
// settings goes through for_each_value. Not for the checks of values (engine_options.cpp).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <variant>
#include <vector>

#include "engine_options.h"

namespace finewatt {

/// A member of Options, in one of the forms that a setting can have.
template <class Options>
using Member = std::variant<std::string Options::*, std::optional<std::string> Options::*,
                            std::vector<std::string> Options::*, std::int64_t Options::*,
                            std::optional<std::int64_t> Options::*, double Options::*,
                            std::optional<double> Options::*, bool Options::*>;

/// One setting: its name everywhere, and its line on the help page.
template <class Options>
struct Setting {
    std::string_view key;  ///< --spec key; the option is the same with '-' for '_'
    Member<Options> member;
    std::string_view help;
};

/// Return the settings of `finetune` and of `infer`, in the order of their help pages.
const std::vector<Setting<EngineOptions>>& finetune_settings();
const std::vector<Setting<InferOptions>>& infer_settings();

/// Return the option of a key: "max_length" is --max-length.
std::string flag_of(std::string_view key);

/// Call use(setting, value) for each setting that has a value; optional ones only when given.
template <class Options, class Use>
void for_each_value(const std::vector<Setting<Options>>& settings, const Options& options,
                    Use use) {
    for (const Setting<Options>& setting : settings) {
        std::visit(
            [&](auto member) {
                const auto& value = options.*member;
                if constexpr (requires { value.has_value(); }) {
                    if (value.has_value()) {
                        use(setting, *value);
                    }
                } else if constexpr (std::is_same_v<std::decay_t<decltype(value)>,
                                                    std::vector<std::string>>) {
                    if (!value.empty()) {
                        use(setting, value);
                    }
                } else {
                    use(setting, value);
                }
            },
            setting.member);
    }
}

}  // namespace finewatt
