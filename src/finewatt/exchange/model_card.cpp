#include "finewatt/exchange/model_card.h"

#include "finewatt/exchange/run_facts_internal.h"
#include "finewatt/exchange/texts_internal.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>

namespace finewatt {
namespace {

using exchange::figure_text;
using exchange::fixed_number_text;
using exchange::hardware_text;
using exchange::number_text;
using exchange::range_text;
using exchange::RunPlace;
using exchange::tool_text;
using exchange::yaml_text;

constexpr std::string_view kKey = "co2_eq_emissions";
constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";

Result<double> emissions_g(const RunRecord& run) {
    if (!run.carbon || !run.carbon->co2_kg) {
        const std::string reason =
            run.carbon ? run.carbon->reason.value_or("") : run.carbon_reason.value_or("");
        return FINEWATT_ERROR(
            kInvalidArgument,
            "run {}: expected known emissions for a model card, found none{}{}; name the place, "
            "e.g. `finewatt measure --place zip:15213`",
            run.run_id, reason.empty() ? "" : ": ", safe_text(reason));
    }
    // Fifteen digits are what a double surely holds; the rest is noise of the conversion.
    const double grams = *run.carbon->co2_kg * 1000;
    return exchange::parse_number(fmt::format("{:.15g}", grams)).value_or(grams);
}

Result<std::string> training_type(const RunRecord& run, const ExtraFacts& facts) {
    if (!facts.training_type.empty()) {
        return facts.training_type;
    }
    if (run.kind == "inference") {
        return FINEWATT_ERROR(kInvalidArgument,
                              "run {}: expected a training, as a model card counts it, found an "
                              "inference; name the run that trained the model",
                              run.run_id);
    }
    return run.kind == "command" ? std::string() : run.kind;
}

/// What made the figure, how sure it is, and with which factor.
std::string source_text(const RunRecord& run) {
    const CarbonSummary& carbon = *run.carbon;
    std::string text = tool_text(run);
    if (!run.energy.provenance.empty()) {
        text += ": energy " + run.energy.provenance;
    }
    if (carbon.co2_kg_low && carbon.co2_kg_high) {
        text +=
            fmt::format(", range {} g", range_text(*carbon.co2_kg * 1000, *carbon.co2_kg_low * 1000,
                                                   *carbon.co2_kg_high * 1000));
    }
    if (run.energy.energy) {
        text += fmt::format(", {} kWh", figure_text(run.energy.energy->as_kwh(), {}, {}));
    }
    if (carbon.intensity) {
        text +=
            fmt::format(", {} g/kWh", figure_text(carbon.intensity->as_grams_per_kwh(), {}, {}));
    }
    if (carbon.edition) {
        text += " of " + *carbon.edition;
    }
    if (carbon.basis) {
        text += fmt::format(" ({})", *carbon.basis == "co2e" ? "CO2e" : "CO2 alone");
    }
    if (carbon.pue != 1) {
        text += fmt::format(", PUE {}", number_text(carbon.pue));
    }
    return text;
}

std::string location_text(const RunRecord& run, const ExtraFacts& facts) {
    if (!facts.location.empty()) {
        return facts.location;
    }
    const RunPlace place = exchange::place_of(run);
    if (!place.cloud_region.empty()) {
        return fmt::format("{} region {}", place.cloud_provider, place.cloud_region);
    }
    const std::string& country = place.country.empty() ? place.country_iso : place.country;
    if (!country.empty() && !place.region.empty()) {
        return fmt::format("{}, grid zone {}", country, place.region);
    }
    return place.region.empty() ? country : "grid zone " + place.region;
}

/// Text cut into lines that keep their ends ("\n" or "\r\n").
std::vector<std::string_view> lines_of(std::string_view text) {
    std::vector<std::string_view> lines;
    while (!text.empty()) {
        const std::size_t end = text.find('\n');
        const std::size_t size = end == std::string_view::npos ? text.size() : end + 1;
        lines.push_back(text.substr(0, size));
        text.remove_prefix(size);
    }
    return lines;
}

/// A line without its end and the spaces before it.
std::string_view trimmed_end(std::string_view line) {
    const std::size_t last = line.find_last_not_of(" \t\r\n");
    return last == std::string_view::npos ? std::string_view() : line.substr(0, last + 1);
}

/// What follows "co2_eq_emissions:" when the line is that key at the top level, else nothing.
std::optional<std::string_view> value_of_key(std::string_view line) {
    for (const char quote : {'\0', '"', '\''}) {
        const std::string key =
            quote == '\0' ? std::string(kKey) : quote + std::string(kKey) + quote;
        if (!line.starts_with(key)) {
            continue;
        }
        std::string_view rest = trimmed_end(line.substr(key.size()));
        rest.remove_prefix(std::min(rest.find_first_not_of(" \t"), rest.size()));
        const bool is_key = rest == ":" || rest.starts_with(": ") || rest.starts_with(":\t");
        if (is_key) {
            rest.remove_prefix(1);
            rest.remove_prefix(std::min(rest.find_first_not_of(" \t"), rest.size()));
            return rest;
        }
    }
    return std::nullopt;
}

bool is_indented(std::string_view line) {
    return line.starts_with(' ') || line.starts_with('\t');
}

/// The lines [begin, end) of the old block.
struct BlockLines {
    std::size_t begin = 0;
    std::size_t end = 0;
};

/// Whether an old value may be cut out line by line.
bool is_simple_value(std::string_view value) {
    if (value.empty() || value.starts_with('#')) {
        return true;
    }
    if (value.starts_with('{') || value.starts_with('[')) {
        return value.ends_with(value.front() == '{' ? '}' : ']');
    }
    // Anchors and aliases tie the block to others; tags and quotes may go on over lines.
    return std::string_view("&*!|>\"'").find(value.front()) == std::string_view::npos;
}

/// Find the old block among the lines of the front matter. Empty range at `none` where there is
/// no such key.
Result<BlockLines> find_block(const std::vector<std::string_view>& lines, std::size_t first,
                              std::size_t close) {
    BlockLines block{close, close};
    bool is_found = false;
    for (std::size_t i = first; i < close; ++i) {
        const std::optional<std::string_view> value = value_of_key(lines[i]);
        if (!value) {
            continue;
        }
        if (is_found || !is_simple_value(*value)) {
            return FINEWATT_ERROR(
                kCorrupt, "line {}: expected {} {}; mend it by hand and try again", i + 1, kKey,
                is_found ? "once in the front matter, found it again"
                         : "as a plain number, a map on one line or indented lines, found another "
                           "way of writing");
        }
        is_found = true;
        block = {i, i + 1};
        // Blank lines belong to the block only when it goes on behind them.
        for (std::size_t next = i + 1; next < close; ++next) {
            const bool is_list_item = lines[next].starts_with("- ");
            if (is_indented(lines[next]) && !trimmed_end(lines[next]).empty()) {
                block.end = next + 1;
            } else if (is_list_item) {
                return FINEWATT_ERROR(kCorrupt,
                                      "line {}: expected {} as a number or a map, found a list; "
                                      "mend it by hand and try again",
                                      next + 1, kKey);
            } else if (!trimmed_end(lines[next]).empty()) {
                break;
            }
        }
    }
    return block;
}

std::string with_line_end(std::string_view text, std::string_view line_end) {
    std::string out;
    for (const char c : text) {
        if (c == '\n') {
            out += line_end;
        } else {
            out += c;
        }
    }
    return out;
}

}  // namespace

Result<std::string> model_card_block(const RunRecord& run, const ExtraFacts& facts) {
    FINEWATT_ASSIGN(const double grams, emissions_g(run));
    FINEWATT_ASSIGN(const std::string training, training_type(run, facts));
    std::string block = fmt::format("{}:\n  emissions: {}\n  source: {}\n", kKey,
                                    fixed_number_text(grams), yaml_text(source_text(run)));
    const auto add = [&block](std::string_view key, const std::string& value) {
        if (!value.empty()) {
            block += fmt::format("  {}: {}\n", key, yaml_text(value));
        }
    };
    add("training_type", training);
    add("geographical_location", location_text(run, facts));
    add("hardware_used", facts.hardware.empty() ? hardware_text(run) : facts.hardware);
    return block;
}

Result<std::string> update_model_card(std::string_view readme, const RunRecord& run,
                                      const ExtraFacts& facts) {
    FINEWATT_ASSIGN(const std::string block, model_card_block(run, facts));
    std::string_view body = readme;
    if (body.starts_with(kByteOrderMark)) {
        body.remove_prefix(kByteOrderMark.size());
    }
    const std::vector<std::string_view> lines = lines_of(body);
    std::string out(readme.substr(0, readme.size() - body.size()));
    if (lines.empty() || trimmed_end(lines[0]) != "---") {
        const bool has_crlf = !lines.empty() && lines[0].ends_with("\r\n");
        out += with_line_end(fmt::format("---\n{}---\n\n", block), has_crlf ? "\r\n" : "\n");
        return out.append(body);
    }
    std::size_t close = 1;
    while (close < lines.size() && trimmed_end(lines[close]) != "---") {
        ++close;
    }
    if (close == lines.size()) {
        return FINEWATT_ERROR(kCorrupt,
                              "the card's front matter begins with '---' and is not closed; "
                              "expected a second line '---'. Add it and try again");
    }
    FINEWATT_ASSIGN(const BlockLines old, find_block(lines, 1, close));
    for (std::size_t i = 0; i < lines.size(); ++i) {
        if (i == old.begin) {
            out += with_line_end(block, lines[0].ends_with("\r\n") ? "\r\n" : "\n");
        }
        if (i < old.begin || i >= old.end) {
            out += lines[i];
        }
    }
    return out;
}

}  // namespace finewatt
