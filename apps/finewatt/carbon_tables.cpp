#include "finewatt/carbon_tables.h"

#include "finewatt/carbon/editions.h"
#include "finewatt/command.h"
#include "finewatt/report/table.h"

#include <CLI/CLI.hpp>
#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <memory>
#include <string>
#include <vector>

namespace finewatt::app {
namespace {

using Json = nlohmann::ordered_json;

std::string editions_json(const std::vector<CarbonEdition>& editions) {
    Json document = Json::array();
    for (const CarbonEdition& edition : editions) {
        document.push_back({{"edition", edition.edition},
                            {"basis", carbon_basis_name(edition.basis)},
                            {"kind", place_kind_name(edition.kind)},
                            {"places", edition.places},
                            {"year", edition.year ? Json(*edition.year) : Json()},
                            {"provenance", edition.provenance},
                            {"table", edition.table},
                            {"source", edition.source}});
    }
    return document.dump();
}

std::string editions_text(const std::vector<CarbonEdition>& editions) {
    TextTable table({{"edition"},
                     {"basis"},
                     {"kind"},
                     {"places", Align::kRight},
                     {"year", Align::kRight},
                     {"source", Align::kLeft, true}});
    for (const CarbonEdition& edition : editions) {
        table.add_row({edition.edition, std::string(carbon_basis_name(edition.basis)),
                       std::string(place_kind_name(edition.kind)),
                       fmt::format("{}", edition.places),
                       edition.year ? fmt::format("{}", *edition.year) : "-", edition.source});
    }
    return table.render({.max_width = static_cast<std::size_t>(terminal_columns())}) +
           "ZIP codes take the editions of their subregions.\n";
}

void print_editions(CommandContext& context) {
    const Result<std::vector<CarbonEdition>> editions = carbon_editions();
    if (!editions) {
        fail(context, kBug, editions.error());
    } else if (context.common.json) {
        print_line(stdout, editions_json(*editions));
    } else {
        print_text(stdout, editions_text(*editions));
    }
}

void print_places(CommandContext& context, const std::string& text) {
    const Result<std::vector<KnownPlace>> places = find_places(text);
    if (!places) {
        fail(context, kBug, places.error());
        return;
    }
    if (context.common.json) {
        Json document = Json::array();
        for (const KnownPlace& known : *places) {
            document.push_back({{"place", known.place}, {"name", known.name}});
        }
        print_line(stdout, document.dump());
        return;
    }
    if (places->empty()) {
        print_line(stdout, "No place of the tables holds that text; a shorter one may find more.");
        return;
    }
    TextTable table({{"place"}, {"name", Align::kLeft, true}});
    for (const KnownPlace& known : *places) {
        table.add_row({known.place, known.name});
    }
    print_text(stdout, table.render({.max_width = static_cast<std::size_t>(terminal_columns())}));
}

}  // namespace

void add_carbon_editions(CLI::App& carbon, CommandContext& context) {
    auto* command = carbon.add_subcommand(
        "editions", "The tables of the program: edition, basis, places, year and source");
    command->footer("Example: finewatt carbon editions --json");
    command->callback([&context] { print_editions(context); });
}

void add_carbon_places(CLI::App& carbon, CommandContext& context) {
    auto* command = carbon.add_subcommand(
        "places", "The places of the tables, or those whose code or name holds a text");
    const auto text = std::make_shared<std::string>();  // shared with the callback below
    command->add_option("text", *text, "Part of a code or a name, any case");
    command->footer(
        "ZIP codes are not listed: EPA's table knows 41,350 of them.\n"
        "Example: finewatt carbon places stockholm");
    command->callback([text, &context] { print_places(context, *text); });
}

}  // namespace finewatt::app
