#include "finewatt/engine/step_log.h"

#include <nlohmann/json.hpp>

#include <fcntl.h>

namespace finewatt {

Result<StepLog> StepLog::create(const std::filesystem::path& file) {
    StepLog log;
    auto opened = open_file(file, O_WRONLY | O_CREAT | O_TRUNC | O_APPEND);
    if (!opened) {
        return Error(std::move(opened).error()).with_context("--log");
    }
    log.fd_ = std::move(opened).value();
    log.path_ = file.string();
    return log;
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
