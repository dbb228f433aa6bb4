#include "finewatt/engine/step_log.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <fcntl.h>

#include <cmath>
#include <optional>
#include <string_view>
#include <utility>

namespace finewatt {
namespace {

/// Return the step of a line, or nothing when it is none of a log.
std::optional<std::int64_t> step_of(std::string_view line) {
    const auto json = nlohmann::json::parse(line, nullptr, false);
    if (!json.is_object() || !json.contains("step") || !json["step"].is_number_integer()) {
        return std::nullopt;
    }
    return json["step"].get<std::int64_t>();
}

/// Return the lines of steps up to `last_step`.
Result<std::string> lines_up_to(std::string_view text, std::int64_t last_step) {
    std::string kept;
    for (std::size_t number = 1; !text.empty(); ++number) {
        const std::size_t end = text.find('\n');
        if (end == std::string_view::npos) {
            break;  // the write of this line was cut off
        }
        const std::string_view line = text.substr(0, end + 1);
        const auto step = step_of(line);
        if (!step) {
            return FINEWATT_ERROR(kCorrupt,
                                  "line {}: expected a step of a log, found other text; name "
                                  "another file, or move this one away",
                                  number);
        }
        if (*step <= last_step) {
            kept += line;
        }
        text.remove_prefix(end + 1);
    }
    return kept;
}

}  // namespace

bool is_finite(const StepRecord& record) {
    return std::isfinite(record.loss) && std::isfinite(record.grad_norm);
}

Result<StepLog> StepLog::open(const std::filesystem::path& file, int flags) {
    StepLog log;
    auto opened = open_file(file, O_WRONLY | O_CREAT | O_APPEND | flags);
    if (!opened) {
        return Error(std::move(opened).error()).with_context("--log");
    }
    log.fd_ = std::move(opened).value();
    log.path_ = file.string();
    return log;
}

Result<StepLog> StepLog::create(const std::filesystem::path& file) {
    return open(file, O_TRUNC);
}

Result<StepLog> StepLog::go_on(const std::filesystem::path& file, std::int64_t last_step) {
    const Result<std::string> text = read_file(file);
    if (!text && text.error().code() == ErrorCode::kNotFound) {
        return create(file);
    }
    if (!text) {
        return Error(text.error()).with_context("--log");
    }
    Result<std::string> kept = lines_up_to(*text, last_step);
    if (!kept) {
        return Error(std::move(kept).error()).with_context(fmt::format("--log {}", file.string()));
    }
    if (kept->size() != text->size()) {
        FINEWATT_TRY_CONTEXT(write_file_atomically(file, *kept), "--log");
    }
    return open(file, 0);
}

Status StepLog::write(const StepRecord& record) {
    if (!fd_.is_open()) {
        return {};
    }
    nlohmann::ordered_json line;
    line["step"] = record.step;
    line["loss"] = record.loss;
    line["lr"] = record.lr;
    line["grad_norm"] = record.grad_norm;
    line["tokens_real"] = record.tokens_real;
    line["tokens_padded"] = record.tokens_padded;
    line["t_mono_ns"] = record.time.as_ns();
    FINEWATT_TRY_CONTEXT(write_all(fd_.get(), line.dump() + "\n"), "--log {}", path_);
    return {};
}

}  // namespace finewatt
