#include "finewatt/base/file.h"
#include "finewatt/base/log.h"
#include "finewatt/engine/checkpoints_internal.h"

#include <fmt/format.h>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstdio>
#include <string_view>
#include <vector>

namespace finewatt {
namespace {

namespace fs = std::filesystem;

/// Removes a folder at the end of its scope, whatever became of the work.
class Remover {
  public:
    explicit Remover(fs::path folder) : folder_(std::move(folder)) {}

    Remover(const Remover&) = delete;
    Remover& operator=(const Remover&) = delete;
    Remover(Remover&&) = delete;
    Remover& operator=(Remover&&) = delete;

    ~Remover() {
        std::error_code ignored;
        fs::remove_all(folder_, ignored);
    }

  private:
    fs::path folder_;
};

/// Give `made` the name of `target`; a folder that is there is moved to `aside` first, and back
/// when that fails.
Status put_in_place(const fs::path& made, const fs::path& target, const fs::path& aside) {
    const bool was_there = ::rename(target.c_str(), aside.c_str()) == 0;
    if (::rename(made.c_str(), target.c_str()) == 0) {
        return {};
    }
    const int why = errno;
    if (was_there) {
        static_cast<void>(::rename(aside.c_str(), target.c_str()));
    }
    return error_from_errno(why, fmt::format("moving {} into place", target.string()));
}

/// Make the names in a folder durable.
Status sync_folder(const fs::path& folder) {
    FINEWATT_ASSIGN(const ScopedFd fd, open_file(folder, O_RDONLY | O_DIRECTORY));
    if (::fsync(fd.get()) != 0) {
        return error_from_errno(errno, fmt::format("syncing {}", folder.string()));
    }
    return {};
}

/// A folder checkpoint-STEP.
struct NamedCheckpoint {
    std::int64_t step = 0;
    fs::path folder;
};

std::optional<std::int64_t> step_of(std::string_view name) {
    constexpr std::string_view kPrefix = "checkpoint-";
    if (!name.starts_with(kPrefix)) {
        return std::nullopt;
    }
    const std::string_view digits = name.substr(kPrefix.size());
    const char* const end = digits.data() + digits.size();
    std::int64_t step = 0;
    const auto [rest, error] = std::from_chars(digits.data(), end, step);
    return error == std::errc() && rest == end && step > 0 ? std::optional(step) : std::nullopt;
}

/// Return the checkpoints of a folder, those of most steps first.
Result<std::vector<NamedCheckpoint>> list_checkpoints(const fs::path& out) {
    std::vector<NamedCheckpoint> found;
    std::error_code error;
    for (fs::directory_iterator it(out, error), end; !error && it != end; it.increment(error)) {
        if (const auto step = step_of(it->path().filename().string())) {
            found.push_back({*step, it->path()});
        }
    }
    if (error) {
        return error_from_errno(error.value(), fmt::format("reading {}", out.string()));
    }
    std::sort(found.begin(), found.end(),
              [](const auto& a, const auto& b) { return a.step > b.step; });
    return found;
}

}  // namespace

Result<FoundCheckpoint> find_checkpoint(const fs::path& out) {
    FINEWATT_ASSIGN(const std::vector<NamedCheckpoint> named, list_checkpoints(out));
    for (const NamedCheckpoint& checkpoint : named) {
        Result<TrainingState> state = open_checkpoint(checkpoint.folder);
        if (state) {
            return FoundCheckpoint{checkpoint.folder, *std::move(state)};
        }
        log_warning(fmt::format("{} is passed over: {}", checkpoint.folder.string(),
                                state.error().describe()));
    }
    return FINEWATT_ERROR(kNotFound,
                          "{}: expected a whole checkpoint (checkpoint-STEP with {}), found none; "
                          "start from the beginning without --resume",
                          out.string(), kTrainingStateFile);
}

Status Checkpoints::save(std::int64_t step, const std::function<Status(const fs::path&)>& write) {
    const fs::path target = out_ / fmt::format("checkpoint-{}", step);
    const fs::path made = out_ / fmt::format(".checkpoint-{}-{}", step, ::getpid());
    const fs::path aside = made.string() + ".old";
    const Remover remove_made(made);
    const Remover remove_aside(aside);
    if (::mkdir(made.c_str(), 0777) != 0) {
        return error_from_errno(errno, fmt::format("making {}", made.string()));
    }
    FINEWATT_TRY(write(made));
    FINEWATT_TRY(put_in_place(made, target, aside));
    FINEWATT_TRY(sync_folder(out_));
    if (last_ && *last_ != target) {
        const Remover remove_last(*last_);
    }
    last_ = target;
    return {};
}

}  // namespace finewatt
