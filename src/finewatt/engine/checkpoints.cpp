#include "finewatt/engine/checkpoints_internal.h"

#include <fmt/format.h>

#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>

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

}  // namespace

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
    if (last_ && *last_ != target) {
        const Remover remove_last(*last_);
    }
    last_ = target;
    return {};
}

}  // namespace finewatt
