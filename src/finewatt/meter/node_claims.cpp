#include "finewatt/meter/node_claims.h"

#include "finewatt/base/file.h"
#include "finewatt/meter/process_identity.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cctype>
#include <cerrno>
#include <charconv>
#include <map>
#include <string_view>
#include <utility>
#include <variant>

namespace finewatt {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::json;

/// What a claim file holds.
struct Claim {
    std::string run_id;
    ProcessIdentity process;
    std::uint64_t generation = 0;
};

std::string claim_text(const std::string& run_id, const ProcessIdentity& process) {
    return Json{{"run_id", run_id},
                {"pid", process.pid},
                {"pid_start_ticks", process.start_ticks},
                {"pid_namespace", process.pid_namespace}}
               .dump(-1, ' ', false, Json::error_handler_t::replace) +
           "\n";
}

/// Nothing when the file is gone or holds something else; such a file claims nothing.
std::optional<Claim> read_claim(const fs::path& path, std::uint64_t generation) {
    const auto text = read_file(path);
    const Json json = text ? Json::parse(*text, nullptr, false) : Json();
    if (!json.is_object()) {
        return std::nullopt;
    }
    try {
        Claim claim;
        claim.run_id = json.at("run_id").get<std::string>();
        claim.process.pid = json.at("pid").get<std::int64_t>();
        claim.process.start_ticks = json.at("pid_start_ticks").get<std::uint64_t>();
        claim.process.pid_namespace = json.at("pid_namespace").get<std::string>();
        claim.generation = generation;
        return claim;
    } catch (const Json::exception&) {
        return std::nullopt;
    }
}

/// A file name for any text: letters, digits, '-' and '.' stay.
std::string file_safe(std::string_view text) {
    std::string safe;
    for (const char c : text) {
        const auto byte = static_cast<unsigned char>(c);
        const bool is_plain = byte < 0x80 && (std::isalnum(byte) != 0 || c == '-' || c == '.');
        safe += is_plain ? std::string(1, c) : fmt::format("_{:02x}", byte);
    }
    return safe;
}

/// All claims of one device, whoever made them.
class DeviceClaims {
  public:
    DeviceClaims(fs::path directory, const std::string& boot_id, const std::string& device)
        : directory_(std::move(directory)),
          prefix_(fmt::format("claim.{}.{}.", file_safe(boot_id), file_safe(device))) {}

    fs::path path(std::uint64_t generation) const {
        return directory_ / fmt::format("{}{}", prefix_, generation);
    }

    /// Generations that have a file, dead owners included.
    std::vector<std::uint64_t> generations() const {
        std::vector<std::uint64_t> found;
        std::error_code failed;
        for (const auto& entry : fs::directory_iterator(directory_, failed)) {
            const std::string name = entry.path().filename().string();
            std::uint64_t generation = 0;
            if (!name.starts_with(prefix_)) {
                continue;
            }
            const char* const begin = name.data() + prefix_.size();
            const char* const end = name.data() + name.size();
            const auto parsed = std::from_chars(begin, end, generation);
            if (parsed.ec == std::errc() && parsed.ptr == end) {
                found.push_back(generation);
            }
        }
        std::sort(found.begin(), found.end());
        return found;
    }

    /// The claim of a running owner other than generation `own`; the oldest, if there are several.
    std::optional<Claim> running_owner(std::optional<std::uint64_t> own) const {
        for (const std::uint64_t generation : generations()) {
            auto claim =
                own == generation ? std::nullopt : read_claim(path(generation), generation);
            if (claim && is_running(claim->process)) {
                return claim;
            }
        }
        return std::nullopt;
    }

    /// Remove claims older than `own` whose owners are dead. Only the holder may do so: while it
    /// runs, nobody claims an older generation.
    void remove_dead(std::uint64_t own) const {
        for (const std::uint64_t generation : generations()) {
            const auto claim = read_claim(path(generation), generation);
            if (generation < own && claim && !is_running(claim->process)) {
                ::unlink(path(generation).c_str());
            }
        }
    }

  private:
    fs::path directory_;
    std::string prefix_;
};

/// A file of our own with the claim's text, from which claims are made: link(2) is as exclusive as
/// O_CREAT with O_EXCL, and nobody ever sees a claim without its owner.
class ClaimSeed {
  public:
    static Result<ClaimSeed> create(const fs::path& directory, const std::string& text) {
        const fs::path path = directory / fmt::format("new.{}.{}", ::getpid(), next_number());
        FINEWATT_ASSIGN(const ScopedFd fd,
                        open_file(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0644));
        ClaimSeed seed(path);
        FINEWATT_TRY(write_all(fd.get(), text));
        return seed;
    }

    ClaimSeed(ClaimSeed&& other) noexcept : path_(std::exchange(other.path_, {})) {}

    ClaimSeed(const ClaimSeed&) = delete;
    ClaimSeed& operator=(const ClaimSeed&) = delete;
    ClaimSeed& operator=(ClaimSeed&&) = delete;

    ~ClaimSeed() {
        if (!path_.empty()) {
            ::unlink(path_.c_str());
        }
    }

    /// Make a claim. Error kBusy when somebody else was first.
    Status make(const fs::path& claim) const {
        if (::link(path_.c_str(), claim.c_str()) != 0) {
            const int failed = errno;
            return failed == EEXIST
                       ? FINEWATT_ERROR(kBusy, "claim {}: made by another", claim.string())
                       : error_from_errno(failed, "claim " + claim.string());
        }
        return {};
    }

  private:
    explicit ClaimSeed(fs::path path) : path_(std::move(path)) {}

    static std::uint64_t next_number() {
        static std::atomic<std::uint64_t> number{0};
        return ++number;
    }

    fs::path path_;
};

/// Try to claim a device: the path of our claim, or the claim of the running owner.
Result<std::variant<fs::path, Claim>> claim_device(const DeviceClaims& claims,
                                                   const ClaimSeed& seed) {
    constexpr int kMostTries = 100;
    for (int i = 0; i < kMostTries; ++i) {
        if (const auto owner = claims.running_owner(std::nullopt)) {
            return *owner;
        }
        const std::vector<std::uint64_t> taken = claims.generations();
        const std::uint64_t generation = taken.empty() ? 0 : taken.back() + 1;
        const fs::path path = claims.path(generation);
        const Status made = seed.make(path);
        if (!made && made.error().code() == ErrorCode::kBusy) {
            continue;
        }
        FINEWATT_TRY(made);
        // Another meter may have claimed an older generation that was given back meanwhile; the
        // older one counts.
        const auto rival = claims.running_owner(generation);
        if (rival && rival->generation < generation) {
            ::unlink(path.c_str());
            return *rival;
        }
        claims.remove_dead(generation);
        return path;
    }
    return FINEWATT_ERROR(kBusy, "too many meters claim the same device at once");
}

/// The hardware that a channel counts, whatever sensor reads it. Every meter of a node sees all its
/// processors and memory, but not by the same sensors (one may use powercap, another without the
/// rights a model), so these are claimed as a whole; GPUs one by one.
std::string device_of(const ChannelSpec& spec) {
    switch (spec.domain) {
        case Domain::kGpu:
            return "gpu-" + (spec.device.empty() ? spec.id : spec.device);
        case Domain::kDram:
            return "dram";
        case Domain::kPackage:
        case Domain::kCore:
        case Domain::kPsys:
        case Domain::kNode:
        case Domain::kOther:
            return "cpu";
    }
    return "cpu";
}

bool is_own_directory_entry(const fs::path& path) {
    struct stat info {};

    return ::lstat(path.c_str(), &info) == 0 && S_ISDIR(info.st_mode);
}

}  // namespace

fs::path node_run_directory(const EnvironmentValue& environment, const std::string& boot_id) {
    constexpr std::size_t kBootIdLetters = 8;
    std::error_code failed;
    if (const auto named = environment("FINEWATT_RUN_DIR"); named && !named->empty()) {
        fs::create_directories(*named, failed);
        return *named;
    }
    fs::path system = "/run/finewatt";
    ::mkdir(system.c_str(), 01777);
    if (::access(system.c_str(), W_OK | X_OK) == 0) {
        // The umask may have taken rights away; a directory of others refuses, which is fine.
        ::chmod(system.c_str(), 01777);
        return system;
    }
    fs::path shared = "/tmp/finewatt-" + file_safe(boot_id.substr(0, kBootIdLetters));
    if (::mkdir(shared.c_str(), 01777) == 0) {
        ::chmod(shared.c_str(), 01777);
    }
    return shared;
}

NodeClaims::NodeClaims(const NodeClaimOptions& options, const std::string& run_id,
                       const std::string& boot_id, std::span<const ChannelSpec> counted) {
    const auto seed =
        is_own_directory_entry(options.run_directory)
            ? ClaimSeed::create(options.run_directory, claim_text(run_id, current_process()))
            : Result<ClaimSeed>(FINEWATT_ERROR(kNotFound, "{}: expected a directory, found none",
                                               options.run_directory.string()));
    std::map<std::string, Result<std::variant<fs::path, Claim>>> claimed;
    for (const ChannelSpec& spec : counted) {
        NodeShare share;
        share.channel = spec.id;
        share.device = device_of(spec);
        auto found = claimed.find(share.device);
        if (found == claimed.end()) {
            const DeviceClaims claims(options.run_directory, boot_id, share.device);
            auto made = seed ? claim_device(claims, *seed)
                             : Result<std::variant<fs::path, Claim>>(seed.error());
            if (made && std::holds_alternative<fs::path>(*made)) {
                held_.push_back(std::get<fs::path>(*made));
            }
            found = claimed.emplace(share.device, std::move(made)).first;
        }
        if (!found->second) {
            share.note = fmt::format(
                "{}: counted in the node's total without a claim, so another run may count it too: "
                "{}",
                spec.id, found->second.error().describe());
        } else if (const auto* owner = std::get_if<Claim>(&*found->second)) {
            share.is_counted_here = false;
            share.owner_run_id = owner->run_id;
            share.owner_pid = owner->process.pid;
            share.note = fmt::format(
                "{}: run {} (process {}) counts this device in the node's total; this run keeps "
                "its "
                "own window of it",
                spec.id, owner->run_id, owner->process.pid);
        }
        shares_.push_back(std::move(share));
    }
}

NodeClaims::~NodeClaims() {
    for (const fs::path& path : held_) {
        ::unlink(path.c_str());
    }
}

}  // namespace finewatt
