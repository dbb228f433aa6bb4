// A run as the columns of a ledger, and comparisons of runs. The same for every database.
#pragma once

#include "finewatt/base/result.h"
#include "finewatt/record/run.h"

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace finewatt {

/// The columns of a run (docs/formats/store.md).
struct RunRow {
    std::string run_id;
    std::optional<std::string> name;
    std::string kind;
    std::string status;
    std::string started_at;
    std::optional<double> duration_s;
    std::optional<double> energy_j;
    std::optional<double> energy_j_low;
    std::optional<double> energy_j_high;
    std::optional<std::string> provenance;
    std::optional<double> co2_kg;
    std::string search;             ///< what a text filter looks into
    std::vector<std::string> tags;  ///< each once, in their order
    std::string record;
};

RunRow make_run_row(const RunRecord& run);

/// Return `text` as every database can keep it: what is not UTF-8, and NUL, becomes U+FFFD.
std::string column_text(std::string_view text);

/// Return a text filter as it is looked for in RunRow::search.
std::string search_text(std::string_view text);

/// Error: invalid argument when the id is no ULID.
Status check_run_id(std::string_view run_id);

/// Error: invalid argument when a channel is there twice, or its columns differ in length.
Status check_series(std::span<const PowerSeries> series);

/// Return the names of the record's fields in which two runs differ; empty when they are the same
/// in all that a ledger keeps.
std::vector<std::string> differing_fields(const RunRecord& a, const RunRecord& b);

/// Whether two sets of series, in any order, are the same to the last bit.
bool is_same_series(std::span<const PowerSeries> a, std::span<const PowerSeries> b);

}  // namespace finewatt
