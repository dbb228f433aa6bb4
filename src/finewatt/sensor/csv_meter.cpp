// A meter whose readings another program appends to a CSV file while the run goes on. Only what is
// new at the end of the file is read. The newest line gives the reading; its wall-clock time says
// how old the figure is, and a line that is too old gives none.

#include "finewatt/base/csv.h"
#include "finewatt/base/file.h"
#include "finewatt/sensor/wall_reader_internal.h"
#include "finewatt/sensor/wall_time_internal.h"

#include <fmt/ranges.h>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <vector>

namespace finewatt {
namespace {

/// A line may be this many update periods old, plus a second for the writer's buffers.
constexpr double kOldestPeriods = 3;
constexpr double kSlackMs = 1000;
/// Unless the user says how often lines come: our choice, that of common loggers.
constexpr double kDefaultUpdateMs = 1000;
/// A line from the future by more than this shows a wrong clock or zone.
constexpr double kFutureMs = 2000;

/// Raw unit of the counter: a millijoule holds every column's decimals.
constexpr double kEnergyTickJ = 1e-3;

/// At most this much is read at once; after a longer pause the lines before are skipped.
constexpr std::size_t kMaxPiece = std::size_t{1} << 20;

std::string option(const WallMeterSpec& spec, const std::string& key) {
    const auto found = spec.options.find(key);
    return found == spec.options.end() ? "" : found->second;
}

/// A column with a figure, and what one of its units is in watts or joules.
struct Figure {
    std::size_t column = 0;
    double factor = 1;
};

/// Where the columns are.
struct Layout {
    std::vector<std::string> header;
    std::size_t time = 0;
    std::optional<Figure> power;
    std::optional<Figure> energy;
};

Result<std::vector<std::string>> split_line(const std::string& path, std::string_view line) {
    std::vector<std::string> fields;
    FINEWATT_TRY(for_each_csv_row(
        line, path, [&fields](std::size_t, std::vector<std::string>&& found) -> Status {
            fields = std::move(found);
            return {};
        }));
    return fields;
}

Result<std::size_t> column_of(const Layout& layout, const std::string& path,
                              const std::string& name) {
    const auto found = std::find(layout.header.begin(), layout.header.end(), name);
    if (found == layout.header.end()) {
        return FINEWATT_ERROR(kNotFound, "{}:1: expected the column '{}', found: {}", path, name,
                              fmt::join(layout.header, ", "));
    }
    return static_cast<std::size_t>(found - layout.header.begin());
}

Result<Layout> read_layout(const WallMeterSpec& spec, std::string_view text) {
    if (text.starts_with("\xEF\xBB\xBF")) {
        text.remove_prefix(3);
    }
    const std::size_t end = text.find('\n');
    if (end == std::string_view::npos) {
        return FINEWATT_ERROR(kCorrupt, "{}:1: expected a header line, found none", spec.path);
    }
    Layout layout;
    FINEWATT_ASSIGN(layout.header, split_line(spec.path, text.substr(0, end)));
    const std::string time = option(spec, "time");
    FINEWATT_ASSIGN(layout.time, column_of(layout, spec.path, time.empty() ? "time" : time));
    constexpr std::array<std::pair<std::string_view, double>, 3> kEnergies{
        {{"energy_j", 1}, {"energy_wh", kJoulesPerWh}, {"energy_kwh", 1000 * kJoulesPerWh}}};
    for (const auto& [key, factor] : kEnergies) {
        const std::string name = option(spec, std::string(key));
        if (!name.empty()) {
            FINEWATT_ASSIGN(const std::size_t column, column_of(layout, spec.path, name));
            layout.energy = Figure{column, factor};
        }
    }
    const std::string power = option(spec, "power_w");
    if (!power.empty() || !layout.energy) {
        FINEWATT_ASSIGN(const std::size_t column,
                        column_of(layout, spec.path, power.empty() ? "power_w" : power));
        layout.power = Figure{column, 1};
    }
    return layout;
}

class CsvReader : public WallReader {
  public:
    CsvReader(const WallMeterSpec& spec, const Clock& clock)
        : spec_(spec),
          clock_(clock),
          update_ms_(spec.update_ms.value_or(kDefaultUpdateMs)) {}

    WallFacts facts() const override {
        WallFacts facts;
        facts.source = "csv";
        facts.power_step_w = power_step_w_.value_or(1);
        facts.energy_tick_j = kEnergyTickJ;
        facts.energy_step_j = energy_step_j_.value_or(kJoulesPerWh);
        facts.update_ms = update_ms_;
        facts.energy_update_ms = update_ms_;
        facts.delay_ms = oldest_ms() - update_ms_;
        facts.max_power_w = kNodeCeilingW;
        facts.remark = "its figures are as old as the newest line of the file";
        return facts;
    }

    Result<WallSample> read() override {
        FINEWATT_TRY(follow());
        if (!line_) {
            return FINEWATT_ERROR(kNotFound, "{}: no line with a reading yet", spec_.path);
        }
        FINEWATT_ASSIGN(const std::vector<std::string> fields, split_line(spec_.path, *line_));
        if (fields.size() != layout_.header.size()) {
            return FINEWATT_ERROR(kCorrupt,
                                  "{}: last line: expected {} fields as in the header, found {}",
                                  spec_.path, layout_.header.size(), fields.size());
        }
        FINEWATT_TRY(check_age(fields[layout_.time]));
        WallSample sample;
        FINEWATT_ASSIGN(sample.power_w, figure(fields, layout_.power, power_step_w_));
        FINEWATT_ASSIGN(sample.energy_j, figure(fields, layout_.energy, energy_step_j_));
        return sample;
    }

  private:
    double oldest_ms() const { return kOldestPeriods * update_ms_ + kSlackMs; }

    /// Read what was appended, or all of a file that is new or shorter than before.
    Status follow() {
        struct stat there {};

        if (::stat(spec_.path.c_str(), &there) != 0) {
            file_.reset();
            line_.reset();
            return error_from_errno(errno, "open " + spec_.path);
        }
        const bool is_new = !file_.is_open() || there.st_ino != inode_ || there.st_size < offset_;
        if (is_new) {
            FINEWATT_TRY(open_anew(there));
        }
        if (there.st_size - offset_ > static_cast<off_t>(kMaxPiece)) {
            offset_ = there.st_size - static_cast<off_t>(kMaxPiece);
        }
        std::string piece(static_cast<std::size_t>(there.st_size - offset_), '\0');
        FINEWATT_ASSIGN(const std::size_t n, read_at(piece, offset_));
        const std::size_t end = n == 0 ? std::string::npos : piece.rfind('\n', n - 1);
        if (end == std::string::npos) {
            return {};  // no new complete line
        }
        offset_ += static_cast<off_t>(end) + 1;
        keep_last_line(std::string_view(piece).substr(0, end));
        return {};
    }

    Status open_anew(const struct stat& there) {
        FINEWATT_ASSIGN(file_, open_file(spec_.path, O_RDONLY));
        inode_ = there.st_ino;
        line_.reset();
        std::string head(64 << 10, '\0');
        FINEWATT_ASSIGN(const std::size_t n, read_at(head, 0));
        FINEWATT_ASSIGN(layout_, read_layout(spec_, std::string_view(head).substr(0, n)));
        offset_ = static_cast<off_t>(head.find('\n')) + 1;
        return {};
    }

    Result<std::size_t> read_at(std::string& buffer, off_t offset) const {
        const ssize_t n = ::pread(file_.get(), buffer.data(), buffer.size(), offset);
        if (n < 0) {
            return error_from_errno(errno, "read " + spec_.path);
        }
        return static_cast<std::size_t>(n);
    }

    /// `text` ends before the last line end.
    void keep_last_line(std::string_view text) {
        while (!text.empty()) {
            const std::size_t before = text.rfind('\n');
            std::string_view line =
                before == std::string_view::npos ? text : text.substr(before + 1);
            text = before == std::string_view::npos ? "" : text.substr(0, before);
            if (line.ends_with('\r')) {
                line.remove_suffix(1);
            }
            if (!line.empty()) {
                line_ = std::string(line);
                return;
            }
        }
    }

    Status check_age(const std::string& text) const {
        const Result<WallTime> time = parse_wall_time(text, std::nullopt);
        if (!time) {
            return FINEWATT_ERROR(kCorrupt, "{}: last line: {}", spec_.path,
                                  time.error().message());
        }
        const double age_ms =
            static_cast<double>(clock_.wall_now().as_unix_ns() - time->as_unix_ns()) * 1e-6;
        if (age_ms > oldest_ms()) {
            return FINEWATT_ERROR(kBusy,
                                  "{}: expected a line at most {:.1f} s old, found one of {}; does "
                                  "the program that writes it still run? (update_ms says how often "
                                  "lines come)",
                                  spec_.path, oldest_ms() * 1e-3, text);
        }
        if (age_ms < -kFutureMs) {
            return FINEWATT_ERROR(kCorrupt,
                                  "{}: the last line's time {} lies in the future; check clock and "
                                  "zone of the program that writes it",
                                  spec_.path, text);
        }
        return {};
    }

    Result<std::optional<double>> figure(const std::vector<std::string>& fields,
                                         const std::optional<Figure>& figure,
                                         std::optional<double>& step) const {
        if (!figure) {
            return std::optional<double>();
        }
        const std::string& text = fields[figure->column];
        const std::optional<WrittenNumber> number = parse_written_number(text);
        if (!number || number->value < 0) {
            return FINEWATT_ERROR(kCorrupt, "{}: last line: {}: expected a number, found '{}'",
                                  spec_.path, layout_.header[figure->column], text);
        }
        const double written = number->step * figure->factor;
        step = std::min(step.value_or(written), written);
        return std::optional(number->value * figure->factor);
    }

    WallMeterSpec spec_;
    const Clock& clock_;
    double update_ms_;
    std::optional<double> power_step_w_;  ///< the finest that a line showed
    std::optional<double> energy_step_j_;
    ScopedFd file_;
    ino_t inode_ = 0;
    off_t offset_ = 0;  ///< of the first byte that was not looked at
    Layout layout_;
    std::optional<std::string> line_;  ///< the newest complete one
};

}  // namespace

Result<std::unique_ptr<WallReader>> open_csv_meter(const WallMeterSpec& spec,
                                                   const DiscoveryOptions& options) {
    return std::unique_ptr<WallReader>(std::make_unique<CsvReader>(spec, options.clock));
}

}  // namespace finewatt
