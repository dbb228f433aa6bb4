#include "finewatt/base/file.h"
#include "finewatt/data/content_hash.h"
#include "finewatt/engine/training_state_internal.h"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <limits>
#include <map>

namespace finewatt {
namespace {

namespace fs = std::filesystem;
using nlohmann::ordered_json;

constexpr std::int64_t kVersion = 1;

/// Names and values as lists of two, so that their order stays.
template <class Value>
ordered_json json_of(const std::vector<std::pair<std::string, Value>>& entries) {
    ordered_json list = ordered_json::array();
    for (const auto& [name, value] : entries) {
        list.push_back({name, value});
    }
    return list;
}

TrainingSettings settings_of(const ordered_json& list) {
    TrainingSettings settings;
    for (const ordered_json& entry : list) {
        settings.emplace_back(entry.at(0).get<std::string>(), entry.at(1).get<std::string>());
    }
    return settings;
}

/// JSON has no numbers that are not finite: they are written as null.
double number_of(const ordered_json& json) {
    return json.is_null() ? std::numeric_limits<double>::quiet_NaN() : json.get<double>();
}

NamedScores scores_of(const ordered_json& list) {
    NamedScores scores;
    for (const ordered_json& entry : list) {
        scores.emplace_back(entry.at(0).get<std::string>(), number_of(entry.at(1)));
    }
    return scores;
}

ordered_json json_of(const TrainingState& state) {
    ordered_json json = {{"version", kVersion},
                         {"settings", json_of(state.settings)},
                         {"surroundings", json_of(state.surroundings)},
                         {"steps_done", state.steps_done},
                         {"batches_done", state.batches_done},
                         {"loss_sum", state.loss_sum},
                         {"loss_last", state.loss_last},
                         {"scored", nullptr},
                         {"best", nullptr},
                         {"evaluations_since_best", state.evaluations_since_best},
                         {"files", ordered_json::object()}};
    if (state.scored) {
        json["scored"] = {{"step", state.scored->step},
                          {"examples", state.scored->examples},
                          {"scores", json_of(state.scored->scores)}};
    }
    if (state.best) {
        json["best"] = {{"score", state.best->score},
                        {"step", state.best->step},
                        {"scores", json_of(state.best->scores)}};
    }
    return json;
}

/// Throws nlohmann's exceptions where a value is missing or of another kind.
TrainingState state_of(const ordered_json& json) {
    TrainingState state;
    state.settings = settings_of(json.at("settings"));
    state.surroundings = settings_of(json.at("surroundings"));
    state.steps_done = json.at("steps_done").get<std::int64_t>();
    state.batches_done = json.at("batches_done").get<std::int64_t>();
    state.loss_sum = json.at("loss_sum").get<double>();
    state.loss_last = json.at("loss_last").get<double>();
    state.evaluations_since_best = json.at("evaluations_since_best").get<std::int64_t>();
    if (const ordered_json& scored = json.at("scored"); !scored.is_null()) {
        state.scored = TrainingState::Scored{scored.at("step").get<std::int64_t>(),
                                             scored.at("examples").get<std::int64_t>(),
                                             scores_of(scored.at("scores"))};
    }
    if (const ordered_json& best = json.at("best"); !best.is_null()) {
        state.best =
            TrainingState::Best{number_of(best.at("score")), best.at("step").get<std::int64_t>(),
                                scores_of(best.at("scores"))};
    }
    return state;
}

Status check_files(const fs::path& folder, const std::map<std::string, std::string>& hashes) {
    for (const auto& [name, hash] : hashes) {
        const Result<std::string> found = file_hash(folder / name);
        if (!found || *found != hash) {
            return FINEWATT_ERROR(kCorrupt, "{}: expected the file as it was written, found {}",
                                  (folder / name).string(),
                                  found ? "other content" : found.error().describe());
        }
    }
    return {};
}

/// Return the value of a name, or nothing.
const std::string* find(const TrainingSettings& settings, const std::string& name) {
    const auto found = std::find_if(settings.begin(), settings.end(),
                                    [&](const auto& entry) { return entry.first == name; });
    return found == settings.end() ? nullptr : &found->second;
}

}  // namespace

Status seal_checkpoint(const fs::path& folder, const TrainingState& state) {
    ordered_json json = json_of(state);
    std::error_code error;
    for (fs::directory_iterator it(folder, error), end; !error && it != end; it.increment(error)) {
        FINEWATT_ASSIGN(const std::string hash, file_hash(it->path()));
        json["files"][it->path().filename().string()] = hash;
    }
    if (error) {
        return error_from_errno(error.value(), fmt::format("reading {}", folder.string()));
    }
    return write_file_atomically(folder / kTrainingStateFile, json.dump(1) + "\n");
}

Result<TrainingState> open_checkpoint(const fs::path& folder) {
    const fs::path file = folder / kTrainingStateFile;
    FINEWATT_ASSIGN(const std::string text, read_file(file));
    TrainingState state;
    std::map<std::string, std::string> hashes;
    try {
        const ordered_json json = ordered_json::parse(text);
        if (json.at("version").get<std::int64_t>() != kVersion) {
            return FINEWATT_ERROR(kCorrupt, "{}: expected version {}, found {}", file.string(),
                                  kVersion, json.at("version").dump());
        }
        state = state_of(json);
        hashes = json.at("files").get<std::map<std::string, std::string>>();
    } catch (const nlohmann::json::exception& e) {
        return FINEWATT_ERROR(kCorrupt, "{}: expected the state of a training, found: {}",
                              file.string(), e.what());
    }
    FINEWATT_TRY(check_files(folder, hashes));
    return state;
}

std::optional<SettingDifference> first_difference(const TrainingSettings& saved,
                                                  const TrainingSettings& now) {
    for (const auto& [name, value] : now) {
        const std::string* before = find(saved, name);
        if (before == nullptr || *before != value) {
            return SettingDifference{name, before == nullptr ? "none" : *before, value};
        }
    }
    for (const auto& [name, value] : saved) {
        if (find(now, name) == nullptr) {
            return SettingDifference{name, value, "none"};
        }
    }
    return std::nullopt;
}

}  // namespace finewatt
