#include "finewatt/carbon/equivalents.h"

#include "finewatt/base/ascii.h"
#include "finewatt/base/csv.h"
#include "finewatt/carbon/number_text_internal.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <string_view>

namespace finewatt::embedded {

std::string_view equivalents();  // defined by finewatt_embed (cmake/FinewattEmbed.cmake)

}  // namespace finewatt::embedded

namespace finewatt {
namespace {

/// The grid of the paper's fine-tuning runs: eGRID2021, subregion RFCW, CO2 (its section 3.4).
constexpr double kPaperPoundsPerMwh = 1046.1;
constexpr std::string_view kPaperEdition = "paper";

/// One row of data/equivalents/equivalents.csv.
struct Comparison {
    std::string name;
    std::string unit;
    std::string edition;
    bool is_energy = false;  ///< `amount` is kWh, else grams
    double amount = 0;       ///< of emissions or energy, per unit
    std::string note;
};

Result<std::vector<Comparison>> comparisons() {
    constexpr std::array<std::string_view, 6> kColumns{"name", "unit",   "edition",
                                                       "per",  "amount", "note"};
    FINEWATT_ASSIGN(const CsvTable table, parse_csv(embedded::equivalents(), "equivalents.csv"));
    std::array<std::size_t, kColumns.size()> at{};
    for (std::size_t i = 0; i < kColumns.size(); ++i) {
        FINEWATT_ASSIGN(at[i], table.column(kColumns[i]));
    }
    std::vector<Comparison> rows;
    for (const std::vector<std::string>& row : table.rows) {
        const std::optional<double> amount = number_in(row[at[4]]);
        if (!amount || *amount <= 0) {
            return FINEWATT_ERROR(kCorrupt, "equivalents.csv: {}: expected an amount above 0",
                                  row[at[0]]);
        }
        rows.push_back(
            {row[at[0]], row[at[1]], row[at[2]], row[at[3]] == "kWh", *amount, row[at[5]]});
    }
    return rows;
}

/// "EPA 2022" as "epa2022", so that capitals and blanks do not matter.
std::string edition_key(std::string_view edition) {
    std::string key = ascii_lower(edition);
    key.erase(std::remove(key.begin(), key.end(), ' '), key.end());
    return key;
}

/// Whether a user's text names the edition: in full, or by its year alone.
bool is_edition(std::string_view wanted, std::string_view edition) {
    const std::string key = edition_key(edition);
    const std::string asked = edition_key(wanted);
    constexpr std::size_t kYearDigits = 4;
    return asked == key || (asked.size() == kYearDigits && key.size() > kYearDigits &&
                            key.substr(key.size() - kYearDigits) == asked);
}

std::vector<std::string> editions_of(const std::vector<Comparison>& rows) {
    std::vector<std::string> editions;
    for (const Comparison& row : rows) {
        if (std::find(editions.begin(), editions.end(), row.edition) == editions.end()) {
            editions.push_back(row.edition);
        }
    }
    // "EEA …", "EPA …", "paper": the order of letters is publisher, then year.
    std::sort(editions.begin(), editions.end());
    return editions;
}

/// The rows to use: those of the edition, or of each comparison the newest.
std::vector<Comparison> chosen(const std::vector<Comparison>& rows,
                               const std::optional<std::string>& edition) {
    std::vector<Comparison> result;
    for (const Comparison& row : rows) {
        if (edition) {
            if (is_edition(*edition, row.edition)) {
                result.push_back(row);
            }
            continue;
        }
        const auto same = std::find_if(result.begin(), result.end(), [&](const Comparison& other) {
            return other.name == row.name;
        });
        if (same == result.end()) {
            result.push_back(row);
        } else if (same->edition < row.edition) {
            *same = row;
        }
    }
    return result;
}

std::string publisher_text(const Comparison& row) {
    if (row.is_energy) {
        return fmt::format("{} kWh per run on one RTX 8000 ({} of arXiv 2311.10267)", row.amount,
                           row.note);
    }
    const bool is_epa = row.edition.starts_with("EPA");
    return fmt::format(
        "{} g per {}, {} ({})", row.amount, row.unit,
        is_epa ? "US EPA, Greenhouse Gas Equivalencies Calculator" : "European Environment Agency",
        row.note);
}

Equivalent of_emissions(const Comparison& row, GramsCo2e emissions) {
    const GramsCo2e per_unit =
        row.is_energy ? kwh(row.amount) * pounds_per_mwh(kPaperPoundsPerMwh) : grams(row.amount);
    std::string source = publisher_text(row);
    if (row.is_energy) {
        source += fmt::format(", at the paper's grid: {} lb CO2/MWh (eGRID2021, RFCW)",
                              kPaperPoundsPerMwh);
    }
    return {row.name, emissions / per_unit, row.unit, row.edition, std::move(source)};
}

Status check_amount(double amount, std::string_view what) {
    if (!std::isfinite(amount) || amount < 0) {
        return FINEWATT_ERROR(
            kInvalidArgument,
            "equivalents: expected {} of 0 or more, found {}; give a known amount", what, amount);
    }
    return {};
}

}  // namespace

Result<std::vector<Equivalent>> equivalents_of(GramsCo2e emissions,
                                               const EquivalentOptions& options) {
    FINEWATT_TRY(check_amount(emissions.as_grams(), "emissions in grams"));
    FINEWATT_ASSIGN(const std::vector<Comparison> rows, comparisons());
    std::vector<Equivalent> result;
    for (const Comparison& row : chosen(rows, options.edition)) {
        result.push_back(of_emissions(row, emissions));
    }
    if (result.empty()) {
        return FINEWATT_ERROR(kNotFound,
                              "equivalents: edition '{}' is not in the table; those there are: {}",
                              options.edition.value_or(""), fmt::join(editions_of(rows), ", "));
    }
    return result;
}

Result<std::vector<Equivalent>> fine_tuning_runs_of(Joules energy) {
    FINEWATT_TRY(check_amount(energy.as_joules(), "an energy in joules"));
    FINEWATT_ASSIGN(const std::vector<Comparison> rows, comparisons());
    std::vector<Equivalent> result;
    for (const Comparison& row : chosen(rows, std::string(kPaperEdition))) {
        result.push_back(
            {row.name, energy / kwh(row.amount), row.unit, row.edition, publisher_text(row)});
    }
    return result;
}

Result<std::vector<std::string>> equivalents_editions() {
    FINEWATT_ASSIGN(const std::vector<Comparison> rows, comparisons());
    return editions_of(rows);
}

}  // namespace finewatt
