#include "model_name.h"

#include "finewatt/hub/cache.h"

#include <system_error>

#include <filesystem>

namespace finewatt {

Result<std::string> resolve_model_name(const std::string& model) {
    std::error_code ignored;
    if (std::filesystem::exists(model, ignored) || !hub::is_hub_name(model)) {
        return model;
    }
    FINEWATT_ASSIGN(const hub::HubSettings settings, hub::HubSettings::from_environment());
    FINEWATT_ASSIGN(const hub::Repo repo, hub::parse_repo(model));
    Result<std::filesystem::path> folder = hub::find_model(settings, repo);
    if (!folder) {
        return Error(std::move(folder).error())
            .with_context("--model " + model + ": there is no such folder");
    }
    return folder->string();
}

}  // namespace finewatt
