// The formats of other tools that finewatt writes and reads, by name.
//
// Main functions: exchange_formats, write_runs, append_runs, read_runs. Each format has a file of
// its own beside this one, which says what it holds and where its definition is.
// Not for finewatt's own record (record/json.h), and not for the ledger: what is read here is
// handed back, and the caller stores it.
#pragma once

#include "finewatt/base/result.h"
#include "finewatt/record/run.h"

#include <chrono>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace finewatt {

/// One format, as `--format` names it. The texts live as long as the program.
struct Format {
    std::string_view name;         ///< e.g. "codecarbon"
    std::string_view description;  ///< one line for help pages
    std::string_view file_name;    ///< name that its readers expect, e.g. "emissions.csv"
    bool can_write = false;
    bool can_read = false;
    bool can_append = false;  ///< append_runs() knows how to add to an existing file
    bool one_run = false;     ///< one document is about one run
};

/// What some formats ask for and a record does not hold. Empty = unknown; what a format cannot do
/// without is then an error that names the field.
struct ExtraFacts {
    std::string training_type{};   ///< model card: "pre-training", "fine-tuning" or your own word
    std::string location{};        ///< model card and BoAmps: where, as people say it
    std::string country{};         ///< BoAmps: name of the country
    std::string hardware{};        ///< model card: in place of what the record knows
    std::string task_stage{};      ///< BoAmps: "training", "finetuning", "inference", …
    std::string task_family{};     ///< BoAmps: "text classification", …
    std::string infrastructure{};  ///< BoAmps: publicCloud, privateCloud, onPremise or other
};

/// Return all formats, in the order of the help page.
std::span<const Format> exchange_formats();

/// Return a format by name. Error: invalid argument, listing the names there are.
Result<Format> find_format(std::string_view name);

/// Return the whole document for these runs, ending with a line end. Errors: invalid argument for
/// an unknown name, a format that is only read, no run at all, several runs where the format holds
/// one, or a run that lacks what the format cannot do without (the message says what and how to
/// get it). Any thread.
Result<std::string> write_runs(std::string_view format, std::span<const RunRecord> runs,
                               const ExtraFacts& facts = {});

/// Add these runs to the file at `path`, or make it. The file is replaced as a whole: after an
/// error it is as it was. A file with other columns keeps its own, and values go where the names
/// agree; nothing shifts. Errors: those of write_runs; corrupt for a file that is broken or whose
/// columns cannot hold the rows; io.
Status append_runs(std::string_view format, std::span<const RunRecord> runs,
                   const std::filesystem::path& path);

/// What a reader cannot know from the file alone.
struct ReadOptions {
    /// Local time less UTC where the file was written, for formats whose times have no zone.
    std::chrono::minutes utc_offset{0};
};

/// A run made from another tool's file. Its run_id follows from the content, so that reading the
/// same file twice gives the same ids. What the other tool does not say (ranges, coverage) is
/// unknown with a reason.
struct ImportedRun {
    RunRecord run;
    std::string foreign_id;  ///< the other tool's name for it; may be empty
    std::size_t row = 0;     ///< row of the file that it begins with; the header is row 1
};

/// Read a file of another tool, in the order of its rows. Errors: invalid argument for an unknown
/// name or a format that is only written; not found, permission, io; corrupt naming the row, what
/// was expected and what was found. A file with one bad row is refused as a whole.
Result<std::vector<ImportedRun>> read_runs(std::string_view format,
                                           const std::filesystem::path& path,
                                           const ReadOptions& options = {});

}  // namespace finewatt
