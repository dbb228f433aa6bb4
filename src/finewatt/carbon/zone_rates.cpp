#include "finewatt/base/csv.h"
#include "finewatt/carbon/table_text_internal.h"
#include "finewatt/carbon/zone_rates_internal.h"

#include <algorithm>
#include <array>

namespace finewatt::embedded {

// Defined by finewatt_embed (cmake/FinewattEmbed.cmake).
std::string_view state_egrid();
std::string_view state_codecarbon_egrid2016();
std::string_view country_ember();
std::string_view country_eea();
std::string_view region_canada_mix();
std::string_view region_nordic();
std::string_view region_eea_union();
std::string_view cloud_google();
std::string_view cloud_mlco2();

}  // namespace finewatt::embedded

namespace finewatt::carbon_tables {
namespace {

constexpr std::array<ZoneTable, 9> kTables{{
    {PlaceKind::kState, "eGRID", "data/state_intensity/egrid.csv",
     "US EPA eGRID, total output rate of the plants in the state", "published",
     embedded::state_egrid},
    {PlaceKind::kState, "CodeCarbon eGRID", "data/state_intensity/codecarbon_egrid2016.csv",
     "US EPA eGRID as CodeCarbon uses it, total output rate of the plants in the state",
     "published", embedded::state_codecarbon_egrid2016},
    {PlaceKind::kCountry, "Ember", "data/country_intensity/ember.csv",
     "Ember via Our World in Data, life cycle", "published", embedded::country_ember},
    {PlaceKind::kCountry, "EEA", "data/country_intensity/eea.csv",
     "European Environment Agency via Our World in Data, stack emissions", "published",
     embedded::country_eea},
    {PlaceKind::kRegion, "Canada mix", "data/region_intensity/canada_mix.csv",
     "derived: shares of the sources in the province's generation (Canadian government statistics) "
     "times the intensity of each source (CodeCarbon's table); the range takes biomass, tidal and "
     "other sources, which have none there, as nothing and as coal",
     "derived", embedded::region_canada_mix},
    {PlaceKind::kRegion, "ENTSO-E", "data/region_intensity/nordic.csv",
     "mean of ENTSO-E data via CodeCarbon", "published", embedded::region_nordic},
    {PlaceKind::kRegion, "EEA", "data/region_intensity/eea_union.csv",
     "European Environment Agency via Our World in Data, stack emissions", "published",
     embedded::region_eea_union},
    {PlaceKind::kCloud, "Google", "data/cloud_intensity/google.csv",
     "Google, grid of the region (location-based)", "published", embedded::cloud_google},
    {PlaceKind::kCloud, "mlco2", "data/cloud_intensity/mlco2.csv",
     "mlco2/impact, grid of the region or its country, mostly of 2016 to 2021", "published",
     embedded::cloud_mlco2},
}};

constexpr std::string_view kGrams = "g_per_kwh";
constexpr std::string_view kPounds = "lb_per_mwh";

/// What the columns of a table mean. Columns that are not there are empty.
struct Columns {
    struct Figure {
        std::size_t column = 0;
        std::optional<int> year;  ///< of a column like g_per_kwh_2015
        bool is_pounds = false;
    };

    std::optional<std::size_t> code, alias, name, year, low, high;
    std::vector<Figure> figures;
};

Result<Columns> read_header(const std::vector<std::string>& header) {
    Columns columns;
    for (std::size_t i = 0; i < header.size(); ++i) {
        const std::string_view title = header[i];
        if (title == "code") {
            columns.code = i;
        } else if (title == "alias") {
            columns.alias = i;
        } else if (title == "name") {
            columns.name = i;
        } else if (title == "year") {
            columns.year = i;
        } else if (title == "g_per_kwh_low") {
            columns.low = i;
        } else if (title == "g_per_kwh_high") {
            columns.high = i;
        } else if (title.starts_with(kGrams) || title.starts_with(kPounds)) {
            Columns::Figure figure;
            figure.column = i;
            figure.is_pounds = title.starts_with(kPounds);
            const std::size_t unit = (figure.is_pounds ? kPounds : kGrams).size();
            if (title.size() > unit) {
                FINEWATT_ASSIGN(figure.year, parse_table_number<int>(title.substr(unit + 1)));
            }
            columns.figures.push_back(figure);
        }
    }
    if (!columns.code || columns.figures.empty()) {
        return FINEWATT_ERROR(kCorrupt, "expected a column code and one of figures, found none");
    }
    return columns;
}

Result<CarbonIntensity> parse_intensity(std::string_view text, bool is_pounds) {
    FINEWATT_ASSIGN(const double value, parse_table_number<double>(text));
    return is_pounds ? pounds_per_mwh(value) : grams_per_kwh(value);
}

Result<ZoneRate> parse_rate(const std::vector<std::string>& row, const Columns& columns,
                            const Columns::Figure& figure) {
    const auto text = [&row](std::optional<std::size_t> column) {
        return column ? std::string_view(row[*column]) : std::string_view();
    };
    ZoneRate rate;
    rate.code = text(columns.code);
    rate.alias = text(columns.alias);
    rate.name = text(columns.name);
    rate.year = figure.year;
    if (!text(columns.year).empty()) {
        FINEWATT_ASSIGN(rate.year, parse_table_number<int>(text(columns.year)));
    }
    FINEWATT_ASSIGN(rate.intensity, parse_intensity(row[figure.column], figure.is_pounds));
    rate.low = rate.high = rate.intensity;
    if (columns.low && columns.high) {
        FINEWATT_ASSIGN(rate.low, parse_intensity(text(columns.low), false));
        FINEWATT_ASSIGN(rate.high, parse_intensity(text(columns.high), false));
    }
    return rate;
}

}  // namespace

std::span<const ZoneTable> zone_tables() {
    return kTables;
}

std::string edition_name(const ZoneTable& table, std::optional<int> year) {
    if (!year) {
        return std::string(table.series);
    }
    // EPA writes eGRID2021 as one word.
    return fmt::format("{}{}{}", table.series, table.series.ends_with("eGRID") ? "" : " ", *year);
}

Result<std::vector<ZoneRate>> zone_rates(const ZoneTable& table) {
    FINEWATT_ASSIGN(const CsvTable csv, parse_csv(table.text(), table.file));
    FINEWATT_ASSIGN(const Columns columns, read_header(csv.header));
    std::vector<ZoneRate> rates;
    for (const std::vector<std::string>& row : csv.rows) {
        for (const Columns::Figure& figure : columns.figures) {
            if (!row[figure.column].empty()) {
                FINEWATT_ASSIGN(ZoneRate rate, parse_rate(row, columns, figure));
                rates.push_back(std::move(rate));
            }
        }
    }
    return rates;
}

Result<std::vector<std::string>> subregions_of_state(std::string_view code) {
    FINEWATT_ASSIGN(const CsvTable csv,
                    parse_csv(embedded::state_egrid(), "data/state_intensity/egrid.csv"));
    FINEWATT_ASSIGN(const std::size_t code_column, csv.column("code"));
    FINEWATT_ASSIGN(const std::size_t subregions_column, csv.column("subregions"));
    for (const std::vector<std::string>& row : csv.rows) {
        if (row[code_column] == code) {
            return split_names(row[subregions_column]);
        }
    }
    return std::vector<std::string>();
}

}  // namespace finewatt::carbon_tables
