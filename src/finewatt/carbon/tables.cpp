#include "finewatt/base/csv.h"
#include "finewatt/carbon/table_text_internal.h"
#include "finewatt/carbon/tables_internal.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <cstdlib>

namespace finewatt::embedded {

// Defined by finewatt_embed (cmake/FinewattEmbed.cmake).
std::string_view egrid_subregion_rates();
std::string_view zip_subregion();

}  // namespace finewatt::embedded

namespace finewatt::carbon_tables {
namespace {

Result<std::optional<CarbonIntensity>> parse_lb_per_mwh(std::string_view text) {
    if (text.empty()) {
        return std::optional<CarbonIntensity>();
    }
    FINEWATT_ASSIGN(const double rate, parse_table_number<double>(text));
    return std::optional(pounds_per_mwh(rate));
}

/// A CSV table whose columns were looked up by name.
template <std::size_t N>
struct NamedColumns {
    CsvTable table;
    std::array<std::size_t, N> columns{};

    static Result<NamedColumns> parse(std::string_view text, std::string_view file,
                                      const std::array<std::string_view, N>& names) {
        NamedColumns named;
        FINEWATT_ASSIGN(named.table, parse_csv(text, file));
        for (std::size_t i = 0; i < N; ++i) {
            FINEWATT_ASSIGN(named.columns[i], named.table.column(names[i]));
        }
        return named;
    }

    const std::string& at(const std::vector<std::string>& row, std::size_t i) const {
        return row[columns[i]];
    }
};

/// First and last ZIP code of one entry of the list "01-44 50".
struct ZipRange {
    int first = 0;
    int last = 0;
};

Result<std::vector<ZipRange>> parse_zip_ranges(std::string_view zip3, std::string_view list) {
    FINEWATT_ASSIGN(const int prefix, parse_table_number<int>(zip3));
    std::vector<ZipRange> ranges;
    while (!list.empty()) {
        const std::string_view entry = list.substr(0, list.find(' '));
        list.remove_prefix(std::min(list.size(), entry.size() + 1));
        FINEWATT_ASSIGN(const int first, parse_table_number<int>(entry.substr(0, 2)));
        int last = first;
        if (entry.size() > 2) {
            FINEWATT_ASSIGN(last, parse_table_number<int>(entry.substr(3)));
        }
        ranges.push_back({prefix * 100 + first, prefix * 100 + last});
    }
    return ranges;
}

/// Return the four known codes that lie nearest to `zip`, nearest first, for a message.
Result<std::string> nearest_zips(const NamedColumns<3>& named, int zip) {
    constexpr int kShown = 4;
    std::vector<std::pair<int, int>> found;  // distance, code
    for (const std::vector<std::string>& row : named.table.rows) {
        FINEWATT_ASSIGN(const std::vector<ZipRange> ranges,
                        parse_zip_ranges(named.at(row, 0), named.at(row, 2)));
        for (const ZipRange& range : ranges) {
            const int nearest = std::clamp(zip, range.first, range.last);
            for (int code = std::max(range.first, nearest - kShown);
                 code <= std::min(range.last, nearest + kShown); ++code) {
                found.emplace_back(std::abs(code - zip), code);
            }
        }
    }
    std::sort(found.begin(), found.end());
    found.erase(std::unique(found.begin(), found.end()), found.end());
    found.resize(std::min<std::size_t>(found.size(), kShown));
    std::vector<std::string> texts;
    for (const auto& entry : found) {
        texts.push_back(fmt::format("{:05}", entry.second));
    }
    return fmt::format("{}", fmt::join(texts, ", "));
}

}  // namespace

Result<std::vector<SubregionRate>> subregion_rates() {
    using Table = NamedColumns<6>;
    FINEWATT_ASSIGN(const Table named,
                    Table::parse(embedded::egrid_subregion_rates(), "data/egrid",
                                 {"egrid_data_year", "subregion", "subregion_name",
                                  "co2_lb_per_mwh", "co2e_lb_per_mwh", "source_tag"}));
    std::vector<SubregionRate> rates;
    for (const std::vector<std::string>& row : named.table.rows) {
        SubregionRate rate;
        FINEWATT_ASSIGN(rate.year, parse_table_number<int>(named.at(row, 0)));
        rate.subregion = named.at(row, 1);
        rate.name = named.at(row, 2);
        FINEWATT_ASSIGN(rate.co2, parse_lb_per_mwh(named.at(row, 3)));
        FINEWATT_ASSIGN(rate.co2e, parse_lb_per_mwh(named.at(row, 4)));
        rate.source_tag = named.at(row, 5);
        rates.push_back(std::move(rate));
    }
    return rates;
}

Result<std::vector<std::string>> subregions_of_zip(std::string_view zip) {
    FINEWATT_ASSIGN(const int wanted, parse_table_number<int>(zip));
    using Table = NamedColumns<3>;
    FINEWATT_ASSIGN(const Table named, Table::parse(embedded::zip_subregion(), "data/zip_subregion",
                                                    {"zip3", "subregions", "zips"}));
    const std::string zip3 = fmt::format("{:03}", wanted / 100);
    std::vector<std::string> subregions;
    for (const std::vector<std::string>& row : named.table.rows) {
        if (named.at(row, 0) != zip3) {
            continue;
        }
        FINEWATT_ASSIGN(const std::vector<ZipRange> ranges,
                        parse_zip_ranges(zip3, named.at(row, 2)));
        const bool is_listed = std::any_of(
            ranges.begin(), ranges.end(),
            [wanted](const ZipRange& r) { return r.first <= wanted && wanted <= r.last; });
        if (is_listed) {
            const std::vector<std::string> names = split_names(named.at(row, 1));
            subregions.insert(subregions.end(), names.begin(), names.end());
        }
    }
    if (subregions.empty()) {
        FINEWATT_ASSIGN(const std::string nearest, nearest_zips(named, wanted));
        return FINEWATT_ERROR(kNotFound,
                              "ZIP code {} is not in EPA's table; near matches: {}. Name another, "
                              "or the subregion itself (subregion:RFCW)",
                              zip, nearest);
    }
    return subregions;
}

}  // namespace finewatt::carbon_tables
