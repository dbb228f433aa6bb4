#include "finewatt/base/file.h"

#include <CLI/CLI.hpp>
#include <fmt/format.h>
#include <toml++/toml.h>

#include <algorithm>
#include <sstream>
#include <string_view>

#include "engine_settings_internal.h"
#include "engine_spec_internal.h"

namespace finewatt {
namespace {

/// Take a TOML value into a member of the same kind; false when the kind differs. A whole number
/// is fine where a fraction is expected.
template <class T>
bool assign_from_toml(const toml::node& node, T& target) {
    const auto value = node.value_exact<T>();
    if (value) {
        target = *value;
        return true;
    }
    if constexpr (std::is_same_v<T, double>) {
        const auto whole = node.value_exact<std::int64_t>();
        if (whole) {
            target = static_cast<double>(*whole);
            return true;
        }
    }
    return false;
}

/// One text or a list of them.
bool assign_from_toml(const toml::node& node, std::vector<std::string>& target) {
    target.clear();
    const toml::array* list = node.as_array();
    if (list == nullptr) {
        target.emplace_back();
        return assign_from_toml(node, target.back());
    }
    for (const toml::node& element : *list) {
        target.emplace_back();
        if (!assign_from_toml(element, target.back())) {
            return false;
        }
    }
    return true;
}

template <class T>
bool assign_from_toml(const toml::node& node, std::optional<T>& target) {
    T value{};
    if (!assign_from_toml(node, value)) {
        return false;
    }
    target = value;
    return true;
}

Result<toml::table> parse_spec(const std::string& file, const std::string& text) {
    try {
        return toml::parse(text, file);
    } catch (const toml::parse_error& e) {
        return FINEWATT_ERROR(kCorrupt, "settings file {}, line {}: {}", file,
                              e.source().begin.line, e.description());
    }
}

}  // namespace

Status apply_spec(const CLI::App& app, const std::string& file, EngineOptions& options) {
    FINEWATT_ASSIGN(const std::string text, read_file(file));
    FINEWATT_ASSIGN(const toml::table table, parse_spec(file, text));
    const auto& settings = finetune_settings();
    for (const auto& [key, node] : table) {
        const std::string_view name(key.str());
        const auto line = key.source().begin.line;
        const auto setting =
            std::find_if(settings.begin(), settings.end(),
                         [name = name](const auto& candidate) { return candidate.key == name; });
        if (setting == settings.end() || name == "spec") {
            return FINEWATT_ERROR(kCorrupt,
                                  "settings file {}, line {}: expected a setting's name, found "
                                  "'{}'; the names are those of --help with '_' for '-'",
                                  file, line, name);
        }
        if (app.get_option(flag_of(name))->count() > 0) {
            continue;  // the command line wins
        }
        const toml::node& value = node;
        const bool is_taken = std::visit(
            [&](auto member) { return assign_from_toml(value, options.*member); }, setting->member);
        if (!is_taken) {
            std::ostringstream found;
            found << value.type();
            return FINEWATT_ERROR(kCorrupt,
                                  "settings file {}, line {}: '{}' has a value of the wrong kind "
                                  "({}); see its line in --help",
                                  file, line, name, found.str());
        }
    }
    return {};
}

std::string to_toml(const EngineOptions& options) {
    toml::table table;
    for_each_value(finetune_settings(), options, [&](const auto& setting, const auto& value) {
        using Value = std::decay_t<decltype(value)>;
        if constexpr (std::is_same_v<Value, std::vector<std::string>>) {
            toml::array list;
            for (const std::string& one : value) {
                list.push_back(one);
            }
            table.insert(setting.key, std::move(list));
        } else if (setting.key != "spec") {
            table.insert(setting.key, value);
        }
    });
    std::ostringstream text;
    text << table << "\n";
    return text.str();
}

}  // namespace finewatt
