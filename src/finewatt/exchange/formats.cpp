#include "finewatt/exchange/formats.h"

#include "finewatt/base/file.h"
#include "finewatt/exchange/boamps_internal.h"
#include "finewatt/exchange/codecarbon_csv_internal.h"
#include "finewatt/exchange/model_card.h"
#include "finewatt/exchange/prometheus_text_internal.h"
#include "finewatt/exchange/rows_internal.h"
#include "finewatt/exchange/sci_record_internal.h"
#include "finewatt/exchange/zeus_log_internal.h"

#include <fmt/ranges.h>

#include <array>

namespace finewatt {
namespace {

using Writer = Result<std::string> (*)(std::span<const RunRecord> runs, const ExtraFacts& facts);
using Extender = Result<std::string> (*)(std::string_view existing, std::string_view file_name,
                                         std::span<const RunRecord> runs);
using Reader = Result<std::vector<ImportedRun>> (*)(std::string_view text,
                                                    std::string_view file_name,
                                                    const ReadOptions& options);

/// A card that holds nothing but the block.
Result<std::string> write_model_card(std::span<const RunRecord> runs, const ExtraFacts& facts) {
    FINEWATT_ASSIGN(const std::string block, model_card_block(runs.front(), facts));
    return "---\n" + block + "---\n";
}

/// What each format can do; parallel to kFormats.
struct Functions {
    Writer write = nullptr;
    Extender extend = nullptr;
    Reader read = nullptr;
};

constexpr std::array<Format, 10> kFormats{{
    {"model-card", "the block co2_eq_emissions of a Hugging Face model card", "README.md", true,
     false, false, true},
    {"codecarbon", "CodeCarbon's emissions.csv; read, also its task files", "emissions.csv", true,
     true, true, false},
    {"codecarbon-tasks", "CodeCarbon's task file: one row a phase", "emissions_tasks.csv", true,
     true, false, true},
    {"boamps", "BoAmps report of Boavizta, JSON", "boamps_report.json", true, false, false, true},
    {"sci", "Software Carbon Intensity and its parts, JSON", "sci.json", true, false, false, true},
    {"prometheus", "text file for the textfile collector of node_exporter", "finewatt.prom", true,
     false, false, false},
    {"markdown", "table with a row for each run", "runs.md", true, false, false, false},
    {"latex", "booktabs table with a row for each run", "runs.tex", true, false, false, false},
    {"csv", "a row for each run, in the record's units", "runs.csv", true, false, true, false},
    {"zeus", "Zeus's window log", "zeus.csv", false, true, false, true},
}};

constexpr std::array<Functions, kFormats.size()> kFunctions{{
    {write_model_card, nullptr, nullptr},
    {exchange::write_codecarbon, exchange::extend_codecarbon, exchange::read_codecarbon},
    {exchange::write_codecarbon_tasks, nullptr, exchange::read_codecarbon},
    {exchange::write_boamps, nullptr, nullptr},
    {exchange::write_sci, nullptr, nullptr},
    {exchange::write_prometheus, nullptr, nullptr},
    {exchange::write_markdown, nullptr, nullptr},
    {exchange::write_latex, nullptr, nullptr},
    {exchange::write_csv, exchange::extend_csv, nullptr},
    {nullptr, nullptr, exchange::read_zeus_log},
}};

/// Names of the formats that pass a test, for messages.
template <class Test>
std::string names_where(Test test) {
    std::vector<std::string_view> names;
    for (const Format& format : kFormats) {
        if (test(format)) {
            names.push_back(format.name);
        }
    }
    return fmt::format("{}", fmt::join(names, ", "));
}

Result<std::size_t> index_of(std::string_view name) {
    for (std::size_t i = 0; i < kFormats.size(); ++i) {
        if (kFormats[i].name == name) {
            return i;
        }
    }
    return FINEWATT_ERROR(kInvalidArgument, "format: expected one of {}, found '{}'",
                          names_where([](const Format&) { return true; }), name);
}

/// The format's place in the tables, checked for writing these runs.
Result<std::size_t> index_for_writing(std::string_view name, std::span<const RunRecord> runs) {
    FINEWATT_ASSIGN(const std::size_t index, index_of(name));
    const Format& format = kFormats[index];
    if (!format.can_write) {
        return FINEWATT_ERROR(kInvalidArgument,
                              "format {} is only read; formats that can be written: {}", name,
                              names_where([](const Format& f) { return f.can_write; }));
    }
    if (runs.empty() || (format.one_run && runs.size() > 1)) {
        return FINEWATT_ERROR(
            kInvalidArgument, "format {}: expected {}, found {} runs", name,
            format.one_run ? "one run, as its document is about one" : "at least one run",
            runs.size());
    }
    return index;
}

}  // namespace

std::span<const Format> exchange_formats() {
    return kFormats;
}

Result<Format> find_format(std::string_view name) {
    FINEWATT_ASSIGN(const std::size_t index, index_of(name));
    return kFormats[index];
}

Result<std::string> write_runs(std::string_view format, std::span<const RunRecord> runs,
                               const ExtraFacts& facts) {
    FINEWATT_ASSIGN(const std::size_t index, index_for_writing(format, runs));
    return kFunctions[index].write(runs, facts);
}

Status append_runs(std::string_view format, std::span<const RunRecord> runs,
                   const std::filesystem::path& path) {
    FINEWATT_ASSIGN(const std::size_t index, index_for_writing(format, runs));
    if (kFunctions[index].extend == nullptr) {
        return FINEWATT_ERROR(kInvalidArgument,
                              "format {}: nothing can be appended to its files; formats where it "
                              "can: {}",
                              format, names_where([](const Format& f) { return f.can_append; }));
    }
    Result<std::string> existing = read_file(path);
    if (!existing && existing.error().code() == ErrorCode::kNotFound) {
        existing = std::string();
    }
    FINEWATT_TRY(existing);
    FINEWATT_ASSIGN(const std::string text,
                    kFunctions[index].extend(*existing, path.string(), runs));
    return write_file_atomically(path, text);
}

Result<std::vector<ImportedRun>> read_runs(std::string_view format,
                                           const std::filesystem::path& path,
                                           const ReadOptions& options) {
    FINEWATT_ASSIGN(const std::size_t index, index_of(format));
    if (kFunctions[index].read == nullptr) {
        return FINEWATT_ERROR(kInvalidArgument,
                              "format {} is only written; formats that can be read: {}", format,
                              names_where([](const Format& f) { return f.can_read; }));
    }
    FINEWATT_ASSIGN(const std::string text, read_file(path));
    return kFunctions[index].read(text, path.string(), options);
}

}  // namespace finewatt
