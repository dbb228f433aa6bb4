// The file of `finewatt runs export`: whole runs with their power series, and back without loss.
//
//   {"finewatt_export":1,"finewatt":"0.1.0","runs":[
//   {"record":{…},"power_series":[{"channel":…,"component":…,"provenance":…,"t_s":[…],"power_w":[…]}]}
//   ]}
//
// One JSON document with a line for each run; any other layout of the same document is read, too.
// Numbers read back as the same doubles; one that is not finite is null. Only one run is in memory
// at a time. Not for the formats of other tools, and not for the ledger itself.
#pragma once

#include "finewatt/base/result.h"
#include "finewatt/record/run.h"

#include <cstddef>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace finewatt::app {

/// The version of the layout above, written as "finewatt_export". A file with a larger one is
/// refused.
inline constexpr int kExportVersion = 1;

/// Takes a piece of output.
using TextSink = std::function<Status(std::string_view text)>;

/// Writes an export piece by piece. Call add() for each run, then finish().
class RunExportWriter {
  public:
    /// `program_version` is written for people who look into the file.
    RunExportWriter(std::string program_version, TextSink sink)
        : program_version_(std::move(program_version)),
          sink_(std::move(sink)) {}

    /// Write one run. Errors: those of the sink.
    Status add(const RunRecord& run, std::span<const PowerSeries> series);

    /// Write the end; without a run before, an export of none. Errors: those of the sink.
    Status finish();

  private:
    Status write_separator();

    std::string program_version_;
    TextSink sink_;
    bool is_begun_ = false;
};

/// A run out of an export.
struct ExportedRun {
    RunRecord run;
    std::vector<PowerSeries> series;
    std::size_t line = 0;  ///< where it begins in the file
};

/// Call `visit` for each run of an export, in the file's order. `name` is the file's, for messages.
/// Runs before a fault may have been visited: whoever wants all or nothing reads twice.
/// Errors, each with the line: corrupt for text that is no such document (a file that was cut off,
/// a run twice, series that do not fit); unsupported for a newer one; those of `visit`.
Status for_each_exported_run(std::string_view text, std::string_view name,
                             const std::function<Status(ExportedRun&& run)>& visit);

}  // namespace finewatt::app
